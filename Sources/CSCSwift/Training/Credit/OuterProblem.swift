internal import Foundation

/// The outer level's derivatives on one rollout: the policy surrogate of some decisions, the advantage of every
/// weighted reward feature, that of the outer objective, and L_Lambda.
///
/// Advantages are in the units in which PPO uses them (reward scale, standardised). From each a linear function of
/// what the critic sees is subtracted, fitted by least squares: a baseline that depends on the state alone, so the
/// policy gradients keep their expectation and lose most of their variance.
package struct OuterProblem {
    /// Objective, step size and weight of L_Lambda.
    package let options: OuterOptions
    /// The reward columns with a weight, in the order of phi.
    package let columns: [Int]
    /// phi of these columns.
    package let phi: [Double]
    /// The inner J on the n decisions taken, as a function of theta.
    package let surrogate: PolicySurrogate
    /// [K][n]: standardised advantage of each column at weight 1.
    package let features: [[Float]]
    /// [n]: standardised advantage of the outer objective.
    package let outer: [Float]
    /// L_Lambda over the agents' episodes of the rollout, in the phi of `columns`.
    package let regularizer: CreditRegularizer
    private let learnt: [Bool]

    /// Takes `options.decisions` decisions of the rollout at random (all where there are fewer). The surrogate stands
    /// at the policy's present parameters.
    ///
    /// - Throws: `CSCError.invalid` for a flat policy, whose logits are not one per row, or where nothing was decided.
    package init(_ rollout: RolloutBuffer, learner: Learner, options: OuterOptions, seed: UInt64) throws {
        self.options = options
        let policy = learner.policy
        guard policy.design.kind == .pair else {
            throw CSCError.invalid("the outer level needs network.policy pair")
        }
        let rewards = learner.rewards
        columns = rewards.phi.indices.filter { rewards.phi[$0] != 0 }
        phi = columns.map { rewards.phi[$0] }
        learnt = columns.map { CreditAssignment.learntColumns.contains(rewards.features[$0].name) }
        var acted = (0..<rollout.count).filter { rollout.actions[$0] >= 0 && rollout.decisions.choices($0) > 1 }
        guard acted.count > 1 else { throw CSCError.invalid("the outer level has no decisions to learn from") }
        var stream = RandomStream(seed: seed, purpose: .autoencoder, index: 1 << 40 | UInt64(learner.iteration))
        stream.shuffle(&acted)
        acted = acted.prefix(options.decisions).sorted()
        surrogate = PolicySurrogate(
            shape: policy.actorShape, batch: Self.batch(rollout, acted), origin: policy.actor,
            entropyWeight: learner.settings.entCoef, layers: options.gradient.layers)

        let baseline = Baseline(rollout, acted)
        var buffer: [Float] = []
        var parts: [[Float]] = []
        for column in columns {
            learner.columnAdvantages(rollout, column: column, into: &buffer)
            parts.append(baseline.residual(acted.map { buffer[$0] }))
        }
        var total = [Float](repeating: 0, count: acted.count)
        for (part, weight) in zip(parts, phi) {
            for i in total.indices { total[i] += Float(weight) * part[i] }
        }
        let unit = 1 / max(Self.deviation(total), 1e-12)
        features = parts.map { part in part.map { $0 * unit } }
        let money = rollout.column("share")
        switch options.objective {
        case .same: outer = total.map { $0 * unit }
        case .revenue, .share:
            let column = options.objective == .share ? money : rollout.column(RolloutBuffer.team)
            learner.columnAdvantages(rollout, column: column, into: &buffer)
            let residual = baseline.residual(acted.map { buffer[$0] })
            let scale = 1 / max(Self.deviation(residual), 1e-12)
            outer = residual.map { $0 * scale }
        }
        regularizer = CreditData.regularizer(
            rollout, columns: columns, money: money, revenueScale: options.revenueScale)
    }

    /// The standardised advantage of the inner objective at these weights.
    package func advantages(_ weights: [Double]) -> [Float] {
        var total = [Float](repeating: 0, count: outer.count)
        for (part, weight) in zip(features, weights) {
            for i in total.indices { total[i] += Float(weight) * part[i] }
        }
        return total
    }

    /// The columns of d2J/(dtheta dphi), `[K][P]`.
    package func crossDerivatives() -> [[Float]] { features.map { surrogate.gradient($0, pure: true) } }

    /// dF/dphi at phi.
    package func gradient(damping: Double? = nil) -> ImplicitGradientReport {
        let same = options.objective == .same
        let inner = advantages(phi)
        let outerGradient = same ? surrogate.gradient(inner) : surrogate.gradient(outer, pure: true)
        let direct = features.map { part in
            same ? part.reduce(0.0) { $0 + Double($1) } / Double(max(part.count, 1)) : 0
        }
        let slope = regularizer.evaluate(phi).gradient.map { options.regularization * $0 }
        return ImplicitGradient.gradient(
            outerGradient: outerGradient, columns: crossDerivatives(), direct: direct, regularization: slope,
            options: options.gradient, damping: damping,
            product: surrogate.curvatureProduct(inner, options: options.gradient))
    }

    /// Moves the weights of these columns: each by at most 1, learnt ones not below 1e-6 (the authors' program).
    package func step(_ phi: inout [Double], along gradient: [Double]) {
        for (k, column) in columns.enumerated() {
            phi[column] += min(max(options.learningRate * gradient[k], -1), 1)
            if learnt[k] { phi[column] = max(phi[column], 1e-6) }
        }
    }

    private static func batch(_ rollout: RolloutBuffer, _ acted: [Int]) -> PolicySurrogate.Batch {
        let store = rollout.decisions, width = store.layout.rowWidth
        var rows: [Float] = [], offsets: [Int32] = [0]
        for i in acted {
            rows += store.rows[Int(store.offsets[i]) * width..<Int(store.offsets[i + 1]) * width]
            offsets.append(offsets[offsets.count - 1] + Int32(store.choices(i)))
        }
        return PolicySurrogate.Batch(
            rows: rows, offsets: offsets, actions: acted.map { rollout.actions[$0] },
            oldLogProbabilities: acted.map { rollout.logProbabilities[$0] })
    }

    private static func deviation(_ values: [Float]) -> Float {
        let mean = values.reduce(0.0) { $0 + Double($1) } / Double(max(values.count, 1))
        let square = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        return Float((square / Double(max(values.count, 1))).squareRoot())
    }

    /// Least squares on what the critic sees and a constant, ridge 1e-3.
    private struct Baseline {
        private let inputs: [Double]  // [n, W]
        private let gram: [Double]  // [W, W]: X^T X + 1e-3 n
        private let width: Int
        private let count: Int

        /// O(n W^2).
        init(_ rollout: RolloutBuffer, _ acted: [Int]) {
            let source = rollout.decisions.layout.criticWidth
            width = source + 1
            count = acted.count
            var made: [Double] = []
            made.reserveCapacity(count * width)
            for i in acted {
                for j in 0..<source { made.append(Double(rollout.decisions.criticInput[i * source + j])) }
                made.append(1)
            }
            inputs = made
            var products = [Double](repeating: 0, count: width * width)
            for i in 0..<count {
                for j in 0..<width {
                    let value = made[i * width + j]
                    if value == 0 { continue }
                    for k in 0..<width { products[j * width + k] += value * made[i * width + k] }
                }
            }
            for j in 0..<width { products[j * width + j] += 1e-3 * Double(count) }
            gram = products
        }

        /// y minus its fit; y minus its mean where the system cannot be solved. O(n W + W^3).
        func residual(_ y: [Float]) -> [Float] {
            var right = [Double](repeating: 0, count: width)
            for i in 0..<count {
                for j in 0..<width { right[j] += inputs[i * width + j] * Double(y[i]) }
            }
            var factor = gram
            var matrix = factor.mutableSpan
            var answer = right.mutableSpan
            let outcome = PositiveDefinite.solve(matrix: &matrix, rightHandSides: &answer, dimension: width)
            if outcome != .solved {
                let mean = y.reduce(0, +) / Float(max(count, 1))
                return y.map { $0 - mean }
            }
            return (0..<count).map { i in
                var fit = 0.0
                for j in 0..<width { fit += right[j] * inputs[i * width + j] }
                return Float(Double(y[i]) - fit)
            }
        }
    }
}
