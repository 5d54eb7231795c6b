/// A trained policy in the formats of other tools: ONNX and safetensors.
///
/// Inputs of the ONNX graph, float32, B decisions at a time: `context` [B, C], `candidates` [B, K, D] (where D > 0) and
/// `mask` [B, K], 1 for an allowed action, as the game's `observe` writes them: slot a < K - 1 is candidate a, slot K - 1 is
/// "stay". Outputs: `logits` [B, K] (those of forbidden actions mean nothing), `probabilities` [B, K] (0 where forbidden)
/// and, where the run has a critic in its file, `value` [B].
///
/// Tensors of the safetensors file: `actor.L.weight` [out, in] and `actor.L.bias` [out] of each layer L, as PyTorch's
/// `Linear` takes them, and `critic...` likewise. The actor of kind "pair" scores each action's row [D + C]; "flat" reads
/// context and all rows, [C + K D], forbidden rows as zeros. The critic reads the context and the mean of the allowed rows.
package struct PolicyExport: Sendable {
    /// The formats.
    package enum Format: String, Sendable, CaseIterable { case onnx, safetensors }

    private struct Net: Sendable {
        let name: String
        let shape: MLPShape
        let parameters: [Float]
    }

    private let layout: PolicyLayout
    private let kind: ActorCritic.Kind
    private let actor: Net
    private let critic: Net?
    private let metadata: [(String, String)]

    /// Networks of a dispatch run.
    package init(_ policy: ActorCritic, metadata: [(String, String)] = []) {
        layout = policy.layout
        kind = policy.design.kind
        actor = Net(name: "actor", shape: policy.actorShape, parameters: policy.actor)
        critic = Net(name: "critic", shape: policy.criticShape, parameters: policy.critic)
        self.metadata = metadata + [("design", policy.design.description)]
    }

    /// The network of a run on a game with a fixed horizon: observation [B, C] to one logit per action; no critic.
    package init(_ policy: FixedHorizonPolicy, metadata: [(String, String)] = []) {
        layout = PolicyLayout(
            contextWidth: policy.shape.inputWidth, candidateWidth: 0, actionCount: policy.shape.outputWidth)
        kind = .flat
        actor = Net(name: "actor", shape: policy.shape, parameters: policy.parameters)
        critic = nil
        self.metadata = metadata + [("design", "flat \(policy.shape.widths)")]
    }

    /// The policy of a run's folder.
    ///
    /// - Throws: `CSCError` where the folder holds no trained network, or a file is damaged. O(size of the run's files).
    package init(contentsOf folder: String) throws {
        if FixedHorizonRun.isRun(folder) {
            self.init(try FixedHorizonPolicy(contentsOf: folder), metadata: [("producer", "cafe")])
            return
        }
        guard DispatchPolicy.isRun(folder) else {
            throw CSCError.invalid("\(folder): there is no policy.ckpt: only runs of train and refine hold a network")
        }
        let run = try DispatchPolicy(contentsOf: folder)
        self.init(
            run.policy,
            metadata: [
                ("producer", "cafe"), ("scenario", run.scenario.name), ("seed", String(run.configuration.seed)),
                ("reward", "\(run.configuration.rewardVariant)"),
            ])
    }

    /// The bytes of a file in that format. O(parameters).
    package func bytes(_ format: Format) -> [UInt8] {
        switch format {
        case .onnx: onnx
        case .safetensors: safetensors
        }
    }

    // MARK: Safetensors

    private var safetensors: [UInt8] {
        var tensors: [Safetensors.Tensor] = []
        for net in [actor, critic].compactMap(\.self) {
            for layer in 0..<net.shape.layerCount {
                let (rows, columns) = (net.shape.widths[layer], net.shape.widths[layer + 1])
                let (weights, bias) = Self.layer(layer, of: net)
                var transposed = [Float](repeating: 0, count: weights.count)
                for row in 0..<rows {
                    for column in 0..<columns { transposed[column * rows + row] = weights[row * columns + column] }
                }
                let name = "\(net.name).\(layer)"
                tensors.append(.init(name: name + ".weight", shape: [columns, rows], values: transposed))
                tensors.append(.init(name: name + ".bias", shape: [columns], values: bias))
            }
        }
        let sizes = [
            ("kind", kind.rawValue), ("context", String(layout.contextWidth)),
            ("candidate", String(layout.candidateWidth)), ("actions", String(layout.actionCount)),
            ("activation", "\(actor.shape.hidden)"),
        ]
        return Safetensors(tensors: tensors, metadata: metadata + sizes).bytes
    }

    /// W [in, out] and b [out] of a layer.
    private static func layer(_ layer: Int, of net: Net) -> (weights: [Float], bias: [Float]) {
        let range = net.shape.parameterRange(layer: layer)
        let split = range.upperBound - net.shape.widths[layer + 1]
        return (Array(net.parameters[range.lowerBound..<split]), Array(net.parameters[split..<range.upperBound]))
    }

    // MARK: ONNX

    private var onnx: [UInt8] {
        var graph = OnnxGraph()
        let (c, d, k) = (layout.contextWidth, layout.candidateWidth, layout.actionCount)
        let context = graph.input("context", [.named("B"), .fixed(c)])
        let candidates = d > 0 ? graph.input("candidates", [.named("B"), .fixed(k), .fixed(d)]) : nil
        let mask = graph.input("mask", [.named("B"), .fixed(k)])
        let last = graph.constant("axis 2", [2])
        let allowed = candidates.map {
            graph.node("Mul", [$0, graph.node("Unsqueeze", [mask, last], "mask by row")], "allowed rows")
        }
        let logits: String
        if kind == .pair, let candidates {
            let first = graph.constant("axis 1", [1])
            let once = graph.node("Unsqueeze", [context, first], "context once")
            let each = graph.node("Expand", [once, graph.constant("an action each", [1, k, 1])], "context of actions")
            let rows = graph.node("Concat", [candidates, each], "rows", attributes: [("axis", 2)])
            let scores = Self.add(actor, to: &graph, input: rows, output: "scores")
            logits = graph.node("Squeeze", [scores, last], "logits")
        } else {
            var input = context
            if let allowed {
                let side = graph.node("Reshape", [allowed, graph.constant("side by side", [0, k * d])], "all rows")
                input = graph.node("Concat", [context, side], "input", attributes: [("axis", 1)])
            }
            logits = Self.add(actor, to: &graph, input: input, output: "logits")
        }
        graph.output(logits, [.named("B"), .fixed(k)])
        addProbabilities(&graph, logits, mask)
        if let critic { addValue(critic, &graph, context, allowed, mask) }
        return graph.model(name: "policy", metadata: metadata)
    }

    /// The softmax over the allowed actions.
    private func addProbabilities(_ graph: inout OnnxGraph, _ logits: String, _ mask: String) {
        let k = layout.actionCount
        let one = graph.constant("one", [1], [1])
        let shift = graph.node("Sub", [mask, one], "0 or -1")
        let far = graph.node("Mul", [shift, graph.constant("far", [1], [1e9])], "0 or far below")
        let masked = graph.node("Add", [logits, far], "masked logits")
        graph.node("Softmax", [masked], "probabilities", attributes: [("axis", 1)])
        graph.output("probabilities", [.named("B"), .fixed(k)])
    }

    /// The critic over the context and the mean of the allowed rows.
    private func addValue(
        _ critic: Net, _ graph: inout OnnxGraph, _ context: String, _ allowed: String?, _ mask: String
    ) {
        let axis = graph.constant("axis of actions", [1])
        var input = context
        if let allowed {
            let sum = graph.node("ReduceSum", [allowed, axis], "sum of rows", attributes: [("keepdims", 0)])
            let count = graph.node("ReduceSum", [mask, axis], "allowed actions", attributes: [("keepdims", 1)])
            let mean = graph.node("Div", [sum, count], "mean row")
            input = graph.node("Concat", [context, mean], "critic input", attributes: [("axis", 1)])
        }
        let value = Self.add(critic, to: &graph, input: input, output: "value as a column")
        graph.node("Squeeze", [value, axis], "value")
        graph.output("value", [.named("B")])
    }

    /// The layers of a net; the last one's output gets this name.
    private static func add(_ net: Net, to graph: inout OnnxGraph, input: String, output: String) -> String {
        var value = input
        for layer in 0..<net.shape.layerCount {
            let (rows, columns) = (net.shape.widths[layer], net.shape.widths[layer + 1])
            let (weights, bias) = self.layer(layer, of: net)
            let name = "\(net.name).\(layer)"
            let isLast = layer == net.shape.layerCount - 1
            let w = graph.constant(name + ".weight", [rows, columns], weights)
            let b = graph.constant(name + ".bias", [columns], bias)
            let product = graph.node("MatMul", [value, w], name + ".product")
            let activation = isLast ? net.shape.output : net.shape.hidden
            let sum = isLast && activation == .identity ? output : name + ".sum"
            value = graph.node("Add", [product, b], sum)
            switch activation {
            case .identity: break
            case .tanh: value = graph.node("Tanh", [value], isLast ? output : name + ".output")
            case .relu: value = graph.node("Relu", [value], isLast ? output : name + ".output")
            }
        }
        return value
    }
}
