/// A shared policy and its critic: what every agent consults (independent PPO with shared parameters, [deWitt20]).
///
/// - **pair**: one network scores each allowed action from its own row and the context; a softmax over the scores is
///   the policy. It works for any number of candidates, tasks and workers and cannot prefer a slot for its number.
/// - **flat**: one network reads context and all K rows side by side and gives K logits: the comparison, and the
///   policy of environments whose actions are only numbered.
///
/// The critic reads the context and the mean of the allowed actions' rows.
///
/// Any number of threads may read it at once through `PolicyBatch`; it is changed only between such passes, by
/// `PPO.update` or by a checkpoint.
package final class ActorCritic: @unchecked Sendable {
    /// How actions are scored.
    package enum Kind: String, Sendable, Hashable, Codable, CaseIterable { case pair, flat }

    /// Everything that decides the sizes of the networks.
    package struct Design: Sendable, Hashable, Codable {
        /// The sizes of what an acting agent sees: C, D and K.
        package var layout: PolicyLayout
        /// How actions are scored.
        package var kind: Kind
        /// Widths of the actor's hidden layers.
        package var actorWidths: [Int]
        /// Widths of the critic's hidden layers.
        package var criticWidths: [Int]
        /// The activation of all hidden layers.
        package var activation: Activation

        /// Traps for a pair-scoring policy of actions without rows (D = 0).
        package init(
            layout: PolicyLayout, kind: Kind = .pair, actorWidths: [Int] = [32, 32], criticWidths: [Int] = [32, 32],
            activation: Activation = .tanh
        ) {
            precondition(
                kind == .flat || layout.candidateWidth > 0,
                "ActorCritic: a pair-scoring policy needs rows of actions, D is \(layout.candidateWidth)")
            self.layout = layout
            self.kind = kind
            self.actorWidths = actorWidths
            self.criticWidths = criticWidths
            self.activation = activation
        }
    }

    /// What decided the sizes of both networks.
    package let design: Design
    /// pair: D + C numbers -> hidden layers -> 1 score; flat: C + K * D numbers -> hidden layers -> K logits.
    package let actorShape: MLPShape
    /// C + D numbers -> hidden layers -> 1 value.
    package let criticShape: MLPShape
    /// The actor's parameters, [P]; see `MLP` for their order.
    package var actor: [Float]
    /// The critic's parameters.
    package var critic: [Float]

    /// Networks with orthogonal weights (gain sqrt 2 inside, 0.01 before the logits, 1 before the value), biases 0.
    /// Streams 0 and 1 of the purpose `initialization`.
    package init(_ design: Design, seed: UInt64) {
        self.design = design
        let layout = design.layout
        let (input, output) = design.kind == .pair ? (layout.rowWidth, 1) : (layout.flatWidth, layout.actionCount)
        actorShape = MLPShape(widths: [input] + design.actorWidths + [output], hidden: design.activation)
        criticShape = MLPShape(widths: [layout.criticWidth] + design.criticWidths + [1], hidden: design.activation)
        actor = ActorCritic.weights(actorShape, outputGain: 0.01, seed: seed, index: 0)
        critic = ActorCritic.weights(criticShape, outputGain: 1, seed: seed, index: 1)
    }

    private static func weights(_ shape: MLPShape, outputGain: Float, seed: UInt64, index: UInt64) -> [Float] {
        var stream = RandomStream(seed: seed, purpose: .initialization, index: index)
        var parameters = [Float](repeating: 0, count: shape.parameterCount)
        var span = parameters.mutableSpan
        MLP.initialize(shape, parameters: &span, stream: &stream, outputGain: outputGain)
        return parameters
    }

    /// The sizes of what an acting agent sees, from the design.
    package var layout: PolicyLayout { design.layout }

    /// Saves parameters under `actor` and `critic`, and the design under `design`.
    package func save(to checkpoint: inout Checkpoint) {
        checkpoint.set("design", text: design.description)
        checkpoint.set("actor", floats: actor)
        checkpoint.set("critic", floats: critic)
    }

    /// Takes over saved parameters. Throws `CSCError.damaged` where the design is another or a parameter is not finite.
    package func load(from checkpoint: Checkpoint) throws(CSCError) {
        let found = try checkpoint.text("design")
        guard found == design.description else {
            throw .damaged(path: checkpoint.path, reason: "it holds a policy of \(found); this run has \(design)")
        }
        actor = try checkpoint.floats("actor", count: actor.count)
        critic = try checkpoint.floats("critic", count: critic.count)
    }
}

extension ActorCritic.Design: CustomStringConvertible {
    /// The design in words, also the text by which a checkpoint knows that it fits.
    package var description: String {
        "\(kind) C=\(layout.contextWidth) D=\(layout.candidateWidth) K=\(layout.actionCount) "
            + "actor=\(actorWidths) critic=\(criticWidths) \(activation)"
    }
}
