internal import Foundation

/// CAFE inside the training loop: learns the credit after the episodes, and moves phi after the update.
///
/// Before the update the autoencoder is fitted to the episodes and fills the learnt reward columns; after it, every
/// `outer.every` iterations, phi takes one implicit-gradient step. All of it is saved in checkpoints under `cafe/`.
package final class CreditAssignment: TrainerExtension {
    /// Prefix of its sections in a checkpoint.
    package let name = "cafe"
    /// How the autoencoder is built and trained.
    package let vaeOptions: RewardVAEOptions
    /// When and how phi is moved.
    package let outer: OuterOptions
    /// The autoencoder; nil until the first rollout or checkpoint gives its widths.
    package private(set) var vae: RewardVAE?
    private let seed: UInt64
    private let usesVAE: Bool
    private var damping: Double
    private var data = CreditData()
    private var elbo = RewardVAEReport()
    private var meanInfluence = 0.0
    private var lastOuter: ImplicitGradientReport?

    /// The columns that the autoencoder fills.
    package static let learntColumns = ["cmi", "signed"]

    /// - Parameter usesVAE: false skips the autoencoder where no learnt feature has a weight.
    package init(vae: RewardVAEOptions, outer: OuterOptions, usesVAE: Bool, seed: UInt64) {
        vaeOptions = vae
        self.outer = outer
        self.usesVAE = usesVAE
        self.seed = seed
        damping = outer.gradient.damping
    }

    /// The extension that a reward needs; nil where nothing is learnt about it and phi stays.
    package static func needed(
        for rewards: RewardModel, vae: RewardVAEOptions, outer: OuterOptions, seed: UInt64
    ) -> CreditAssignment? {
        let usesVAE = rewards.features.indices.contains {
            rewards.phi[$0] != 0 && learntColumns.contains(rewards.features[$0].name)
        }
        guard usesVAE || outer.every > 0 else { return nil }
        return CreditAssignment(vae: vae, outer: outer, usesVAE: usesVAE, seed: seed)
    }

    /// The autoencoder's fit, the outer level's solve, and phi with one column for each reward feature.
    package var metricColumns: [String] {
        [
            "cafe/elbo", "cafe/vae_error", "cafe/cmi", "cafe/phi_norm", "cafe/outer_status", "cafe/cg_iterations",
            "cafe/cg_residual", "cafe/curvature", "cafe/damping",
        ] + RewardFeature.all.map { "cafe/phi_\($0.name)" }
    }

    // MARK: - Before the update: learnt columns

    /// Fits the autoencoder to the rollout and fills `learntColumns`. Throws `CSCError.invalid` where it diverged.
    package func beforeUpdate(_ rollout: RolloutBuffer, learner: Learner) throws {
        guard usesVAE else { return }
        data.read(rollout, target: vaeOptions.target)
        elbo = autoencoder(rollout.decisions.layout).fit(data.batch)
        try fillColumns(rollout, policy: learner.policy)
    }

    /// Fills the learnt columns with the present autoencoder, without training it. O(decisions * parameters).
    package func fill(_ rollout: RolloutBuffer, policy: ActorCritic) throws {
        data.read(rollout, target: vaeOptions.target)
        try fillColumns(rollout, policy: policy)
    }

    private func fillColumns(_ rollout: RolloutBuffer, policy: ActorCritic) throws {
        guard !data.decisions.isEmpty else { return }
        let vae = autoencoder(rollout.decisions.layout)
        var alternatives: ActionAlternatives?
        if vaeOptions.counterfactual == .policy {
            alternatives = data.alternatives(rollout, probabilities: probabilities(rollout, policy))
        }
        let influence = vae.influence(
            observations: data.batch.observations, actions: data.batch.actions, noAction: data.noAction,
            alternatives: alternatives)
        let cmi = rollout.column("cmi"), signed = rollout.column("signed")
        var total = 0.0
        for (row, decision) in data.decisions.enumerated() {
            let taken = data.joined[row] != 0
            rollout.rewards[cmi][decision] = taken ? influence.cmi[row] : 0
            rollout.rewards[signed][decision] = taken ? influence.signed[row] : 0
            total += Double(influence.cmi[row])
        }
        meanInfluence = total / Double(data.decisions.count)
        guard total.isFinite else {
            throw CSCError.invalid(
                "the credit autoencoder diverged (ELBO \(elbo.elbo)): lower vae.learningRate, or look for payments too large"
            )
        }
    }

    private func autoencoder(_ layout: PolicyLayout) -> RewardVAE {
        if let vae { return vae }
        let made = RewardVAE(
            observationWidth: CreditData.observationWidth(layout), actionWidth: CreditData.actionWidth(layout),
            options: vaeOptions, seed: seed)
        vae = made
        return made
    }

    private func probabilities(_ rollout: RolloutBuffer, _ policy: ActorCritic) -> [Float] {
        let batch = PolicyBatch(for: policy)
        batch.decisions = rollout.decisions
        batch.predictActor(policy)
        let logits = batch.logits, offsets = rollout.decisions.offsets
        var result = [Float](repeating: 0, count: logits.count)
        var span = result.mutableSpan
        Policy.softmax(logits: logits.span, offsets: offsets.span, probabilities: &span)
        return result
    }

    // MARK: - After the update: the outer level

    /// Every `outer.every` iterations after `outer.warmup`: one step of phi, where its gradient is usable.
    ///
    /// - Returns: the values of `metricColumns`.
    /// - Throws: `CSCError.invalid` for a flat policy, or where no agent had a choice.
    package func afterIteration(_ rollout: RolloutBuffer, learner: Learner) throws -> [Double] {
        lastOuter = nil
        if outer.every > 0 && learner.iteration > outer.warmup && learner.iteration % outer.every == 0 {
            let problem = try OuterProblem(rollout, learner: learner, options: outer, seed: seed)
            let report = problem.gradient(damping: damping)
            damping = report.nextDamping
            lastOuter = report
            if report.status == .usable { problem.step(&learner.rewards.phi, along: report.gradient) }
        }
        let solve = lastOuter?.solve
        let phi = learner.rewards.phi
        return [
            elbo.elbo, elbo.squaredError, meanInfluence, phi.reduce(0) { $0 + $1 * $1 }.squareRoot(),
            lastOuter.map { Self.code($0.status) } ?? -1, Double(solve?.iterations ?? 0), solve?.residual ?? 0,
            solve?.curvature ?? 0, damping,
        ] + phi
    }

    /// `cafe/outer_status`: 0 usable, 1 zero, 2 not finite, 3 indefinite; -1 where phi was not to move.
    private static func code(_ status: ImplicitGradientStatus) -> Double {
        switch status {
        case .usable: 0
        case .zero: 1
        case .nonFinite: 2
        case .indefinite: 3
        }
    }

    // MARK: - Checkpoints

    /// The autoencoder, where it is no longer finite.
    package var notFinite: String? {
        guard let state = vae?.state else { return nil }
        let numbers = [
            state.encoder, state.decoder, state.encoderOptimizer.m, state.encoderOptimizer.v, state.decoderOptimizer.m,
            state.decoderOptimizer.v,
        ]
        let scales = [state.targetMean, state.targetVariance, state.targetWeight, damping]
        return numbers.allSatisfy { $0.allSatisfy(\.isFinite) } && scales.allSatisfy(\.isFinite)
            ? nil : "the credit autoencoder's numbers are"
    }

    /// Saves the damping and, where there is one, the autoencoder with its optimisers and target statistics.
    package func save(to checkpoint: inout Checkpoint) {
        checkpoint.set("cafe/damping", doubles: [damping])
        guard let vae else { return }
        let state = vae.state
        checkpoint.set("cafe/widths", integers: [vae.observationWidth, vae.actionWidth])
        for (part, parameters, optimizer) in [
            ("encoder", state.encoder, state.encoderOptimizer), ("decoder", state.decoder, state.decoderOptimizer),
        ] {
            checkpoint.set("cafe/\(part)", floats: parameters)
            checkpoint.set("cafe/\(part)/m", floats: optimizer.m)
            checkpoint.set("cafe/\(part)/v", floats: optimizer.v)
            checkpoint.set("cafe/\(part)/step", integers: [optimizer.step])
        }
        checkpoint.set("cafe/targets", doubles: [state.targetMean, state.targetVariance, state.targetWeight])
        checkpoint.set("cafe/fits", integers: [state.fits])
    }

    /// Takes over a saved state. Throws `CSCError.damaged`.
    package func load(from checkpoint: Checkpoint) throws {
        damping = try checkpoint.doubles("cafe/damping", count: 1)[0]
        vae = nil
        guard checkpoint.contains("cafe/widths") else { return }
        // Each input of a network has a parameter at least: widths that the file could not hold are refused unbuilt.
        let held = try checkpoint.floats("cafe/encoder").count
        let widths = try checkpoint.integers("cafe/widths", count: 2, in: 1...max(1, min(held, 1 << 20)))
        let made = RewardVAE(observationWidth: widths[0], actionWidth: widths[1], options: vaeOptions, seed: seed)
        var state = made.state
        func optimizer(_ part: String, _ count: Int) throws -> Adam.State {
            var adam = part == "encoder" ? state.encoderOptimizer : state.decoderOptimizer
            adam.m = try checkpoint.floats("cafe/\(part)/m", count: count)
            adam.v = try checkpoint.floats("cafe/\(part)/v", count: count)
            adam.step = try checkpoint.counter("cafe/\(part)/step")
            return adam
        }
        state.encoder = try checkpoint.floats("cafe/encoder", count: state.encoder.count)
        state.decoder = try checkpoint.floats("cafe/decoder", count: state.decoder.count)
        state.encoderOptimizer = try optimizer("encoder", state.encoder.count)
        state.decoderOptimizer = try optimizer("decoder", state.decoder.count)
        let targets = try checkpoint.doubles("cafe/targets", count: 3)
        (state.targetMean, state.targetVariance, state.targetWeight) = (targets[0], targets[1], targets[2])
        state.fits = try checkpoint.counter("cafe/fits")
        made.state = state
        vae = made
    }
}

extension CreditAssignment {
    /// The autoencoder's gradient along random directions against central differences of its ELBO, on some decisions
    /// of a rollout. Empty where the run has no autoencoder. O(decisions * parameters).
    package func checkELBO(_ rollout: RolloutBuffer, decisions: Int, seed: UInt64) -> [GradientCheck] {
        guard let vae else { return [] }
        let data = CreditData(rollout, target: vaeOptions.target)
        let count = min(decisions, data.decisions.count)
        let batch = RewardVAEBatch(
            observations: Array(data.batch.observations.prefix(count * vae.observationWidth)),
            actions: Array(data.batch.actions.prefix(count * vae.actionWidth)),
            targets: Array(data.batch.targets.prefix(count)))
        var stream = RandomStream(seed: seed, purpose: .test)
        let noise = (0..<count * vaeOptions.latent).map { _ in Float(stream.normal()) }
        let masked = (0..<count).map { _ in stream.unit() < vaeOptions.maskProbability }
        let start = vae.parameters
        defer { vae.parameters = start }
        let gradient = vae.elbo(batch, noise: noise, masked: masked).gradient
        let norm = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        return (0..<3).map { index in
            // Half along the gradient, half random, of unit length each.
            let random = start.map { _ in stream.normal() }
            let length = random.reduce(0.0) { $0 + $1 * $1 }.squareRoot()
            let direction = zip(gradient, random).map { Double($0) / max(norm, 1e-12) + $1 / length }
            let slope = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * $1.1 }
            let h = 1e-2
            let ends = [h, -h].map { step in
                vae.parameters = zip(start, direction).map { Float(Double($0) + step * $1) }
                return vae.elbo(batch, noise: noise, masked: masked).report.elbo
            }
            return GradientCheck(
                name: "ELBO slope \(index)", computed: slope, measured: (ends[0] - ends[1]) / (2 * h), floor: 1e-3,
                tolerance: 0.03)
        }
    }
}
