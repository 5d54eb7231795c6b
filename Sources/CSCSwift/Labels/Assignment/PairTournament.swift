/// The largest key of a table of (row, column) pairs, kept up to date while rows, columns and single pairs change.
///
/// Representation: one tournament a row over its columns, one over the rows' winners. Equal keys are ordered by a random
/// number of the pair. A row costs O(columns), a column O(rows log columns), reading the best pair O(1).
struct PairTournament: Sendable {
    private let rows: Int
    private let columns: Int
    private let leaves: Int
    /// Row r's tree: nodes[r * 2 * leaves + 1] is its root; a node holds the winning column, -1 past the end.
    private var nodes: [Int32]
    private(set) var keys: [Double]
    private let rank: [UInt32]
    private var winners: Tournament

    /// All keys -infinity, all pairs open.
    init(rows: Int, columns: Int, stream: inout RandomStream) {
        self.rows = rows
        self.columns = columns
        var leaves = 1
        while leaves < columns { leaves *= 2 }
        self.leaves = leaves
        nodes = [Int32](repeating: -1, count: rows * 2 * leaves)
        keys = [Double](repeating: -.infinity, count: rows * columns)
        rank = (0..<rows * columns).map { _ in UInt32(truncatingIfNeeded: stream.next()) }
        var order = (0..<rows).map(Int32.init)
        stream.shuffle(&order)
        winners = Tournament(order: order)
        closed = [Bool](repeating: false, count: rows * columns)
    }

    private var closed: [Bool]

    /// The open pair with the largest key; `nil` if every pair is closed. O(1).
    var best: (row: Int, column: Int)? {
        guard let row = winners.least else { return nil }
        return (row, Int(nodes[row * 2 * leaves + 1]))
    }

    func isClosed(row: Int, column: Int) -> Bool { closed[row * columns + column] }

    /// Takes a pair out permanently; its key stays -infinity.
    mutating func close(row: Int, column: Int) { closed[row * columns + column] = true }

    /// New keys of one row. O(columns + log rows).
    mutating func setRow(_ row: Int, _ values: [Double]) {
        let base = row * columns, tree = row * 2 * leaves
        for column in 0..<columns {
            keys[base + column] = closed[base + column] ? -.infinity : values[column]
            nodes[tree + leaves + column] = Int32(column)
        }
        var node = leaves - 1
        while node >= 1 {
            nodes[tree + node] = winner(base, nodes[tree + 2 * node], nodes[tree + 2 * node + 1])
            node -= 1
        }
        winners.set(row, -keys[base + Int(nodes[tree + 1])])
    }

    /// New keys of one column. O(rows log columns).
    mutating func setColumn(_ column: Int, _ values: [Double]) {
        for row in 0..<rows {
            let base = row * columns, tree = row * 2 * leaves
            keys[base + column] = closed[base + column] ? -.infinity : values[row]
            var node = (leaves + column) / 2
            while node >= 1 {
                let new = winner(base, nodes[tree + 2 * node], nodes[tree + 2 * node + 1])
                if new == nodes[tree + node] && new != Int32(column) { break }  // the change is lost on the way up
                nodes[tree + node] = new
                node /= 2
            }
            winners.stage(row, -keys[base + Int(nodes[tree + 1])])
        }
        winners.repair(0..<rows)
    }

    private func winner(_ base: Int, _ x: Int32, _ y: Int32) -> Int32 {
        if y < 0 { return x }
        if x < 0 { return y }
        let i = base + Int(x), j = base + Int(y)
        if keys[i] != keys[j] { return keys[i] > keys[j] ? x : y }
        return rank[i] <= rank[j] ? x : y
    }
}
