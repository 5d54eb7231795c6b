/// k-means (Lloyd's iterations from k-means++ starts): how instances are cut into contexts.
package enum KMeans {
    /// A partition of rows into clusters.
    package struct Clustering: Sendable, Hashable {
        /// The cluster of each row, numbered by first appearance.
        package var assignments: [Int]
        /// The sum of squared distances to the centres.
        package var inertia: Double
    }

    /// The best of `restarts` clusterings of the rows into k non-empty clusters. The same seed gives the same clusters.
    /// O(restarts iterations rows k width).
    ///
    /// - Precondition: 1 <= k <= number of rows; rows of one width.
    package static func cluster(_ rows: [[Double]], k: Int, restarts: Int = 20, seed: UInt64 = 0) -> Clustering {
        precondition(k >= 1 && k <= rows.count, "KMeans: k \(k) for \(rows.count) rows")
        precondition(rows.allSatisfy { $0.count == rows[0].count }, "KMeans: rows of several widths")
        var best: Clustering?
        for restart in 0..<restarts {
            var stream = RandomStream(seed: seed, purpose: .clustering, index: UInt64(restart))
            let found = lloyd(rows, centres: start(rows, k: k, &stream))
            if best == nil || found.inertia < best!.inertia { best = found }
        }
        var renumber: [Int: Int] = [:]
        best!.assignments = best!.assignments.map { cluster in
            if renumber[cluster] == nil { renumber[cluster] = renumber.count }
            return renumber[cluster]!
        }
        return best!
    }

    /// Each column less its mean, over its standard deviation (of the population); constant columns become 0.
    package static func standardized(_ rows: [[Double]]) -> [[Double]] {
        guard let width = rows.first?.count else { return [] }
        var out = rows
        for column in 0..<width {
            let mean = rows.reduce(0) { $0 + $1[column] } / Double(rows.count)
            let variance = rows.reduce(0) { $0 + ($1[column] - mean) * ($1[column] - mean) } / Double(rows.count)
            let sd = variance.squareRoot()
            for row in rows.indices { out[row][column] = sd > 0 ? (rows[row][column] - mean) / sd : 0 }
        }
        return out
    }

    private static func squaredDistance(_ x: [Double], _ y: [Double]) -> Double {
        var sum = 0.0
        for k in x.indices { sum += (x[k] - y[k]) * (x[k] - y[k]) }
        return sum
    }

    /// k-means++ ([Arthur07]): each centre a row drawn in proportion to its squared distance.
    private static func start(_ rows: [[Double]], k: Int, _ stream: inout RandomStream) -> [[Double]] {
        var centres = [rows[stream.index(below: rows.count)]]
        var distance = rows.map { squaredDistance($0, centres[0]) }
        while centres.count < k {
            let total = distance.reduce(0, +)
            var left = stream.unit() * total
            var chosen = rows.count - 1
            if total == 0 {
                chosen = stream.index(below: rows.count)
            } else {
                for (row, d) in distance.enumerated() {
                    left -= d
                    if left < 0 {
                        chosen = row
                        break
                    }
                }
            }
            centres.append(rows[chosen])
            for row in rows.indices { distance[row] = min(distance[row], squaredDistance(rows[row], rows[chosen])) }
        }
        return centres
    }

    private static func lloyd(_ rows: [[Double]], centres start: [[Double]]) -> Clustering {
        var centres = start
        var assignments = [Int](repeating: -1, count: rows.count), inertia = 0.0
        for _ in 0..<300 {
            inertia = 0
            var changed = false
            var farthest = (row: 0, distance: -1.0)
            for row in rows.indices {
                var nearest = 0, least = Double.infinity
                for (c, centre) in centres.enumerated() {
                    let d = squaredDistance(rows[row], centre)
                    if d < least { (nearest, least) = (c, d) }
                }
                if assignments[row] != nearest { changed = true }
                assignments[row] = nearest
                inertia += least
                if least > farthest.distance { farthest = (row, least) }
            }
            var sums = centres.map { $0.map { _ in 0.0 } }, counts = [Int](repeating: 0, count: centres.count)
            for row in rows.indices {
                counts[assignments[row]] += 1
                for column in rows[row].indices { sums[assignments[row]][column] += rows[row][column] }
            }
            if let empty = counts.firstIndex(of: 0) {  // an empty cluster takes the row that is worst served
                centres[empty] = rows[farthest.row]
                continue
            }
            guard changed else { break }
            for c in centres.indices { centres[c] = sums[c].map { $0 / Double(counts[c]) } }
        }
        return Clustering(assignments: assignments, inertia: inertia)
    }
}
