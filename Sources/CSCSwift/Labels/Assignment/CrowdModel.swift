/// The models of tasks and workers that `Pooled` has of two classes. It asks by the first; the second has a say in the
/// posteriors, by how well either predicts held-out labels.
enum CrowdModel: String, Sendable, Codable, CaseIterable {
    /// Workers differ in accuracy and lean a little to a class, as they are found to; all tasks are as difficult.
    case leaning
    /// Workers lean widely: accuracies that differ by class. And some tasks are so difficult that an answer on them hardly
    /// depends on their class: people who err alike on them are not taken for a class.
    case wide

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
    var leanDeviation: Double? { self == .wide ? 1.5 : nil }
}
