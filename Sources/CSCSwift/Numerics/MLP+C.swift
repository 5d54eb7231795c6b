internal import CCore

/// Batched multilayer perceptrons on flat parameters: layer by layer W [in x out] row-major, then b [out].
///
/// `forward` keeps what the derivative functions need in the workspace; they must follow it with the same workspace,
/// parameters, input and rows. Gradients are *added*: zero the buffer first. All matrices are row-major, B rows.
/// Every call splits its rows over `Threads.count` threads, or runs on the caller's thread inside
/// `Threads.parallelFor`; the bits are the same. Spans of the wrong size trap with both sizes.
///
/// An exact Hessian-vector product of a loss of the outputs is four steps, the first two once per point:
/// `forward`, `prepare` with the loss's output gradient; then for each direction `rForward`, the R-operator of the
/// loss (for a policy `Policy.clippedLossR`), and `rBackward`. With `Policy.fisher` as the head and
/// `backward` in place of `rBackward` it is the Gauss-Newton (Fisher) product.
public enum MLP {
    /// Orthogonal initialisation ([Saxe14]): each W has orthonormal columns (rows, where
    /// it is wider than tall) times the gain, each b is 0. O(sum of in * out * min(in, out)).
    ///
    /// - Parameters:
    ///   - shape: the widths of the network's layers.
    ///   - parameters: overwritten, `shape.parameterCount` floats.
    ///   - stream: what the weights are drawn from; it moves on.
    ///   - hiddenGain: gain of every layer but the last, sqrt(2) by custom.
    ///   - outputGain: gain of the last: 0.01 for a policy's logits, 1 for a critic.
    public static func initialize(
        _ shape: MLPShape, parameters: inout MutableSpan<Float>, stream: inout RandomStream,
        hiddenGain: Float = 1.4142135, outputGain: Float = 1
    ) {
        requireCount(parameters.count, shape.parameterCount, "MLP.initialize: parameters of \(shape.widths)")
        for layer in 0..<shape.layerCount {
            let start = shape.parameterRange(layer: layer).lowerBound
            let (rows, columns) = (shape.widths[layer], shape.widths[layer + 1])
            let gain = Double(layer == shape.layerCount - 1 ? outputGain : hiddenGain)
            let basis = orthonormal(count: min(rows, columns), dimension: max(rows, columns), stream: &stream)
            for row in 0..<rows {
                for column in 0..<columns {
                    let entry = rows >= columns ? basis[column][row] : basis[row][column]
                    parameters[start + row * columns + column] = Float(gain * entry)
                }
            }
            for column in 0..<columns { parameters[start + rows * columns + column] = 0 }
        }
    }

    /// output [B x out] = net(input [B x in]). Keeps the activations in the workspace. O(B * parameterCount).
    public static func forward(
        _ shape: MLPShape, parameters: Span<Float>, input: Span<Float>, rows: Int, output: inout MutableSpan<Float>,
        workspace: MLPWorkspace
    ) {
        check(shape, parameters, input, rows, workspace, "forward")
        requireCount(output.count, rows * shape.outputWidth, "MLP.forward: output of \(rows) rows")
        if rows > 0 {
            withUnsafePointer(to: workspace.net) {
                cafe_mlp_forward(output.base, workspace.floats, $0, parameters.base, input.base, Int64(rows))
            }
        }
        workspace.forwardRows = rows
        workspace.tangentRows = -1
        workspace.deltaRows = -1
    }

    /// The same output as `forward`, bit for bit, without keeping the activations: for rollouts and evaluation. The
    /// workspace serves no derivative until the next `forward`. O(B * parameterCount).
    public static func predict(
        _ shape: MLPShape, parameters: Span<Float>, input: Span<Float>, rows: Int, output: inout MutableSpan<Float>,
        workspace: MLPWorkspace
    ) {
        check(shape, parameters, input, rows, workspace, "predict")
        requireCount(output.count, rows * shape.outputWidth, "MLP.predict: output of \(rows) rows")
        workspace.forwardRows = -1
        guard rows > 0 else { return }
        withUnsafePointer(to: workspace.net) {
            cafe_mlp_predict(output.base, workspace.floats, $0, parameters.base, input.base, Int64(rows))
        }
    }

    /// `forward` where derivatives will follow (`keeping`), else `predict`: the same output on arrays.
    static func evaluate(
        _ shape: MLPShape, parameters: [Float], input: [Float], rows: Int, output: inout [Float],
        workspace: MLPWorkspace, keeping: Bool
    ) {
        var out = output.mutableSpan
        if keeping {
            forward(
                shape, parameters: parameters.span, input: input.span, rows: rows, output: &out, workspace: workspace)
        } else {
            predict(
                shape, parameters: parameters.span, input: input.span, rows: rows, output: &out, workspace: workspace)
        }
    }

    /// After `forward`: adds the gradient of sum(output * outputGradient) to parameterGradient. O(B * parameterCount).
    public static func backward(
        _ shape: MLPShape, parameters: Span<Float>, input: Span<Float>, rows: Int, outputGradient: Span<Float>,
        parameterGradient: inout MutableSpan<Float>, workspace: MLPWorkspace
    ) {
        check(shape, parameters, input, rows, workspace, "backward")
        checkBackward(shape, rows, outputGradient.count, parameterGradient.count, workspace, "backward")
        guard rows > 0 else { return }
        withUnsafePointer(to: workspace.net) {
            cafe_mlp_backward(
                parameterGradient.base, nil, workspace.floats, $0, parameters.base, input.base, outputGradient.base,
                Int64(rows))
        }
    }

    /// After `forward`: adds to parameterGradient, and to inputGradient [B x in]. O(B * parameterCount).
    public static func backward(
        _ shape: MLPShape, parameters: Span<Float>, input: Span<Float>, rows: Int, outputGradient: Span<Float>,
        parameterGradient: inout MutableSpan<Float>, inputGradient: inout MutableSpan<Float>, workspace: MLPWorkspace
    ) {
        check(shape, parameters, input, rows, workspace, "backward")
        checkBackward(shape, rows, outputGradient.count, parameterGradient.count, workspace, "backward")
        requireCount(inputGradient.count, rows * shape.inputWidth, "MLP.backward: inputGradient of \(rows) rows")
        guard rows > 0 else { return }
        withUnsafePointer(to: workspace.net) {
            cafe_mlp_backward(
                parameterGradient.base, inputGradient.base, workspace.floats, $0, parameters.base, input.base,
                outputGradient.base, Int64(rows))
        }
    }

    /// Pearlmutter's R{.} ([Pearlmutter94]), after `forward`: the derivative of the output along `direction`
    /// in parameter space, rOutput [B x out] = d/de net(input; parameters + e * direction). O(B * parameterCount).
    public static func rForward(
        _ shape: MLPShape, parameters: Span<Float>, direction: Span<Float>, input: Span<Float>, rows: Int,
        rOutput: inout MutableSpan<Float>, workspace: MLPWorkspace
    ) {
        check(shape, parameters, input, rows, workspace, "rForward")
        checkFollows(workspace.forwardRows, rows, "rForward", "forward")
        requireCount(direction.count, shape.parameterCount, "MLP.rForward: direction of \(shape.widths)")
        requireCount(rOutput.count, rows * shape.outputWidth, "MLP.rForward: rOutput of \(rows) rows")
        if rows > 0 {
            withUnsafePointer(to: workspace.net) {
                cafe_mlp_rforward(
                    rOutput.base, workspace.floats, $0, parameters.base, direction.base, input.base, Int64(rows))
            }
        }
        workspace.tangentRows = rows
    }

    /// After `forward`: keeps what `rBackward` needs of the ordinary backward pass under `outputGradient`, so that any
    /// number of directions can follow without repeating it. O(B * parameterCount).
    public static func prepare(
        _ shape: MLPShape, parameters: Span<Float>, rows: Int, outputGradient: Span<Float>, workspace: MLPWorkspace
    ) {
        requireCount(parameters.count, shape.parameterCount, "MLP.prepare: parameters of \(shape.widths)")
        checkWorkspace(shape, rows, workspace, "prepare")
        checkFollows(workspace.forwardRows, rows, "prepare", "forward")
        requireCount(outputGradient.count, rows * shape.outputWidth, "MLP.prepare: outputGradient of \(rows) rows")
        if rows > 0 {
            withUnsafePointer(to: workspace.net) {
                cafe_mlp_deltas(workspace.floats, $0, parameters.base, outputGradient.base, Int64(rows))
            }
        }
        workspace.deltaRows = rows
    }

    /// After `prepare` and `rForward` along the same direction: adds to rParameterGradient the derivative, along
    /// `direction`, of the gradient that `backward` computes, the output gradient itself changing at rate
    /// rOutputGradient [B x out]. O(B * parameterCount).
    public static func rBackward(
        _ shape: MLPShape, parameters: Span<Float>, direction: Span<Float>, input: Span<Float>, rows: Int,
        rOutputGradient: Span<Float>, rParameterGradient: inout MutableSpan<Float>, workspace: MLPWorkspace
    ) {
        check(shape, parameters, input, rows, workspace, "rBackward")
        checkFollows(workspace.deltaRows, rows, "rBackward", "prepare")
        checkFollows(workspace.tangentRows, rows, "rBackward", "rForward")
        requireCount(direction.count, shape.parameterCount, "MLP.rBackward: direction of \(shape.widths)")
        checkBackward(shape, rows, rOutputGradient.count, rParameterGradient.count, workspace, "rBackward")
        guard rows > 0 else { return }
        withUnsafePointer(to: workspace.net) {
            cafe_mlp_rbackward(
                rParameterGradient.base, workspace.floats, $0, parameters.base, direction.base, input.base,
                rOutputGradient.base, Int64(rows))
        }
    }

    /// `prepare` and `rBackward` in one call, where only one direction is wanted.
    public static func rBackward(
        _ shape: MLPShape, parameters: Span<Float>, direction: Span<Float>, input: Span<Float>, rows: Int,
        outputGradient: Span<Float>, rOutputGradient: Span<Float>, rParameterGradient: inout MutableSpan<Float>,
        workspace: MLPWorkspace
    ) {
        prepare(shape, parameters: parameters, rows: rows, outputGradient: outputGradient, workspace: workspace)
        rBackward(
            shape, parameters: parameters, direction: direction, input: input, rows: rows,
            rOutputGradient: rOutputGradient, rParameterGradient: &rParameterGradient, workspace: workspace)
    }

    // MARK: - What the functions above require

    private static func check(
        _ shape: MLPShape, _ parameters: Span<Float>, _ input: Span<Float>, _ rows: Int, _ workspace: MLPWorkspace,
        _ caller: String
    ) {
        checkWorkspace(shape, rows, workspace, caller)
        requireCount(parameters.count, shape.parameterCount, "MLP.\(caller): parameters of \(shape.widths)")
        requireCount(input.count, rows * shape.inputWidth, "MLP.\(caller): input of \(rows) rows")
    }

    private static func checkWorkspace(_ shape: MLPShape, _ rows: Int, _ workspace: MLPWorkspace, _ caller: String) {
        precondition(
            shape == workspace.shape,
            "MLP.\(caller): a net of \(shape.widths), a workspace of \(workspace.shape.widths)")
        precondition(
            rows >= 0 && rows <= workspace.maxRows, "MLP.\(caller): \(rows) rows, workspace of \(workspace.maxRows)")
    }

    private static func checkFollows(_ had: Int, _ rows: Int, _ caller: String, _ before: String) {
        precondition(had == rows, "MLP.\(caller) of \(rows) rows must follow \(before); the workspace has \(had) rows")
    }

    private static func checkBackward(
        _ shape: MLPShape, _ rows: Int, _ outputCount: Int, _ parameterCount: Int, _ workspace: MLPWorkspace,
        _ caller: String
    ) {
        checkFollows(workspace.forwardRows, rows, caller, "forward")
        requireCount(outputCount, rows * shape.outputWidth, "MLP.\(caller): outputGradient of \(rows) rows")
        requireCount(parameterCount, shape.parameterCount, "MLP.\(caller): parameterGradient of \(shape.widths)")
    }

    /// `count` orthonormal vectors, uniform over such frames: Gram-Schmidt, twice for accuracy, on normal draws.
    private static func orthonormal(count: Int, dimension: Int, stream: inout RandomStream) -> [[Double]] {
        var frame: [[Double]] = []
        while frame.count < count {
            var vector = (0..<dimension).map { _ in stream.normal() }
            for _ in 0..<2 {
                for other in frame {
                    var dot = 0.0
                    for k in 0..<dimension { dot += vector[k] * other[k] }
                    for k in 0..<dimension { vector[k] -= dot * other[k] }
                }
            }
            var length = 0.0
            for k in 0..<dimension { length += vector[k] * vector[k] }
            if length < 1e-12 { continue }
            for k in 0..<dimension { vector[k] /= length.squareRoot() }
            frame.append(vector)
        }
        return frame
    }
}
