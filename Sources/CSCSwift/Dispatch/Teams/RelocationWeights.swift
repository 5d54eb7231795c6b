internal import Foundation

/// What a learnt coalition rule has learnt about where idle workers wait for their next task (`GameOptions.relocate`;
/// docs/dispatch.md, "Relocation"). All are dimensionless: lengths and times in jobs (`CoalitionMeasures`).
public struct RelocationWeights: Sendable, Hashable {
    /// log of the way over which a task counts 1/e as much as on the spot (jobs).
    public var radius = -2.2
    /// log of how far ahead tasks are expected (jobs).
    public var ahead = -0.7
    /// log of how much a worker takes off the need around it, relative to a task.
    public var crowding = 0.15
    /// How much a worker counts who is not free yet but will be in that time; held to 0 ... 1.
    public var soon = 0.72
    /// How many expected tasks an open task stands for that nobody has been sent to; at least 0.
    public var waiting = 0.6
    /// What a job's time on the way must gain; at least 0.
    public var price = 0.02
    /// What a move must gain whatever its way; at least 0. At 1 nobody moves.
    public var threshold = 0.001

    /// The defaults: learnt on random scenarios (docs/results/relocation.md).
    public init() {}

    /// Weights by which nobody is moved: a move gains less than 1.
    public static let standing: RelocationWeights = {
        var weights = RelocationWeights()
        weights.threshold = 1
        return weights
    }()

    private static let table:
        [(name: String, path: any WritableKeyPath<RelocationWeights, Double> & Sendable, scale: Double)] = [
            ("relocate.radius", \.radius, 0.5), ("relocate.ahead", \.ahead, 0.5),
            ("relocate.crowding", \.crowding, 0.5),
            ("relocate.soon", \.soon, 0.3), ("relocate.waiting", \.waiting, 0.3), ("relocate.price", \.price, 0.2),
            ("relocate.threshold", \.threshold, 0.03),
        ]

    /// The weights' names, in the order of `vector`. O(weights).
    public static var names: [String] { table.map(\.name) }
    /// How far the search moves each weight at first, relative to the others. O(weights).
    public static var scales: [Double] { table.map(\.scale) }

    /// The weights in the order of `names`. O(weights).
    public var vector: [Double] {
        get { Self.table.map { self[keyPath: $0.path] } }
        set {
            precondition(
                newValue.count == Self.table.count,
                "RelocationWeights.vector: \(newValue.count) numbers for \(Self.table.count) weights")
            for (entry, value) in zip(Self.table, newValue) { self[keyPath: entry.path] = value }
        }
    }
}

extension RelocationWeights: Codable {
    /// Reads a mapping of names to numbers, which must name every weight. O(weights^2).
    ///
    /// - Throws: `CSCError.configuration` that names an unknown or a missing weight, or a value that is not finite.
    public init(from decoder: any Decoder) throws {
        let mapping = try decoder.singleValueContainer().decode([String: Double].self)
        self.init()
        for name in mapping.keys.sorted() {
            guard let entry = Self.table.first(where: { $0.name == name }) else {
                throw CSCError.configuration(
                    key: name,
                    reason: "no weight of relocation has this name" + Spelling.hint(for: name, among: Self.names))
            }
            guard let value = mapping[name], value.isFinite else {
                throw CSCError.configuration(key: name, reason: "is not a finite number")
            }
            self[keyPath: entry.path] = value
        }
        let missing = Self.names.filter { mapping[$0] == nil }
        guard missing.isEmpty else {
            throw CSCError.configuration(
                key: "relocation", reason: "missing of its weights: " + missing.joined(separator: ", "))
        }
    }

    /// Writes every weight under its name. O(weights).
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Dictionary(uniqueKeysWithValues: zip(Self.names, vector)))
    }
}
