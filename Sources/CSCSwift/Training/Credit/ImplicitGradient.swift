internal import Foundation

/// How the outer level differentiates through the inner one ([CAFE], "Implicitly Learning").
public struct ImplicitGradientOptions: Sendable, Hashable, Codable {
    /// The curvature that stands for -d2J/dtheta2.
    public enum Product: String, Sendable, Codable, CaseIterable {
        /// The Hessian itself; indefinite away from an inner optimum, so the damping may have to grow.
        case exact
        /// The Fisher (Gauss-Newton) matrix times `fisherWeight`; positive semi-definite.
        case gaussNewton
    }

    /// Which curvature the conjugate gradient multiplies by.
    public var product = Product.gaussNewton
    /// Multiplies the Fisher matrix. With entropy weight c and an exact inner optimum the true curvature in logit
    /// space is c times it; 1 makes the response of theta to phi one natural-gradient step.
    public var fisherWeight = 1.0
    /// Layers whose parameters vary, counted from the output; 0 means all. The authors vary the last ones.
    public var layers = 0
    /// Damping to begin with; adapted between and within solves.
    public var damping = 0.1
    /// Clean solves lower the damping by a third each, but not below this.
    public var minDamping = 1e-4
    /// Failed solves raise the damping fourfold each, but not above this.
    public var maxDamping = 1e4
    /// Conjugate-gradient iterations of one solve at most; each takes one curvature product.
    public var maxIterations = 20
    /// Relative residual at which a solve has converged.
    public var tolerance = 1e-2
    /// Solves tried, each with four times the damping of the last, before the gradient is given up.
    public var maxAttempts = 8

    /// Gauss-Newton products over all layers, at most 20 iterations.
    public init() {}

    /// Throws `CSCError.configuration` for the first field out of range; keys carry the prefix `outer.`.
    public func validate() throws(CSCError) {
        func require(_ holds: Bool, _ key: String, _ reason: String) throws(CSCError) {
            if !holds { throw CSCError.configuration(key: "outer." + key, reason: reason) }
        }
        try require(fisherWeight > 0, "fisherWeight", "is \(fisherWeight), must be positive")
        try require(layers >= 0, "layers", "is \(layers), must not be negative")
        try require(
            minDamping > 0 && minDamping <= damping && damping <= maxDamping, "damping",
            "needs 0 < minDamping (\(minDamping)) <= damping (\(damping)) <= maxDamping (\(maxDamping))")
        try require(maxIterations > 0, "maxIterations", "is \(maxIterations), must be positive")
        try require(tolerance > 0 && tolerance < 1, "tolerance", "is \(tolerance), must be in (0, 1)")
        try require(maxAttempts > 0, "maxAttempts", "is \(maxAttempts), must be positive")
    }
}

/// Whether a gradient can be used, and if not, why.
public enum ImplicitGradientStatus: String, Sendable, Codable {
    /// The gradient is finite and not zero.
    case usable
    /// Every component is zero: the outer gradient, the cross derivatives, or their product vanish.
    case zero
    /// A NaN or an infinity in the inputs or in the solution.
    case nonFinite
    /// Negative curvature at the largest damping tried.
    case indefinite
}

/// What one solve with the damped curvature did.
public struct CurvatureSolveReport: Sendable, Equatable, Codable {
    /// Whether the solution can be used, and if not, why.
    public var status = ImplicitGradientStatus.usable
    /// Conjugate-gradient iterations of the last attempt.
    public var iterations = 0
    /// |b - (K + damping I) x| / |b|, recomputed.
    public var residual = 0.0
    /// Smallest curvature met, damping included.
    public var curvature = 0.0
    /// Damping of the last attempt.
    public var damping = 0.0
    /// Solves tried, each with a larger damping than the last; 0 where the right-hand side allowed none.
    public var attempts = 0
    /// Why the last attempt stopped, in the words of the solver.
    public var reason = ""

    /// A report from its fields; by default usable, with no work done.
    public init(
        status: ImplicitGradientStatus = .usable, iterations: Int = 0, residual: Double = 0, curvature: Double = 0,
        damping: Double = 0, attempts: Int = 0, reason: String = ""
    ) {
        self.status = status
        self.iterations = iterations
        self.residual = residual
        self.curvature = curvature
        self.damping = damping
        self.attempts = attempts
        self.reason = reason
    }
}

/// dF/dphi and its three terms, `[K]` each; K is the number of reward features.
public struct ImplicitGradientReport: Sendable, Equatable, Codable {
    /// direct + implicit - regularization: a direction of ascent in phi.
    public var gradient: [Double]
    /// dJ/dphi at fixed theta; zero when the outer J is the real revenue.
    public var direct: [Double]
    /// (dJ/dtheta) (-d2J/dtheta2 + damping I)^-1 (d2J / dtheta dphi).
    public var implicit: [Double]
    /// dL_Lambda/dphi.
    public var regularization: [Double]
    /// The solve behind `implicit`: damping, iterations, true residual, why it stopped.
    public var solve: CurvatureSolveReport
    /// The damping that the next solve should start from.
    public var nextDamping: Double
    /// Whether `gradient` may be used to move phi: the status of the solve.
    public var status: ImplicitGradientStatus { solve.status }
}

/// The bi-level gradient of CAFE by the implicit function theorem.
///
/// With theta*(phi) = argmax_theta J(theta, phi) and F(phi) = J_outer(theta*(phi), phi) - L_Lambda(phi),
///
///     dF/dphi = dJ_outer/dphi + (dJ_outer/dtheta) (-d2J/dtheta2)^-1 (d2J / dtheta dphi) - dL_Lambda/dphi
///
/// (the paper writes the middle term with the sign of the inverse pulled out). The inverse is never formed: one
/// conjugate-gradient solve x = (K + damping I)^-1 dJ_outer/dtheta on products with K = -d2J/dtheta2 or its
/// Gauss-Newton form gives every component as x . column_k. If the outer and the inner J are the same and theta is the
/// inner optimum, the middle term is zero; the status says so instead of a silent zero step.
package enum ImplicitGradient {
    /// Solves (K + damping I) x = b, raising the damping fourfold while K + damping I shows negative curvature or a
    /// solve does not converge; after a clean solve `nextDamping` is two thirds of what was used.
    ///
    /// A solve that ran out of iterations with positive curvature is accepted on the last attempt (truncated Newton);
    /// its residual says how far it got. O(attempts * maxIterations) products.
    package static func solve(
        _ b: [Float], options: ImplicitGradientOptions, damping: Double? = nil,
        product: CurvatureProduct
    ) -> (x: [Float], report: CurvatureSolveReport, nextDamping: Double) {
        let none = [Float](repeating: 0, count: b.count)
        var current = min(max(damping ?? options.damping, options.minDamping), options.maxDamping)
        guard b.allSatisfy({ $0.isFinite }) else {
            let reason = "the right-hand side is not finite"
            return (none, CurvatureSolveReport(status: .nonFinite, damping: current, reason: reason), current)
        }
        guard b.contains(where: { $0 != 0 }) else {
            let reason = "the right-hand side is zero"
            return (none, CurvatureSolveReport(status: .zero, damping: current, reason: reason), current)
        }
        var attempt = 1
        while true {
            let (x, cg) = conjugateGradient(b, options: options, damping: current, product: product)
            let finite = x.allSatisfy({ $0.isFinite }) && cg.relativeResidual.isFinite && cg.stop != .notFinite
            let definite = finite && cg.smallestCurvature > 0
            let converged = definite && cg.relativeResidual <= 2 * options.tolerance
            let last = attempt == options.maxAttempts || current >= options.maxDamping
            let accepted = converged || (definite && last)
            if accepted || last {
                let status: ImplicitGradientStatus = accepted ? .usable : finite ? .indefinite : .nonFinite
                let report = CurvatureSolveReport(
                    status: status, iterations: cg.iterations, residual: cg.relativeResidual,
                    curvature: cg.smallestCurvature, damping: current, attempts: attempt, reason: cg.stop.rawValue)
                let next = converged ? max(current * 2 / 3, options.minDamping) : current
                return (accepted ? x : none, report, next)
            }
            current = min(current * 4, options.maxDamping)
            attempt += 1
        }
    }

    private static func conjugateGradient(
        _ b: [Float], options: ImplicitGradientOptions, damping: Double, product: CurvatureProduct
    ) -> (x: [Float], report: CGReport) {
        var x = [Float](repeating: 0, count: b.count)
        var span = x.mutableSpan
        let report = ConjugateGradient.solve(
            dimension: b.count, rightHandSide: b.span, damping: damping, maxIterations: options.maxIterations,
            tolerance: options.tolerance, solution: &span, apply: product)
        return (x, report)
    }

    /// dF/dphi from its ingredients. Shapes: `outerGradient` dJ_outer/dtheta `[P]`; `columns` K columns of
    /// d2J/(dtheta dphi), `[P]` each; `direct` dJ_outer/dphi and `regularization` dL_Lambda/dphi, `[K]`.
    /// `product` multiplies by K = -d2J/dtheta2 (or its positive semi-definite stand-in).
    package static func gradient(
        outerGradient: [Float], columns: [[Float]], direct: [Double], regularization: [Double],
        options: ImplicitGradientOptions, damping: Double? = nil, product: CurvatureProduct
    ) -> ImplicitGradientReport {
        precondition(
            direct.count == columns.count && regularization.count == columns.count
                && columns.allSatisfy { $0.count == outerGradient.count },
            "ImplicitGradient: \(columns.count) columns of \(columns.first?.count ?? 0), \(outerGradient.count) "
                + "variables, \(direct.count) direct and \(regularization.count) regularisation terms")
        let solved = solve(outerGradient, options: options, damping: damping, product: product)
        let (x, cg) = (solved.x, solved.report)
        let implicit = columns.map { column in
            zip(x, column).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        }
        let gradient = columns.indices.map { direct[$0] + implicit[$0] - regularization[$0] }
        let finite = gradient.allSatisfy { $0.isFinite }
        let vanishes = cg.status == .usable && implicit.allSatisfy { $0 == 0 }
        let report = CurvatureSolveReport(
            status: !finite ? .nonFinite : vanishes ? .zero : cg.status, iterations: cg.iterations,
            residual: cg.residual, curvature: cg.curvature, damping: cg.damping, attempts: cg.attempts,
            reason: !finite
                ? "a term of dF/dphi is not finite" : vanishes ? "the implicit term is zero" : cg.reason)
        return ImplicitGradientReport(
            gradient: gradient, direct: direct, implicit: implicit, regularization: regularization, solve: report,
            nextDamping: solved.nextDamping)
    }

    /// dtheta*/dphi applied to a change of phi: (K + damping I)^-1 sum_k change_k column_k, `[P]`.
    package static func response(
        columns: [[Float]], change: [Double], options: ImplicitGradientOptions, damping: Double? = nil,
        product: CurvatureProduct
    ) -> (step: [Float], report: CurvatureSolveReport) {
        precondition(
            columns.count == change.count,
            "ImplicitGradient.response: \(columns.count) columns, \(change.count) changes")
        var b = [Float](repeating: 0, count: columns.first?.count ?? 0)
        for (column, weight) in zip(columns, change) {
            for j in b.indices { b[j] += Float(weight) * column[j] }
        }
        let solved = solve(b, options: options, damping: damping, product: product)
        return (solved.x, solved.report)
    }
}

/// Writes the product of K, or of its stand-in, with its first argument to its second, `[P]` each.
package typealias CurvatureProduct = (Span<Float>, inout MutableSpan<Float>) -> Void

extension PolicySurrogate {
    /// The product with K = -d2J/dtheta2 or its Gauss-Newton form (proximal weight included) that `options` names.
    package func curvatureProduct(_ advantages: [Float], options: ImplicitGradientOptions) -> CurvatureProduct {
        switch options.product {
        case .exact:
            return { [self] direction, output in
                hessianProduct(advantages, direction, into: &output)
                for j in 0..<output.count { output[j] = -output[j] }
            }
        case .gaussNewton:
            let weight = Float(options.fisherWeight), proximal = Float(proximalWeight)
            return { [self] direction, output in
                fisherProduct(direction, into: &output)
                for j in 0..<output.count { output[j] = weight * output[j] + proximal * direction[j] }
            }
        }
    }
}
