internal import Foundation

/// A request in the game's terms: indices for ids, minutes from the day's start, kilometres (or, with a table of
/// durations, minutes) for places.
struct DispatchMoment {
    let request: DispatchRequest
    /// The time (on the request's clock) of minute 0.
    let origin: Double
    /// Now, in minutes from the origin.
    let now: Double
    var workers: [Worker] = []
    var tasks: [SpatialTask] = []
    var extensions = GameExtensions()
    var commitments: [Snapshot.Commitment] = []
    /// Commitments that may be changed.
    var movable: [Snapshot.Commitment] = []
    /// The names of the skills, by number.
    var skillNames: [String] = []
    /// The tasks whose team has finished by now, and when.
    var finished: [Int: Double] = [:]
    var notes: [String] = []
    var scale: Snapshot.Scale
    /// The ids.
    private(set) var workerIndex: [ByteString: Int] = [:]
    private(set) var taskIndex: [ByteString: Int] = [:]

    /// Checks and translates a request. `table` gives the travel times of a service.
    ///
    /// O(workers + tasks + commitments + pairs), and the table.
    init(
        _ request: DispatchRequest,
        table: (_ travel: DispatchRequest.Travel, _ places: [[Double]]) throws -> TravelTable
    ) throws(DispatchFault) {
        self.request = request
        try Self.checkTimes(request)
        let value = request.now.value
        let begins = request.workers.compactMap { $0.shift?[0].value }.filter { value - $0 < 1440 }
        let start = min(value, request.day?.start?.value ?? begins.min() ?? value)
        origin = start
        now = value - start
        let ends = request.workers.compactMap { $0.shift?[1].value }.filter { $0 - value < 1440 }
        let end = request.day?.end?.value ?? ends.max() ?? start + 480
        scale = Self.scale(request, horizon: min(max(end - start, 60), 2880))
        workerIndex = try Self.index(request.workers.map(\.id), "workers")
        taskIndex = try Self.index(request.tasks.map(\.id), "tasks")
        try setPeople()
        try setPlaces(table)
        try setPromises()
        try setPairs()
    }

    private static func index(_ ids: [String], _ list: String) throws(DispatchFault) -> [ByteString: Int] {
        var index: [ByteString: Int] = [:]
        index.reserveCapacity(ids.count)
        for (number, id) in ids.enumerated() {
            if let first = index.updateValue(number, forKey: ByteString(id)) {
                throw DispatchFault(
                    path: "\(list)[\(number)].id", reason: "'\(id)' is the id of \(list)[\(first)] too")
            }
        }
        return index
    }

    /// Every time must be of the kind of `now`.
    private static func checkTimes(_ request: DispatchRequest) throws(DispatchFault) {
        func check(_ time: PlanTime?, _ path: @autoclosure () -> String) throws(DispatchFault) {
            guard let time else { return }
            guard time.isKin(of: request.now) else {
                throw DispatchFault(
                    path: path(),
                    reason: "\(time.text) is not of the kind of now, \(request.now.text): a document has "
                        + "minutes or dates, not both")
            }
            guard time.value.isFinite, abs(time.value) <= PlanTime.limit else {
                throw DispatchFault(path: path(), reason: "\(time.value) is not a time")
            }
        }
        try check(request.now, "now")
        for (number, worker) in request.workers.enumerated() {
            if let shift = worker.shift {
                for (part, time) in shift.enumerated() { try check(time, "workers[\(number)].shift[\(part)]") }
            }
            guard let breaks = worker.breaks else { continue }
            for (at, span) in breaks.enumerated() {
                for (part, time) in span.enumerated() { try check(time, "workers[\(number)].breaks[\(at)][\(part)]") }
            }
        }
        for (number, task) in request.tasks.enumerated() {
            try check(task.release, "tasks[\(number)].release")
            try check(task.expected, "tasks[\(number)].expected_by")
            try check(task.deadline, "tasks[\(number)].deadline")
        }
        for (number, commitment) in (request.commitments ?? []).enumerated() {
            try check(commitment.arrival, "commitments[\(number)].arrival")
        }
        try check(request.day?.start, "day.start")
        try check(request.day?.end, "day.end")
    }

    /// What a moment shows of its day.
    private static func scale(_ request: DispatchRequest, horizon: Double) -> Snapshot.Scale {
        let count = Double(max(1, request.tasks.count))
        let pay = request.tasks.reduce(0) { $0 + ($1.pay ?? 1) }
        let work = request.tasks.reduce(0) { $0 + $1.workload }
        let ratio = request.day?.tasksPerWorker ?? min(10, max(0.25, count / Double(max(1, request.workers.count))))
        return Snapshot.Scale(
            pay: pay > 0 ? pay / count : 1, rate: pay > 0 && work > 0 ? pay / work : 1, tasksPerWorker: ratio,
            horizon: horizon)
    }

    // MARK: Translating

    /// Skills, shifts, breaks, roles, terms.
    private mutating func setPeople() throws(DispatchFault) {
        var numbers = SkillNumbers()
        for (at, task) in request.tasks.enumerated() {
            let names = task.roles.map { $0.map(\.skill) } ?? [task.skill].compactMap(\.self)
            for name in names where numbers[name] == nil {
                guard skillNames.count < 63 else {
                    throw DispatchFault(
                        path: "tasks[\(at)]", reason: "asks for the 64th different skill; 63 are taken in one document")
                }
                numbers.add(name)
                skillNames.append(name)
            }
        }
        let openToAll = request.tasks.contains { $0.skill == nil && $0.roles == nil }
        let everybody = 63
        workers.reserveCapacity(request.workers.count)
        for worker in request.workers {
            var skills = SkillSet(rawValue: openToAll ? 1 << UInt64(everybody) : 0)
            for name in worker.skills ?? [] {
                if let number = numbers[name] { skills.insert(SkillSet(skill: number)) }
            }
            workers.append(
                Worker(
                    x: 0, y: 0, skills: skills, speed: (worker.speed ?? 25) / 60, reach: worker.reach ?? 1e9,
                    shiftStart: worker.shift.map { $0[0].value - origin } ?? min(0, now),
                    shiftEnd: worker.shift.map { $0[1].value - origin } ?? now + 480))
        }
        if request.workers.contains(where: { $0.breaks?.isEmpty == false }) {
            extensions.breaks = request.workers.map { worker in
                (worker.breaks ?? []).map { .init($0[0].value - origin, $0[1].value - origin) }
                    .sorted { ($0.start, $0.end) < ($1.start, $1.end) }
            }
        }
        tasks.reserveCapacity(request.tasks.count)
        var terms: [TeamTerms?] = []
        for (at, task) in request.tasks.enumerated() {
            tasks.append(try translate(task, at, numbers, everybody: everybody))
            var roles: [TeamTerms.Role] = []
            for role in task.roles ?? [] {
                roles.append(.init(skill: numbers[role.skill]!, count: role.count ?? 1))
            }
            let isPlain = roles.count == 1 && roles[0].count == 1 && task.start != .together
            if isPlain { roles = [] }
            terms.append(
                roles.isEmpty && task.maxTeam == nil
                    ? nil
                    : TeamTerms(roles: roles, together: task.start == .together, cap: task.maxTeam ?? TeamTerms.noCap))
        }
        if terms.contains(where: { $0 != nil }) { extensions.terms = terms }
        if request.tasks.contains(where: { $0.must == true }) {
            extensions.must = request.tasks.map { $0.must == true }
        }
    }

    private func translate(
        _ task: DispatchRequest.Task, _ at: Int, _ numbers: SkillNumbers, everybody: Int
    ) throws(DispatchFault) -> SpatialTask {
        let release = (task.release?.value ?? request.now.value) - origin
        let deadline =
            task.deadline.map { $0.value - origin } ?? max(release + 1440, (task.expected?.value ?? 0) - origin)
        let expected = task.expected.map { $0.value - origin } ?? deadline
        guard deadline >= release else {
            throw DispatchFault(path: "tasks[\(at)].deadline", reason: "comes before its release")
        }
        guard expected <= deadline else {
            throw DispatchFault(path: "tasks[\(at)].expected_by", reason: "comes after its deadline")
        }
        let skill = (task.roles?.first?.skill ?? task.skill).map { numbers[$0]! } ?? everybody
        return SpatialTask(
            release: release, x: 0, y: 0, skill: skill, workload: task.workload, expected: expected - release,
            deadline: deadline - release, pay: task.pay ?? 1, penaltyRate: task.penalty ?? 0)
    }

    // MARK: Promises

    private mutating func setPromises() throws(DispatchFault) {
        var all: [Snapshot.Commitment] = []
        var isLocked: [Bool] = []
        var isBound = [Bool](repeating: false, count: workers.count)
        for (number, entry) in (request.commitments ?? []).enumerated() {
            let path = "commitments[\(number)]"
            guard let worker = workerIndex[ByteString(entry.worker)] else {
                throw DispatchFault(
                    path: path + ".worker", reason: Self.nobody("worker", entry.worker, request.workers.map(\.id)))
            }
            guard let task = taskIndex[ByteString(entry.task)] else {
                throw DispatchFault(
                    path: path + ".task", reason: Self.nobody("task", entry.task, request.tasks.map(\.id)))
            }
            if isBound[worker] {
                throw DispatchFault(
                    path: path + ".worker", reason: "'\(entry.worker)' is bound by an earlier commitment")
            }
            if tasks[task].release > now {
                throw DispatchFault(path: path + ".task", reason: "'\(entry.task)' is not released yet")
            }
            isBound[worker] = true
            var arrival = entry.arrival.map { $0.value - origin } ?? now + way(worker, task) / workers[worker].speed
            if !arrival.isFinite { arrival = tasks[task].deadlineTime }
            all.append(.init(worker: worker, task: task, arrival: arrival))
            isLocked.append(entry.locked ?? true)
        }
        let teams = Dictionary(grouping: all.indices) { all[$0].task }
        var isOver = [Bool](repeating: false, count: all.count)
        for (task, members) in teams.sorted(by: { $0.key < $1.key }) {
            let end = completion(task, members.map { (all[$0].worker, all[$0].arrival) })
            let isDone = end <= now && end <= tasks[task].deadlineTime
            if !isDone && now <= tasks[task].deadlineTime { continue }
            if isDone { finished[task] = end }
            let id = request.tasks[task].id
            notes.append(
                isDone
                    ? "task '\(id)' was finished at \(time(end).text): its workers are free where it is"
                    : "task '\(id)' was past its deadline, \(time(tasks[task].deadlineTime).text): its workers are free"
            )
            for at in members {
                isOver[at] = true
                if isDone || all[at].arrival <= now { move(all[at].worker, to: task) }
            }
        }
        for at in all.indices where !isOver[at] {
            if isLocked[at] || all[at].arrival <= now { commitments.append(all[at]) } else { movable.append(all[at]) }
        }
    }

    private mutating func move(_ worker: Int, to task: Int) {
        (workers[worker].x, workers[worker].y) = (tasks[task].x, tasks[task].y)
        if !extensions.workerPlace.isEmpty { extensions.workerPlace[worker] = extensions.taskPlace[task] }
    }

    private static func nobody(_ kind: String, _ id: String, _ ids: [String]) -> String {
        "there is no \(kind) '\(id.prefix(60))'\(ids.count < 1000 ? Spelling.hint(for: id, among: ids) : "")"
    }

    private mutating func setPairs() throws(DispatchFault) {
        for (list, pairs) in [("forbidden", request.forbidden), ("declined", request.declined)] {
            for (number, pair) in (pairs ?? []).enumerated() {
                let worker = workerIndex[ByteString(pair.worker)], task = taskIndex[ByteString(pair.task)]
                if let worker, let task {
                    extensions.barred.insert(.init(worker: worker, task: task))
                } else {
                    notes.append(
                        "\(list)[\(number)]: there is no "
                            + (worker == nil ? "worker '\(pair.worker)'" : "task '\(pair.task)'"))
                }
            }
        }
    }

    // MARK: What follows from it

    /// Whether the plain game would do.
    var isPlain: Bool { extensions == GameExtensions() }

    var snapshot: Snapshot {
        Snapshot(
            now: now, tasks: tasks, workers: workers, commitments: commitments, extensions: isPlain ? nil : extensions)
    }

    func time(_ minutes: Double) -> PlanTime { request.now.at(minutes + origin) }

    /// The way of a worker from where it stands to a task, setting out now (km, or minutes with a table). O(1).
    func way(_ worker: Int, _ task: Int) -> Double {
        guard let travel = extensions.travel else {
            return abs(workers[worker].x - tasks[task].x) + abs(workers[worker].y - tasks[task].y)
        }
        let isTable = travel.metric == .table
        return travel.way(
            workers[worker].x, workers[worker].y, isTable ? extensions.workerPlace[worker] : 0, to: tasks[task].x,
            tasks[task].y, isTable ? extensions.taskPlace[task] : 0, at: now)
    }

    /// The roles of a task that has several, or nil.
    func roles(_ task: Int) -> TeamTerms? {
        guard !extensions.terms.isEmpty, let terms = extensions.terms[task], !terms.roles.isEmpty else { return nil }
        return terms
    }

    /// The largest team of a task.
    func cap(_ task: Int) -> Int {
        extensions.terms.isEmpty ? TeamTerms.noCap : extensions.terms[task]?.cap ?? TeamTerms.noCap
    }

    /// The skills of which one makes a worker of use to a task.
    func mask(_ task: Int) -> UInt64 { roles(task)?.skills.rawValue ?? 1 << UInt64(tasks[task].skill) }

    /// When a team finishes. O(team log team).
    func completion(_ task: Int, _ team: [(worker: Int, arrival: Double)]) -> Double {
        let members = team.map { TeamTerms.Member(arrival: $0.arrival, skills: workers[$0.worker].skills.rawValue) }
            .sorted { $0.arrival < $1.arrival }
        if let roles = roles(task) { return roles.finish(tasks[task].workload, members) }
        return TeamClock.finish(tasks[task].workload, members.map(\.arrival), count: members.count)
    }
}

/// The numbers of a moment's skills, by their names' bytes. A few are looked through, more are hashed.
private struct SkillNumbers {
    private var names: [[UInt8]] = []
    private var numbers: [ByteString: Int] = [:]

    /// The number of a name, or nil. O(length), times the names where there are at most 8.
    subscript(name: String) -> Int? {
        if names.count > 8 { return numbers[ByteString(name)] }
        let bytes = name.utf8
        return names.firstIndex { $0.count == bytes.count && bytes.elementsEqual($0) }
    }

    /// Gives a name the next number.
    mutating func add(_ name: String) {
        numbers[ByteString(name)] = names.count
        names.append(Array(name.utf8))
    }
}
