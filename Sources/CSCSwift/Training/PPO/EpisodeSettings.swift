/// The sizes of the episodes that a policy is trained on: numbers of tasks and of workers, taken in turn in a random
/// order drawn again for each round, so that every setting comes equally often.
public struct EpisodeSettings: Sendable, Hashable {
    /// One size of episode.
    public struct Setting: Sendable, Hashable {
        /// Number of tasks.
        public var tasks: Int
        /// Number of workers.
        public var workers: Int

        /// An episode of so many tasks and workers.
        public init(tasks: Int, workers: Int) {
            self.tasks = tasks
            self.workers = workers
        }
    }

    /// The sizes, each played once per round.
    public let settings: [Setting]

    /// Traps where there is no setting.
    public init(_ settings: [Setting]) {
        precondition(!settings.isEmpty, "EpisodeSettings: no setting")
        self.settings = settings
    }

    /// The grid of the paper's tables: 50, 100 ... 350 tasks with 200 workers, and 50 ... 350 workers with 200 tasks.
    public static let tables = EpisodeSettings(
        stride(from: 50, through: 350, by: 50).map { Setting(tasks: $0, workers: 200) }
            + stride(from: 50, through: 350, by: 50).filter { $0 != 200 }.map { Setting(tasks: 200, workers: $0) })

    /// The setting of the `index`-th episode of a run. O(settings).
    public func setting(index: Int, seed: UInt64) -> Setting {
        let (round, position) = index.quotientAndRemainder(dividingBy: settings.count)
        var order = Array(settings.indices)
        var stream = RandomStream(seed: seed, purpose: .environment, index: UInt64(round))
        stream.shuffle(&order)
        return settings[order[position]]
    }
}
