extension LabelSession {
    /// What a session is started with.
    public struct Options: Sendable, Hashable, Codable {
        /// Who decides.
        public var method: AssignmentMethod
        /// What all labels together may cost.
        public var budget: Double
        /// N': how many tasks of each context everyone labels first. 0 unless all workers are known at the start.
        public var explore: Int
        /// How the next task is chosen by BBTA; others have no use for it.
        public var score: ExponentialWeights.Score
        /// A task whose posterior reaches this is not asked about again unless it falls back; 1: never. For methods
        /// that take gold (`AssignmentMethod.takesGold`).
        public var stopAt: Double
        /// Decides the exploration tasks, every draw and every tie.
        public var seed: UInt64
        /// After how many seconds an outstanding question lapses by itself; nil: never.
        public var lease: Double?
        /// How many questions a worker may have open at the same time; nil: any number.
        public var maxOpen: Int?
        /// The version of `pooled`: 1 has one model of the workers, 2 chooses among several. A session keeps its own.
        package var pooledVersion = 2
        /// Whether the model is inferred anew aside, while questions go on (`LabelSession.inferAside`).
        public internal(set) var refitsAside = false

        /// A budget, and the best method we have, without exploration unless said; `create` checks them.
        public init(
            method: AssignmentMethod = .pooled, budget: Double, explore: Int = 0,
            score: ExponentialWeights.Score = .margin, stopAt: Double = 1, seed: UInt64 = 0, lease: Double? = nil,
            maxOpen: Int? = nil
        ) {
            self.method = method
            self.budget = budget
            self.explore = explore
            self.score = score
            self.stopAt = stopAt
            self.seed = seed
            self.lease = lease
            self.maxOpen = maxOpen
        }

        /// Whether lease and cap make sense.
        /// - Throws: `CSCError.invalid` where they do not.
        public func checkSettings() throws(CSCError) {
            if let lease, !(lease > 0 && lease <= 1e9) {
                throw .invalid("a lease of \(lease) seconds: it is above 0 and at most 1e9")
            }
            if let maxOpen, maxOpen < 1 {
                throw .invalid("a cap of \(maxOpen) open questions a worker: it is at least 1")
            }
        }
    }

    /// A decision: ask this worker about this task.
    public struct Question: Sendable, Hashable {
        /// What it goes by in this session, permanently: the number of its record.
        public let id: Int
        /// The task's name.
        public let task: String
        /// The worker's name.
        public let worker: String
        /// With which probability this worker was drawn for the task.
        public let probability: Double
        /// Whether it belongs to the exploration phase, in which everyone labels the same few tasks.
        public let exploration: Bool
        /// When it was asked, in seconds since 1970.
        public let askedAt: Double
    }

    /// What one call of `ask` did.
    public struct Round: Sendable, Hashable {
        /// The questions to ask now: those that are given again, then the new ones in the order of their decision.
        public var asked: [Question] = []
        /// How many of them were outstanding before and are given again.
        public var again = 0
        /// Older questions that were withdrawn first, oldest first.
        public var expired: [Question] = []
        /// Who joined: everyone of `joining` if anything new was asked, otherwise nobody.
        public var joined: [LabelingWorker] = []
        /// Why fewer were asked than wanted; nil where as many were.
        public var blockReason: BlockReason?
        /// The same as a sentence.
        public var reason: String?
    }

    /// Why nothing can be asked now.
    public enum BlockReason: String, Sendable, Hashable, CaseIterable {
        /// None of the workers has joined.
        case nobody
        /// These workers are barred.
        case barred
        /// What is left of the budget is less than a label of anyone who could still be asked, and no question is
        /// outstanding.
        case budgetSpent = "budget-spent"
        /// The same, but questions are outstanding: money comes free where they are declined or lapse.
        case budgetSetAside = "budget-set-aside"
        /// These workers have as many questions open as they may.
        case maxOpen = "max-open"
        /// These workers have been asked about every task that is open to them.
        case allAsked = "all-asked"
        /// What these workers have not been asked about is settled: gold, or certain enough.
        case settled
    }

    /// The present estimate for one task.
    public struct Answer: Sendable, Hashable {
        /// The task's name.
        public let task: String
        /// The class with the largest weighted vote or posterior, or gold; nil while the task has neither label nor gold.
        public let label: String?
        /// How sure the engine is, in [0, 1]. BBTA: by the session's score the margin between the two largest weighted
        /// votes, or the share of the largest, which is no probability. Pooled: the label's posterior.
        public let confidence: Double
        /// How many labels the task has.
        public let labels: Int

        /// An estimate put together elsewhere, for instance with an aggregator's label.
        public init(task: String, label: String?, confidence: Double, labels: Int) {
            self.task = task
            self.label = label
            self.confidence = confidence
            self.labels = labels
        }
    }

    /// A model whose class probabilities the session was started with.
    public struct SoftModel: Sendable, Hashable {
        /// Its name.
        public let name: String
        /// How many tasks it speaks of.
        public let tasks: Int
        /// How much of its log-probabilities counts: 1 takes it at its word, 0 leaves it out; nil while nobody has joined.
        public let weight: Double?
        /// How often its most probable class is right, as far as workers and experts tell.
        public let quality: WorkerQuality
    }

    /// What `record` did.
    public enum Recorded: String, Sendable, Hashable {
        /// The label is new and on the disk.
        case new
        /// The same answer had been recorded before; nothing was changed.
        case known
    }

    /// What a table of answers did to a session.
    public struct TableReport: Sendable, Equatable {
        /// Labels that are new and on the disk.
        public var new = 0
        /// Rows that say what had been recorded before or stands in an earlier row; they changed nothing.
        public var known = 0
        /// Workers who joined by an import.
        public var joined: [LabelingWorker] = []
        /// Rows left out because they could not be read or were refused, with the first few reasons.
        public var badRows = CSVReader.Report()

        /// The report of a table without rows.
        public init() {}
    }

    /// An answer that can be taken: to which question, and what it costs if the question had lapsed.
    struct Reply {
        let entry: Int
        let label: Int
        let outcome: Recorded
        /// In millionths; 0 for an outstanding question, whose price is set aside.
        var price = 0
    }

    /// Why a label is not taken, and which of its three names is at fault.
    struct Refusal: Error, @unchecked Sendable {  // stays where it is thrown
        enum Field { case task, worker, label }
        let field: Field
        /// What programs tell it by.
        let code: String
        let reason: String
        /// What was probably meant; expensive to find out, so only where somebody reads it.
        var hint: () -> String = { "" }

        var sentence: String { reason + hint() }
        var error: CSCError { .refused(code: code, reason: sentence) }
    }
}

extension LabelSession.SoftModel {
    /// As documents show it.
    package var jsonValue: JSON {
        .object([
            ("model", .string(name)), ("tasks", .integer(tasks)), ("weight", weight.map(JSON.number) ?? .null),
            ("answered", .integer(quality.labels)), ("right", .number(quality.right)),
            ("accuracy", quality.accuracy.map(JSON.number) ?? .null), ("lower", .number(quality.lower)),
            ("upper", .number(quality.upper)),
        ])
    }
}
