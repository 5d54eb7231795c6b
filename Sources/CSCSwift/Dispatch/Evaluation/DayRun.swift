/// What one episode took and gave: for episodes so large that time and memory are the question.
package struct DayRun: Sendable {
    /// Tasks and workers of the episode.
    package let tasks: Int
    /// See `tasks`.
    package let workers: Int
    /// Windows played until every task had ended.
    package let windows: Int
    /// How often a worker was sent to a task.
    package let assignments: Int
    /// Tasks finished before their deadline.
    package let completed: Int
    /// The sum of all payments, and the sum of what all tasks would have paid at best.
    package let revenue: Double
    /// See `revenue`.
    package let payable: Double
    /// Seconds in the rule, and in the game's own clockwork (reset, settlements, releases).
    package let deciding: Double
    /// See `deciding`.
    package let playing: Double
    /// Processor time of the whole episode (s), all threads together.
    package let cpuSeconds: Double
    /// The rule's longest window (s): what a service would have had to wait.
    package let slowestWindow: Double
    /// The most tasks open at once, and the most workers idle at once.
    package let mostOpen: Int
    /// See `mostOpen`.
    package let mostIdle: Int

    /// Plays `instance` to its end by `rule`. The time of one game on one thread, but for what the rule itself shares
    /// among threads. O(windows * (workers + what the rule costs)).
    ///
    /// - Parameters:
    ///   - instance: the tasks and workers of the episode.
    ///   - rule: commits workers in each window; it begins anew.
    ///   - game: what is played in; it is reset to `instance`.
    ///   - stream: drives whatever is random in the rule.
    ///   - played: called after each window.
    package init(
        _ instance: Instance, rule: some Dispatcher, in game: SpatialCrowdsourcing, stream: RandomStream,
        played: (() -> Void)? = nil
    ) {
        let before = ProcessUsage().cpuSeconds
        var clock = Stopwatch()
        game.reset(instance)
        var playing = clock.lap()
        rule.begin(game, stream: stream)
        var deciding = clock.lap()
        var slowest = 0.0
        var (windows, assignments, completed, mostOpen, mostIdle) = (0, 0, 0, 0, 0)
        while !game.isOver {
            mostOpen = max(mostOpen, game.lentState.open.count)
            mostIdle = max(mostIdle, game.lentState.idle.count)
            _ = clock.lap()
            rule.dispatchWindow(game)
            let window = clock.lap()
            game.advance()
            playing += clock.lap()
            deciding += window
            slowest = max(slowest, window)
            windows += 1
            assignments += game.settlementMembers.count
            completed += game.settlements.count { $0.completed }
            played?()
        }
        cpuSeconds = ProcessUsage().cpuSeconds - before
        tasks = instance.tasks.count
        workers = instance.workers.count
        self.windows = windows
        self.assignments = assignments
        self.completed = completed
        revenue = game.revenue
        payable = instance.tasks.reduce(0) { $0 + $1.pay }
        self.deciding = deciding
        self.playing = playing
        slowestWindow = slowest
        self.mostOpen = mostOpen
        self.mostIdle = mostIdle
    }
}
