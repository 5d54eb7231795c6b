/// The models of tasks and workers that `Pooled` has of two classes. It asks by the first; the others have a say in the
/// posteriors, by how well each predicts held-out labels.
enum CrowdModel: String, Sendable, Codable, CaseIterable {
    /// Workers differ in accuracy and lean to a class; all tasks are as difficult.
    case leaning
    /// The same, and some tasks are so difficult that an answer on them hardly depends on their class: people who err
    /// alike on them are not taken for a class.
    case difficulty
    /// The same, and workers lean widely, the classes being equally frequent: accuracies that differ by class.
    case biased

    /// One level of difficulty: what the log odds of being right are multiplied by on tasks of it, and how frequent it is.
    struct Level: Sendable {
        var scale: Double
        var share: Double
    }

    /// Hardest first.
    var levels: [Level] {
        self == .leaning
            ? [Level(scale: 1, share: 1)] : [Level(scale: 0.1, share: 0.15), Level(scale: 1.3, share: 0.85)]
    }

    /// The standard deviation of the leanings, where it is not learned.
    var leanDeviation: Double? { self == .biased ? 1.5 : nil }

    /// Whether the frequencies of the classes are learned.
    var learnsFrequencies: Bool { self != .biased }

    /// By how much more log-probability of a held-out label, in nats, it must predict to weigh as much as the others. Wide
    /// leanings explain anything a little better.
    var handicap: Double { self == .biased ? 0.005 : 0 }

    /// What it assumes, for the sentence of `findings`.
    var sentence: String {
        switch self {
        case .leaning: "all tasks as difficult"
        case .difficulty: "some tasks too difficult for anybody"
        case .biased: "accuracies that differ by class"
        }
    }
}
