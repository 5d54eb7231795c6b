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

    private typealias Entry = WeightTable<RelocationWeights>.Entry

    private static let table = WeightTable<RelocationWeights>(
        entries: [
            Entry("relocate.radius", \.radius, 0.5), Entry("relocate.ahead", \.ahead, 0.5),
            Entry("relocate.crowding", \.crowding, 0.5), Entry("relocate.soon", \.soon, 0.3),
            Entry("relocate.waiting", \.waiting, 0.3), Entry("relocate.price", \.price, 0.2),
            Entry("relocate.threshold", \.threshold, 0.03),
        ], owner: "relocation", key: "relocation")

    /// The weights' names, in the order of `vector`. O(weights).
    public static var names: [String] { table.names }
    /// How far the search moves each weight at first, relative to the others. O(weights).
    public static var scales: [Double] { table.scales }

    /// The weights in the order of `names`. O(weights).
    public var vector: [Double] {
        get { Self.table.vector(of: self) }
        set { Self.table.set(&self, to: newValue) }
    }
}

extension RelocationWeights: Codable {
    /// Reads a mapping of names to numbers, which must name every weight. O(weights^2).
    ///
    /// - Throws: `CSCError.configuration` that names an unknown or a missing weight, or a value that is not finite.
    public init(from decoder: any Decoder) throws {
        self.init()
        try Self.table.read(&self, from: decoder)
    }

    /// Writes every weight under its name. O(weights).
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        try Self.table.write(self, to: encoder)
    }
}
