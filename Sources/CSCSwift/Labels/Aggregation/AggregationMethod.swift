/// The aggregators by the names that commands and files use.
public enum AggregationMethod: String, Sendable, CaseIterable, Codable {
    /// `MajorityVote`.
    case majority = "mv"
    /// `WeightedVote` with agreement weights.
    case weighted = "weighted"
    /// `DawidSkene` with its prior.
    case dawidSkene = "ds"
    /// `DawidSkene` by maximum likelihood.
    case dawidSkeneML = "ds-ml"
    /// `OneCoin` with its prior.
    case oneCoin = "one-coin"
    /// `GLAD`.
    case glad = "glad"

    /// Other names by which people know them.
    private static let aliases: [String: AggregationMethod] = [
        "majority": .majority, "wawa": .weighted, "dawid-skene": .dawidSkene, "dawid-skene-ml": .dawidSkeneML,
    ]

    /// All names, in order.
    public static var names: [String] { allCases.map(\.rawValue) }

    /// The method of a name, or of another name that people know it by (wawa, dawid-skene); nil if there is none.
    public init?(name: String) {
        guard let method = Self(rawValue: name) ?? Self.aliases[name] else { return nil }
        self = method
    }

    /// What the method is, in a few words.
    public var summary: String {
        switch self {
        case .majority: "majority vote"
        case .weighted: "vote weighted by agreement with the majority (crowd-kit's Wawa)"
        case .dawidSkene: "Dawid-Skene: a confusion matrix for each worker, with a prior on its diagonal"
        case .dawidSkeneML: "Dawid-Skene by maximum likelihood, as published"
        case .oneCoin: "Dawid-Skene with one accuracy for each worker"
        case .glad: "GLAD: abilities of workers, easiness of tasks"
        }
    }

    /// Whether a task's figures are shares of votes and not probabilities of a model.
    public var isVote: Bool { self == .majority || self == .weighted }

    /// The method with its default settings.
    /// - Parameters:
    ///   - seed: decides ties.
    ///   - contexts: the context of each task, for methods that tell contexts apart; nil: one for all.
    ///   - iterations: at most so many; nil: the method's default.
    public func aggregator(seed: UInt64 = 0, contexts: [Int]? = nil, iterations: Int? = nil) -> any LabelAggregator {
        let options = EMOptions(maxIterations: iterations ?? 100)
        switch self {
        case .majority: return MajorityVote(seed: seed)
        case .weighted: return WeightedVote(seed: seed)
        case .dawidSkene: return DawidSkene(options: options, seed: seed)
        case .dawidSkeneML: return DawidSkene(maximumLikelihood: 0.01, iterations: options.maxIterations, seed: seed)
        case .oneCoin: return OneCoin(options: options, seed: seed)
        case .glad: return GLAD(options: EMOptions(maxIterations: iterations ?? 200, tolerance: 1e-5), seed: seed)
        }
    }
}
