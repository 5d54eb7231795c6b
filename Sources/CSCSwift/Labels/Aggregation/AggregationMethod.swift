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
    /// `TwoStage`: Dawid-Skene from a spectral start.
    case twoStage = "two-stage"
    /// `OneCoin` with its prior.
    case oneCoin = "one-coin"
    /// `GLAD`.
    case glad = "glad"
    /// `MACE`.
    case mace = "mace"
    /// `BCC`.
    case bcc = "bcc"
    /// `ZeroBasedSkill`.
    case zeroBasedSkill = "zbs"
    /// `MMSR`.
    case mmsr = "mmsr"
    /// `KOS`; two classes.
    case kos = "kos"
    /// `HierarchicalBayes`: the inference of `Pooled`.
    case pooled = "pooled"

    /// Other names by which people know them.
    private static let aliases: [String: AggregationMethod] = [
        "majority": .majority, "bayes": .pooled, "ibcc": .bcc, "zero-based-skill": .zeroBasedSkill, "m-msr": .mmsr,
        "wawa": .weighted, "dawid-skene": .dawidSkene,
        "dawid-skene-ml": .dawidSkeneML, "spectral": .twoStage,
    ]

    /// All names, in order. O(methods).
    public static var names: [String] { allCases.map(\.rawValue) }

    /// The method of a name, or of another name that people know it by (wawa, dawid-skene); nil if there is none.
    public init?(name: String) {
        guard let method = Self(rawValue: name) ?? Self.aliases[name] else { return nil }
        self = method
    }

    /// Those worth comparing where no truth is known: with a model of their own, and majority vote.
    public static let comparable: [AggregationMethod] = [.majority, .dawidSkene, .oneCoin, .glad, .pooled]

    /// What the method is, in a few words.
    public var summary: String {
        switch self {
        case .majority: "majority vote"
        case .weighted: "vote weighted by agreement with the majority (crowd-kit's Wawa)"
        case .dawidSkene: "Dawid-Skene: a confusion matrix for each worker, with a prior on its diagonal"
        case .dawidSkeneML: "Dawid-Skene by maximum likelihood, as published"
        case .twoStage: "confusion matrices by the method of moments, then Dawid-Skene from there"
        case .oneCoin: "Dawid-Skene with one accuracy for each worker"
        case .glad: "GLAD: abilities of workers, easiness of tasks"
        case .mace: "MACE: workers who at times answer without looking"
        case .bcc: "independent Bayesian classifier combination: Dawid-Skene averaged over a prior"
        case .zeroBasedSkill: "crowd-kit's zero-based skill"
        case .mmsr: "M-MSR: skills from pairwise agreement, outliers left out"
        case .kos: "Karger, Oh and Shah's message passing, for two classes"
        case .pooled: "also bayes: hierarchical Bayes, as in sessions"
        }
    }

    /// Whether a task's figures are shares of votes and not probabilities of a model.
    public var isVote: Bool {
        self == .majority || self == .weighted || self == .zeroBasedSkill || self == .kos
    }

    /// Whether the method listens to models (`LabelStore.soft`).
    public var takesSoft: Bool {
        [.dawidSkene, .dawidSkeneML, .twoStage, .oneCoin, .bcc, .pooled].contains(self)
    }

    /// Whether the method takes so many classes: KOS takes two.
    /// - Throws: `CSCError.invalid` where it does not.
    public func check(classes: Int) throws(CSCError) {
        guard self == .kos, classes != 2 else { return }
        throw .invalid("kos takes two classes, the labels have \(classes)")
    }

    /// The method with its default settings.
    /// - Parameters:
    ///   - seed: decides ties.
    ///   - contexts: the context of each task, for methods that tell contexts apart; nil: one for all.
    ///   - families: the family of each worker, for `pooled`; nil: everyone is alone.
    ///   - iterations: at most this many; nil: the method's default.
    public func aggregator(seed: UInt64 = 0, contexts: [Int]? = nil, families: [Int]? = nil, iterations: Int? = nil)
        -> any LabelAggregator
    {
        let options = EMOptions(maxIterations: iterations ?? 100)
        switch self {
        case .majority: return MajorityVote(seed: seed)
        case .weighted: return WeightedVote(seed: seed)
        case .dawidSkene: return DawidSkene(options: options, seed: seed)
        case .dawidSkeneML: return DawidSkene(maximumLikelihood: 0.01, iterations: options.maxIterations, seed: seed)
        case .twoStage: return TwoStage(options: options, seed: seed)
        case .oneCoin: return OneCoin(options: options, seed: seed)
        case .glad: return GLAD(options: EMOptions(maxIterations: iterations ?? 200, tolerance: 1e-5), seed: seed)
        case .mace: return MACE(seed: seed)
        case .bcc:
            return BCC(
                options: EMOptions(maxIterations: iterations ?? 100, priorRight: 2, priorWrong: 1, smoothing: 1),
                seed: seed)
        case .zeroBasedSkill: return ZeroBasedSkill(seed: seed)
        case .mmsr: return MMSR(seed: seed)
        case .kos: return KOS(seed: seed)
        case .pooled: return HierarchicalBayes(contexts: contexts, families: families, seed: seed)
        }
    }
}
