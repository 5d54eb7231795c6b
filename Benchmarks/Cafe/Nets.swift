import Benchmark
import CSCSwift
import Foundation
import Reference

/// A net and the buffers of its calls.
final class NetCase {
    let shape: MLPShape
    let rows: Int
    private let workspace: MLPWorkspace
    private let parameters, input, outputGradient, direction: [Float]
    private var output, rOutput, gradient, product: [Float]
    // the reference's
    private var hidden, delta, exactGradient: [Float]
    private let widths: [Int32]

    init(_ widths: [Int], _ rows: Int) {
        shape = MLPShape(widths: widths)
        self.rows = rows
        self.widths = widths.map(Int32.init)
        workspace = MLPWorkspace(shape: shape, maxRows: rows)
        let scale = 1.5 / Double(widths.max()!).squareRoot()
        parameters = draw(shape.parameterCount, 1, scale)
        direction = draw(shape.parameterCount, 2, scale)
        input = draw(rows * shape.inputWidth, 3)
        outputGradient = draw(rows * shape.outputWidth, 4)
        output = [Float](repeating: 0, count: rows * shape.outputWidth)
        rOutput = output
        gradient = [Float](repeating: 0, count: shape.parameterCount)
        product = gradient
        exactGradient = gradient
        hidden = [Float](repeating: 0, count: rows * widths.dropFirst().reduce(0, +))
        delta = [Float](repeating: 0, count: 2 * widths.max()!)
    }

    /// Multiplications and additions of a forward pass.
    var flops: Double {
        2 * Double(rows) * Double(zip(shape.widths, shape.widths.dropFirst()).map(*).reduce(0, +))
    }
    /// The same of the first layer, whose input gradient is not computed.
    var firstFlops: Double { 2 * Double(rows * shape.widths[0] * shape.widths[1]) }

    func predict() {
        let (input, parameters) = (input, parameters)
        lend(&output) { span in
            MLP.predict(
                shape, parameters: parameters.span, input: input.span, rows: rows, output: &span, workspace: workspace)
        }
    }

    func pass() {
        forward()
        for k in gradient.indices { gradient[k] = 0 }
        let (input, outputGradient, parameters) = (input, outputGradient, parameters)
        lend(&gradient) { span in
            MLP.backward(
                shape, parameters: parameters.span, input: input.span, rows: rows, outputGradient: outputGradient.span,
                parameterGradient: &span, workspace: workspace)
        }
    }

    private func forward() {
        let (input, parameters) = (input, parameters)
        lend(&output) { span in
            MLP.forward(
                shape, parameters: parameters.span, input: input.span, rows: rows, output: &span, workspace: workspace)
        }
    }

    /// The primal pass that Hessian products share.
    func prepare() {
        forward()
        let (parameters, outputGradient) = (parameters, outputGradient)
        MLP.prepare(
            shape, parameters: parameters.span, rows: rows, outputGradient: outputGradient.span, workspace: workspace)
    }

    /// H v of sum(output * outputGradient), whose head has no curvature of its own.
    func hessianProduct() {
        for k in product.indices { product[k] = 0 }
        let (direction, input, parameters, still) = (direction, input, parameters, still)
        lend(&rOutput) { tangent in
            MLP.rForward(
                shape, parameters: parameters.span, direction: direction.span, input: input.span, rows: rows,
                rOutput: &tangent, workspace: workspace)
        }
        lend(&product) { span in
            MLP.rBackward(
                shape, parameters: parameters.span, direction: direction.span, input: input.span, rows: rows,
                rOutputGradient: still.span, rParameterGradient: &span, workspace: workspace)
        }
    }

    private lazy var still = [Float](repeating: 0, count: rows * shape.outputWidth)

    func referenceForward() {
        reference_forward(&hidden, widths, Int32(shape.layerCount), parameters, input, Int64(rows))
    }

    func referencePass() {
        referenceForward()
        reference_backward(
            &exactGradient, &delta, widths, Int32(shape.layerCount), parameters, input, hidden, outputGradient,
            Int64(rows))
    }

    var outputIsRight: Bool { agree(output, Array(hidden.suffix(output.count)), 1e-4) }

    var gradientIsRight: Bool {
        let size = exactGradient.reduce(0) { max($0, abs($1)) }
        return zip(gradient, exactGradient).allSatisfy { abs($0 - $1) <= 1e-4 * size }
    }

    /// Against the reference's gradients on both sides of the parameters along the direction.
    var productIsRight: Bool {
        let step: Float = 1e-2
        let sides = [step, -step].map { step -> [Float] in
            let moved = zip(parameters, direction).map { $0 + step * $1 }
            reference_forward(&hidden, widths, Int32(shape.layerCount), moved, input, Int64(rows))
            reference_backward(
                &exactGradient, &delta, widths, Int32(shape.layerCount), moved, input, hidden, outputGradient,
                Int64(rows))
            return exactGradient
        }
        let exact = zip(sides[0], sides[1]).map { ($0 - $1) / (2 * step) }
        let size = exact.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return zip(product, exact).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot() < 1e-2 * size
    }
}

func nets() {
    for (widths, batches) in [
        ([34, 32, 32, 1], [9, 90, 2048]), ([18, 64, 64, 5], [256]), ([64, 64, 64], [256, 2048]),
        ([64, 128, 128, 16], [256, 2048]), ([256, 256, 256, 8], [256, 2048]),
    ] {
        for rows in batches {
            for threads in rows < 256 ? [1] : [1, 2] {
                let name = widths.map(String.init).joined(separator: "-") + "-x\(rows)-\(threads)t"
                net("predict-\(name)", widths, rows, threads, backward: false)
                net("forward-backward-\(name)", widths, rows, threads, backward: true)
            }
        }
    }
    for threads in [1, 2] {
        let metrics = [Work.flops(0).metric, Gate.wrong, Gate.allocations]
        Case.register("hessian-product-64-128-128-16-x1024-\(threads)t", metrics) {
            let net = NetCase([64, 128, 128, 16], 1024)
            net.prepare()
            var right: Bool?
            return Case(
                threads: threads, work: .flops(6 * net.flops - 3 * net.firstFlops),
                body: { net.hessianProduct() },
                check: {
                    right = right ?? net.productIsRight
                    return right!
                }, allocations: { Case.allocations { net.hessianProduct() } })
        }
    }
}

private func net(_ name: String, _ widths: [Int], _ rows: Int, _ threads: Int, backward: Bool) {
    // The reference of 2048 rows takes up to a second: it is asked for its results only.
    let metrics =
        [Work.flops(0).metric, Gate.wrong, Gate.allocations] + (threads == 1 && rows < 2048 ? [Gate.ratio] : [])
    Case.register(name, metrics) {
        let net = NetCase(widths, rows)
        let work = backward ? 3 * net.flops - net.firstFlops : net.flops
        let body: () -> Void = backward ? { net.pass() } : { net.predict() }
        let reference: () -> Void = backward ? { net.referencePass() } : { net.referenceForward() }
        reference()
        return Case(
            threads: threads, work: .flops(work), body: body,
            reference: threads == 1 && rows < 2048 ? reference : nil,
            check: { net.outputIsRight && (!backward || net.gradientIsRight) },
            allocations: { Case.allocations(of: body) })
    }
}
