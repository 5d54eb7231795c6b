internal import Foundation

/// The variational autoencoder behind CAFE's credit (poster, Fig. 5; spec section 4).
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
public final class RewardVAE {
    /// How it is built and trained.
    public let options: RewardVAEOptions
    /// O: width of the observation with the others' actions.
    public let observationWidth: Int
    /// A: width of the own action's features.
    public let actionWidth: Int
    /// O + A + 1 numbers -> `encoderHidden` -> 2 Z: the means, then the log-variances, of z.
    public let encoderShape: MLPShape
    /// Z numbers -> `decoderHidden` -> 1: the mean of the scaled target.
    public let decoderShape: MLPShape
    let seed: UInt64
    var encoder: [Float]
    var decoder: [Float]
    private let encoderOptimizer: Adam
    private let decoderOptimizer: Adam
    /// Running statistics of the targets; `weight` is the number of targets that they stand for.
    var mean = 0.0
    var variance = 0.0
    private var weight = 0.0
    private var fits = 0
    private var scratch: Scratch?

    /// Log-variances are held in this range, with no gradient outside it.
    static let logVarianceRange: ClosedRange<Float> = -10...4
    /// Targets older than about this many batches fade from the running statistics.
    private static let memory = 20.0

    /// A net with fresh (orthogonal) parameters.
    public init(observationWidth: Int, actionWidth: Int, options: RewardVAEOptions = .init(), seed: UInt64) {
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
        encoder = Self.fresh(encoderShape, &stream, outputGain: 0.1)
        decoder = Self.fresh(decoderShape, &stream, outputGain: 1)
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
    public var parameters: [Float] {
        get { encoder + decoder }
        set {
            precondition(
                newValue.count == encoder.count + decoder.count,
                "RewardVAE.parameters: \(newValue.count) given, \(encoder.count + decoder.count) expected")
            encoder = Array(newValue[..<encoder.count])
            decoder = Array(newValue[encoder.count...])
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
    public func fit(_ batch: RewardVAEBatch) -> RewardVAEReport {
        check(batch)
        fits += 1
        guard batch.count > 0, options.epochs > 0 else { return RewardVAEReport() }
        absorb(batch.targets)
        var stream = RandomStream(seed: seed, purpose: .autoencoder, index: UInt64(fits))
        var order = Array(0..<batch.count)
        var report = RewardVAEReport()
        for _ in 0..<options.epochs {
            stream.shuffle(&order)
            report = RewardVAEReport()
            var start = 0
            while start < order.count {
                let rows = order[start..<min(start + options.batchSize, order.count)]
                let masked = rows.map { _ in stream.unit() < options.maskProbability }
                let noise = (0..<rows.count * options.latent).map { _ in Float(stream.normal()) }
                let part = objective(batch, rows: Array(rows), noise: noise, masked: masked)
                step(part)
                let share = Double(rows.count) / Double(order.count)
                report.elbo += share * part.report.elbo
                report.kl += share * part.report.kl
                report.squaredError += share * part.report.squaredError
                start += options.batchSize
            }
        }
        return report
    }

    /// The objective of the whole batch and its gradient (encoder's parameters, then decoder's), for given noise
    /// `[count, Z]` and given hidden rows. The targets' statistics stay as they are. O(count * parameters).
    public func elbo(
        _ batch: RewardVAEBatch, noise: [Float], masked: [Bool]
    ) -> (report: RewardVAEReport, gradient: [Float]) {
        check(batch)
        precondition(
            noise.count == batch.count * options.latent && masked.count == batch.count,
            "RewardVAE.elbo: noise \(noise.count), masked \(masked.count) for \(batch.count) rows of \(options.latent)")
        let part = objective(batch, rows: Array(0..<batch.count), noise: noise, masked: masked)
        return (part.report, (part.encoder + part.decoder).map { -$0 })
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

    private struct Part {
        var report: RewardVAEReport
        var encoder: [Float]  // gradients of -J
        var decoder: [Float]
    }

    /// Forward and backward of -J over some rows of the batch.
    private func objective(_ batch: RewardVAEBatch, rows: [Int], noise: [Float], masked: [Bool]) -> Part {
        let count = rows.count, latent = options.latent, encoder = encoder, decoder = decoder
        let width = observationWidth + actionWidth + 1
        var input = [Float](repeating: 0, count: count * width)
        for (row, source) in rows.enumerated() {
            fill(&input, row: row, batch.observations, batch.actions, source: source, masked: masked[row])
        }
        let work = workspace(rows: count)
        let code = encode(input, rows: count, work)
        var z = [Float](repeating: 0, count: count * latent)
        for row in 0..<count {
            for j in 0..<latent {
                let deviation = exp(0.5 * code.logVariance[row * latent + j])
                z[row * latent + j] = code.mean[row * latent + j] + deviation * noise[row * latent + j]
            }
        }
        let predicted = decode(z, rows: count, work)
        let (shift, scale) = scaling
        let noiseVariance = options.noiseVariance, each = 1 / Double(count)
        var report = RewardVAEReport()
        var outputGradient = [Float](repeating: 0, count: count)
        for row in 0..<count {
            let error = Double(predicted[row]) - (Double(batch.targets[rows[row]]) - shift) * scale
            report.squaredError += each * error * error
            outputGradient[row] = Float(each * error / noiseVariance)  // d(-log p)/d(mean)
        }
        var codeGradient = [Float](repeating: 0, count: count * 2 * latent)
        var decoderGradient = [Float](repeating: 0, count: decoder.count)
        var zGradient = [Float](repeating: 0, count: count * latent)
        do {
            var parameterSpan = decoderGradient.mutableSpan
            var inputSpan = zGradient.mutableSpan
            MLP.backward(
                decoderShape, parameters: decoder.span, input: z.span, rows: count,
                outputGradient: outputGradient.span, parameterGradient: &parameterSpan, inputGradient: &inputSpan,
                workspace: work.decoder)
        }
        for row in 0..<count {
            for j in 0..<latent {
                let at = row * latent + j
                let m = Double(code.mean[at]), logVariance = Double(code.logVariance[at])
                report.kl += each * 0.5 * (m * m + exp(logVariance) - 1 - logVariance)
                let weight = options.klWeight * each
                codeGradient[row * 2 * latent + j] = zGradient[at] + Float(weight * m)
                guard code.free[at] else { continue }
                let spread = 0.5 * exp(0.5 * logVariance) * Double(noise[at]) * Double(zGradient[at])
                codeGradient[row * 2 * latent + latent + j] = Float(spread + weight * 0.5 * (exp(logVariance) - 1))
            }
        }
        var encoderGradient = [Float](repeating: 0, count: encoder.count)
        var span = encoderGradient.mutableSpan
        MLP.backward(
            encoderShape, parameters: encoder.span, input: input.span, rows: count,
            outputGradient: codeGradient.span, parameterGradient: &span, workspace: work.encoder)
        report.elbo =
            -0.5 * (report.squaredError / noiseVariance + log(2 * .pi * noiseVariance))
            - options.klWeight * report.kl
        return Part(report: report, encoder: encoderGradient, decoder: decoderGradient)
    }

    private func step(_ part: Part) {
        var joint = part.encoder + part.decoder
        var span = joint.mutableSpan
        _ = Gradient.clipNorm(&span, maxNorm: Float(options.maxGradNorm))
        let split = encoder.count
        Self.step(&encoder, Array(joint[..<split]), encoderOptimizer)
        Self.step(&decoder, Array(joint[split...]), decoderOptimizer)
    }

    private static func step(_ parameters: inout [Float], _ gradient: [Float], _ optimizer: Adam) {
        var span = parameters.mutableSpan
        optimizer.step(parameters: &span, gradient: gradient.span)
    }

    // MARK: - The two nets

    struct Code {
        var mean: [Float]  // [rows, Z]
        var logVariance: [Float]  // [rows, Z], held in range
        var free: [Bool]  // [rows, Z], inside the range
    }

    final class Scratch {
        let rows: Int
        let encoder: MLPWorkspace
        let decoder: MLPWorkspace
        init(rows: Int, encoder: MLPShape, decoder: MLPShape) {
            self.rows = rows
            self.encoder = MLPWorkspace(shape: encoder, maxRows: rows)
            self.decoder = MLPWorkspace(shape: decoder, maxRows: rows)
        }
    }

    func workspace(rows: Int) -> Scratch {
        if let scratch, scratch.rows >= rows { return scratch }
        let made = Scratch(rows: max(rows, options.batchSize), encoder: encoderShape, decoder: decoderShape)
        scratch = made
        return made
    }

    /// Writes one encoder row: observation, own action (zeros when masked), hidden flag.
    func fill(
        _ input: inout [Float], row: Int, _ observations: [Float], _ actions: [Float], source: Int, masked: Bool
    ) {
        let width = observationWidth + actionWidth + 1
        let start = row * width
        for j in 0..<observationWidth { input[start + j] = observations[source * observationWidth + j] }
        for j in 0..<actionWidth {
            input[start + observationWidth + j] = masked ? 0 : actions[source * actionWidth + j]
        }
        input[start + width - 1] = masked ? 1 : 0
    }

    func encode(_ input: [Float], rows: Int, _ work: Scratch) -> Code {
        let latent = options.latent, encoder = encoder
        var output = [Float](repeating: 0, count: rows * 2 * latent)
        var span = output.mutableSpan
        MLP.forward(
            encoderShape, parameters: encoder.span, input: input.span, rows: rows, output: &span,
            workspace: work.encoder)
        var code = Code(
            mean: [Float](repeating: 0, count: rows * latent), logVariance: [Float](repeating: 0, count: rows * latent),
            free: [Bool](repeating: true, count: rows * latent))
        let range = Self.logVarianceRange
        for row in 0..<rows {
            for j in 0..<latent {
                let raw = output[row * 2 * latent + latent + j], at = row * latent + j
                code.mean[at] = output[row * 2 * latent + j]
                code.logVariance[at] = min(max(raw, range.lowerBound), range.upperBound)
                code.free[at] = range.contains(raw)
            }
        }
        return code
    }

    /// The decoder's mean for each latent row, in the scaled target's unit.
    func decode(_ z: [Float], rows: Int, _ work: Scratch) -> [Float] {
        let decoder = decoder
        var output = [Float](repeating: 0, count: rows)
        var span = output.mutableSpan
        MLP.forward(
            decoderShape, parameters: decoder.span, input: z.span, rows: rows, output: &span,
            workspace: work.decoder)
        return output
    }
}

// MARK: - Checkpoints

extension RewardVAE {
    /// Everything that a fit changes. Restoring it continues with the same bits.
    public struct State: Sendable, Codable, Equatable {
        /// The encoder's parameters.
        public var encoder: [Float]
        /// The decoder's parameters.
        public var decoder: [Float]
        /// Adam's moments and step count for the encoder.
        public var encoderOptimizer: Adam.State
        /// Adam's moments and step count for the decoder.
        public var decoderOptimizer: Adam.State
        /// Running mean of the targets, in the task's money.
        public var targetMean: Double
        /// Running variance of the targets, money squared.
        public var targetVariance: Double
        /// How many targets the running statistics stand for.
        public var targetWeight: Double
        /// Fits so far; the number names the random stream of the next one.
        public var fits: Int
    }

    /// A copy of what fits have changed. Traps when set to the state of nets of other sizes.
    public var state: State {
        get {
            State(
                encoder: encoder, decoder: decoder, encoderOptimizer: encoderOptimizer.state,
                decoderOptimizer: decoderOptimizer.state, targetMean: mean, targetVariance: variance,
                targetWeight: weight, fits: fits)
        }
        set {
            precondition(
                newValue.encoder.count == encoder.count && newValue.decoder.count == decoder.count,
                "RewardVAE.state: \(newValue.encoder.count) + \(newValue.decoder.count) parameters given, "
                    + "\(encoder.count) + \(decoder.count) expected")
            encoder = newValue.encoder
            decoder = newValue.decoder
            encoderOptimizer.state = newValue.encoderOptimizer
            decoderOptimizer.state = newValue.decoderOptimizer
            mean = newValue.targetMean
            variance = newValue.targetVariance
            weight = newValue.targetWeight
            fits = newValue.fits
        }
    }
}
