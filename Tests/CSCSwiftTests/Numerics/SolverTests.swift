import CSCSwift
import Foundation
import Testing

@Suite("Optimisers and solvers", .serialized)
struct SolverTests {
    @Test("Adam follows the algorithm in double over 20 steps, and goes on from a saved state bit for bit")
    func adam() {
        let n = 37
        var parameters = floats(n, seed: 1)
        var (p, m, v) = (doubles(parameters), [Double](repeating: 0, count: n), [Double](repeating: 0, count: n))
        let optimiser = Adam(parameterCount: n, learningRate: 0.01)
        var copy: (state: Adam.State, parameters: [Float])?
        func step(_ adam: Adam, _ parameters: inout [Float], _ gradient: [Float]) {
            var span = parameters.mutableSpan
            adam.step(parameters: &span, gradient: gradient.span)
        }
        for t in 1...20 {
            let gradient = floats(n, seed: UInt64(100 + t))
            if t == 11 { copy = (optimiser.state, parameters) }
            step(optimiser, &parameters, gradient)
            for k in 0..<n {
                let g = Double(gradient[k])
                m[k] = 0.9 * m[k] + 0.1 * g
                v[k] = 0.999 * v[k] + 0.001 * g * g
                let (mHat, vHat) = (m[k] / (1 - pow(0.9, Double(t))), v[k] / (1 - pow(0.999, Double(t))))
                p[k] -= 0.01 * mHat / (vHat.squareRoot() + 1e-5)
            }
        }
        #expect(relativeError(parameters, p) < 1e-5)
        let resumed = Adam(parameterCount: n, learningRate: 0.01)
        resumed.state = copy!.state
        for t in 11...20 { step(resumed, &copy!.parameters, floats(n, seed: UInt64(100 + t))) }
        #expect(copy!.parameters == parameters)
    }

    @Test("the norm is clipped above the bound, kept below it, and a NaN is reported and left alone")
    func clip() {
        var gradient = floats(1_001, seed: 4)
        let norm = doubles(gradient).map { $0 * $0 }.reduce(0, +).squareRoot()
        var span = gradient.mutableSpan
        #expect(abs(Double(Gradient.clipNorm(&span, maxNorm: 0.5)) - norm) < 1e-4)
        #expect(abs(Vector.dot(gradient.span, gradient.span).squareRoot() - 0.5) < 1e-6)
        let before = gradient
        var again = gradient.mutableSpan
        Gradient.clipNorm(&again, maxNorm: 1)
        #expect(gradient == before)
        gradient[7] = .nan
        let broken = gradient
        var last = gradient.mutableSpan
        #expect(Gradient.clipNorm(&last, maxNorm: 0.1).isNaN)
        #expect(gradient.map(\.bitPattern) == broken.map(\.bitPattern))
    }

    /// A = B'B + shift, row-major, from random B.
    private func matrix(_ n: Int, shift: Double) -> [Double] {
        let b = doubles(floats(n * n, seed: 5))
        var a = [Double](repeating: 0, count: n * n)
        for i in 0..<n {
            for j in 0..<n {
                for k in 0..<n { a[i * n + j] += b[k * n + i] * b[k * n + j] }
            }
            a[i * n + i] += shift
        }
        return a
    }

    private func solve(
        _ a: [Double], _ b: [Float], damping: Double = 0, iterations: Int = 500, tolerance: Double = 1e-6
    ) -> (CGReport, [Float]) {
        let n = b.count
        var x = [Float](repeating: .nan, count: n)
        var span = x.mutableSpan
        let report = ConjugateGradient.solve(
            dimension: n, rightHandSide: b.span, damping: damping, maxIterations: iterations, tolerance: tolerance,
            solution: &span
        ) { v, product in
            for i in 0..<n {
                var sum = 0.0
                for j in 0..<n { sum += a[i * n + j] * Double(v[j]) }
                product[i] = Float(sum)
            }
        }
        return (report, x)
    }

    @Test("conjugate gradient and Cholesky agree; the report's residual is the true one", arguments: [1, 2, 17, 53])
    func conjugateGradient(n: Int) {
        var a = matrix(n, shift: 0.5)
        let b = floats(n, scale: 1e6, seed: 6)  // scaled inside: the tolerance is relative
        let (report, x) = solve(a, b, damping: 0.25)
        #expect(report.stop == .converged)
        #expect(report.relativeResidual < 1e-5)
        #expect(report.smallestCurvature >= 0.75 - 1e-6)
        for i in 0..<n { a[i * n + i] += 0.25 }
        var exact = doubles(b)
        var matrixSpan = a.mutableSpan
        var exactSpan = exact.mutableSpan
        #expect(PositiveDefinite.solve(matrix: &matrixSpan, rightHandSides: &exactSpan, dimension: n) == .solved)
        #expect(relativeError(x, exact) < 1e-4)
    }

    @Test("conjugate gradient stops and says why: curvature, iterations, numbers that are not finite")
    func stops() {
        var a = matrix(5, shift: 1)
        #expect(solve(a, floats(5, seed: 1), iterations: 1).0.stop == .iterations)
        #expect(solve(a, [0, 0, 0, 0, 0]).1 == [0, 0, 0, 0, 0])
        #expect(solve(a, [1, .nan, 0, 0, 0]).0.stop == .notFinite)
        a[0] = .infinity
        #expect(solve(a, [1, 1, 1, 1, 1]).0.stop == .notFinite)
        let (report, x) = solve([-1, 0, 0, 2], [1, 0])
        #expect(report.stop == .curvature && report.smallestCurvature < 0 && x == [0, 0])
        #expect(solve([-1, 0, 0, 2], [1, 1], damping: 1.5).0.stop == .converged)
    }

    @Test("Cholesky names the order of a minor that is not positive, and leaves the right-hand side")
    func indefinite() {
        var a: [Double] = [1, 2, 2, 1]
        var b: [Double] = [3, 4]
        var matrixSpan = a.mutableSpan
        var bSpan = b.mutableSpan
        let status = PositiveDefinite.solve(matrix: &matrixSpan, rightHandSides: &bSpan, dimension: 2)
        #expect(status == .notPositiveDefinite(order: 2))
        #expect(b == [3, 4])
        a = [.nan, 0, 0, 1]
        var brokenSpan = a.mutableSpan
        var sides = b.mutableSpan
        let broken = PositiveDefinite.solve(matrix: &brokenSpan, rightHandSides: &sides, dimension: 2)
        #expect(broken == .notFinite)
    }

    /// The product that CAFE's implicit gradient needs, composed of the pieces and compared with differences of the
    /// gradient; then the same system solved.
    @Test("the Hessian of PPO's objective in all parameters, composed of the R-operators")
    func hessian() {
        let shape = MLPShape(widths: [6, 8, 8, 1])
        let (decisions, k) = (24, 5)
        let rows = decisions * k
        let parameters = floats(shape.parameterCount, scale: 0.7, seed: 1)
        let input = floats(rows * 6, seed: 2)
        let offsets = (0...decisions).map { Int32($0 * k) }
        let actions = (0..<decisions).map { Int32($0 % k) }
        let advantages = floats(decisions, seed: 3)
        let old = [Float](repeating: Float(-log(5.0)), count: decisions)
        let workspace = MLPWorkspace(shape: shape, maxRows: rows)

        func gradient(_ parameters: [Float]) -> (gradient: [Float], logits: [Float], head: [Float]) {
            var (logits, head) = ([Float](repeating: 0, count: rows), [Float](repeating: 0, count: rows))
            var sum = [Float](repeating: 0, count: shape.parameterCount)
            var output = logits.mutableSpan
            MLP.forward(
                shape, parameters: parameters.span, input: input.span, rows: rows, output: &output,
                workspace: workspace)
            var headSpan = head.mutableSpan
            _ = Policy.clippedLoss(
                logits: logits.span, offsets: offsets.span, actions: actions.span, oldLogProbabilities: old.span,
                advantages: advantages.span, clipCoef: 0.2, entCoef: 0.01, logitGradient: &headSpan)
            var span = sum.mutableSpan
            MLP.backward(
                shape, parameters: parameters.span, input: input.span, rows: rows, outputGradient: head.span,
                parameterGradient: &span, workspace: workspace)
            return (sum, logits, head)
        }

        let (_, logits, head) = gradient(parameters)
        MLP.prepare(
            shape, parameters: parameters.span, rows: rows, outputGradient: head.span, workspace: workspace)
        func product(_ direction: [Float]) -> [Float] {
            var (rLogits, rHead) = (logits, logits)
            var result = [Float](repeating: 0, count: shape.parameterCount)
            var rOutput = rLogits.mutableSpan
            MLP.rForward(
                shape, parameters: parameters.span, direction: direction.span, input: input.span, rows: rows,
                rOutput: &rOutput, workspace: workspace)
            var rHeadSpan = rHead.mutableSpan
            Policy.clippedLossR(
                logits: logits.span, rLogits: rLogits.span, offsets: offsets.span, actions: actions.span,
                oldLogProbabilities: old.span, advantages: advantages.span, clipCoef: 0.2, entCoef: 0.01,
                rLogitGradient: &rHeadSpan)
            var span = result.mutableSpan
            MLP.rBackward(
                shape, parameters: parameters.span, direction: direction.span, input: input.span, rows: rows,
                rOutputGradient: rHead.span, rParameterGradient: &span, workspace: workspace)
            return result
        }
        let (u, v) = (floats(shape.parameterCount, seed: 7), floats(shape.parameterCount, seed: 8))
        let (hu, hv) = (product(u), product(v))
        // symmetric
        let (uhv, vhu) = (Vector.dot(u.span, hv.span), Vector.dot(v.span, hu.span))
        #expect(abs(uhv - vhu) < 1e-5 * max(1, abs(uhv)))
        // and the derivative of the gradient along u
        let step: Float = 1e-3
        let ahead = gradient(zip(parameters, u).map { $0 + step * $1 }).gradient
        let behind = gradient(zip(parameters, u).map { $0 - step * $1 }).gradient
        let expected = zip(ahead, behind).map { (Double($0) - Double($1)) / (2 * Double(step)) }
        #expect(relativeError(hu, expected) < 2e-2)
    }
}
