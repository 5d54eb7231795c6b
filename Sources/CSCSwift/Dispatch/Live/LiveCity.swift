/// A city that goes on: events come in, and the moment that they make up is planned anew by a `DispatchDesk`.
///
///     var city = LiveCity(settings)
///     try city.apply(events)
///     if let request = city.request { city.take(try desk.plan(request)) }
///
/// What a plan assigns is a promise that may still be changed (`"locked": false`) until the worker accepts it. A task whose
/// team is to be done by the present time counts as done, and one past its deadline as gone, unless an event said so
/// before; word of a task that has ended so changes nothing.
package struct LiveCity: Sendable, Codable {
    /// What holds for the whole of it.
    package struct Settings: Sendable, Codable {
        /// Who decides; `DispatchDesk.defaultPolicy` if nil.
        package var policy: String?
        /// Where travel times come from; Manhattan if nil.
        package var travel: DispatchRequest.Travel?
        /// Tasks of a whole day for each worker; estimated from the moment if nil.
        package var tasksPerWorker: Double?
        /// The built-in city whose middle values stand in for what events leave out: speed and reach of workers, pay,
        /// penalty and times of tasks. nil: the defaults of a `DispatchRequest`.
        package var scenario: String?

        /// The defaults.
        package init() {}
    }

    /// A worker who is on the way to a task or at work on it.
    package struct Promise: Sendable, Codable, Hashable {
        /// The task's id.
        package var task: String
        /// When it arrives.
        package var arrival: PlanTime?
        /// Whether the worker has accepted it.
        package var isLocked: Bool
    }

    /// What holds for the whole of it.
    package let settings: Settings
    /// The time of the latest event; nil before the first.
    package private(set) var now: PlanTime?
    /// The workers who are there, in the order of their coming.
    package private(set) var workers: [DispatchRequest.Worker] = []
    /// The tasks that are open or being done, in the order of their coming.
    package private(set) var tasks: [DispatchRequest.Task] = []
    /// What each worker has promised, by its id.
    package private(set) var promises: [String: Promise] = [:]
    /// Who said no to what.
    package private(set) var declined: [DispatchRequest.Pair] = []
    /// When each task that has a team will be done, by its id.
    package private(set) var completion: [String: PlanTime] = [:]
    /// How many tasks were done, cancelled, or past their deadline.
    package private(set) var done = 0, cancelled = 0, lapsed = 0

    /// The tasks that ended last, so that word of them that comes late is no fault.
    private var ended: [String] = []
    private static let mostEnded = 10_000

    /// An empty city.
    package init(_ settings: Settings) { self.settings = settings }

    // MARK: Events

    /// Takes events in their order, all or none. O(events x (workers + tasks)).
    /// - Throws: `DispatchFault` with the place, such as `[3].worker`: nobody of this id, a time that is before an earlier
    ///   one or of another kind, an answer to what was not asked.
    package mutating func apply(_ events: [CityEvent]) throws(DispatchFault) {
        var next = self
        for (number, event) in events.enumerated() { try next.apply(event, "[\(number)]") }
        self = next
    }

    private mutating func apply(_ event: CityEvent, _ path: String) throws(DispatchFault) {
        if let now {
            guard now.isKin(of: event.time) else {
                throw DispatchFault(path: path + ".time", reason: "times of a city are all minutes or all dates")
            }
            guard event.time.value >= now.value else {
                throw DispatchFault(path: path + ".time", reason: "\(event.time.text) is before \(now.text)")
            }
        }
        now = event.time
        settle()
        switch event.kind {
        case .worker(let worker):
            let worker = completed(worker)
            if let at = self.worker(worker.id) { workers[at] = worker } else { workers.append(worker) }
        case .task(let task):
            let task = completed(task, event.time)
            if let at = self.task(task.id) { tasks[at] = task } else { tasks.append(task) }
        case .position(let id, let location, let xy):
            let at = try known(id, path)
            (workers[at].location, workers[at].xy, workers[at].index) = (location, xy, nil)
        case .accept(let id, let task):
            _ = try known(id, path)
            if hasEnded(task) { return }
            guard promises[id]?.task == task else {
                throw DispatchFault(path: path + ".task", reason: "worker '\(id)' is not assigned to task '\(task)'")
            }
            promises[id]?.isLocked = true
        case .decline(let id, let task):
            _ = try known(id, path)
            if hasEnded(task) { return }
            _ = try knownTask(task, path)
            if promises[id]?.task == task { promises[id] = nil }
            let pair = DispatchRequest.Pair(worker: id, task: task)
            if !declined.contains(pair) { declined.append(pair) }
        case .done(let task):
            if hasEnded(task) { return }
            finish(try knownTask(task, path))
            done += 1
        case .cancel(let task):
            if hasEnded(task) { return }
            remove(task: try knownTask(task, path))
            cancelled += 1
        case .off(let id):
            workers.remove(at: try known(id, path))
            promises[id] = nil
            declined.removeAll { $0.worker == id }
        case .clock: break
        }
    }

    private var scenario: Scenario? { settings.scenario.flatMap { name in Scenario.all.first { $0.name == name } } }

    /// A worker with what the event left out as usual in the scenario.
    private func completed(_ worker: DispatchRequest.Worker) -> DispatchRequest.Worker {
        guard let scenario else { return worker }
        var worker = worker
        worker.speed = worker.speed ?? scenario.speed.mean
        worker.reach = worker.reach ?? scenario.reach
        return worker
    }

    /// A task with what the event left out as usual in the scenario.
    private func completed(_ task: DispatchRequest.Task, _ time: PlanTime) -> DispatchRequest.Task {
        guard let scenario else { return task }
        var task = task
        let release = (task.release ?? time).value, grace = scenario.grace.mean
        let pay = task.pay ?? scenario.pay.mean
        let expected = task.expected?.value ?? release + scenario.expected.mean
        let deadline = task.deadline ?? time.at(expected + grace)
        task.pay = pay
        task.deadline = deadline
        task.expected = task.expected ?? time.at(min(expected, deadline.value))
        task.penalty = task.penalty ?? scenario.penalty * pay / max(grace, 1e-6)
        return task
    }

    /// Whether a task ended before, by the time or by an event, and has not come anew.
    private func hasEnded(_ id: String) -> Bool { task(id) == nil && ended.contains { ExactName.same($0, id) } }

    private func worker(_ id: String) -> Int? { workers.firstIndex { ExactName.same($0.id, id) } }
    private func task(_ id: String) -> Int? { tasks.firstIndex { ExactName.same($0.id, id) } }

    private func known(_ id: String, _ path: String) throws(DispatchFault) -> Int {
        if let at = worker(id) { return at }
        throw DispatchFault(
            path: path + ".worker",
            reason: "there is no worker '\(id.prefix(60))'"
                + Spelling.hint(for: id, among: workers.prefix(1000).map(\.id)))
    }

    private func knownTask(_ id: String, _ path: String) throws(DispatchFault) -> Int {
        if let at = task(id) { return at }
        throw DispatchFault(
            path: path + ".task",
            reason: "there is no task '\(id.prefix(60))'" + Spelling.hint(for: id, among: tasks.prefix(1000).map(\.id)))
    }

    /// What the time alone brings about: teams that are done, deadlines that are past.
    private mutating func settle() {
        guard let now else { return }
        for at in tasks.indices.reversed() {
            if let end = completion[tasks[at].id], end.value <= now.value {
                finish(at)
                done += 1
            } else if let deadline = tasks[at].deadline, deadline.isKin(of: now), deadline.value <= now.value {
                remove(task: at)
                lapsed += 1
            }
        }
    }

    /// The workers at a task are where it is, and free.
    private mutating func finish(_ at: Int) {
        let task = tasks[at]
        for worker in workers.indices where promises[workers[worker].id]?.task == task.id {
            workers[worker].location = task.location
            workers[worker].xy = task.xy
            workers[worker].index = task.index
        }
        remove(task: at)
    }

    private mutating func remove(task at: Int) {
        let id = tasks.remove(at: at).id
        ended.append(id)
        if ended.count > Self.mostEnded { ended.removeFirst(ended.count - Self.mostEnded / 2) }
        promises = promises.filter { $0.value.task != id }
        completion[id] = nil
        declined.removeAll { $0.task == id }
    }

    // MARK: Plans

    /// The moment as a question to a `DispatchDesk`; nil before the first event. Tasks that are not released yet are in it.
    /// O(workers + tasks).
    package var request: DispatchRequest? {
        guard let now else { return nil }
        var request = DispatchRequest(now: now, workers: workers, tasks: tasks)
        request.policy = settings.policy
        request.travel = settings.travel
        if let tasksPerWorker = settings.tasksPerWorker {
            var day = DispatchRequest.Day()
            day.tasksPerWorker = tasksPerWorker
            request.day = day
        }
        request.commitments = workers.compactMap { worker in
            promises[worker.id].map {
                .init(worker: worker.id, task: $0.task, arrival: $0.arrival, locked: $0.isLocked)
            }
        }
        request.declined = declined.isEmpty ? nil : declined
        return request
    }

    /// What a plan assigns are promises from now on; what it does not is free. O(workers + tasks).
    package mutating func take(_ plan: DispatchPlan) {
        var next: [String: Promise] = [:]
        for assignment in plan.assignments {
            let before = promises[assignment.worker]
            let isSame = before?.task == assignment.task
            next[assignment.worker] = Promise(
                task: assignment.task, arrival: assignment.arrival, isLocked: isSame && before?.isLocked == true)
        }
        promises = next
        completion = [:]
        for staffed in plan.tasks { completion[staffed.id] = staffed.completion }
    }
}
