/// A dispatcher for a program of one's own: give it the workers and tasks of this moment, get who should go where.
///
///     let rule = LearntCoalition(.builtIn("cafe-chengdu")!)
///     let live = LiveDispatcher(rule, scale: Snapshot.Scale(.chengdu, tasksPerWorker: 3.3))
///     let pairs = try live.assign(workers: workers, tasks: tasks, now: 12, commitments: busy)
///
/// Any `Dispatcher` serves: the coalition rule, a learnt one, one that looks ahead. Call it once per window (a minute
/// unless `options` say otherwise). Workers who do not appear in the answer wait. One object serves one thread at a
/// time; memory is kept between calls. What a trained run does with the same is `DispatchPolicy`.
public final class LiveDispatcher {
    /// What kind of day it is: a moment does not show how much is still to come.
    public var scale: Snapshot.Scale
    private let dispatcher: any Dispatcher
    private let game: SpatialCrowdsourcing
    private let seed: UInt64
    /// Where idle workers should wait for their next task, by the last `assign`, in rising index of workers: those who should
    /// not stay where they are (km). Empty without `GameOptions.relocate`. Called at every window, the answer is what
    /// holds now: who is no longer in it stands where it has come to, which is its x and y at the next call.
    public private(set) var relocations: [(worker: Int, x: Double, y: Double)] = []

    /// A dispatcher on live data.
    ///
    /// - Parameters:
    ///   - dispatcher: the rule that decides; nothing else may use it meanwhile.
    ///   - scale: mean pay, tasks per worker and length of the day.
    ///   - options: the rules of the game: window, payment, largest team.
    ///   - seed: drives whatever is random in the dispatcher; the same moment gets the same answer.
    public init(
        _ dispatcher: any Dispatcher, scale: Snapshot.Scale, options: GameOptions = GameOptions(), seed: UInt64 = 1
    ) {
        self.dispatcher = dispatcher
        self.scale = scale
        self.seed = seed
        game = SpatialCrowdsourcing(options: options)
    }

    /// Who should set out now, as indices of `workers` and `tasks`, in rising index of workers.
    ///
    /// - Parameters:
    ///   - workers: all workers of the day; x and y are where each idle one is now.
    ///   - tasks: the open tasks.
    ///   - now: minutes, on the clock of releases and shifts. Minute 0 is the start of the day, unless `scale.dayStart`
    ///     says which minute is: learnt rules know what the day is like at each time of it.
    ///   - commitments: who is already on the way to, or at work on, which task; they are not sent elsewhere, but with
    ///     `GameOptions.reroute` those on the road are in the answer again if they are to go on.
    ///   - extensions: travel times, roles, breaks, pairs that may not meet, priorities; nil without.
    /// - Throws: `CSCError.invalid` naming what makes no sense.
    ///
    /// O(tasks log tasks + workers + horizon), and what the dispatcher takes for a window.
    public func assign(
        workers: [Worker], tasks: [SpatialTask], now: Double, commitments: [Snapshot.Commitment] = [],
        extensions: GameExtensions? = nil
    ) throws -> [(worker: Int, task: Int)] {
        try game.restore(
            Snapshot(
                now: now, tasks: tasks, workers: workers, commitments: commitments, extensions: extensions),
            scale: scale)
        let (idle, options) = (game.idleWorkers, game.options)
        let window = UInt64(max(0, game.now / game.options.window))
        dispatcher.begin(game, stream: RandomStream(seed: seed, purpose: .dispatcher, index: window))
        dispatcher.dispatchWindow(game)
        relocations =
            !options.relocate
            ? []
            : idle.compactMap { worker in
                let (from, to) = (game.place(of: worker), game.destination(of: worker))
                return game.isIdle(worker) && from != to ? (worker, to.x, to.y) : nil
            }
        return idle.compactMap { worker in
            let task = game.task(of: worker)
            return task < 0 ? nil : (worker, task)
        }
    }
}
