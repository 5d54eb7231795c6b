/// A part of a minibatch of `FixedHorizonTrainer`: its rows, its passes through both networks, its part of the
/// gradient. One thread at a time uses it.
final class UpdateShard: @unchecked Sendable {
    /// Rows of a shard. Part of the result: another size rounds otherwise.
    static let size = 256

    /// Of the actor, then of the critic; divided by the minibatch's size, so that shards add up to the mean.
    private(set) var actorGradient: [Float]
    private(set) var criticGradient: [Float]
    private(set) var loss = PolicyLoss(policy: 0, entropy: 0, approxKL: 0, clipFraction: 0)
    private(set) var valueLoss = 0.0

    private var observations: [Float]
    private var actions: [Int32]
    private var oldLogProbabilities: [Float]
    private var advantages: [Float]
    private var returns: [Float]

    private let actor: MLPShape
    private let critic: MLPShape
    private let actorWorkspace: MLPWorkspace
    private let criticWorkspace: MLPWorkspace
    private var logits: [Float]
    private var logitGradient: [Float]
    private var values: [Float]
    private var valueGradient: [Float]

    init(actor: MLPShape, critic: MLPShape) {
        let size = UpdateShard.size
        self.actor = actor
        self.critic = critic
        func floats(_ count: Int) -> [Float] { [Float](repeating: 0, count: count) }
        actorGradient = floats(actor.parameterCount)
        criticGradient = floats(critic.parameterCount)
        observations = floats(size * actor.inputWidth)
        actions = [Int32](repeating: 0, count: size)
        oldLogProbabilities = floats(size)
        advantages = floats(size)
        returns = floats(size)
        actorWorkspace = MLPWorkspace(shape: actor, maxRows: size)
        criticWorkspace = MLPWorkspace(shape: critic, maxRows: size)
        logits = floats(size * actor.outputWidth)
        logitGradient = logits
        values = floats(size)
        valueGradient = values
    }

    /// Copies the steps `indices` of a rollout here, advantages standardised. O(rows D).
    func gather(_ rollout: StepRecords, _ indices: ArraySlice<Int32>, mean: Float, scale: Float) {
        rollout.gather(
            indices, observations: &observations, actions: &actions, logProbabilities: &oldLogProbabilities,
            advantages: &advantages, returns: &returns)
        Self.standardise(&advantages, indices.count, mean, scale)
    }

    private static func standardise(_ values: inout [Float], _ count: Int, _ mean: Float, _ scale: Float) {
        for index in 0..<count { values[index] = (values[index] - mean) * scale }
    }

    private static func clear(_ values: inout [Float]) {
        for index in values.indices { values[index] = 0 }
    }

    private static func multiply(_ values: inout [Float], _ count: Int, by factor: Float) {
        for index in 0..<count { values[index] *= factor }
    }

    /// Losses and gradients of the first `rows` gathered rows. O(rows P).
    ///
    /// - Parameter share: the part of the minibatch that these rows are.
    func run(
        actorParameters: [Float], criticParameters: [Float], rows: Int, share: Float, settings: FixedHorizonSettings
    ) {
        Self.clear(&actorGradient)
        Self.clear(&criticGradient)
        let width = actor.inputWidth

        Self.forward(actor, actorParameters, observations, rows, width, &logits, actorWorkspace)
        loss = policyLoss(rows, settings, &logitGradient)
        Self.multiply(&logitGradient, rows * actor.outputWidth, by: share)
        Self.backward(
            actor, actorParameters, observations, rows, logitGradient, &actorGradient, actorWorkspace)

        Self.forward(critic, criticParameters, observations, rows, width, &values, criticWorkspace)
        valueLoss = valueLoss(rows, &valueGradient) * Double(share)
        let scale = share * Float(settings.vfCoef)
        Self.multiply(&valueGradient, rows, by: scale)
        Self.backward(
            critic, criticParameters, observations, rows, valueGradient, &criticGradient, criticWorkspace)

        let part = Double(share)
        loss.policy *= part
        loss.entropy *= part
        loss.approxKL *= part
        loss.clipFraction *= part
    }

    private func policyLoss(
        _ rows: Int, _ settings: FixedHorizonSettings, _ gradient: inout [Float]
    ) -> PolicyLoss {
        let (logits, actions, old, advantages) = (logits, actions, oldLogProbabilities, advantages)
        let count = rows * actor.outputWidth
        var all = gradient.mutableSpan
        var out = all.part(0..<count)
        return Policy.clippedLoss(
            logits: logits.span.extracting(0..<count), width: actor.outputWidth,
            actions: actions.span.extracting(0..<rows), oldLogProbabilities: old.span.extracting(0..<rows),
            advantages: advantages.span.extracting(0..<rows), clipCoef: Float(settings.clipCoef),
            entCoef: Float(settings.entCoef), logitGradient: &out)
    }

    private func valueLoss(_ rows: Int, _ gradient: inout [Float]) -> Double {
        let (values, returns) = (values, returns)
        var all = gradient.mutableSpan
        var out = all.part(0..<rows)
        return Policy.valueLoss(
            values: values.span.extracting(0..<rows), returns: returns.span.extracting(0..<rows), gradient: &out)
    }

    private static func forward(
        _ shape: MLPShape, _ parameters: [Float], _ input: [Float], _ rows: Int, _ width: Int,
        _ output: inout [Float], _ workspace: MLPWorkspace
    ) {
        var all = output.mutableSpan
        var out = all.part(0..<rows * shape.outputWidth)
        MLP.forward(
            shape, parameters: parameters.span, input: input.span.extracting(0..<rows * width), rows: rows,
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
