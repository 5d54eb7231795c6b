internal import Foundation

/// Swift parameter refinement ([CAFE], Fig. 6): when the tasks change, refit the credit on a few
/// trajectories, carry the policy along the implicit function, then update it a few times.
///
/// 1. `CreditRegularizer.solve`: phi* = phi^ - L''^-1 L', damped, minimum-norm, exact on the batch. The authors' steps
///    take every weight by itself on one trajectory, whose L'' has rank 1, and so over-correct K-fold.
/// 2. `carry`: theta* = theta^ - (d2J/dtheta2)^-1 d2J/(dtheta dphi) (phi* - phi^), kept inside a trust region.
/// 3. PPO as in training, on the new tasks' episodes.
package enum Refinement {
    /// How far phi and theta may move, and how many updates follow.
    package struct Options: Sendable, Hashable, Codable {
        /// Relative damping of the solve of phi; 0 is exact on the batch.
        package var damping = 1e-3
        /// Lower bound of the first weight; keeps the learnt credit from being fitted away. The bound is ours.
        package var floor = 0.2
        /// Largest mean KL(pi_old || pi_new) that carrying theta may cause, nats.
        package var maxDivergence = 0.02
        /// Policy updates after the solve.
        package var updates = 4
        /// eta: the share of the money that the credit should sum to.
        package var revenueScale = 0.1

        /// A lightly damped solve with phi_1 at least .2, then 4 updates.
        package init() {}

        /// Throws `CSCError.configuration` for the first field out of range; keys carry the prefix `refine.`.
        package func validate() throws(CSCError) {
            func require(_ holds: Bool, _ key: String, _ reason: String) throws(CSCError) {
                if !holds { throw CSCError.configuration(key: "refine." + key, reason: reason) }
            }
            try require(damping >= 0, "damping", "is \(damping), must not be negative")
            try require(maxDivergence > 0, "maxDivergence", "is \(maxDivergence), must be positive")
            try require(updates >= 0, "updates", "is \(updates), must not be negative")
            try require(revenueScale > 0, "revenueScale", "is \(revenueScale), must be positive")
        }
    }

    /// What carrying theta along the implicit function did.
    package struct Carry: Sendable {
        /// All the actor's parameters after the step; unchanged unless `solve.status` is `.usable`.
        package var parameters: [Float]
        /// The solve for the step of theta: iterations, residual, why it stopped.
        package var solve: CurvatureSolveReport
        /// The share of the full step that the trust region admits, in (0, 1].
        package var scale: Double
        /// Mean KL(pi_before || pi_after) over the batch, nats.
        package var divergence: Double
    }

    /// theta* for a change of phi; `columns` are d2J/(dtheta dphi_k) at the surrogate's position, `[K][P]`.
    ///
    /// The step is shortened until the mean KL is at most `maxDivergence` (KL grows with the square of the step, so
    /// one or two corrections suffice). The surrogate stays where it was. O(solve + 8 forward passes).
    package static func carry(
        _ surrogate: PolicySurrogate, advantages: [Float], columns: [[Float]], change: [Double],
        gradientOptions: ImplicitGradientOptions, maxDivergence: Double
    ) -> Carry {
        let (step, report) = ImplicitGradient.response(
            columns: columns, change: change, options: gradientOptions,
            product: surrogate.curvatureProduct(advantages, options: gradientOptions))
        guard report.status == .usable else {
            return Carry(parameters: surrogate.position, solve: report, scale: 1, divergence: 0)
        }
        var scale = 1.0
        var parameters = surrogate.moved(by: step)
        var divergence = surrogate.divergence(to: parameters)
        for _ in 0..<8 where !(divergence <= maxDivergence) {
            scale *= divergence.isFinite ? min(0.9 * (maxDivergence / divergence).squareRoot(), 0.9) : 0.1
            parameters = surrogate.moved(by: step, scale: Float(scale))
            divergence = surrogate.divergence(to: parameters)
        }
        return Carry(parameters: parameters, solve: report, scale: scale, divergence: divergence)
    }
}
