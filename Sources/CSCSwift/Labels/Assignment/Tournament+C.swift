internal import CCore

/// The least of n keys, the smallest tie-break number winning among equal keys: a tournament tree.
///
/// Reading the winner is O(1), one change O(log n), a change of a whole range O(length + log n). An infinite key never
/// wins.
struct Tournament: Sendable, Codable {
    private let leaves: Int
    /// nodes[1] is the root; nodes[leaves + p] is position p. A node holds the winning position below it, -1 for none.
    private var nodes: [Int32]
    private var keys: [Double]
    private let order: [Int32]

    /// All keys infinite. `order[p]` breaks ties between positions.
    init(order: [Int32]) {
        var leaves = 1
        while leaves < order.count { leaves *= 2 }
        self.leaves = leaves
        self.order = order
        keys = [Double](repeating: .infinity, count: order.count)
        nodes = [Int32](repeating: -1, count: 2 * leaves)
        for position in order.indices { nodes[leaves + position] = Int32(position) }
        repair(order.indices)
    }

    /// The position with the least key, `nil` if all are infinite. O(1).
    var least: Int? {
        let position = nodes[1]
        return position >= 0 && keys[Int(position)] < .infinity ? Int(position) : nil
    }

    func key(_ position: Int) -> Double { keys[position] }

    /// Changes one key. O(log n).
    mutating func set(_ position: Int, _ key: Double) {
        keys[position] = key
        repair(position..<position + 1)
    }

    /// Changes one key without repairing the tree; call `repair` over the range afterwards. O(1).
    mutating func stage(_ position: Int, _ key: Double) { keys[position] = key }

    /// Repairs the tree over a range of staged keys. O(length + log n).
    mutating func repair(_ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= keys.count, "Tournament: \(range) of \(keys.count)")
        cafe_tournament_repair(
            &nodes, keys, order, Int64(leaves), Int64(range.lowerBound), Int64(range.upperBound))
    }
}
