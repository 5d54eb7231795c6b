/// One game of collaborative spatial crowdsourcing ([CAFE], docs/dispatch.md): time advances in windows, idle workers
/// join tasks near them or wait, teams travel and work, and the platform is paid by how early each task is finished.
///
/// Two ways to play it:
///
/// - **As agents**, the parallel API on arrays: `actingCount`, `observe`, `step`. Each idle worker on shift with at
///   least one candidate decides: one of its k nearest qualified tasks within reach that are not yet on course to be
///   paid in full and that it would reach in time, or wait (the last action).
/// - **As a dispatcher**, who sees everything: `idleWorkers`, `openTasks`, `completion(of:joinedBy:)`, ... `commit`,
///   then `advance`.
///
/// At time `now`, a multiple of the window, every task with release <= now is visible and every worker who is free and
/// whose shift covers now is idle. A worker sent at `now` arrives at `now` + distance / speed, does one unit a minute
/// from then on and stays until the task is finished or past its deadline, exact inside the window; then it is free at
/// the task's place, and decides again at the next window. The episode ends when every task has been released and has
/// ended. `GameOptions.reroute` changes one rule: until a worker arrives it is idle again at every window, on its road.
/// `GameOptions.relocate` adds one: a dispatcher may send an idle worker to a place without a task (`relocate`).
///
/// Not thread-safe; one game per thread. Nothing is allocated per step after the first episode of a size.
public final class SpatialCrowdsourcing: ParallelEnvironment {
    /// The rules in force.
    public let options: GameOptions
    var state: GameState
    /// The state for a function that borrows it: read through here it is not copied.
    var lentState: GameState { _read { yield state } }
    var board = DecisionBoard()
    private var boardReady = false
    private var order: [Int32] = []
    private var turn = 0
    private var stream = RandomStream(seed: 0, purpose: .environment)
    var scales = Scales()

    /// What the observations are measured in: mean pay and mean pay per unit of work of the instance (money), half the
    /// side of its square (km).
    struct Scales {
        var pay = 1.0
        var rate = 1.0
        var tasksPerWorker = 0.0
        var half = 5.0
    }

    /// A game without an episode yet: call `reset`.
    public init(options: GameOptions = GameOptions()) {
        self.options = options
        self.state = GameState(options: options)
    }

    /// Starts an episode. O(tasks + workers).
    public func reset(_ instance: Instance) {
        stream = RandomStream(seed: instance.seed, purpose: .environment)
        state.reset(instance)
        scales = Scales(instance)
        beginWindow()
    }

    /// Opens the window of a restored state; see `restore(_:scale:)`.
    func afterRestore() {
        stream = RandomStream(seed: 0, purpose: .environment)
        beginWindow()
    }

    // MARK: The clock and the score

    /// The start of the present window (minutes).
    public var now: Double { state.now }
    /// The sum of all payments so far: the objective.
    public var revenue: Double { state.revenue }
    /// What was paid in the last step or `advance`.
    public var teamReward: Double { state.windowReward }
    /// What has become of the episode's tasks and workers so far.
    package var tally: EpisodeTally { state.tally }
    /// Every task has been released and has ended.
    public var terminated: Bool { state.isOver }
    /// Never: a game always plays to its end.
    public var truncated: Bool { false }
    /// The tasks that ended in the last step, and the members of their teams.
    public var settlements: [Settlement] { _read { yield state.settlements } }
    /// See `settlements`.
    public var settlementMembers: [SettlementMember] { _read { yield state.settlementMembers } }

    // MARK: Agents

    /// M: all workers of the instance.
    public var agentCount: Int { state.workers.count }
    /// K = k + 1.
    public var actionCount: Int { options.actionCount }
    /// C, see `ContextFeature`.
    public var contextWidth: Int { options.contextWidth }
    /// D, see `PairFeature`.
    public var candidateWidth: Int { options.pairWidth }

    /// n: the workers who decide now, in rising index (in turn: at most one). O(idle * log) at the first call of a
    /// window, then O(1).
    public var actingCount: Int {
        prepare()
        return board.actingAgents.count
    }

    /// The worker who decides in row `row`. O(1).
    public func actingAgent(_ row: Int) -> Int {
        prepare()
        return Int(state.idle[Int(board.actingAgents[row])])
    }

    /// The task offered to row `row` by action `slot`, or -1 for "wait" and for an empty slot. O(1).
    public func candidateTask(agent row: Int, slot: Int) -> Int {
        prepare()
        precondition(
            row < board.actingAgents.count && slot >= 0 && slot < actionCount,
            "SpatialCrowdsourcing.candidateTask: row \(row), slot \(slot) of [\(board.actingAgents.count), \(actionCount)]"
        )
        if slot >= Int(board.candidateCount[row]) { return -1 }
        return Int(state.open[Int(board.candidateSlot[row * options.candidates + slot])])
    }

    /// Plays an action of each acting agent: a slot of its candidates or the last action, "wait". Simultaneous decisions
    /// are committed in row order; one who finds the team full by then stays idle. Then the window is played to its end
    /// (in turn: once all have had their turn).
    /// O(agents * team) for the moves, and O(open tasks + workers) where the window ends.
    public func step(actions: Span<Int32>) {
        prepare()
        let count = board.actingAgents.count
        precondition(
            actions.count >= count, "SpatialCrowdsourcing.step: \(actions.count) actions for \(count) actingAgents")
        state.settlements.removeAll(keepingCapacity: true)
        state.settlementMembers.removeAll(keepingCapacity: true)
        state.windowReward = 0
        var joined = -1
        for row in 0..<count {
            let action = Int(actions[row])
            if action == options.candidates { continue }
            precondition(
                action >= 0 && action < Int(board.candidateCount[row]),
                "SpatialCrowdsourcing.step: action \(action) of row \(row) is masked: it has "
                    + "\(board.candidateCount[row]) candidates, wait is \(options.candidates)")
            let task = candidateTask(agent: row, slot: action)
            let worker = actingAgent(row)
            if Int(state.teamSize[task]) < state.cap(task) {
                state.commit(worker: worker, task: task)
                joined = task
            }
        }
        if options.decisions == .inTurn && count > 0 {
            turn += 1
            board.afterTurn(lentState, task: joined)
            boardReady = false
            prepare()
            if !board.actingAgents.isEmpty { return }
        }
        advance()
    }

    // MARK: Dispatchers

    /// The idle workers on shift in rising index, those committed in this window included until it advances; see
    /// `isIdle`. O(idle).
    public var idleWorkers: [Int] { state.idle.lazy.map(Int.init).filter { isIdle($0) } }
    /// The released tasks that have not ended, in order of release. O(open).
    public var openTasks: [Int] { state.open.map(Int.init) }
    /// The tasks and workers of the episode.
    public var tasks: [SpatialTask] { _read { yield state.tasks } }
    /// See `tasks`.
    public var workers: [Worker] { _read { yield state.workers } }
    /// Whether a worker has no task (on shift or not). O(1).
    public func isIdle(_ worker: Int) -> Bool { state.workerTask[worker] < 0 }
    /// The task that a worker travels to or works on, or -1. O(1).
    public func task(of worker: Int) -> Int { Int(state.workerTask[worker]) }
    /// Where a worker is (idle) or will be free (busy: at its task) (km). O(1).
    public func place(of worker: Int) -> (x: Double, y: Double) {
        let task = Int(state.workerTask[worker])
        return task < 0
            ? (state.workerX[worker], state.workerY[worker]) : (state.tasks[task].x, state.tasks[task].y)
    }
    /// The team of a task in order of arrival. O(team).
    public func team(of task: Int) -> [Int] {
        var team: [Int] = []
        var node = state.teamHead[task]
        while node >= 0 {
            team.append(Int(node))
            node = state.teamNext[Int(node)]
        }
        return team
    }
    /// When a worker arrives at its task, or would arrive at `task` if it left now (minutes). O(1).
    public func arrivalTime(of worker: Int, at task: Int) -> Double {
        task == Int(state.workerTask[worker]) ? state.arrival[worker] : state.arrivalTime(worker, task)
    }
    /// When a task will be finished by its present team; infinite without one. Exact. O(1).
    public func completion(of task: Int) -> Double { state.completion[task] }
    /// When a task would be finished if an idle worker joined now. Exact. O(team).
    public func completion(of task: Int, joinedBy worker: Int) -> Double {
        state.completion(of: task, joining: state.arrivalTime(worker, task), by: worker)
    }
    /// The agents' estimate of the time that a task still takes: (sum of travel still to go + work left) / number
    /// assigned; infinite without a team. O(team).
    public func estimatedRemaining(of task: Int) -> Double { state.estimate(task, joining: nil) }
    /// The work done so far (worker-minutes). O(team).
    public func workDone(on task: Int) -> Double { state.workDone(task, by: now) }
    /// What the task pays if it is finished at `time`. O(1).
    public func payment(of task: Int, at time: Double) -> Double { state.payment(task, at: time) }
    /// Whether an idle worker may be sent to a task: open, skill, reach, room in the team. O(1).
    public func canTake(_ worker: Int, _ task: Int) -> Bool { state.canTake(worker, task) }

    /// Sends an idle worker to a task that it `canTake`. O(team).
    public func commit(worker: Int, task: Int) {
        precondition(
            state.canTake(worker, task), "SpatialCrowdsourcing.commit: worker \(worker) may not take task \(task)")
        state.commit(worker: worker, task: task)
        boardReady = false
    }

    /// Sends an idle worker on shift to a place without a task: from the next window on it is where it has come to, idle
    /// all the way, at its own speed along x, then along y. `commit`, `stay` and another `relocate` end the way. O(1).
    ///
    /// - Precondition: `GameOptions.relocate` is on, travel is not by a table, the worker is among `idleWorkers` and the
    ///   place is finite.
    public func relocate(worker: Int, toX x: Double, y: Double) {
        precondition(state.canRelocate, "SpatialCrowdsourcing.relocate: not in this game (GameOptions.relocate)")
        precondition(
            isIdle(worker) && state.idle.contains(Int32(worker)) && x.isFinite && y.isFinite,
            "SpatialCrowdsourcing.relocate: worker \(worker) cannot be sent to (\(x), \(y))")
        state.relocate(worker, toX: x, y)
    }

    /// Lets an idle worker stand where it has come to. O(1).
    public func stay(worker: Int) {
        if options.relocate { state.stay(worker) }
    }

    /// Where an idle worker will be if it is not sent elsewhere: its place, or that to which it was relocated (km). O(1).
    public func destination(of worker: Int) -> (x: Double, y: Double) {
        isIdle(worker) ? state.destination(worker) : place(of: worker)
    }

    /// Lets a rule commit workers in the state itself. The cost is the rule's.
    func commit(by rule: (inout GameState) -> Void) {
        rule(&state)
        boardReady = false
    }

    /// Plays the window to its end and opens the next. O(workers + open tasks).
    public func advance() {
        state.advance()
        beginWindow()
    }

    /// Ends a task without a settlement: it takes nobody from now on. O(open).
    func close(_ task: Int) {
        if state.phase[task] != .open { return }
        state.phase[task] = .expired
        state.open.removeAll { Int($0) == task }
        boardReady = false
        board.stale = true
    }

    /// Only the tasks that come before all others need workers, or all tasks again.
    func consider(onlyMust: Bool) {
        state.onlyMust = onlyMust
        boardReady = false
        board.stale = true
    }

    // MARK: Windows

    private func beginWindow() {
        boardReady = false
        turn = 0
        board.stale = true
        if options.decisions == .inTurn {
            order.removeAll(keepingCapacity: true)
            for row in state.idle.indices { order.append(Int32(row)) }
            stream.shuffle(&order)
        }
    }

    /// Lists the acting agents if that has not been done since the last change.
    private func prepare() {
        if boardReady { return }
        boardReady = true
        if board.stale || options.decisions == .simultaneous { board.begin(lentState) }
        switch options.decisions {
        case .simultaneous:
            board.addActingAgents(lentState)
        case .inTurn:
            while turn < order.count {
                let row = Int(order[turn])
                if state.workerTask[Int(state.idle[row])] < 0 && board.addActingAgent(row: row, lentState) { return }
                turn += 1
            }
        }
    }
}

extension SpatialCrowdsourcing.Scales {
    /// The scales of an instance. O(tasks).
    init(_ instance: Instance) {
        let pay = instance.tasks.reduce(0) { $0 + $1.pay }
        let work = instance.tasks.reduce(0) { $0 + $1.workload }
        if pay > 0 {
            self.pay = pay / Double(instance.tasks.count)
            self.rate = pay / work
        }
        half = instance.side / 2
        tasksPerWorker = Double(max(1, instance.tasks.count)) / Double(max(1, instance.workers.count))
    }
}
