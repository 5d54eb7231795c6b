internal import Foundation

/// The variational autoencoder behind CAFE's credit ([CAFE], Fig. 5).
///
/// The encoder `q(z | o, a, a_others)` is a diagonal Gaussian whose mean and log-variance an MLP computes from one row
/// `[observation and others' actions (O), own action (A), hidden flag (1)]`; the decoder `p(y | z)` is a Gaussian of
/// fixed variance whose mean an MLP computes. Training raises
///
///     J = E_{z ~ q}[log p(y | z)] - klWeight * KL[q(z | .) || N(0, I)]
///
/// with one reparameterised sample a row. With probability `maskProbability` the own action is replaced by zeros and
/// the hidden flag set, so that the same encoder also answers without the action. Inputs should be of unit scale.
///
/// A fit is a function of (seed, number of earlier fits, batch): any thread count gives the same bits, and a saved
/// `state` continues exactly.
package final class RewardVAE {
    /// How it is built and trained.
    package let options: RewardVAEOptions
    /// O: width of the observation with the others' actions.
    package let observationWidth: Int
    /// A: width of the own action's features.
    package let actionWidth: Int
    /// O + A + 1 numbers -> `encoderHidden` -> 2 Z: the means, then the log-variances, of z.
    package let encoderShape: MLPShape
    /// Z numbers -> `decoderHidden` -> 1: the mean of the scaled target.
    package let decoderShape: MLPShape
    let seed: UInt64
    private let nets: RewardVAENets
    private let encoderOptimizer: Adam
    private let decoderOptimizer: Adam
    /// Running statistics of the targets; `weight` is the number of targets that they stand for.
    var mean = 0.0
    var variance = 0.0
    private var weight = 0.0
    private var fits = 0
    private var shards: [RewardVAEShard] = []
    private var order: [Int32] = []
    private var encoderGradient: [Float] = []
    private var decoderGradient: [Float] = []
    private var gradient: [Float] = []

    /// Targets older than about this many batches fade from the running statistics.
    private static let memory = 20.0

    /// A net with fresh (orthogonal) parameters.
    package init(observationWidth: Int, actionWidth: Int, options: RewardVAEOptions = .init(), seed: UInt64) {
        precondition(
            observationWidth > 0 && actionWidth > 0,
            "RewardVAE: widths \(observationWidth) and \(actionWidth) must be positive")
        self.options = options
        self.observationWidth = observationWidth
        self.actionWidth = actionWidth
        self.seed = seed
        let width = observationWidth + actionWidth + 1
        encoderShape = MLPShape(widths: [width] + options.encoderHidden + [2 * options.latent])
        decoderShape = MLPShape(widths: [options.latent] + options.decoderHidden + [1])
        var stream = RandomStream(seed: seed, purpose: .autoencoder)
        let encoder = Self.fresh(encoderShape, &stream, outputGain: 0.1)
        let decoder = Self.fresh(decoderShape, &stream, outputGain: 1)
        nets = RewardVAENets(
            encoderShape: encoderShape, decoderShape: decoderShape, observationWidth: observationWidth,
            actionWidth: actionWidth, latent: options.latent, encoder: encoder, decoder: decoder)
        encoderOptimizer = Adam(parameterCount: encoder.count, learningRate: options.learningRate)
        decoderOptimizer = Adam(parameterCount: decoder.count, learningRate: options.learningRate)
    }

    private static func fresh(_ shape: MLPShape, _ stream: inout RandomStream, outputGain: Float) -> [Float] {
        var parameters = [Float](repeating: 0, count: shape.parameterCount)
        var span = parameters.mutableSpan
        MLP.initialize(shape, parameters: &span, stream: &stream, outputGain: outputGain)
        return parameters
    }

    /// Encoder's parameters, then decoder's.
    package var parameters: [Float] {
        get { nets.encoder + nets.decoder }
        set {
            let split = nets.encoder.count
            precondition(
                newValue.count == split + nets.decoder.count,
                "RewardVAE.parameters: \(newValue.count) given, \(split + nets.decoder.count) expected")
            nets.encoder = Array(newValue[..<split])
            nets.decoder = Array(newValue[split...])
        }
    }

    /// What multiplies a target before the decoder sees it, and what is taken off first.
    var scaling: (shift: Double, scale: Double) {
        if options.targetScale > 0 { return (0, options.targetScale) }
        return (mean, weight > 0 ? 1 / max(variance.squareRoot(), 1e-6) : 1)
    }

    // MARK: - Training

    /// `options.epochs` passes of Adam over the batch in shuffled minibatches; returns the mean objective of the last.
    /// O(epochs * count * parameters).
    @discardableResult
    package func fit(_ batch: RewardVAEBatch) -> RewardVAEReport {
        check(batch)
        fits += 1
        guard batch.count > 0, options.epochs > 0 else { return RewardVAEReport() }
        absorb(batch.targets)
        var stream = RandomStream(seed: seed, purpose: .autoencoder, index: UInt64(fits))
        order.removeAll(keepingCapacity: true)
        for index in 0..<batch.count { order.append(Int32(index)) }
        var report = RewardVAEReport()
        for _ in 0..<options.epochs {
            stream.shuffle(&order)
            report = RewardVAEReport()
            var start = 0
            while start < order.count {
                let rows = order[start..<min(start + options.batchSize, order.count)]
                let draws = Draws.from(stream, maskProbability: options.maskProbability)
                let part = objective(batch, rows: rows, draws)
                stream.skip(UInt64(rows.count * (1 + 2 * options.latent)))
                step()
                let share = Double(rows.count) / Double(order.count)
                report.elbo += share * part.elbo
                report.kl += share * part.kl
                report.squaredError += share * part.squaredError
                start += options.batchSize
            }
        }
        return report
    }

    /// The objective of the whole batch and its gradient (encoder's parameters, then decoder's), for given noise
    /// `[count, Z]` and given hidden rows. The targets' statistics stay as they are. O(count * parameters).
    package func elbo(
        _ batch: RewardVAEBatch, noise: [Float], masked: [Bool]
    ) -> (report: RewardVAEReport, gradient: [Float]) {
        check(batch)
        precondition(
            noise.count == batch.count * options.latent && masked.count == batch.count,
            "RewardVAE.elbo: noise \(noise.count), masked \(masked.count) for \(batch.count) rows of \(options.latent)")
        let rows = (0..<batch.count).map { Int32($0) }
        let report = objective(batch, rows: rows[...], .given(noise: noise, masked: masked.map { $0 ? 1 : 0 }))
        return (report, gradient.map { -$0 })
    }

    private func check(_ batch: RewardVAEBatch) {
        precondition(
            batch.observations.count == batch.count * observationWidth
                && batch.actions.count == batch.count * actionWidth,
            "RewardVAE: \(batch.count) targets, \(batch.observations.count) observations of width \(observationWidth), "
                + "\(batch.actions.count) actions of width \(actionWidth)")
    }

    /// Merges the targets into the running mean and variance (Chan's rule, old weight capped).
    private func absorb(_ targets: [Float]) {
        let count = Double(targets.count)
        let batchMean = targets.reduce(0) { $0 + Double($1) } / count
        let batchVariance = targets.reduce(0) { $0 + (Double($1) - batchMean) * (Double($1) - batchMean) } / count
        let old = min(weight, Self.memory * count)
        let total = old + count
        let delta = batchMean - mean
        variance = (variance * old + batchVariance * count + delta * delta * old * count / total) / total
        mean += delta * count / total
        weight = total
    }

    /// Where a minibatch's noise and hidden rows come from.
    private enum Draws: Sendable {
        /// One number per row that hides it, then two numbers per row and latent dimension.
        case from(RandomStream, maskProbability: Double)
        case given(noise: [Float], masked: [UInt8])
    }

    /// Forward and backward of -J over some rows of the batch: `gradient` holds the encoder's part, then the decoder's.
    ///
    /// Shards run in parallel, on ranks and threads; their gradients and the rows' parts of the report are added in order.
    private func objective(_ batch: RewardVAEBatch, rows: ArraySlice<Int32>, _ draws: Draws) -> RewardVAEReport {
        let (count, latent, size) = (rows.count, options.latent, RewardVAEShard.size)
        let used = (count + size - 1) / size
        let shards = ensureShards(used)
        let (shift, scale) = scaling
        let objective = RewardVAEObjective(
            klWeight: options.klWeight, noiseVariance: options.noiseVariance, shift: shift, scale: scale, rows: count)
        Ranks.share(used) { index in
            let range = index * size..<min((index + 1) * size, count)
            Self.draw(draws, range, of: count, latent: latent, into: shards[index])
            shards[index].run(
                batch, rows: rows[rows.startIndex + range.lowerBound..<rows.startIndex + range.upperBound], objective)
        } put: { index, message in
            shards[index].put(into: &message)
        } take: { index, message in
            shards[index].take(from: &message)
        }
        var report = RewardVAEReport()
        for shard in shards[..<used] {
            for error in shard.errors { report.squaredError += error }
            for divergence in shard.divergences { report.kl += divergence }
        }
        report.elbo =
            -0.5 * (report.squaredError / options.noiseVariance + log(2 * .pi * options.noiseVariance))
            - options.klWeight * report.kl
        Self.sum(shards[..<used].lazy.map(\.encoderGradient), nets.encoder.count, &encoderGradient)
        Self.sum(shards[..<used].lazy.map(\.decoderGradient), nets.decoder.count, &decoderGradient)
        resize(&gradient, encoderGradient.count + decoderGradient.count, 0)
        Rows.copy(encoderGradient, from: 0, to: &gradient, at: 0, count: encoderGradient.count)
        Rows.copy(decoderGradient, from: 0, to: &gradient, at: encoderGradient.count, count: decoderGradient.count)
        return report
    }

    /// Puts a shard's noise and hidden rows in place: those of the rows `range` of a minibatch of `count`.
    private static func draw(
        _ draws: Draws, _ range: Range<Int>, of count: Int, latent: Int, into shard: RewardVAEShard
    ) {
        resize(&shard.masked, range.count, 0)
        resize(&shard.noise, range.count * latent, 0)
        switch draws {
        case .from(let stream, let probability):
            var hiding = stream, normals = stream
            hiding.skip(UInt64(range.lowerBound))
            hiding.bernoulli(probability, into: &shard.masked)
            normals.skip(UInt64(count + 2 * latent * range.lowerBound))
            normals.normals(into: &shard.noise)
        case .given(let noise, let masked):
            Rows.copy(masked, from: range.lowerBound, to: &shard.masked, at: 0, count: range.count)
            Rows.copy(noise, from: range.lowerBound * latent, to: &shard.noise, at: 0, count: range.count * latent)
        }
    }

    private static func sum(_ parts: some Sequence<[Float]>, _ count: Int, _ total: inout [Float]) {
        resize(&total, count, 0)
        Rows.zero(&total)
        var span = total.mutableSpan
        for part in parts { Vector.add(part.span, scale: 1, to: &span) }
    }

    /// One step of Adam along `gradient`, which is clipped first.
    private func step() {
        Self.clip(&gradient, Float(options.maxGradNorm))
        let split = nets.encoder.count
        Self.step(&nets.encoder, gradient, 0..<split, encoderOptimizer)
        Self.step(&nets.decoder, gradient, split..<gradient.count, decoderOptimizer)
    }

    private static func clip(_ gradient: inout [Float], _ maxNorm: Float) {
        var span = gradient.mutableSpan
        Gradient.clipNorm(&span, maxNorm: maxNorm)
    }

    private static func step(
        _ parameters: inout [Float], _ gradient: [Float], _ range: Range<Int>, _ optimizer: Adam
    ) {
        var span = parameters.mutableSpan
        optimizer.step(parameters: &span, gradient: gradient.span.extracting(range))
    }

    /// At least so many shards, which keep their memory.
    func ensureShards(_ count: Int) -> [RewardVAEShard] {
        while shards.count < count { shards.append(RewardVAEShard(nets)) }
        return shards
    }
}

// MARK: - Checkpoints

extension RewardVAE {
    /// Everything that a fit changes. Restoring it continues with the same bits.
    package struct State: Sendable, Codable, Equatable {
        /// The encoder's parameters.
        package var encoder: [Float]
        /// The decoder's parameters.
        package var decoder: [Float]
        /// Adam's moments and step count for the encoder.
        package var encoderOptimizer: Adam.State
        /// Adam's moments and step count for the decoder.
        package var decoderOptimizer: Adam.State
        /// Running mean of the targets, in the task's money.
        package var targetMean: Double
        /// Running variance of the targets, money squared.
        package var targetVariance: Double
        /// How many targets the running statistics stand for.
        package var targetWeight: Double
        /// Fits so far; the number names the random stream of the next one.
        package var fits: Int
    }

    /// A copy of what fits have changed. Traps when set to the state of nets of other sizes.
    package var state: State {
        get {
            State(
                encoder: nets.encoder, decoder: nets.decoder, encoderOptimizer: encoderOptimizer.state,
                decoderOptimizer: decoderOptimizer.state, targetMean: mean, targetVariance: variance,
                targetWeight: weight, fits: fits)
        }
        set {
            precondition(
                newValue.encoder.count == nets.encoder.count && newValue.decoder.count == nets.decoder.count,
                "RewardVAE.state: \(newValue.encoder.count) + \(newValue.decoder.count) parameters given, "
                    + "\(nets.encoder.count) + \(nets.decoder.count) expected")
            nets.encoder = newValue.encoder
            nets.decoder = newValue.decoder
            encoderOptimizer.state = newValue.encoderOptimizer
            decoderOptimizer.state = newValue.decoderOptimizer
            mean = newValue.targetMean
            variance = newValue.targetVariance
            weight = newValue.targetWeight
            fits = newValue.fits
        }
    }
}
