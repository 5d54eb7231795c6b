/// Some decisions and the passes of the networks over them: logits and values forward, gradients backward.
///
/// One batch serves one thread at a time; several may read one `ActorCritic` at once. Memory grows to the largest
/// batch met and is then reused.
package final class PolicyBatch: @unchecked Sendable {
    /// The decisions. Fill it, then call the passes.
    package var decisions: DecisionStore
    /// [R]: one logit for each allowed action, after `forwardActor` or `predictActor`.
    package private(set) var logits: [Float] = []
    /// [n]: the critic's values after `forwardCritic` or `predictCritic`.
    package private(set) var values: [Float] = []

    private var actorWorkspace: MLPWorkspace
    private var criticWorkspace: MLPWorkspace
    private let kind: ActorCritic.Kind
    private var flatInput: [Float] = []
    private var flatLogits: [Float] = []

    /// An empty batch for networks of this design, with memory for this many decisions to begin with.
    package init(for policy: ActorCritic, decisions: Int = 64) {
        self.decisions = DecisionStore(layout: policy.layout)
        kind = policy.design.kind
        let rows = kind == .pair ? decisions * policy.layout.actionCount : decisions
        actorWorkspace = MLPWorkspace(shape: policy.actorShape, maxRows: rows)
        criticWorkspace = MLPWorkspace(shape: policy.criticShape, maxRows: decisions)
    }

    /// Logits of all rows, keeping what `backwardActor` needs. O(R P).
    package func forwardActor(_ policy: ActorCritic) { runActor(policy, keeping: true) }

    /// The same logits, bit for bit, without keeping anything: for rollouts. O(R P).
    package func predictActor(_ policy: ActorCritic) { runActor(policy, keeping: false) }

    private func runActor(_ policy: ActorCritic, keeping: Bool) {
        let rows = kind == .pair ? decisions.rowCount : decisions.count
        if rows > actorWorkspace.maxRows {
            actorWorkspace = MLPWorkspace(shape: policy.actorShape, maxRows: rows + rows / 2)
        }
        resize(&logits, decisions.rowCount, 0)
        switch kind {
        case .pair:
            MLP.evaluate(
                policy.actorShape, parameters: policy.actor, input: decisions.rows, rows: rows, output: &logits,
                workspace: actorWorkspace,
                keeping: keeping)
        case .flat:
            decisions.writeFlat(&flatInput)
            resize(&flatLogits, rows * policy.layout.actionCount, 0)
            MLP.evaluate(
                policy.actorShape, parameters: policy.actor, input: flatInput, rows: rows, output: &flatLogits,
                workspace: actorWorkspace,
                keeping: keeping)
            decisions.pick(from: flatLogits, into: &logits)
        }
    }

    /// The most probable action of each decision, as an index of its rows; after either actor pass. actions [n].
    package func greedy(actions: inout [Int32]) {
        let (logits, offsets) = (logits, decisions.offsets)
        var out = actions.mutableSpan
        Policy.greedy(logits: logits.span, offsets: offsets.span, actions: &out)
    }

    /// Draws an action of each decision, as an index of its rows, from uniforms [n] in [0, 1). actions [n],
    /// logProbabilities [n].
    package func sample(uniforms: [Float], actions: inout [Int32], logProbabilities: inout [Float]) {
        let (logits, offsets) = (logits, decisions.offsets)
        var out = actions.mutableSpan
        var logs = logProbabilities.mutableSpan
        Policy.sample(
            logits: logits.span, offsets: offsets.span, uniforms: uniforms.span, actions: &out, logProbabilities: &logs)
    }

    /// After `forwardActor`: adds the gradient of sum(logits * logitGradient) to `gradient` [P]. O(R P).
    package func backwardActor(_ policy: ActorCritic, logitGradient: [Float], gradient: inout [Float]) {
        let (input, rows, outputGradient) = actorSide(logitGradient)
        let parameters = policy.actor
        var sum = gradient.mutableSpan
        MLP.backward(
            policy.actorShape, parameters: parameters.span, input: input.span, rows: rows,
            outputGradient: outputGradient.span, parameterGradient: &sum, workspace: actorWorkspace)
    }

    /// Values of all decisions, keeping what `backwardCritic` needs. O(n P).
    package func forwardCritic(_ policy: ActorCritic) { runCritic(policy, keeping: true) }

    /// The same values without keeping anything. O(n P).
    package func predictCritic(_ policy: ActorCritic) { runCritic(policy, keeping: false) }

    /// The values of the decisions `range` of a store, read where they lie: they need not be in the batch. O(n P).
    package func predictCritic(_ policy: ActorCritic, _ range: Range<Int>, of store: DecisionStore) {
        ensureCritic(policy, range.count)
        let width = store.layout.criticWidth
        let input = store.criticInput
        Self.predict(
            policy.criticShape, policy.critic,
            input.span.extracting(range.lowerBound * width..<range.upperBound * width), range.count, &values,
            criticWorkspace)
    }

    private static func predict(
        _ shape: MLPShape, _ parameters: [Float], _ input: Span<Float>, _ rows: Int, _ output: inout [Float],
        _ workspace: MLPWorkspace
    ) {
        var out = output.mutableSpan
        MLP.predict(shape, parameters: parameters.span, input: input, rows: rows, output: &out, workspace: workspace)
    }

    /// Memory for the values of so many decisions.
    private func ensureCritic(_ policy: ActorCritic, _ count: Int) {
        if count > criticWorkspace.maxRows {
            criticWorkspace = MLPWorkspace(shape: policy.criticShape, maxRows: count + count / 2)
        }
        resize(&values, count, 0)
    }

    private func runCritic(_ policy: ActorCritic, keeping: Bool) {
        let count = decisions.count
        ensureCritic(policy, count)
        MLP.evaluate(
            policy.criticShape, parameters: policy.critic, input: decisions.criticInput, rows: count, output: &values,
            workspace: criticWorkspace,
            keeping: keeping)
    }

    /// After `forwardCritic`: adds the gradient of sum(values * valueGradient) to `gradient`. O(n P).
    package func backwardCritic(_ policy: ActorCritic, valueGradient: [Float], gradient: inout [Float]) {
        let (parameters, input) = (policy.critic, decisions.criticInput)
        var sum = gradient.mutableSpan
        MLP.backward(
            policy.criticShape, parameters: parameters.span, input: input.span, rows: decisions.count,
            outputGradient: valueGradient.span, parameterGradient: &sum, workspace: criticWorkspace)
    }

    /// The directional derivative of the logits along `direction` in the actor's parameters (Pearlmutter's R), after
    /// `forwardActor`. rLogits [R]. O(R P).
    package func rForwardActor(_ policy: ActorCritic, direction: [Float], rLogits: inout [Float]) {
        resize(&rLogits, decisions.rowCount, 0)
        switch kind {
        case .pair: rForward(policy, direction, decisions.rows, decisions.rowCount, &rLogits)
        case .flat:
            var flat = [Float](repeating: 0, count: decisions.count * policy.layout.actionCount)
            rForward(policy, direction, flatInput, decisions.count, &flat)
            decisions.pick(from: flat, into: &rLogits)
        }
    }

    private func rForward(
        _ policy: ActorCritic, _ direction: [Float], _ input: [Float], _ rows: Int, _ output: inout [Float]
    ) {
        let parameters = policy.actor
        var out = output.mutableSpan
        MLP.rForward(
            policy.actorShape, parameters: parameters.span, direction: direction.span, input: input.span, rows: rows,
            rOutput: &out, workspace: actorWorkspace)
    }

    /// After `forwardActor` and `rForwardActor` along the same direction: adds to `rGradient` [P] the derivative of
    /// what `backwardActor` adds, the logit gradient itself moving at rate `rLogitGradient`. O(R P).
    package func rBackwardActor(
        _ policy: ActorCritic, direction: [Float], logitGradient: [Float], rLogitGradient: [Float],
        rGradient: inout [Float]
    ) {
        let (input, rows, outputGradient) = actorSide(logitGradient)
        let (_, _, rOutputGradient) = actorSide(rLogitGradient)
        let parameters = policy.actor
        var sum = rGradient.mutableSpan
        MLP.rBackward(
            policy.actorShape, parameters: parameters.span, direction: direction.span, input: input.span, rows: rows,
            outputGradient: outputGradient.span, rOutputGradient: rOutputGradient.span, rParameterGradient: &sum,
            workspace: actorWorkspace)
    }

    /// The network's input and rows, and a gradient by row as one of the network's output.
    private func actorSide(_ gradient: [Float]) -> (input: [Float], rows: Int, gradient: [Float]) {
        switch kind {
        case .pair: return (decisions.rows, decisions.rowCount, gradient)
        case .flat:
            var spread: [Float] = []
            decisions.spread(gradient, into: &spread)
            return (flatInput, decisions.count, spread)
        }
    }
}
