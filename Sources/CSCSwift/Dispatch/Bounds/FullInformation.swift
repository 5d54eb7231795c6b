internal import Foundation

/// What could be earned if the future were known: a schedule found by simulated annealing (a lower bound of the optimum,
/// played by the game's own rules) and a relaxation (an upper bound that no play can exceed).
public enum FullInformation {
    /// One episode's bounds.
    public struct Bounds: Sendable, Hashable, BitwiseCopyable {
        /// What annealing found, what its start (coalition) earned, and the relaxation's bound.
        public let annealed: Double
        /// What the coalition rule earned.
        public let start: Double
        /// What no play can exceed.
        public let upper: Double
    }

    /// How the annealing searches. What it finds depends on these, the instance, the start and the stream only: there is
    /// no clock in it.
    public struct AnnealingOptions: Sendable, Hashable {
        /// How many times part of the schedule is torn down and built again.
        public var moves: Int
        /// The temperature at the first and the last move, in mean payments of a task.
        public var hot: Double
        /// See `hot`.
        public var cold: Double
        /// At most this many teams are taken off in a move.
        public var removals: Int
        /// At most this many tasks without a team are tried beside those taken off.
        public var additions: Int
        /// The largest price of a worker-minute, in mean pay per unit of work; each move draws its own below it.
        public var price: Double
        /// Costs of members are multiplied by 1 + noise * uniform.
        public var noise: Double

        /// The defaults are those of the table in docs/dispatch.md. Traps on a negative number of moves and on
        /// temperatures that are not positive.
        public init(
            moves: Int = 80_000, hot: Double = 0.3, cold: Double = 0.02, removals: Int = 4, additions: Int = 4,
            price: Double = 0.5, noise: Double = 0.15
        ) {
            precondition(moves >= 0, "AnnealingOptions: \(moves) moves")
            precondition(hot > 0 && cold > 0, "AnnealingOptions: temperatures \(hot), \(cold) are not positive")
            precondition(
                removals > 0 && additions >= 0, "AnnealingOptions: \(removals) removals, \(additions) additions")
            self.moves = moves
            self.hot = hot
            self.cold = cold
            self.removals = removals
            self.additions = additions
            self.price = price
            self.noise = noise
        }
    }

    /// What annealing found.
    public struct Annealed: Sendable, Hashable {
        /// The best revenue met: what `play` earns with `lists`, to rounding.
        public let best: Double
        /// The revenue by the search's own incremental times: `best` to rounding, or the search is at fault.
        public let claimed: Double
        /// What the start earned.
        public let start: Double
        /// The best schedule: each worker's tasks in order, as `play` takes them. Where nothing better than the start was
        /// found it is the start's.
        public let lists: [[Int]]
    }

    /// What of an instance the annealing and the relaxation do not know, or nil where they know all of it: of what goes
    /// beyond the plain game they know travel that is the same all day. O(workers + tasks).
    public static func unknown(in instance: Instance) -> String? {
        guard let extensions = instance.extensions else { return nil }
        if extensions.travel?.table?.isByHour ?? false { return "travel times by hour of the day" }
        if extensions.terms.contains(where: { $0 != nil }) { return "roles and largest teams" }
        if !extensions.breaks.isEmpty { return "breaks" }
        if !extensions.barred.isEmpty { return "pairs that may not meet" }
        if extensions.must.contains(true) { return "priorities" }
        if extensions.acceptance != nil { return "acceptance" }
        if extensions.cancellation.contains(where: \.isFinite) { return "cancellation" }
        if extensions.sickness.contains(where: \.isFinite) { return "sickness" }
        return nil
    }

    /// The same of the first episodes of a source: whether one of them has a cancellation is a matter of chance.
    /// O(episodes) of drawing.
    package static func unknown(
        in source: some InstanceSource, tasks: Int, workers: Int, seed: UInt64, episodes: Int
    ) -> String? {
        for episode in 0..<episodes {
            let instance = source.instance(
                tasks: tasks, workers: workers, seed: seed, episode: EpisodeRange.evaluation[episode])
            if let found = unknown(in: instance) { return found }
        }
        return nil
    }

    /// Bounds of some episodes, shared among the threads; the annealing starts from the coalition rule, its price tuned
    /// for the setting. The same bits at any thread count. O(episodes * moves * lists).
    ///
    /// - Parameters:
    ///   - source: where the instances come from.
    ///   - tasks: how many tasks an instance is asked to have, from 0.
    ///   - workers: how many workers an instance is asked to have, from 0.
    ///   - seed: of the instances, the tuning of the price and the annealing.
    ///   - episodes: numbers in `EpisodeRange.evaluation`, within 0..<2^40.
    ///   - moves: moves of the annealing of an episode, from 0.
    ///   - options: the rules of the game: window, payment, largest team.
    ///   - played: called after each episode, by whichever thread worked on it.
    public static func bounds(
        on source: some InstanceSource, tasks: Int, workers: Int, seed: UInt64, episodes: Range<Int>,
        moves: Int = 80_000, options: GameOptions = GameOptions(), played: (@Sendable () -> Void)? = nil
    ) -> [Bounds] {
        let price = DispatcherKind.coalition.tunedPrice(
            source, tasks: tasks, workers: workers, seed: seed, options: options)
        return Ranks.map(episodes.count) { at in
            let episode = episodes.lowerBound + at
            let instance = source.instance(
                tasks: tasks, workers: workers, seed: seed, episode: EpisodeRange.evaluation[episode])
            let stream = RandomStream(seed: seed, purpose: .annealing, index: UInt64(episode))
            let found = anneal(
                instance, start: DispatcherKind.coalition.make(price: price), stream: stream, moves: moves,
                options: options)
            let bounds = Bounds(
                annealed: found.best, start: found.start, upper: upperBound(instance, options: options))
            played?()
            return [bounds]
        }.flatMap(\.self)
    }

    /// As `anneal(_:start:stream:search:options:)` with the default search of so many moves.
    /// O(moves * (places + team)).
    public static func anneal(
        _ instance: Instance, start: any Dispatcher, stream: RandomStream, moves: Int = 80_000,
        options: GameOptions = GameOptions()
    ) -> Annealed {
        anneal(instance, start: start, stream: stream, search: AnnealingOptions(moves: moves), options: options)
    }

    /// Annealing over schedules by ruin and recreate, started from the plays of a dispatcher.
    ///
    /// A schedule gives each worker a list of tasks; a worker leaves for the next one at the first window at which it is
    /// free, on shift and the task is released. Lists are chosen with the future known, but the plays that they stand for
    /// are those of the game: decisions at window starts, released tasks only, from where the worker is. Only plays
    /// without vain trips are searched: each member arrives before its task ends.
    ///
    /// A move takes the teams (or a member) off some tasks near each other in way and time, then gives teams to these and
    /// to some others that had none: the team, its workers and the places in their lists are chosen by what the delay of
    /// later tasks costs. It is kept by the Metropolis rule. Times are exact and recomputed only where they move.
    /// O(moves * lists of the workers with a skill).
    public static func anneal(
        _ instance: Instance, start: any Dispatcher, stream: RandomStream, search: AnnealingOptions,
        options: GameOptions = GameOptions()
    ) -> Annealed {
        let record = record(instance, start: start, stream: stream, options: options)
        let kept = Annealed(
            best: record.revenue, claimed: record.revenue, start: record.revenue, lists: record.lists)
        if instance.tasks.isEmpty || instance.workers.isEmpty { return kept }
        var state = ScheduleState(instance, options: options, seats: Self.seats)
        for team in record.teams {
            for worker in team.members.prefix(state.cap) { state.append(worker, task: team.task) }
            state.computeEnd(team.task)
            state.settle()
        }
        var annealer = ScheduleAnnealer(state, instance, search, stream: stream)
        annealer.run()
        let best = play(annealer.lists, instance, options: options)
        if best <= record.revenue { return kept }
        return Annealed(best: best, claimed: annealer.best, start: record.revenue, lists: annealer.lists)
    }

    /// The largest team that the annealing sends.
    private static let seats = 12

    /// The teams that a dispatcher sends, in the order in which their tasks end.
    private static func record(
        _ instance: Instance, start: any Dispatcher, stream: RandomStream, options: GameOptions
    ) -> (lists: [[Int]], teams: [(task: Int, end: Double, members: [Int])], revenue: Double) {
        let game = SpatialCrowdsourcing(options: options)
        game.reset(instance)
        start.begin(game, stream: stream)
        var lists = [[Int]](repeating: [], count: instance.workers.count)
        var teams: [(task: Int, end: Double, members: [Int])] = []
        while !game.isOver {
            start.dispatchWindow(game)
            for worker in game.state.idle where game.state.workerTask[Int(worker)] >= 0 {
                lists[Int(worker)].append(Int(game.state.workerTask[Int(worker)]))
            }
            game.advance()
            for ended in game.settlements {
                let members = ended.members.map { game.settlementMembers[$0].worker }
                teams.append((ended.task, ended.time, members))
            }
        }
        teams.sort { ($0.end, $0.task) < ($1.end, $1.task) }
        return (lists, teams, game.revenue)
    }

    /// Plays a schedule by the rules of the game and returns the revenue: at each window an idle worker on shift goes to
    /// the first task of its list that is still open and that it may take, waits if that task has not been released yet
    /// (with `relocate`: moves to its place),
    /// and passes over one that has ended or that it would reach too late. O(windows * (workers + open)).
    public static func play(_ lists: [[Int]], _ instance: Instance, options: GameOptions = GameOptions()) -> Double {
        precondition(lists.count == instance.workers.count, "FullInformation.play: \(lists.count) lists")
        var state = GameState(options: options)
        state.reset(instance)
        var next = [Int](repeating: 0, count: lists.count)
        while !state.isOver {
            for position in state.idle.indices {
                let worker = Int(state.idle[position])
                while next[worker] < lists[worker].count {
                    let task = lists[worker][next[worker]]
                    if state.phase[task] == .unreleased {
                        if state.canRelocate { state.relocate(worker, toX: state.tasks[task].x, state.tasks[task].y) }
                        break
                    }
                    next[worker] += 1
                    let limit = min(state.completion[task], state.tasks[task].deadlineTime)
                    if state.canTake(worker, task) && state.arrivalTime(worker, task) < limit {
                        state.commit(worker: worker, task: task)
                        break
                    }
                }
            }
            state.advance()
        }
        return state.revenue
    }
}
