/// What happened in an episode, for a page that shows it: who went where and when, what was finished and paid.
public struct EpisodeRecord: Sendable, Hashable {
    /// A worker's way to a task and its time there.
    public struct Trip: Sendable, Hashable {
        /// The worker's index.
        public var worker: Int
        /// The task's index.
        public var task: Int
        /// When it set out, arrived (or would have) and was free again (minutes).
        public var leave: Double
        /// See `leave`.
        public var arrive: Double
        /// See `leave`.
        public var end: Double
        /// From where (km).
        public var fromX: Double
        /// See `fromX`.
        public var fromY: Double
        /// Where it was when it was free again (km).
        public var toX: Double
        /// See `toX`.
        public var toY: Double
    }

    /// The end of a task.
    public struct Ending: Sendable, Hashable {
        /// The task's index.
        public var task: Int
        /// When (minutes).
        public var time: Double
        /// What was paid; 0 where it ran out.
        public var payment: Double
    }

    /// Who decided.
    public var policy: String
    /// The ways, by their beginning.
    public var trips: [Trip] = []
    /// The ends of tasks, in order of time.
    public var endings: [Ending] = []
    /// The sum of payments. O(tasks).
    public var revenue: Double { endings.reduce(0) { $0 + $1.payment } }

    /// A record of which nothing is known yet.
    public init(policy: String) { self.policy = policy }

    /// Plays `instance` to its end by a rule and writes down what happens. O(windows * (workers + what the rule costs)).
    public init(
        _ instance: Instance, by rule: some Dispatcher, name: String, in game: SpatialCrowdsourcing,
        stream: RandomStream
    ) {
        policy = name
        game.reset(instance)
        rule.begin(game, stream: stream)
        var open = [Int](repeating: -1, count: instance.workers.count)
        while !game.isOver {
            let before = game.idleWorkers
            let places = before.map { game.place(of: $0) }
            rule.dispatchWindow(game)
            for (at, worker) in before.enumerated() where !game.isIdle(worker) {
                open[worker] = trips.count
                let task = game.task(of: worker)
                trips.append(
                    Trip(
                        worker: worker, task: task, leave: game.now, arrive: game.arrivalTime(of: worker, at: task),
                        end: .infinity, fromX: places[at].x, fromY: places[at].y, toX: game.tasks[task].x,
                        toY: game.tasks[task].y))
            }
            game.advance()
            for ended in game.settlements {
                endings.append(Ending(task: ended.task, time: ended.time, payment: ended.payment))
                for member in ended.members.map({ game.settlementMembers[$0].worker }) {
                    close(&open[member], at: ended.time, game.place(of: member))
                }
            }
            // Who has left its task before that ended: declined, fell ill, was called off.
            for worker in open.indices where open[worker] >= 0 && game.task(of: worker) != trips[open[worker]].task {
                close(&open[worker], at: game.now, game.place(of: worker))
            }
        }
    }

    private mutating func close(_ trip: inout Int, at time: Double, _ place: (x: Double, y: Double)) {
        if trip < 0 { return }
        trips[trip].end = time
        (trips[trip].toX, trips[trip].toY) = place
        trip = -1
    }
}
