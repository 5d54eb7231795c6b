/// Steps whose agents all choose among the same actions: the rows of a shard of a game with a fixed horizon.
/// Each is filled and read by the one thread that has its shard.
final class StepMinibatch: MinibatchBatch, @unchecked Sendable {
    static let shardSize = 256

    private let actor: MLPShape
    private let critic: MLPShape
    private let actorWorkspace: MLPWorkspace
    private let criticWorkspace: MLPWorkspace
    private var count = 0
    private var observations: [Float]
    private var logits: [Float]
    private var logitGradient: [Float]
    private var values: [Float]
    private var valueGradient: [Float]

    init(for policy: ActorCritic) {
        let size = Self.shardSize
        func floats(_ count: Int) -> [Float] { [Float](repeating: 0, count: count) }
        actor = policy.actorShape
        critic = policy.criticShape
        actorWorkspace = MLPWorkspace(shape: actor, maxRows: size)
        criticWorkspace = MLPWorkspace(shape: critic, maxRows: size)
        observations = floats(size * actor.inputWidth)
        logits = floats(size * actor.outputWidth)
        logitGradient = logits
        values = floats(size)
        valueGradient = values
    }

    /// Copies steps here. O(rows D).
    func gather(_ indices: ArraySlice<Int32>, of source: StepRecords, into targets: inout MinibatchTargets) {
        count = indices.count
        targets.count = count
        if targets.actions.count < Self.shardSize {
            targets.actions = [Int32](repeating: 0, count: Self.shardSize)
            targets.logProbabilities = [Float](repeating: 0, count: Self.shardSize)
            targets.advantages = targets.logProbabilities
            targets.returns = targets.logProbabilities
        }
        source.gather(
            indices, observations: &observations, actions: &targets.actions,
            logProbabilities: &targets.logProbabilities, advantages: &targets.advantages, returns: &targets.returns)
    }

    func policyLoss(
        _ policy: ActorCritic, _ targets: MinibatchTargets, clipCoef: Float, entCoef: Float
    ) -> PolicyLoss {
        Self.forward(actor, policy.actor, observations, count, &logits, actorWorkspace)
        return policyLoss(targets, clipCoef, entCoef, &logitGradient)
    }

    private func policyLoss(
        _ targets: MinibatchTargets, _ clipCoef: Float, _ entCoef: Float, _ gradient: inout [Float]
    ) -> PolicyLoss {
        let (logits, width) = (logits, actor.outputWidth)
        var all = gradient.mutableSpan
        var out = all.extracting(0..<count * width)
        return Policy.clippedLoss(
            logits: logits.span.extracting(0..<count * width), width: width,
            actions: targets.actions.span.extracting(0..<count),
            oldLogProbabilities: targets.logProbabilities.span.extracting(0..<count),
            advantages: targets.advantages.span.extracting(0..<count), clipCoef: clipCoef, entCoef: entCoef,
            logitGradient: &out)
    }

    func backwardActor(_ policy: ActorCritic, share: Float, into gradient: inout [Float]) {
        Self.multiply(&logitGradient, count * actor.outputWidth, by: share)
        Self.backward(actor, policy.actor, observations, count, logitGradient, &gradient, actorWorkspace)
    }

    func valueLoss(_ policy: ActorCritic, _ targets: MinibatchTargets, clipCoef: Float?) -> Double {
        precondition(
            clipCoef == nil, "StepMinibatch: the old values are not kept, so the critic's change is not clipped")
        Self.forward(critic, policy.critic, observations, count, &values, criticWorkspace)
        return valueLoss(targets, &valueGradient)
    }

    private func valueLoss(_ targets: MinibatchTargets, _ gradient: inout [Float]) -> Double {
        let values = values
        var all = gradient.mutableSpan
        var out = all.extracting(0..<count)
        return Policy.valueLoss(
            values: values.span.extracting(0..<count), returns: targets.returns.span.extracting(0..<count),
            gradient: &out)
    }

    func backwardCritic(_ policy: ActorCritic, share: Float, into gradient: inout [Float]) {
        Self.multiply(&valueGradient, count, by: share)
        Self.backward(critic, policy.critic, observations, count, valueGradient, &gradient, criticWorkspace)
    }

    private static func multiply(_ values: inout [Float], _ count: Int, by factor: Float) {
        var span = values.mutableSpan
        for index in 0..<count { span[index] *= factor }
    }

    private static func forward(
        _ shape: MLPShape, _ parameters: [Float], _ input: [Float], _ rows: Int, _ output: inout [Float],
        _ workspace: MLPWorkspace
    ) {
        var all = output.mutableSpan
        var out = all.extracting(0..<rows * shape.outputWidth)
        MLP.forward(
            shape, parameters: parameters.span, input: input.span.extracting(0..<rows * shape.inputWidth), rows: rows,
            output: &out, workspace: workspace)
    }

    private static func backward(
        _ shape: MLPShape, _ parameters: [Float], _ input: [Float], _ rows: Int, _ outputGradient: [Float],
        _ gradient: inout [Float], _ workspace: MLPWorkspace
    ) {
        var out = gradient.mutableSpan
        MLP.backward(
            shape, parameters: parameters.span, input: input.span.extracting(0..<rows * shape.inputWidth),
            rows: rows, outputGradient: outputGradient.span.extracting(0..<rows * shape.outputWidth),
            parameterGradient: &out, workspace: workspace)
    }
}

extension StepRecords: MinibatchSource {
    /// Every step has an action. O(steps).
    func writeRows(into rows: inout [Int32]) {
        rows.removeAll(keepingCapacity: true)
        for index in 0..<Int32(advantages.count) { rows.append(index) }
    }
}
