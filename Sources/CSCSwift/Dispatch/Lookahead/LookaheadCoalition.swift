/// The learnt coalition rule with sampled lookahead, a rollout policy: in each window it draws several plans and several
/// futures, plays every plan into every future by the learnt rule, and sends workers by the plan that earns most
/// (docs/lookahead.md).
///
/// It knows what `LearntCoalition` knows, and may draw episodes from `futures`: a scenario's generator or recorded days
/// of the past. What is really to come it does not read. The same seed and options give the same decisions at any
/// thread count. Not thread-safe; futures are shared among the threads of `Threads.count`.
package final class LookaheadCoalition: Dispatcher {
    /// The policy's name.
    package let name: String
    private let futures: any InstanceSource
    private let options: LookaheadOptions
    private let weights: CoalitionWeights
    private let features: LearntCoalitionPolicy.Features
    private var chooser: PlanChooser?
    private var engine: TeamEngine<LearntRank>
    private var draft: GameState
    private let lanes: [LookaheadLane]
    private var stream = RandomStream(seed: 0, purpose: .dispatcher)
    private var seed: UInt64 = 0

    /// Futures that are played between two looks at which plans are still worth playing.
    private static let batch = 8
    /// A plan leaves the race once it is so many standard errors below zero or below the best one.
    private static let patience = 1.0

    /// The rule with that policy's weights and forecast.
    ///
    /// - Parameter futures: where futures are drawn from, such as the scenario or recorded days. It must not give the
    ///   episode that is played (`FixedInstance` would): that would be looking at the future itself.
    package init(_ policy: LearntCoalitionPolicy, futures: any InstanceSource, options: LookaheadOptions = .init()) {
        name = policy.name
        self.futures = futures
        self.options = options
        weights = policy.weights
        features = policy.features
        chooser = policy.planWorth.map { PlanChooser(policy, $0) }
        engine = TeamEngine(LearntRank(policy))
        draft = GameState(options: GameOptions())
        lanes = (0..<min(Self.batch, options.futures)).map { _ in LookaheadLane(policy, options) }
    }

    /// Starts an episode. O(tasks + workers + horizon) per lane.
    package func begin(_ game: SpatialCrowdsourcing, stream: RandomStream) {
        self.stream = stream
        seed = self.stream.next()
        engine.begin(game.state)
        chooser?.begin(game.state)
        for lane in lanes { lane.begin(game.state) }
    }

    /// Commits idle workers of the present window. O((1 + variants) * (window's plan + futures * windows ahead of the
    /// learnt rule)), less where plans agree or fall behind.
    package func dispatch(_ game: SpatialCrowdsourcing) {
        if !game.state.idle.isEmpty && !game.state.open.isEmpty {
            let plans = drawPlans(game.state)
            let best = plans.count > 1 ? race(plans, game.state) : 0
            for move in plans[best] { game.state.commit(worker: Int(move.worker), task: Int(move.task)) }
        }
        engine.rank.relocate(&game.state)
    }

    /// The plans of a window without repetition, the policy's own first.
    private func drawPlans(_ state: GameState) -> [[PlanMove]] {
        var plans = [engine.moves(state, &draft)]
        var seen = Set(plans)
        for _ in 0..<options.variants {
            engine.rank.use(weights.drawn(features, spread: options.spread, &stream))
            engine.begin(state)
            let moves = engine.moves(state, &draft)
            if seen.insert(moves).inserted { plans.append(moves) }
        }
        engine.rank.use(weights)
        engine.begin(state)
        if chooser != nil {
            // What the learnt worth prefers is the policy's own plan.
            let own = chooser!.choose(state, own: &engine)
            plans.removeAll { $0 == own }
            plans.insert(own, at: 0)
        }
        return plans
    }

    /// Plays plans into futures, fewer plans as they fall behind; returns the one to follow.
    private func race(_ plans: [[PlanMove]], _ state: GameState) -> Int {
        var tallies = [Tally](repeating: Tally(), count: plans.count)
        var alive = Array(1..<plans.count)
        var played = 0
        let (lanes, futures, seed) = (lanes, futures, seed)
        let tasks = Int(state.dayTasks.rounded())
        while played < options.futures && !alive.isEmpty {
            let batch = min(lanes.count, options.futures - played)
            let entrants = [plans[0]] + alive.map { plans[$0] }
            let first = state.windowIndex * options.futures + played
            Threads.parallelFor(batch) { number in
                let future = futures.instance(
                    tasks: tasks, workers: state.workers.count, seed: seed,
                    episode: EpisodeRange.futures[first + number])
                lanes[number].play(entrants, from: state, into: future)
            }
            for lane in lanes[..<batch] {
                for (entrant, plan) in alive.enumerated() {
                    tallies[plan].add(lane.values[entrant + 1] - lane.values[0])
                }
            }
            played += batch
            let lead = alive.reduce(0) { max($0, tallies[$1].mean - Self.patience * tallies[$1].error) }
            alive.removeAll { tallies[$0].mean + Self.patience * tallies[$0].error < lead }
        }
        var (best, lead) = (0, 0.0)
        for plan in alive {
            let bound = tallies[plan].mean - options.confidence * tallies[plan].error
            if bound > lead { (best, lead) = (plan, bound) }
        }
        return best
    }

    /// By how much a plan was better than the policy's own, over the futures so far.
    private struct Tally {
        private var count = 0.0
        private(set) var mean = 0.0
        private var squares = 0.0

        mutating func add(_ value: Double) {
            count += 1
            let before = value - mean
            mean += before / count
            squares += before * (value - mean)
        }

        /// The standard error of the mean; infinite with one future.
        var error: Double { count < 2 ? .infinity : (squares / (count - 1) / count).squareRoot() }
    }
}

/// A game, and the rule that plays futures in it; each is used by one thread at a time.
final class LookaheadLane: @unchecked Sendable {
    private var rule: TeamEngine<LearntRank>
    private var game = GameState(options: GameOptions())
    private let options: LookaheadOptions
    /// What each plan of the last `play` is worth.
    private(set) var values: [Double] = []

    init(_ policy: LearntCoalitionPolicy, _ options: LookaheadOptions) {
        var policy = policy
        // Greedy plans are nearly as good and cost half the time.
        policy.joint = policy.joint && options.joint
        rule = TeamEngine(LearntRank(policy))
        self.options = options
    }

    /// Starts an episode. O(tasks + workers + horizon).
    func begin(_ state: GameState) { rule.begin(state) }

    /// Plays every plan of a window into a future and writes what each is worth. O(plans * windows ahead).
    func play(_ plans: [[PlanMove]], from state: GameState, into future: Instance) {
        var start = state
        start.replaceFuture(by: future)
        values.removeAll(keepingCapacity: true)
        for plan in plans {
            game = start
            for move in plan { game.commit(worker: Int(move.worker), task: Int(move.task)) }
            values.append(finish())
        }
    }

    /// Plays the game on by the rule and returns what it is worth then.
    private func finish() -> Double {
        let end = game.now + options.horizon
        game.advance()
        while !game.isOver && game.now < end {
            rule.dispatch(&game)
            rule.rank.relocate(&game)
            game.advance()
        }
        return worth(of: game)
    }

    /// The revenue of a state in which a future ends and, as far as plans change it, what the state is worth (docs/lookahead.md,
    /// "The end of a future"): a part of what the tasks in progress will pay, less the price of the time for which
    /// workers are still bound, and the jobs that workers can still begin before their shifts end.
    /// O(open tasks + workers).
    private func worth(of state: GameState) -> Double {
        var value = state.revenue
        for task in state.open.lazy.map(Int.init) where state.completion[task] <= state.tasks[task].deadlineTime {
            value += options.coursePart * state.payment(task, at: state.completion[task])
        }
        value -= options.terminalPrice * rule.rank.meanPrice * state.minutesBound
        if options.nearPrice == 0 && options.lastJob == 0 { return value }
        let measures = rule.rank.measures
        let soon = Self.soon * measures.job
        var (near, able) = (0.0, 0.0)
        for worker in state.workers.indices
        where state.workers[worker].shiftStart <= state.now && state.now < state.workers[worker].shiftEnd {
            let task = Int(state.workerTask[worker])
            let free = task < 0 ? state.now : min(state.completion[task], state.tasks[task].deadlineTime)
            near += min(soon, free - state.now)
            if free < state.workers[worker].shiftEnd { able += 1 }
        }
        return value - options.nearPrice * measures.rate * near + options.lastJob * measures.pay * able
    }

    /// The part of a job within which a minute that a worker is bound counts as one of the first.
    private static let soon = 0.75
}
