internal import Foundation

/// The state of one CSC game and its dynamics.
///
/// Representation: positions and other columns that are scanned lie in arrays of their own; tasks and workers
/// themselves are records. A team is a list threaded through its workers (`teamHead` of the task, `teamNext` of the
/// worker) in order of arrival. Since a worker stays until the task ends, the work done by time t is the sum of
/// `max(0, t - arrival)` over the team: no running amount is kept, and the completion time that stands in
/// `completion` is exact. Nothing is allocated after the first episode of a size.
struct GameState {
    /// Where a task is in its life.
    enum Phase: UInt8 { case unreleased, open, completed, expired, cancelled }

    let options: GameOptions
    var tasks: [SpatialTask] = []
    var workers: [Worker] = []
    var horizon = 0.0
    /// What the whole day is like where tasks and workers do not tell: after `restore`.
    var scale: Snapshot.Scale?
    /// Travel times, roles, breaks and so on; nil without, which is what `isExtended` says.
    var extensions: GameExtensions?
    var isExtended = false
    /// Only the tasks that come before all others need workers: the first pass of a window with such tasks.
    var onlyMust = false
    var now = 0.0
    var windowIndex = 0
    var revenue = 0.0
    var windowReward = 0.0

    // Tasks.
    var phase: [Phase] = []
    var teamHead: [Int32] = []
    var teamSize: [Int32] = []
    /// When the task will be finished by its present team (absolute minutes, infinite without one).
    var completion: [Double] = []
    var nextRelease = 0
    /// The released tasks that have not ended, in order of release.
    var open: [Int32] = []

    // Workers: the place where it is or will be free, its task or -1, its arrival there.
    var workerX: [Double] = []
    var workerY: [Double] = []
    var workerTask: [Int32] = []
    var arrival: [Double] = []
    var committed: [Double] = []
    var teamNext: [Int32] = []
    /// With `relocate`: where idle workers are on their way to.
    var ways: [Way] = []
    /// Idle workers on shift, in rising index.
    var idle: [Int32] = []
    /// How many workers are on shift or still busy.
    var onShift = 0
    /// Extended games: the worker's place in the travel table, and until when an offer left to lapse binds it.
    var workerPlace: [Int32] = []
    var blockedUntil: [Double] = []

    var settlements: [Settlement] = []
    var settlementMembers: [SettlementMember] = []
    var tally = EpisodeTally()

    init(options: GameOptions) { self.options = options }

    /// Puts the first window's state in place. O(tasks + workers).
    mutating func reset(_ instance: Instance) {
        tasks.removeAll(keepingCapacity: true)
        tasks.append(contentsOf: instance.tasks)
        workers.removeAll(keepingCapacity: true)
        workers.append(contentsOf: instance.workers)
        horizon = max(instance.horizon, 1)
        tally = EpisodeTally(instance)
        scale = nil
        now = 0
        windowIndex = 0
        revenue = 0
        windowReward = 0
        refill(&phase, tasks.count, .unreleased)
        refill(&teamHead, tasks.count, -1)
        refill(&teamSize, tasks.count, 0)
        refill(&completion, tasks.count, .infinity)
        refill(&workerX, workers.count, 0)
        refill(&workerY, workers.count, 0)
        refill(&workerTask, workers.count, -1)
        refill(&arrival, workers.count, 0)
        refill(&committed, workers.count, 0)
        refill(&teamNext, workers.count, -1)
        if options.relocate { refill(&ways, workers.count, Way()) }
        for worker in workers.indices {
            workerX[worker] = workers[worker].x
            workerY[worker] = workers[worker].y
        }
        nextRelease = 0
        open.removeAll(keepingCapacity: true)
        idle.removeAll(keepingCapacity: true)
        settlements.removeAll(keepingCapacity: true)
        settlementMembers.removeAll(keepingCapacity: true)
        extend(by: instance.extensions)
        beginWindow()
    }

    /// Puts the state of a snapshot that makes sense in place. Tasks keep their indices, so only what is released is
    /// open and nothing is released later. O(tasks + workers + commitments * team).
    mutating func restore(_ snapshot: Snapshot, scale: Snapshot.Scale) {
        reset(Instance(trusted: [], workers: snapshot.workers, horizon: scale.horizon, seed: 0, side: scale.side))
        self.scale = scale
        tasks.append(contentsOf: snapshot.tasks)
        refill(&phase, tasks.count, .unreleased)
        refill(&teamHead, tasks.count, -1)
        refill(&teamSize, tasks.count, 0)
        refill(&completion, tasks.count, .infinity)
        now = snapshot.now
        windowIndex = Int(now / options.window)
        nextRelease = tasks.count
        extend(by: snapshot.extensions)
        let released = tasks.indices.filter { tasks[$0].release <= now }
        for task in released.sorted(by: { (tasks[$0].release, $0) < (tasks[$1].release, $1) }) {
            phase[task] = .open
            open.append(Int32(task))
        }
        for commitment in snapshot.commitments {
            commit(worker: commitment.worker, task: commitment.task, arrival: commitment.arrival)
        }
        beginWindow()
    }

    /// Tasks of the whole day, those still to come included. O(1).
    var dayTasks: Double { scale.map { $0.tasksPerWorker * Double(workers.count) } ?? Double(tasks.count) }

    /// Whether every task has been released and has ended.
    var isOver: Bool { nextRelease == tasks.count && open.isEmpty }

    // MARK: What a team achieves

    /// When `task` would be finished if one more worker arrived at `joining` (infinite: nobody joins) and `without`
    /// (-1: nobody) had not come. Exact: the team's rate rises by one at each arrival. Of a task with roles it counts who
    /// joins: `by`. O(team).
    @inline(__always)
    func completion(of task: Int, joining: Double = .infinity, by worker: Int = -1, without: Int32 = -1) -> Double {
        if isExtended, let terms = roles(task) {
            return terms.finish(tasks[task].workload, team(task, joining: joining, by: worker, without: without))
        }
        var joiner = joining
        var node = teamHead[task]
        return TeamClock.finish(tasks[task].workload) {
            if node == without && node >= 0 { node = teamNext[Int(node)] }
            let member = node >= 0 ? arrival[Int(node)] : Double.infinity
            if joiner <= member {
                let next = joiner
                joiner = .infinity
                return next
            }
            node = teamNext[Int(node)]
            return member
        }
    }

    /// The work done on `task` by `time` (worker-minutes, at most its workload). O(team).
    func workDone(_ task: Int, by time: Double) -> Double {
        var work = 0.0
        let opening = isExtended ? opening(task) : -.infinity
        var node = teamHead[task]
        while node >= 0 {
            work += max(0, time - max(opening, arrival[Int(node)]))
            node = teamNext[Int(node)]
        }
        return min(work, tasks[task].workload)
    }

    /// The platform's earning from `task` if it is finished at `time`. O(1).
    @inline(__always) func payment(_ task: Int, at time: Double) -> Double {
        tasks[task].payment(at: time, rule: options.payment)
    }

    /// Whether `task` still needs workers: open, room in the team, not on course to be paid in full. O(1).
    @inline(__always) func isUnderstaffed(_ task: Int) -> Bool {
        phase[task] == .open && Int(teamSize[task]) < cap(task) && completion[task] > tasks[task].expectedTime
            && (!onlyMust || isMust(task))
    }

    /// Before when a further worker must arrive at `task` to be of use; -infinity if it needs none. O(1).
    @inline(__always) func latestArrival(_ task: Int) -> Double {
        isUnderstaffed(task) ? min(completion[task], tasks[task].deadlineTime) : -.infinity
    }

    /// The distance from where a worker is to a task (km). O(1).
    @inline(__always) func distance(_ worker: Int, _ task: Int) -> Double {
        if isExtended { return way(worker, task, at: now) }
        return abs(workerX[worker] - tasks[task].x) + abs(workerY[worker] - tasks[task].y)
    }

    /// When a worker who left now would be at a task. O(1).
    @inline(__always) func arrivalTime(_ worker: Int, _ task: Int) -> Double {
        now + distance(worker, task) / workers[worker].speed
    }

    /// Whether an idle worker may take an open task: skill, reach, room in the team. O(1).
    @inline(__always) func canTake(_ worker: Int, _ task: Int) -> Bool {
        workerTask[worker] < 0 && phase[task] == .open && workers[worker].skills.rawValue & skillMask(task) != 0
            && Int(teamSize[task]) < cap(task) && distance(worker, task) <= workers[worker].reach
            && (!isExtended || mayJoin(worker, task, arrival: arrivalTime(worker, task)))
    }

    // MARK: Moves

    /// Sends an idle worker to an open task: it enters the team in order of arrival. O(team).
    mutating func commit(worker: Int, task: Int) {
        commit(worker: worker, task: task, arrival: arrivalTime(worker, task))
    }

    /// As above for a worker who arrives, or arrived, at a known time.
    mutating func commit(worker: Int, task: Int, arrival time: Double) {
        if options.relocate { stay(worker) }
        workerTask[worker] = Int32(task)
        arrival[worker] = time
        committed[worker] = now
        var before: Int32 = -1
        var node = teamHead[task]
        while node >= 0 && arrival[Int(node)] <= time {
            before = node
            node = teamNext[Int(node)]
        }
        teamNext[worker] = node
        if before < 0 { teamHead[task] = Int32(worker) } else { teamNext[Int(before)] = Int32(worker) }
        teamSize[task] += 1
        completion[task] = completion(of: task)
    }

    /// Takes back a commit of the present window. O(team).
    mutating func withdraw(worker: Int) {
        precondition(
            workerTask[worker] >= 0 && committed[worker] == now, "GameState.withdraw: worker \(worker) was not sent now"
        )
        leave(worker)
    }

    /// Takes a worker out of its team; it is idle where it set out. O(team).
    mutating func leave(_ worker: Int) {
        let task = Int(workerTask[worker])
        var before: Int32 = -1
        var node = teamHead[task]
        while Int(node) != worker {
            before = node
            node = teamNext[Int(node)]
        }
        if before < 0 { teamHead[task] = teamNext[worker] } else { teamNext[Int(before)] = teamNext[worker] }
        teamNext[worker] = -1
        workerTask[worker] = -1
        teamSize[task] -= 1
        completion[task] = completion(of: task)
    }

    /// Plays the present window to its end: ends what ends in it, then opens the next one.
    /// O(open tasks + workers), and O(team^2) for each task that ends.
    mutating func advance() {
        windowIndex += 1
        let end = Double(windowIndex) * options.window
        if isExtended { answerOffers() }
        settlements.removeAll(keepingCapacity: true)
        settlementMembers.removeAll(keepingCapacity: true)
        windowReward = 0
        var kept = 0
        for position in open.indices {
            let task = Int(open[position])
            if min(completion[task], tasks[task].deadlineTime) <= end {
                settle(task, windowEnd: end)
            } else {
                open[kept] = open[position]
                kept += 1
            }
        }
        open.removeLast(open.count - kept)
        now = end
        beginWindow()
    }

    /// Ends a task: pays, frees its workers and writes the settlement. They are free at its place; with `reroute` those
    /// still on the road are where they have come to when the window ends. O(team^2).
    private mutating func settle(_ task: Int, windowEnd end: Double) {
        let terms = tasks[task]
        let done = completion[task] <= terms.deadlineTime
        let time = min(completion[task], terms.deadlineTime)
        let payment = done ? payment(task, at: time) : 0
        let first = settlementMembers.count
        let opening = isExtended ? opening(task) : -.infinity
        // Where the last role comes when the work is done, the members' minutes are more than the work.
        let total =
            isExtended && roles(task) != nil ? max(terms.workload, minutes(task, opening, time)) : terms.workload
        var node = teamHead[task]
        while node >= 0 {
            let worker = Int(node)
            let work = max(0, time - max(opening, arrival[worker]))
            var difference = 0.0
            if payment > 0 && work > 0 {
                difference = payment - self.payment(task, at: completion(of: task, without: node))
            }
            settlementMembers.append(
                SettlementMember(
                    worker: worker, committed: committed[worker], arrival: arrival[worker], work: work,
                    share: payment * work / total, difference: difference))
            node = teamNext[worker]
        }
        tally.end(terms, at: time, done: done, payment: payment)
        for member in settlementMembers[first...] {
            tally.free(workers[member.worker], committed: member.committed, arrival: member.arrival, at: time)
            let place = options.reroute ? road(member.worker, at: end) : (terms.x, terms.y)
            (workerX[member.worker], workerY[member.worker]) = place
            if isExtended { stand(member.worker, at: task) }
            workerTask[member.worker] = -1
            teamNext[member.worker] = -1
        }
        teamHead[task] = -1
        phase[task] = done ? .completed : .expired
        revenue += payment
        windowReward += payment
        settlements.append(
            Settlement(
                task: task, time: time, completed: done, payment: payment, members: first..<settlementMembers.count))
    }

    /// Where a worker with a task is at `time`: it goes along x, then along y, at its speed; in a straight line where
    /// travel is not by Manhattan distance. O(1).
    func road(_ worker: Int, at time: Double) -> (Double, Double) {
        let task = Int(workerTask[worker])
        let dx = tasks[task].x - workerX[worker], dy = tasks[task].y - workerY[worker]
        if time >= arrival[worker] { return (tasks[task].x, tasks[task].y) }
        if isExtended && !isManhattan {
            let part = max(0, time - committed[worker]) / (arrival[worker] - committed[worker])
            return (workerX[worker] + part * dx, workerY[worker] + part * dy)
        }
        let gone = (abs(dx) + abs(dy)) * max(0, time - committed[worker]) / (arrival[worker] - committed[worker])
        if gone <= abs(dx) { return (workerX[worker] + (dx < 0 ? -gone : gone), workerY[worker]) }
        let rest = min(gone - abs(dx), abs(dy))
        return (tasks[task].x, workerY[worker] + (dy < 0 ? -rest : rest))
    }

    /// Releases what is due, takes those on the road back if they may be sent elsewhere, and lists who is idle.
    /// O(workers + released), and O(team) for each one taken back.
    private mutating func beginWindow() {
        while nextRelease < tasks.count && tasks[nextRelease].release <= now {
            phase[nextRelease] = .open
            open.append(Int32(nextRelease))
            nextRelease += 1
        }
        if isExtended { meetEvents() }
        idle.removeAll(keepingCapacity: true)
        onShift = 0
        for worker in workers.indices {
            var onDuty = workers[worker].shiftStart <= now && now < workers[worker].shiftEnd
            if isExtended && onDuty { onDuty = isAtHand(worker) }
            if options.reroute && onDuty && workerTask[worker] >= 0 && arrival[worker] > now {
                let place = road(worker, at: now)
                leave(worker)
                (workerX[worker], workerY[worker]) = place
            }
            if options.relocate && ways[worker].isUnderway { carry(worker, onDuty: onDuty) }
            if workerTask[worker] >= 0 {
                onShift += 1
            } else if onDuty {
                onShift += 1
                idle.append(Int32(worker))
            }
        }
    }
}

/// Makes `array` hold `count` copies of `value`, within its capacity where that suffices. O(count).
func refill<Element>(_ array: inout [Element], _ count: Int, _ value: Element) {
    array.removeAll(keepingCapacity: true)
    array.append(contentsOf: repeatElement(value, count: count))
}

/// A task that has ended.
public struct Settlement: Sendable, Hashable {
    /// The task's index in the instance.
    public let task: Int
    /// When it was finished or ran out (minutes from the start).
    public let time: Double
    /// Whether the work was finished by the deadline.
    public let completed: Bool
    /// What the platform earned.
    public let payment: Double
    /// The team's positions in `SpatialCrowdsourcing.settlementMembers`, in order of arrival.
    public let members: Range<Int>
}

/// One worker's part in a task that has ended.
public struct SettlementMember: Sendable, Hashable {
    /// The worker's index in the instance.
    public let worker: Int
    /// When it was sent (the window's start) and when it arrived or would have arrived (minutes).
    public let committed: Double
    /// See `committed`.
    public let arrival: Double
    /// The work that it did (worker-minutes); 0 if it came too late.
    public let work: Double
    /// The payment's part by work done: `payment * work / workload`.
    public let share: Double
    /// The payment with this worker minus the payment that the rest of the team would have earned without it.
    public let difference: Double
}
