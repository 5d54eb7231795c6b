import CSCSwift
import Foundation

/// Judges a plan by the rules of docs/api.md alone: its own arithmetic, none of the product's code but the documents.
struct PlanChecker {
    let request: DispatchRequest
    let plan: DispatchPlan
    private(set) var faults: [String] = []
    private let now: Double
    private var workers: [String: DispatchRequest.Worker] = [:]
    private var tasks: [String: DispatchRequest.Task] = [:]
    /// Who is bound at the moment of the question: task and arrival.
    private var promised: [String: (task: String, arrival: Double)] = [:]
    /// Where a freed worker stands.
    private var freedAt: [String: String] = [:]
    private var over: Set<String> = []

    init(_ request: DispatchRequest, _ plan: DispatchPlan) {
        self.request = request
        self.plan = plan
        now = request.now.value
        for worker in request.workers { workers[worker.id] = worker }
        for task in request.tasks { tasks[task.id] = task }
    }

    mutating func fault(_ text: String) { faults.append(text) }

    // MARK: The rules

    func deadline(_ task: DispatchRequest.Task) -> Double {
        let release = task.release?.value ?? now
        return task.deadline?.value ?? max(release + 1440, task.expected?.value ?? -.infinity)
    }

    func expected(_ task: DispatchRequest.Task) -> Double { task.expected?.value ?? deadline(task) }

    func payment(_ task: DispatchRequest.Task, _ end: Double) -> Double {
        if end > deadline(task) { return 0 }
        return max(0, (task.pay ?? 1) - (task.penalty ?? 0) * max(0, end - expected(task)))
    }

    /// Minutes and distance of a way from where a worker stands.
    func way(_ worker: DispatchRequest.Worker, _ task: DispatchRequest.Task) -> (minutes: Double, inReach: Bool) {
        let speed = (worker.speed ?? 25) / 60
        let stands = freedAt[worker.id].map { tasks[$0]! }
        if let table = request.travel?.durations {
            let from = stands?.index ?? worker.index!
            let minutes = table[from][task.index!] ?? .infinity
            return (minutes, minutes <= (worker.reach ?? 1e9) / speed + 1e-9)
        }
        let place = stands?.xy ?? worker.xy!
        let (dx, dy) = (abs(place[0] - task.xy![0]), abs(place[1] - task.xy![1]))
        let distance = request.travel?.metric == .euclidean ? (dx * dx + dy * dy).squareRoot() : dx + dy
        return (distance / speed, distance <= (worker.reach ?? 1e9) + 1e-9)
    }

    func roles(_ task: DispatchRequest.Task) -> [String] {
        if let roles = task.roles { return roles.flatMap { Array(repeating: $0.skill, count: $0.count ?? 1) } }
        return task.skill.map { [$0] } ?? []
    }

    func isUseful(_ worker: DispatchRequest.Worker, _ task: DispatchRequest.Task) -> Bool {
        let needed = roles(task)
        return needed.isEmpty || needed.contains { worker.skills?.contains($0) ?? false }
    }

    /// Whether every seat can have a person of its own: tried seat by seat.
    func fills(_ seats: ArraySlice<String>, _ people: [String]) -> Bool {
        guard let seat = seats.first else { return true }
        for person in people where workers[person]!.skills?.contains(seat) ?? false {
            if fills(seats.dropFirst(), people.filter { $0 != person }) { return true }
        }
        return false
    }

    /// When a team finishes: found by halving, from the work done by a moment.
    func completion(_ task: DispatchRequest.Task, _ team: [(worker: String, arrival: Double)]) -> Double {
        if team.isEmpty { return .infinity }
        let sorted = team.sorted { $0.arrival < $1.arrival }
        var opening = -Double.infinity
        let seats = task.roles == nil || (roles(task).count == 1 && task.start != .together) ? [] : roles(task)
        if !seats.isEmpty {
            guard let full = sorted.indices.first(where: { fills(seats[...], sorted[...$0].map(\.worker)) }) else {
                return .infinity
            }
            opening = sorted[full].arrival
        }
        let begins = task.start == .together ? opening : -.infinity
        func work(_ time: Double) -> Double { sorted.reduce(0) { $0 + max(0, time - max(begins, $1.arrival)) } }
        var (low, high) = (sorted[0].arrival, max(sorted[sorted.count - 1].arrival, begins) + task.workload + 1)
        for _ in 0..<200 {
            let middle = (low + high) / 2
            if work(middle) < task.workload { low = middle } else { high = middle }
        }
        return max(high, opening)
    }

    func onShift(_ worker: DispatchRequest.Worker) -> Bool {
        guard let shift = worker.shift else { return true }
        return shift[0].value <= now && now < shift[1].value
    }

    func nextBreak(_ worker: DispatchRequest.Worker) -> Double {
        (worker.breaks ?? []).filter { $0[1].value > now }.map { $0[0].value }.min() ?? .infinity
    }

    func isBarred(_ worker: String, _ task: String) -> Bool {
        ((request.forbidden ?? []) + (request.declined ?? [])).contains { $0.worker == worker && $0.task == task }
    }

    /// When a worker who set out now would be there; nil if a rule forbids it.
    func arrival(_ worker: DispatchRequest.Worker, _ task: DispatchRequest.Task) -> Double? {
        let way = way(worker, task)
        let time = now + way.minutes
        guard isUseful(worker, task), way.inReach, time < deadline(task) - 1e-9, time < nextBreak(worker) - 1e-9,
            !isBarred(worker.id, task.id)
        else { return nil }
        return time
    }

    // MARK: The plan

    mutating func run() -> [String] {
        promise()
        assignments()
        teams()
        everybody()
        return faults
    }

    /// What the promises come to.
    private mutating func promise() {
        for entry in request.commitments ?? [] {
            let time = entry.arrival?.value ?? now + way(workers[entry.worker]!, tasks[entry.task]!).minutes
            let arrival = time.isFinite ? time : deadline(tasks[entry.task]!)
            promised[entry.worker] = (entry.task, arrival)
        }
        for task in request.tasks {
            let team = promised.filter { $0.value.task == task.id }
            if team.isEmpty { continue }
            let end = completion(task, team.map { ($0.key, $0.value.arrival) })
            let isDone = end <= now + 1e-9 && end <= deadline(task) + 1e-9
            if !isDone && now <= deadline(task) { continue }
            if isDone { over.insert(task.id) }
            for (worker, promise) in team {
                promised[worker] = nil
                if isDone || promise.arrival <= now { freedAt[worker] = task.id }
            }
        }
    }

    private var locked: Set<String> {
        Set(
            (request.commitments ?? []).filter {
                promised[$0.worker] != nil && ($0.locked ?? true || promised[$0.worker]!.arrival <= now)
            }.map(\.worker))
    }

    private mutating func assignments() {
        var seen: Set<String> = []
        let locked = locked
        for entry in plan.assignments {
            let name = "\(entry.worker) to \(entry.task)"
            guard let worker = workers[entry.worker], let task = tasks[entry.task], let time = entry.arrival?.value
            else {
                fault("\(name): no such pair")
                continue
            }
            if !seen.insert(entry.worker).inserted { fault("\(name): twice") }
            if entry.kept {
                guard let promise = promised[entry.worker], promise.task == entry.task else {
                    fault("\(name): kept, but never promised")
                    continue
                }
                if abs(promise.arrival - time) > 1e-3 { fault("\(name): arrives at \(time), not \(promise.arrival)") }
                continue
            }
            if locked.contains(entry.worker) { fault("\(name): was locked to \(promised[entry.worker]!.task)") }
            if !onShift(worker) { fault("\(name): off shift") }
            if nextBreak(worker) <= now { fault("\(name): in a break") }
            if let release = task.release, release.value > now { fault("\(name): not released") }
            if over.contains(entry.task) { fault("\(name): finished") }
            guard let arrival = arrival(worker, task) else {
                fault("\(name): skill, reach, deadline, break or pair")
                continue
            }
            if abs(arrival - time) > 1e-3 { fault("\(name): arrives at \(time), not \(arrival)") }
        }
        for worker in locked where !plan.assignments.contains(where: { $0.worker == worker && $0.kept }) {
            fault("\(worker): locked, but left out")
        }
    }

    private func team(_ task: String) -> [(worker: String, arrival: Double)] {
        plan.assignments.filter { $0.task == task }.map { ($0.worker, $0.arrival!.value) }
    }

    private mutating func teams() {
        for entry in plan.tasks {
            let team = team(entry.id)
            let task = tasks[entry.id]!
            if Set(team.map(\.worker)) != Set(entry.team) { fault("\(entry.id): team \(entry.team)") }
            let end = completion(task, team)
            let isPaid = end <= deadline(task) + 1e-6
            if let said = entry.completion?.value {
                if abs(said - end) > 1e-3 { fault("\(entry.id): ends at \(end), not \(said)") }
            } else if end < deadline(task) - 1e-6 {
                fault("\(entry.id): ends at \(end), said never")
            }
            let pays = isPaid ? payment(task, end) : 0
            if abs(pays - entry.payment) > 1e-3 * max(1, pays) + (task.penalty ?? 0) * 1e-3
                && abs(end - deadline(task)) > 1e-6
            {
                fault("\(entry.id): pays \(pays), not \(entry.payment)")
            }
            let isNew = plan.assignments.contains { $0.task == entry.id && !$0.kept }
            if isNew, let cap = task.maxTeam, team.count > cap { fault("\(entry.id): \(team.count) of at most \(cap)") }
        }
    }

    private mutating func everybody() {
        let assigned = Set(plan.assignments.map(\.worker)), idle = Set(plan.idle.map(\.worker))
        if !assigned.isDisjoint(with: idle) || assigned.union(idle) != Set(workers.keys) { fault("workers are lost") }
        let staffed = Set(plan.tasks.map(\.id)), rest = Set(plan.unassigned.map(\.task))
        if !staffed.isDisjoint(with: rest) || staffed.union(rest).union(over) != Set(tasks.keys) {
            fault("tasks are lost")
        }
        for entry in plan.unassigned where !agrees(entry) {
            fault("\(entry.task): \(entry.reason!.rawValue), \(entry.detail ?? "")")
        }
        for entry in plan.idle where !agrees(entry) {
            fault("\(entry.worker): \(entry.reason!.rawValue), \(entry.detail ?? "")")
        }
    }

    // MARK: The reasons

    /// Whether the reason is the true one.
    private func agrees(_ entry: DispatchPlan.Unassigned) -> Bool {
        let task = tasks[entry.task]!
        let locked = Set(plan.assignments.filter(\.kept).map(\.worker))
        let sent = Set(plan.assignments.filter { !$0.kept }.map(\.worker))
        if let release = task.release, release.value > now { return entry.reason == .notReleased }
        if deadline(task) <= now { return entry.reason == .notReachableInTime }
        let present = request.workers.filter { onShift($0) || locked.contains($0.id) || sent.contains($0.id) }
        let qualified = present.filter { isUseful($0, task) }
        if qualified.isEmpty { return entry.reason == .noQualifiedWorker }
        let willing = qualified.filter { !isBarred($0.id, task.id) }
        if willing.isEmpty { return entry.reason == .allDeclined }
        let loose = willing.filter { !locked.contains($0.id) && nextBreak($0) > now }
        if loose.isEmpty {
            return entry.reason == (willing.contains { locked.contains($0.id) } ? .lockedElsewhere : .onBreak)
        }
        let able = loose.compactMap { worker in arrival(worker, task).map { (worker: worker.id, arrival: $0) } }
        if able.isEmpty { return entry.reason == .notReachableInTime }
        if task.roles != nil, !fills(roles(task)[...], able.map(\.worker)) { return entry.reason == .roleMissing }
        let cap = task.maxTeam ?? .max
        if able.count <= cap && completion(task, able) > deadline(task) + 1e-6 {
            return entry.reason == .notFinishedInTime
        }
        if entry.reason == .notFinishedInTime {
            return able.count > cap || completion(task, able) > deadline(task) - 1e-6
        }
        // Somebody could have done it: either those left over still could, or they were sent elsewhere.
        let left = able.filter { !sent.contains($0.worker) }
        let leftCan =
            (task.roles == nil || fills(roles(task)[...], left.map(\.worker)))
            && (left.count > cap || completion(task, left) <= deadline(task) + 1e-6)
        switch entry.reason {
        case .notWorthItsTime: return leftCan && entry.gain != nil
        case .workersBetterUsed:
            let elsewhere = Set(
                plan.assignments.filter { !$0.kept && able.map(\.worker).contains($0.worker) }.map(\.task))
            return able.contains { sent.contains($0.worker) } && !(entry.tasks ?? []).isEmpty
                && elsewhere.isSuperset(of: entry.tasks!)
                && (!leftCan || cap < left.count || payment(task, completion(task, left)) < 1e-6)
        default: return false
        }
    }

    private func agrees(_ entry: DispatchPlan.Idle) -> Bool {
        let worker = workers[entry.worker]!
        if !onShift(worker) { return entry.reason == .offShift }
        if nextBreak(worker) <= now { return entry.reason == .onBreak }
        var best: Double?
        for task in request.tasks where !over.contains(task.id) {
            if (task.release?.value ?? now) > now || deadline(task) <= now { continue }
            let team = team(task.id)
            let end = completion(task, team)
            if team.count >= task.maxTeam ?? .max || end <= expected(task) + 1e-9 { continue }
            guard let arrival = arrival(worker, task), arrival < end else { continue }
            let gain = payment(task, completion(task, team + [(worker.id, arrival)])) - payment(task, end)
            best = max(best ?? -.infinity, gain)
        }
        guard let best else { return entry.reason == .nothingInReach }
        return entry.reason == .keptForLater && abs((entry.gain ?? -1) - best) < 1e-3 * max(1, best)
    }
}
