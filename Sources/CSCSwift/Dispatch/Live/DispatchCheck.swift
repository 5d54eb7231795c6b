/// A rule that a plan breaks.
public struct DispatchViolation: Sendable, Hashable, Codable {
    /// The rules.
    public enum Rule: String, Sendable, Codable, CaseIterable {
        /// No such worker.
        case unknownWorker = "UNKNOWN_WORKER"
        /// No such task.
        case unknownTask = "UNKNOWN_TASK"
        /// A worker has two tasks.
        case assignedTwice = "ASSIGNED_TWICE"
        /// A locked promise is not kept, or with another arrival.
        case locked = "LOCKED"
        /// The pair is forbidden.
        case forbidden = "FORBIDDEN"
        /// The worker has declined the task.
        case declined = "DECLINED"
        /// The worker has none of the skills that the task asks for.
        case skill = "SKILL"
        /// The task is farther away than the worker's reach.
        case reach = "REACH"
        /// The worker's shift does not cover now.
        case shift = "SHIFT"
        /// The worker has a break now, or would arrive in or after the beginning of one.
        case onBreak = "BREAK"
        /// The task is not open yet.
        case release = "RELEASE"
        /// The worker would not be there before the deadline, or the task is over.
        case deadline = "DEADLINE"
        /// More people than the task takes.
        case teamSize = "TEAM_SIZE"
        /// The arrival is sooner than the way takes.
        case arrival = "ARRIVAL"
    }

    /// The place of the assignment in the plan; -1 for a promise that the plan leaves out.
    public var assignment: Int
    /// The worker's id.
    public var worker: String
    /// The task's id.
    public var task: String
    /// The rule.
    public var rule: Rule
    /// The rule in numbers, for people.
    public var detail: String

    /// The document. O(1).
    public var json: JSON {
        .object([
            ("assignment", .integer(assignment)), ("worker", .string(worker)), ("task", .string(task)),
            ("rule", .string(rule.rawValue)), ("detail", .string(detail)),
        ])
    }
}

extension DispatchDesk {
    /// How far times and distances may differ before a rule counts as broken (min, km).
    private static let tolerance = 1e-3

    /// Every rule that a plan of any origin breaks; empty where it keeps all. O(assignments + workers + tasks).
    ///
    /// - Throws: `DispatchFault` where the request itself is wrong.
    public func check(_ plan: DispatchPlan, against request: DispatchRequest) throws(DispatchFault)
        -> [DispatchViolation]
    {
        let moment = try moment(request)
        var check = PlanCheck(moment, plan)
        return check.run()
    }

    /// One check.
    private struct PlanCheck {
        let moment: DispatchMoment
        let plan: DispatchPlan
        var found: [DispatchViolation] = []
        var assigned: [Int?]
        var teams: [Int]

        init(_ moment: DispatchMoment, _ plan: DispatchPlan) {
            self.moment = moment
            self.plan = plan
            assigned = Array(repeating: nil, count: moment.workers.count)
            teams = Array(repeating: 0, count: moment.tasks.count)
        }

        mutating func add(_ at: Int, _ rule: DispatchViolation.Rule, _ detail: String) {
            found.append(
                DispatchViolation(
                    assignment: at, worker: plan.assignments[at].worker, task: plan.assignments[at].task, rule: rule,
                    detail: detail))
        }

        mutating func run() -> [DispatchViolation] {
            let promises = Dictionary(
                (moment.commitments + moment.movable).map { ($0.worker, $0) }, uniquingKeysWith: { first, _ in first })
            let locked = Set(moment.commitments.map(\.worker))
            var lastNew: [Int: Int] = [:]
            for at in plan.assignments.indices {
                guard let worker = moment.workerIndex[ByteString(plan.assignments[at].worker)] else {
                    add(at, .unknownWorker, "the request has no such worker")
                    continue
                }
                guard let task = moment.taskIndex[ByteString(plan.assignments[at].task)] else {
                    add(at, .unknownTask, "the request has no such task")
                    continue
                }
                if let first = assigned[worker] {
                    add(at, .assignedTwice, "assignments[\(first)] sends it too")
                    continue
                }
                assigned[worker] = at
                teams[task] += 1
                if let promise = promises[worker], promise.task == task {
                    keeps(at, promise, isLocked: locked.contains(worker))
                } else if let promise = promises[worker], locked.contains(worker) {
                    add(at, .locked, "it is promised to '\(moment.request.tasks[promise.task].id)'")
                } else {
                    judge(at, worker, task)
                }
                if !(promises[worker]?.task == task) { lastNew[task] = at }
            }
            for task in teams.indices where teams[task] > moment.cap(task) {
                // Promises may be more than a team takes; who is sent beside them may not.
                if let at = lastNew[task] {
                    add(at, .teamSize, "\(teams[task]) are sent, at most \(moment.cap(task)) may come")
                }
            }
            for promise in moment.commitments where assigned[promise.worker] == nil {
                found.append(
                    DispatchViolation(
                        assignment: -1, worker: moment.request.workers[promise.worker].id,
                        task: moment.request.tasks[promise.task].id, rule: .locked, detail: "the plan leaves it out"))
            }
            return found
        }

        private mutating func keeps(_ at: Int, _ promise: Snapshot.Commitment, isLocked: Bool) {
            guard isLocked, let arrival = plan.assignments[at].arrival, arrival.isKin(of: moment.request.now) else {
                return
            }
            let time = arrival.value - moment.origin
            if abs(time - promise.arrival) > DispatchDesk.tolerance {
                add(at, .locked, "it was to arrive at \(moment.time(promise.arrival).text), not \(arrival.text)")
            }
        }

        /// A worker who is sent out now.
        private mutating func judge(_ at: Int, _ worker: Int, _ task: Int) {
            let (terms, job) = (moment.workers[worker], moment.tasks[task])
            let way = moment.way(worker, task)
            let arrival = moment.now + way / terms.speed
            let tolerance = DispatchDesk.tolerance
            func text(_ time: Double) -> String { moment.time(time).text }
            let entry = moment.request.tasks[task].id, name = moment.request.workers[worker].id
            func holds(_ pairs: [DispatchRequest.Pair]?) -> Bool {
                pairs?.contains {
                    ByteString($0.worker) == ByteString(name) && ByteString($0.task) == ByteString(entry)
                } ?? false
            }
            if moment.extensions.barred.contains(.init(worker: worker, task: task)) {
                if holds(moment.request.forbidden) { add(at, .forbidden, "the request forbids the pair") }
                if holds(moment.request.declined) { add(at, .declined, "the worker has declined") }
            }
            if terms.skills.rawValue & moment.mask(task) == 0 {
                add(at, .skill, "it has no skill that the task asks for")
            }
            if way > terms.reach + tolerance { add(at, .reach, "\(way) away, its reach is \(terms.reach)") }
            if moment.now < terms.shiftStart || moment.now >= terms.shiftEnd {
                add(at, .shift, "its shift is \(text(terms.shiftStart)) to \(text(terms.shiftEnd))")
            }
            let pause = moment.extensions.nextBreak(of: worker, after: moment.now)
            if pause <= moment.now || arrival > pause + tolerance {
                add(at, .onBreak, "it has a break from \(text(pause)) on")
            }
            if job.release > moment.now { add(at, .release, "opens at \(text(job.release))") }
            if moment.finished[task] != nil {
                add(at, .deadline, "its team has finished")
            } else if arrival > job.deadlineTime + tolerance {
                add(at, .deadline, "it would arrive at \(text(arrival)); the deadline is \(text(job.deadlineTime))")
            }
            if let said = plan.assignments[at].arrival, said.isKin(of: moment.request.now),
                said.value - moment.origin < arrival - tolerance
            {
                add(at, .arrival, "it cannot be there before \(text(arrival))")
            }
        }
    }
}
