/// One task of collaborative spatial crowdsourcing: a place, a required skill, an amount of work and what is paid.
///
/// Times are minutes from the start of the episode; `expected` and `deadline` count from the release, as in the
/// [CAFE], Fig. 2. Places are kilometres. Work is worker-minutes: each worker present does one per minute.
public struct SpatialTask: Sendable, Hashable, Codable {
    /// When the task appears (minutes).
    public var release: Double
    /// Where it is (km).
    public var x: Double
    /// See `x`.
    public var y: Double
    /// The skill that a worker must have, 0 ..< 64.
    public var skill: Int
    /// How much work it is (worker-minutes, above 0).
    public var workload: Double
    /// e: finished within this many minutes of its release, it is paid in full.
    public var expected: Double
    /// d: after this many minutes it ends unpaid; at least `expected`.
    public var deadline: Double
    /// rho: the full payment (money).
    public var pay: Double
    /// What is taken off the payment for each minute of lateness (money/min).
    public var penaltyRate: Double

    /// A task; nothing is checked here, `Instance` does.
    public init(
        release: Double, x: Double, y: Double, skill: Int, workload: Double, expected: Double, deadline: Double,
        pay: Double, penaltyRate: Double
    ) {
        self.release = release
        self.x = x
        self.y = y
        self.skill = skill
        self.workload = workload
        self.expected = expected
        self.deadline = deadline
        self.pay = pay
        self.penaltyRate = penaltyRate
    }

    /// The last moment at which finishing is paid in full (minutes from the start).
    @inlinable public var expectedTime: Double { release + expected }
    /// The moment at which the task ends whatever has been done (minutes from the start).
    @inlinable public var deadlineTime: Double { release + deadline }

    /// What the platform earns if the work is finished at `time` (minutes from the start; infinite if never). O(1).
    @inlinable public func payment(at time: Double, rule: PaymentRule) -> Double {
        if time > deadlineTime { return 0 }
        switch rule {
        case .lateness: return time <= expectedTime ? pay : max(0, pay - penaltyRate * (time - expectedTime))
        case .elapsed: return max(0, pay - penaltyRate * (time - release))
        }
    }
}

/// How lateness lowers the payment of a task.
public enum PaymentRule: String, Sendable, Codable, CaseIterable {
    /// `pay` until `expected`, then `pay - rate * (t - expected)` until `deadline`, then 0; the rule of [CAFE],
    /// Fig. 2, as we read it.
    case lateness
    /// `pay - rate * t` from the release on until `deadline`: the rule of the authors' published program.
    case elapsed
}

/// A set of skills: bit s stands for skill s.
public struct SkillSet: OptionSet, Sendable, Hashable, Codable {
    /// The bits.
    public var rawValue: UInt64
    /// The set with these bits.
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// The set of one skill, 0 ..< 64.
    @inlinable public init(skill: Int) { self.init(rawValue: 1 << UInt64(skill)) }
    /// The set of these skills, each 0 ..< 64. O(skills).
    public init(skills: some Sequence<Int>) {
        self.init(rawValue: skills.reduce(0) { $0 | 1 << UInt64($1) })
    }
    /// Whether it holds the skill. O(1).
    @inlinable public func has(_ skill: Int) -> Bool { rawValue >> UInt64(skill) & 1 == 1 }
    /// How many skills it holds. O(1).
    @inlinable public var size: Int { rawValue.nonzeroBitCount }
    /// The skills in rising order. O(64).
    public var skills: [Int] { (0..<64).filter(has) }
}

/// One worker: where it starts, what it can do, how fast it moves and when it is on duty.
public struct Worker: Sendable, Hashable, Codable {
    /// Where it is at the start of its shift (km).
    public var x: Double
    /// See `x`.
    public var y: Double
    /// What it can do.
    public var skills: SkillSet
    /// Travel speed (km/min).
    public var speed: Double
    /// It takes no task farther away than this (km, by the travelled distance).
    public var reach: Double
    /// It takes tasks from `shiftStart` on, and no new one at or after `shiftEnd` (minutes); what it has then, it ends.
    public var shiftStart: Double
    /// See `shiftStart`.
    public var shiftEnd: Double

    /// A worker; nothing is checked here, `Instance` does.
    public init(
        x: Double, y: Double, skills: SkillSet, speed: Double, reach: Double, shiftStart: Double, shiftEnd: Double
    ) {
        self.x = x
        self.y = y
        self.skills = skills
        self.speed = speed
        self.reach = reach
        self.shiftStart = shiftStart
        self.shiftEnd = shiftEnd
    }
}

/// One episode's material: every task that will be released and every worker.
public struct Instance: Sendable, Hashable, Codable {
    /// The tasks in the order of their release.
    public let tasks: [SpatialTask]
    /// The workers, in any order.
    public let workers: [Worker]
    /// The length of the release period (minutes): the unit of the observation `time`. The game itself continues until
    /// the last task has ended.
    public let horizon: Double
    /// Drives whatever is random inside the game: the order of turns where decisions are taken in turn.
    public let seed: UInt64
    /// The side of the square in which places usually lie, one corner at (0, 0) (km): the unit of the position features.
    public let side: Double
    /// What the game has beyond the plain rules, by the order of `tasks` and `workers`; nil without.
    public private(set) var extensions: GameExtensions?

    /// Sorts the tasks by release (ties keep their order). O(n log n).
    ///
    /// - Throws: `CSCError.invalid` naming the first task or worker that makes no sense: a number that is not finite,
    ///   a workload, speed or pay that is not positive, a deadline before `expected`, a skill outside 0 ..< 64.
    public init(
        tasks: [SpatialTask], workers: [Worker], horizon: Double, seed: UInt64 = 0, side: Double = 10,
        extensions: GameExtensions? = nil
    ) throws {
        for (index, task) in tasks.enumerated() {
            if let fault = task.fault ?? task.dayFault { throw CSCError.invalid("task \(index): \(fault)") }
        }
        for (index, worker) in workers.enumerated() {
            if let fault = worker.fault { throw CSCError.invalid("worker \(index): \(fault)") }
        }
        guard horizon.isFinite, horizon <= Limits.dayMinutes else {
            throw CSCError.invalid("the horizon \(horizon) is longer than the longest day, \(Limits.dayMinutes) min")
        }
        if let fault = extensions?.fault(tasks: tasks.count, workers: workers.count) { throw CSCError.invalid(fault) }
        self.init(
            trusted: tasks, workers: workers, horizon: horizon, seed: seed, side: side, extensions: extensions)
    }

    /// As above for tasks and workers known to make sense.
    init(
        trusted tasks: [SpatialTask], workers: [Worker], horizon: Double, seed: UInt64, side: Double,
        extensions: GameExtensions? = nil
    ) {
        let order = tasks.indices.sorted { (tasks[$0].release, $0) < (tasks[$1].release, $1) }
        self.tasks = order.map { tasks[$0] }
        self.workers = workers
        self.horizon = horizon
        self.seed = seed
        self.side = side
        self.extensions = extensions?.reordered(order)
    }
}

extension SpatialTask {
    /// What makes no sense about the task, or nil.
    var fault: String? { fault(isLive: false) }

    /// As above; of a live moment a task may have been released before minute 0.
    func fault(isLive: Bool) -> String? {
        let numbers = [release, x, y, workload, expected, deadline, pay, penaltyRate]
        if !numbers.allSatisfy(\.isFinite) { return "a number is not finite" }
        if release < 0 && !isLive { return "release \(release) is before the start" }
        if !(0..<64).contains(skill) { return "skill \(skill) is not in 0..<64" }
        if workload <= 0 { return "workload \(workload) is not positive" }
        if expected < 0 && !isLive { return "expected \(expected) is negative" }
        if deadline < expected { return "deadline \(deadline) comes before expected \(expected)" }
        if pay < 0 { return "pay \(pay) is negative" }
        if penaltyRate < 0 { return "penalty rate \(penaltyRate) is negative" }
        if max(abs(x), abs(y)) > Limits.kilometres { return "the place (\(x), \(y)) is beyond \(Limits.kilometres) km" }
        if max(pay, penaltyRate) > Limits.amount { return "a pay or penalty rate is above \(Limits.amount)" }
        return nil
    }

    /// What is wrong with it in an episode, whose windows are played one by one from minute 0 to the last deadline.
    var dayFault: String? {
        if deadlineTime > Limits.dayMinutes {
            return "release \(release) and deadline \(deadline) end after the longest day, \(Limits.dayMinutes) min"
        }
        return nil
    }
}

extension Worker {
    /// What makes no sense about the worker, or nil.
    var fault: String? {
        if ![x, y, speed, reach, shiftStart, shiftEnd].allSatisfy(\.isFinite) { return "a number is not finite" }
        if max(abs(x), abs(y)) > Limits.kilometres { return "the place (\(x), \(y)) is beyond \(Limits.kilometres) km" }
        if speed <= 0 { return "speed \(speed) is not positive" }
        if reach < 0 { return "reach \(reach) is negative" }
        if shiftEnd < shiftStart { return "shift end \(shiftEnd) comes before its start \(shiftStart)" }
        return nil
    }
}
