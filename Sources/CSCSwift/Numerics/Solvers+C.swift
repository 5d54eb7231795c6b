internal import CCore

/// How a conjugate-gradient solve went.
public struct CGReport: Sendable, Hashable, Codable {
    /// Why it stopped.
    public enum Stop: String, Sendable, Codable {
        /// The recurrence's residual fell below the tolerance.
        case converged
        /// The allowed iterations are used up.
        case iterations
        /// A direction of non-positive curvature: the damped operator is not positive definite.
        case curvature
        /// The operator or the right-hand side gave a number that is not finite.
        case notFinite
        /// 16 iterations without a smaller residual: float precision allows no more.
        case stagnated
    }

    /// Why it stopped.
    public var stop: Stop
    /// Applications of the operator before the final check.
    public var iterations: Int
    /// |b - (A + damping) x| / |b|, recomputed from the solution at the end.
    public var relativeResidual: Double
    /// The least p'(A + damping)p / p'p met; +infinity where there was no iteration.
    public var smallestCurvature: Double
    /// The damping that was asked for.
    public var damping: Double
}

/// Conjugate gradient ([HS52]) for symmetric systems given only as a product.
public enum ConjugateGradient {
    /// Solves (A + damping) x = b from x = 0; `apply(v, &product)` writes A v. Vectors are float, scalars double; b is
    /// scaled to unit length inside, so the tolerance is relative. Stops at non-positive curvature with the iterate
    /// reached so far (0 in the first iteration): look at `stop`. Calls `apply` at most maxIterations + 1 times.
    ///
    /// - Parameters:
    ///   - tolerance: of |residual| / |b|.
    ///   - solution: overwritten, `dimension` floats.
    public static func solve(
        dimension: Int, rightHandSide: Span<Float>, damping: Double, maxIterations: Int, tolerance: Double,
        solution: inout MutableSpan<Float>, apply: (Span<Float>, inout MutableSpan<Float>) -> Void
    ) -> CGReport {
        requireCount(rightHandSide.count, dimension, "ConjugateGradient.solve: rightHandSide")
        requireCount(solution.count, dimension, "ConjugateGradient.solve: solution")
        precondition(damping >= 0, "ConjugateGradient.solve: damping \(damping) is negative")
        let scratch = UnsafeMutablePointer<Float>.allocate(capacity: max(1, 3 * dimension))
        defer { scratch.deallocate() }
        var report = cafe_cg_report()
        withoutActuallyEscaping(apply) { escaping in
            var operation = Operation(dimension: dimension, apply: escaping)
            withUnsafeMutablePointer(to: &operation) { context in
                cafe_cg_solve(
                    solution.base, scratch, &report, rightHandSide.base, Int64(dimension), damping,
                    Int32(clamping: maxIterations), tolerance,
                    { context, product, vector in
                        let operation = context!.assumingMemoryBound(to: Operation.self)
                        let count = operation.pointee.dimension
                        let input = UnsafeBufferPointer(start: vector, count: count)
                        let output = UnsafeMutableBufferPointer(start: product, count: count)
                        var span = output.mutableSpan
                        operation.pointee.apply(input.span, &span)
                    }, context)
            }
        }
        return CGReport(
            stop: stop(report.status), iterations: Int(report.iterations),
            relativeResidual: report.relative_residual, smallestCurvature: report.smallest_curvature, damping: damping)
    }

    private struct Operation {
        let dimension: Int
        let apply: (Span<Float>, inout MutableSpan<Float>) -> Void
    }

    private static func stop(_ status: Int32) -> CGReport.Stop {
        switch Int(status) {
        case CAFE_CG_CONVERGED: .converged
        case CAFE_CG_ITERATIONS: .iterations
        case CAFE_CG_CURVATURE: .curvature
        case CAFE_CG_STAGNATED: .stagnated
        default: .notFinite
        }
    }
}

/// Small dense symmetric positive definite systems.
package enum PositiveDefinite {
    /// How a solve ended.
    package enum Outcome: Sendable, Hashable {
        /// The right-hand sides hold the solutions.
        case solved
        /// The leading minor of this order is not positive: the matrix is not positive definite.
        case notPositiveDefinite(order: Int)
        /// An entry is not finite.
        case notFinite
    }

    /// Solves A X = B by Cholesky (LAPACK's dposv) for `matrix` [n x n], both triangles given, and the right-hand sides
    /// [count x n], one per row, which the solutions overwrite. `matrix` is overwritten too. Unless the outcome is
    /// `.solved` the right-hand sides are as they were. O(n^3).
    package static func solve(
        matrix: inout MutableSpan<Double>, rightHandSides: inout MutableSpan<Double>, dimension: Int
    ) -> Outcome {
        requireCount(matrix.count, dimension * dimension, "PositiveDefinite.solve: matrix of order \(dimension)")
        guard dimension > 0 else { return .solved }
        let count = rightHandSides.count / dimension
        requireCount(rightHandSides.count, count * dimension, "PositiveDefinite.solve: rows of \(dimension)")
        guard count > 0 else { return .solved }
        let status = cafe_spd_solve(matrix.base, rightHandSides.base, Int32(dimension), Int32(count))
        if status == 0 { return .solved }
        return status > 0 ? .notPositiveDefinite(order: Int(status)) : .notFinite
    }
}
