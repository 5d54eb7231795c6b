/// The present moment of a service: who is where, what is open, who is already on the way. What a program that embeds
/// the library hands over when it wants assignments.
public struct Snapshot: Sendable {
    /// A worker who already has a task.
    public struct Commitment: Sendable, Hashable {
        /// An index in `workers`.
        public var worker: Int
        /// An index in `tasks`.
        public var task: Int
        /// When it arrives, or arrived, at the task (minutes, on the clock of `now`).
        public var arrival: Double

        /// A worker, the task and the worker's arrival there (minutes); checked by `restore` only.
        public init(worker: Int, task: Int, arrival: Double) {
            self.worker = worker
            self.task = task
            self.arrival = arrival
        }
    }

    /// The time now (minutes), on the same clock as releases and shifts.
    public var now: Double
    /// The open tasks: released, not ended. Later releases are allowed and not yet seen.
    public var tasks: [SpatialTask]
    /// All workers; x and y are where each idle one is now, with `GameOptions.reroute` also those on the road.
    public var workers: [Worker]
    /// Who has a task already; at most one entry per worker.
    public var commitments: [Commitment]
    /// Travel times, roles, breaks, pairs that may not meet, priorities; nil without.
    public var extensions: GameExtensions?

    /// A moment at minute `now`; checked by `restore` only.
    public init(
        now: Double, tasks: [SpatialTask], workers: [Worker], commitments: [Commitment] = [],
        extensions: GameExtensions? = nil
    ) {
        self.now = now
        self.tasks = tasks
        self.workers = workers
        self.commitments = commitments
        self.extensions = extensions
    }

    /// What observations are measured by; a snapshot cannot tell it, for it does not show the whole day.
    public struct Scale: Sendable, Hashable {
        /// Mean full payment of a task (money).
        public var pay: Double
        /// Mean payment of a worker-minute of work (money per worker-minute).
        public var rate: Double
        /// Tasks of a day per worker of a day.
        public var tasksPerWorker: Double
        /// The length of the day (minutes).
        public var horizon: Double
        /// When the day begins on the clock of `now`, releases and shifts (minutes); 0 where that clock starts with the day.
        public var dayStart: Double
        /// The side of the square in which places usually lie, one corner at (0, 0) (km); see `game.showPosition`.
        public var side: Double

        /// A scale from its numbers; checked by `restore` only, for they may be set later.
        public init(
            pay: Double, rate: Double, tasksPerWorker: Double, horizon: Double, dayStart: Double = 0, side: Double = 10
        ) {
            self.pay = pay
            self.rate = rate
            self.tasksPerWorker = tasksPerWorker
            self.horizon = horizon
            self.dayStart = dayStart
            self.side = side
        }

        /// The scale of a scenario's days.
        public init(_ scenario: Scenario, tasksPerWorker: Double, dayStart: Double = 0) {
            self.init(
                pay: max(scenario.pay.mean, 1e-12), rate: max(scenario.pay.mean, 1e-12) / scenario.workload.mean,
                tasksPerWorker: tasksPerWorker, horizon: scenario.horizon, dayStart: dayStart, side: scenario.side)
        }

        /// The first number that makes no sense, or nil.
        var fault: String? {
            func positive(_ value: Double) -> Bool { value > 0 && value.isFinite }
            if !positive(pay) { return "pay \(pay) is not a positive number" }
            if !positive(rate) { return "rate \(rate) is not a positive number" }
            if !positive(pay / rate) { return "pay \(pay) and rate \(rate) give no workload" }
            if !(tasksPerWorker >= 0 && tasksPerWorker.isFinite) {
                return "tasksPerWorker \(tasksPerWorker) is negative or not a number"
            }
            if !positive(horizon) { return "horizon \(horizon) is not a positive number" }
            if !positive(side) { return "side \(side) is not a positive number" }
            if !dayStart.isFinite { return "dayStart \(dayStart) is not a time" }
            return nil
        }
    }

    /// The same moment on a clock that starts `minutes` later. O(tasks + workers + commitments).
    func shifted(by minutes: Double) -> Snapshot {
        if minutes == 0 { return self }
        var moment = self
        moment.now -= minutes
        for at in moment.tasks.indices { moment.tasks[at].release -= minutes }
        for at in moment.workers.indices {
            moment.workers[at].shiftStart -= minutes
            moment.workers[at].shiftEnd -= minutes
        }
        for at in moment.commitments.indices { moment.commitments[at].arrival -= minutes }
        return moment
    }

    /// The first thing in it that makes no sense, or nil. O(tasks + workers).
    var fault: String? {
        if !(now.isFinite && now >= 0) { return "the time \(now) is not a time" }
        for (index, task) in tasks.enumerated() {
            if let fault = task.fault(isLive: true) { return "task \(index): \(fault)" }
        }
        for (index, worker) in workers.enumerated() {
            if let fault = worker.fault { return "worker \(index): \(fault)" }
        }
        var busy = [Bool](repeating: false, count: workers.count)
        for (index, commitment) in commitments.enumerated() {
            guard workers.indices.contains(commitment.worker), tasks.indices.contains(commitment.task) else {
                return "commitment \(index): worker \(commitment.worker) of \(workers.count), task \(commitment.task) "
                    + "of \(tasks.count)"
            }
            if busy[commitment.worker] { return "commitment \(index): worker \(commitment.worker) has a task already" }
            if !commitment.arrival.isFinite { return "commitment \(index): the arrival is no time" }
            if tasks[commitment.task].release > now {
                return "commitment \(index): task \(commitment.task) is not released yet"
            }
            busy[commitment.worker] = true
        }
        return extensions?.fault(tasks: tasks.count, workers: workers.count)
    }
}

extension SpatialCrowdsourcing {
    /// Puts the game into the state of a snapshot: acting agents, observations and rules are then those of that moment, and
    /// tasks and workers keep their indices. O(tasks log tasks + workers + commitments * team).
    ///
    /// The game's clock is the day's: minute 0 is `scale.dayStart` of the snapshot's clock.
    ///
    /// - Throws: `CSCError.invalid` naming the first task, worker, commitment or number of the scale that makes no sense.
    public func restore(_ snapshot: Snapshot, scale: Snapshot.Scale) throws {
        if let fault = scale.fault { throw CSCError.invalid("snapshot's scale: \(fault)") }
        if let fault = snapshot.fault { throw CSCError.invalid("snapshot: \(fault)") }
        // Windows are numbered in 47 bits, as the streams of random numbers that belong to them are.
        guard (snapshot.now - scale.dayStart) / options.window < 0x1p47 else {
            throw CSCError.invalid(
                "snapshot: the time \(snapshot.now) is beyond 2^47 windows of \(options.window) min: it is in minutes")
        }
        if snapshot.now < scale.dayStart {
            throw CSCError.invalid(
                "snapshot: the time \(snapshot.now) comes before the start of the day, \(scale.dayStart)")
        }
        // A task may have been released before the day began.
        state.restore(snapshot.shifted(by: scale.dayStart), scale: scale)
        scales = Scales()
        scales.pay = scale.pay
        scales.rate = scale.rate
        scales.tasksPerWorker = scale.tasksPerWorker
        scales.half = scale.side / 2
        afterRestore()
    }
}
