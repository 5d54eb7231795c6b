internal import CSCSwift
internal import Foundation

/// A property's elements, for one call: a span cannot outlive an access to a class.
private func lend<Element>(_ array: inout [Element], _ body: (inout MutableSpan<Element>) -> Void) {
    var span = array.mutableSpan
    body(&span)
}

/// The cases of docs/results/performance.md, section 3: inverse-Hessian-vector products of a 64-128-128-16 softmax
/// policy under CG. The primal pass is done once per solve; an iteration is R-forward, the head and R-backward.
final class BenchCurvature {
    /// Whose curvature.
    enum Matrix: String, CaseIterable {
        /// The cross-entropy of sampled actions.
        case hessian
        /// PPO's clipped surrogate a little away from the policy that acted.
        case surrogate
        /// Gauss-Newton, here the Fisher matrix.
        case gaussNewton = "gauss_newton"

        /// As the peers damp it.
        var damping: Double { self == .hessian ? 0.07 : self == .surrogate ? 0.25 : 0.01 }
    }

    static let clip: Float = 0.2
    private let matrix: Matrix
    private let rows: Int
    private let shape = MLPShape(widths: [64, 128, 128, 16])
    private var parameters: [Float]
    private let input: [Float]
    private let offsets: [Int32]
    private let advantages, ones, right: [Float]
    private var actions: [Int32]
    private var oldLogs, logits, rLogits, head, rHead: [Float]
    private var softmax: PolicySoftmax?
    private let workspace: MLPWorkspace

    static func run(_ meter: BenchMeter) {
        for matrix in Matrix.allCases {
            let (rows, iterations) = (4096, 20)
            let few = BenchCurvature(matrix, rows: 16)
            let error = few.productError()
            let problem = BenchCurvature(matrix, rows: rows)
            let report = problem.solve(iterations)
            let holds = error < 1e-3 && report.iterations == iterations && report.smallestCurvature > 0
            meter.measure(
                "ihvp_\(matrix.rawValue)/64-128-128-16/B\(rows)", work: Double(iterations), unit: "CG iterations/s",
                check: (error, holds)
            ) { _ = problem.solve(iterations) }
        }
    }

    init(_ matrix: Matrix, rows: Int) {
        self.matrix = matrix
        self.rows = rows
        var stream = RandomStream(seed: 3, purpose: .test)
        parameters = [Float](repeating: 0, count: shape.parameterCount)
        BenchKernels.initialize(shape, &parameters, &stream)
        input = BenchKernels.normals(rows * 64, 1, 11)
        offsets = (0...rows).map { Int32($0 * 16) }
        advantages = BenchKernels.normals(rows, 1, 13)
        ones = [Float](repeating: 1, count: rows)
        right = BenchKernels.normals(shape.parameterCount, 1, 12)
        workspace = MLPWorkspace(shape: shape, maxRows: rows)
        actions = [Int32](repeating: 0, count: rows)
        oldLogs = ones
        logits = [Float](repeating: 0, count: rows * 16)
        (rLogits, head, rHead) = (logits, logits, logits)
        // The policy that acted lies a little elsewhere.
        let own = parameters
        for (k, change) in BenchKernels.normals(shape.parameterCount, 0.01, 14).enumerated() { parameters[k] += change }
        forward()
        sample((0..<rows).map { _ in Float(stream.unit()) })
        parameters = own
    }

    private func sample(_ uniforms: [Float]) {
        let (logits, offsets) = (logits, offsets)
        lend(&actions) { chosen in
            lend(&oldLogs) { logs in
                Policy.sample(
                    logits: logits.span, offsets: offsets.span, uniforms: uniforms.span, actions: &chosen,
                    logProbabilities: &logs)
            }
        }
    }

    private func forward() {
        let (input, parameters) = (input, parameters)
        lend(&logits) { out in
            MLP.forward(
                shape, parameters: parameters.span, input: input.span, rows: rows, output: &out, workspace: workspace)
        }
    }

    /// The softmax and dL/dlogits at the parameters, and the deltas that every product shares.
    private func prepare() {
        forward()
        let (logits, offsets) = (logits, offsets)
        softmax = PolicySoftmax(logits: logits.span, offsets: offsets.span)
        guard matrix != .gaussNewton else { return }
        primalHead()
        let (parameters, head) = (parameters, head)
        MLP.prepare(
            shape, parameters: parameters.span, rows: rows, outputGradient: head.span, workspace: workspace)
    }

    /// dL/dlogits. The cross-entropy's is that of the surrogate with advantages of 1 at the policy that acted.
    private func primalHead() {
        let (actions, logits, offsets) = (actions, logits, offsets)
        let isCrossEntropy = matrix == .hessian
        let advantages = isCrossEntropy ? ones : advantages
        var oldLogs = oldLogs
        if isCrossEntropy {
            var logs = logits
            var span = logs.mutableSpan
            Policy.logSoftmax(logits: logits.span, offsets: offsets.span, logProbabilities: &span)
            for row in 0..<rows { oldLogs[row] = logs[row * 16 + Int(actions[row])] }
        }
        lend(&head) { out in
            _ = Policy.clippedLoss(
                logits: logits.span, offsets: offsets.span, actions: actions.span, oldLogProbabilities: oldLogs.span,
                advantages: advantages.span, clipCoef: Self.clip, entCoef: 0, logitGradient: &out)
        }
    }

    /// product += H direction.
    private func multiply(_ direction: Span<Float>, _ product: inout MutableSpan<Float>) {
        for index in 0..<product.count { product[index] = 0 }
        tangent(direction)
        productHead()
        let (input, parameters, rHead) = (input, parameters, rHead)
        if matrix == .gaussNewton {
            MLP.backward(
                shape, parameters: parameters.span, input: input.span, rows: rows, outputGradient: rHead.span,
                parameterGradient: &product, workspace: workspace)
        } else {
            MLP.rBackward(
                shape, parameters: parameters.span, direction: direction, input: input.span, rows: rows,
                rOutputGradient: rHead.span, rParameterGradient: &product, workspace: workspace)
        }
    }

    private func tangent(_ direction: Span<Float>) {
        let (input, parameters) = (input, parameters)
        lend(&rLogits) { out in
            MLP.rForward(
                shape, parameters: parameters.span, direction: direction, input: input.span, rows: rows, rOutput: &out,
                workspace: workspace)
        }
    }

    /// The cross-entropy's second derivative in the logits, diag p - p p', is the Fisher matrix's head.
    private func productHead() {
        let (actions, advantages, logits, offsets, oldLogs, rLogits, softmax) = (
            actions, advantages, logits, offsets, oldLogs, rLogits, softmax
        )
        lend(&rHead) { out in
            switch matrix {
            case .gaussNewton, .hessian:
                Policy.fisher(
                    logits: logits.span, rLogits: rLogits.span, offsets: offsets.span, softmax: softmax,
                    scale: 1 / Float(rows), product: &out)
            case .surrogate:
                Policy.clippedLossR(
                    logits: logits.span, rLogits: rLogits.span, offsets: offsets.span, softmax: softmax,
                    actions: actions.span, oldLogProbabilities: oldLogs.span, advantages: advantages.span,
                    clipCoef: Self.clip, entCoef: 0, rLogitGradient: &out)
            }
        }
    }

    func solve(_ iterations: Int) -> CGReport {
        prepare()
        let right = right
        var solution = [Float](repeating: 0, count: shape.parameterCount)
        var out = solution.mutableSpan
        return ConjugateGradient.solve(
            dimension: shape.parameterCount, rightHandSide: right.span, damping: matrix.damping,
            maxIterations: iterations, tolerance: 0, solution: &out
        ) { direction, product in multiply(direction, &product) }
    }

    /// The relative error of one product against double precision: the gradient's change between both sides of the
    /// parameters along the direction, or J' F J with J's product found the same way.
    private func productError() -> Double {
        prepare()
        var found = [Float](repeating: 0, count: shape.parameterCount)
        multiplyRight(&found)
        let (exact, step) = (DoubleNet(shape, input, rows: rows), 1e-5)
        let own = parameters.map(Double.init)
        let sides = [step, -step].map { step in zip(own, right).map { $0 + step * Double($1) } }
        let reference: [Double]
        if matrix == .gaussNewton {
            reference = exact.gradient(own) { row, output in
                let p = Self.softmax(output)
                let r = zip(exact.output(sides[0], row), exact.output(sides[1], row)).map { ($0 - $1) / (2 * step) }
                let mean = zip(p, r).reduce(0) { $0 + $1.0 * $1.1 }
                return zip(p, r).map { $0 * ($1 - mean) / Double(rows) }
            }
        } else {
            let gradients = sides.map { exact.gradient($0, head: exactHead) }
            reference = zip(gradients[0], gradients[1]).map { ($0 - $1) / (2 * step) }
        }
        let difference = zip(found, reference).reduce(0) { $0 + pow(Double($1.0) - $1.1, 2) }
        return (difference / reference.reduce(0) { $0 + $1 * $1 }).squareRoot()
    }

    private func multiplyRight(_ found: inout [Float]) {
        let right = right
        lend(&found) { out in
            multiply(right.span, &out)
        }
    }

    private static func softmax(_ logits: [Double]) -> [Double] {
        let weights = logits.map { exp($0) }
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    private func exactHead(_ row: Int, _ logits: [Double]) -> [Double] {
        let p = Self.softmax(logits)
        let action = Int(actions[row])
        var scale = 1 / Double(rows)
        if matrix == .surrogate {
            let (ratio, advantage) = (p[action] / exp(Double(oldLogs[row])), Double(advantages[row]))
            let clip = Double(Self.clip)
            let held = advantage > 0 ? ratio > 1 + clip : ratio < 1 - clip
            scale *= held ? 0 : ratio * advantage
        }
        return p.enumerated().map { scale * ($1 - ($0 == action ? 1 : 0)) }
    }
}
