extension Pooled {
    /// The options of `Pooled`.
    public struct Options: Sendable, Hashable, Codable {
        /// How many tasks of each context everyone labels first; `nil`: two, or fewer where that would cost more than
        /// one label per task, and none in a single context, where what a worker shows is not divided among contexts.
        public var calibrate: Int?
        /// A task whose posterior reaches this is not asked about again unless it falls back. 1: never.
        public var stopAt: Double
        /// What all labels together may cost; never exceeded. The default is no limit in practice.
        public var budget: Double
        /// What a label of each worker costs; `nil` means 1 each.
        public var workerCosts: [Double]?
        /// The class of tasks that an expert has labelled, by task.
        public var gold: [Int: Int]
        /// The family of each worker, workers of one number being one: their errors go together (models of one make, people
        /// who share an answer sheet). On one task a family counts as one voice. `nil`: everyone is alone.
        public var families: [Int]?
        /// Decides every draw.
        public var seed: UInt64

        /// The defaults are those of every published number.
        public init(
            calibrate: Int? = nil, stopAt: Double = 1, budget: Double = 8e12, workerCosts: [Double]? = nil,
            gold: [Int: Int] = [:], families: [Int]? = nil, seed: UInt64 = 0
        ) {
            self.calibrate = calibrate
            self.stopAt = stopAt
            self.budget = budget
            self.workerCosts = workerCosts
            self.gold = gold
            self.families = families
            self.seed = seed
        }
    }
}
