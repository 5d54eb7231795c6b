/// L_Lambda(phi) = E[(sum_t r(phi) - eta sum_t rho)^2] ([CAFE]), an exact quadratic in phi.
///
/// One row a trajectory, here an agent's episode: the sums of its K reward features, and its target, eta times the
/// money that it brought. The expectation is the mean over rows.
package struct CreditRegularizer: Sendable {
    /// K: number of reward features.
    package let features: Int
    /// Feature sums, `[count, K]`.
    package private(set) var sums: [Double] = []
    /// eta * sum_t rho, `[count]`.
    package private(set) var targets: [Double] = []
    /// Number of trajectories.
    package var count: Int { targets.count }

    /// No trajectories yet; `features` is K, at least 1.
    package init(features: Int) {
        precondition(features > 0, "CreditRegularizer: \(features) features")
        self.features = features
    }

    /// Adds a trajectory: its K feature sums, and eta times its money. O(K).
    package mutating func append(sums row: [Double], target: Double) {
        precondition(row.count == features, "CreditRegularizer: a row of \(row.count), \(features) features")
        sums += row
        targets.append(target)
    }

    /// L_Lambda, its gradient `[K]` and its Hessian `[K, K]` at phi. O(count K^2).
    package func evaluate(_ phi: [Double]) -> (value: Double, gradient: [Double], hessian: [Double]) {
        precondition(phi.count == features, "CreditRegularizer: phi has \(phi.count) of \(features) weights")
        var value = 0.0
        var gradient = [Double](repeating: 0, count: features)
        var hessian = [Double](repeating: 0, count: features * features)
        let each = 1 / Double(max(count, 1))
        for row in 0..<count {
            let base = row * features
            var error = -targets[row]
            for k in 0..<features { error += phi[k] * sums[base + k] }
            value += each * error * error
            for k in 0..<features {
                gradient[k] += 2 * each * error * sums[base + k]
                for l in 0..<features { hessian[k * features + l] += 2 * each * sums[base + k] * sums[base + l] }
            }
        }
        return (value, gradient, hessian)
    }

    /// The root mean square over trajectories of the credit phi . sums. O(count K).
    package func rms(_ phi: [Double]) -> Double {
        var total = 0.0
        for row in 0..<count {
            var credit = 0.0
            for k in 0..<features { credit += phi[k] * sums[row * features + k] }
            total += credit * credit
        }
        return (total / Double(max(count, 1))).squareRoot()
    }

    /// What a refinement of phi did.
    package struct Solution: Sendable, Equatable {
        /// phi*, `[K]`.
        package var phi: [Double]
        /// L_Lambda at the phi that the solve started from.
        package var before: Double
        /// L_Lambda at phi*.
        package var after: Double
        /// Directions of phi that the trajectories determine.
        package var rank: Int
        /// Which weights ended on their lower bound.
        package var bounded: [Bool]
    }

    /// The damped Newton step phi* = phi - (L'' + damping s I)^-1 L', with s the mean diagonal of L'', in the
    /// directions that the trajectories determine (minimum norm: the others stay), subject to lower bounds.
    ///
    /// With damping 0 it is the exact minimiser over the batch nearest to phi. Weights that would fall under their
    /// bound are held there and the others solved again, so at most K solves. O(K (count K^2 + K^3)).
    ///
    /// - Throws: `CSCError.invalid` where a sum is not finite.
    package func solve(from phi: [Double], damping: Double = 1e-3, lower: [Double?]? = nil) throws -> Solution {
        let bounds = lower ?? [Double?](repeating: nil, count: features)
        precondition(bounds.count == features, "CreditRegularizer: \(bounds.count) bounds of \(features)")
        var start = phi
        var held = [Bool](repeating: false, count: features)
        let before = evaluate(phi).value
        var answer = phi, rank = 0
        for _ in 0...features {
            let free = (0..<features).filter { !held[$0] }
            let (_, gradient, hessian) = evaluate(start)
            let n = free.count
            var block = [Double](repeating: 0, count: n * n)
            for (i, k) in free.enumerated() {
                for (j, l) in free.enumerated() { block[i * n + j] = hessian[k * features + l] }
            }
            let scale = n == 0 ? 0 : (0..<n).reduce(0) { $0 + block[$1 * n + $1] } / Double(n)
            let values: [Double], vectors: [Double]
            if n > 0 {
                let eigen = try SymmetricEigen(block, dimension: n)
                (values, vectors) = (eigen.values, eigen.vectors)
            } else {
                (values, vectors) = ([], [])
            }
            answer = start
            rank = 0
            for e in 0..<n where values[e] > 1e-10 * max(values.max() ?? 0, 1e-300) {
                rank += 1
                var along = 0.0
                for i in 0..<n { along += vectors[e * n + i] * gradient[free[i]] }
                let step = along / (values[e] + damping * scale)
                for i in 0..<n { answer[free[i]] -= step * vectors[e * n + i] }
            }
            let fallen = free.filter { k in bounds[k].map { answer[k] < $0 } ?? false }
            if fallen.isEmpty { break }
            for k in fallen {
                held[k] = true
                start[k] = bounds[k]!
                answer[k] = bounds[k]!
            }
        }
        return Solution(phi: answer, before: before, after: evaluate(answer).value, rank: rank, bounded: held)
    }
}
