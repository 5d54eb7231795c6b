internal import Foundation

/// The two nets of a `RewardVAE`, which its shards read on several threads and its steps change
/// in between, on one.
final class RewardVAENets: @unchecked Sendable {
    /// O + A + 1 numbers -> 2 Z: the means, then the log-variances, of z.
    let encoderShape: MLPShape
    /// Z numbers -> 1: the mean of the scaled target.
    let decoderShape: MLPShape
    let observationWidth: Int
    let actionWidth: Int
    let latent: Int
    var encoder: [Float]
    var decoder: [Float]

    init(
        encoderShape: MLPShape, decoderShape: MLPShape, observationWidth: Int, actionWidth: Int, latent: Int,
        encoder: [Float], decoder: [Float]
    ) {
        self.encoderShape = encoderShape
        self.decoderShape = decoderShape
        self.observationWidth = observationWidth
        self.actionWidth = actionWidth
        self.latent = latent
        self.encoder = encoder
        self.decoder = decoder
    }

    /// O + A + 1.
    var inputWidth: Int { encoderShape.inputWidth }
}

/// What the objective needs besides the rows.
struct RewardVAEObjective: Sendable {
    let klWeight: Double
    let noiseVariance: Double
    /// A target less `shift`, times `scale`, is what the decoder predicts.
    let shift: Double
    let scale: Double
    /// Rows of the minibatch, over which the objective is a mean.
    let rows: Int
}

/// A part of a minibatch, or of the decisions whose influence is asked for: its rows and its passes through both nets.
///
/// One thread uses it at a time. Nothing is allocated after its first use.
final class RewardVAEShard: @unchecked Sendable {
    /// Rows of a shard. Part of the result: another size rounds the gradients otherwise.
    static let size = 128
    /// Log-variances are held in this range, with no gradient outside it.
    static let logVarianceRange: ClosedRange<Float> = -10...4

    /// The gradient of -J in the encoder's parameters, as far as this shard's rows go.
    private(set) var encoderGradient: [Float]
    /// The same in the decoder's parameters.
    private(set) var decoderGradient: [Float]
    /// [rows]: each row's part of the mean squared error.
    private(set) var errors: [Double] = []
    /// [rows, Z]: each dimension's part of the mean divergence from the prior.
    private(set) var divergences: [Double] = []
    /// [rows, Z]: standard normal numbers for the sample.
    var noise: [Float] = []
    /// [rows]: 1 where the own action is hidden.
    var masked: [UInt8] = []
    /// The influence of the decisions given to it, and the beliefs from which it comes: with the action, without, and
    /// about each alternative.
    var influence = ActionInfluence(cmi: [], signed: [])
    var fact = Belief()
    var other = Belief()
    var each = Belief()

    private let nets: RewardVAENets
    private var encoderWork: MLPWorkspace
    private var decoderWork: MLPWorkspace
    private var input: [Float] = []
    private var code: [Float] = []
    private var z: [Float] = []
    private var predicted: [Float] = []
    private var outputGradient: [Float] = []
    private var zGradient: [Float] = []
    private var codeGradient: [Float] = []

    init(_ nets: RewardVAENets) {
        self.nets = nets
        encoderGradient = [Float](repeating: 0, count: nets.encoder.count)
        decoderGradient = [Float](repeating: 0, count: nets.decoder.count)
        encoderWork = MLPWorkspace(shape: nets.encoderShape, maxRows: Self.size)
        decoderWork = MLPWorkspace(shape: nets.decoderShape, maxRows: Self.size)
    }

    /// Sends errors, divergences and gradients to other ranks.
    func put(into message: inout RankWriter) {
        message.put(errors)
        message.put(divergences)
        message.put(encoderGradient)
        message.put(decoderGradient)
    }

    /// Takes them over from another rank's shard.
    func take(from message: inout RankReader) {
        message.take(into: &errors)
        message.take(into: &divergences)
        message.take(into: &encoderGradient)
        message.take(into: &decoderGradient)
    }

    // MARK: - Training

    /// Forward and backward of -J over some rows of a batch, with `noise` and `masked` in place. O(rows * parameters).
    func run(_ batch: RewardVAEBatch, rows: ArraySlice<Int32>, _ objective: RewardVAEObjective) {
        let count = rows.count
        prepare(count)
        for (row, source) in rows.enumerated() {
            let index = Int(source)
            fill(row, batch.observations, index, batch.actions, masked[row] != 0 ? nil : index)
        }
        encode(count, keeping: true)
        resize(&z, count * nets.latent, 0)
        Self.sample(code, noise, latent: nets.latent, into: &z)
        decode(count, keeping: true)
        resize(&errors, count, 0)
        resize(&outputGradient, count, 0)
        let each = 1 / Double(objective.rows)
        for (row, source) in rows.enumerated() {
            let target = (Double(batch.targets[Int(source)]) - objective.shift) * objective.scale
            let error = Double(predicted[row]) - target
            errors[row] = each * error * error
            outputGradient[row] = Float(each * error / objective.noiseVariance)  // d(-log p)/d(mean)
        }
        decodeBackward(count)
        resize(&codeGradient, code.count, 0)
        resize(&divergences, z.count, 0)
        Self.codeGradient(
            code, noise, zGradient, latent: nets.latent, each: each, klWeight: objective.klWeight, into: &codeGradient,
            divergences: &divergences)
        encodeBackward(count)
    }

    /// z = mean + exp(log-variance / 2) * noise, row by row.
    private static func sample(_ code: [Float], _ noise: [Float], latent: Int, into z: inout [Float]) {
        let (code, noise) = (code.span, noise.span)
        var out = z.mutableSpan
        var at = 0
        while at < out.count {
            let base = 2 * at
            for j in 0..<latent {
                let deviation = exp(0.5 * held(code[base + latent + j]))
                out[at + j] = code[base + j] + deviation * noise[at + j]
            }
            at += latent
        }
    }

    /// The gradient of -J in means and log-variances [rows, 2 Z], and the divergences' parts [rows, Z].
    private static func codeGradient(
        _ code: [Float], _ noise: [Float], _ zGradient: [Float], latent: Int, each: Double, klWeight: Double,
        into gradient: inout [Float], divergences: inout [Double]
    ) {
        let (code, noise, zGradient) = (code.span, noise.span, zGradient.span)
        var out = gradient.mutableSpan
        var parts = divergences.mutableSpan
        let weight = klWeight * each
        var at = 0
        while at < zGradient.count {
            let base = 2 * at
            for j in 0..<latent {
                let raw = code[base + latent + j]
                let m = Double(code[base + j]), logVariance = Double(held(raw))
                let variance = exp(logVariance)
                parts[at + j] = each * 0.5 * (m * m + variance - 1 - logVariance)
                out[base + j] = zGradient[at + j] + Float(weight * m)
                if logVarianceRange.contains(raw) {
                    let spread = 0.5 * exp(0.5 * logVariance) * Double(noise[at + j]) * Double(zGradient[at + j])
                    out[base + latent + j] = Float(spread + weight * 0.5 * (variance - 1))
                } else {
                    out[base + latent + j] = 0
                }
            }
            at += latent
        }
    }

    /// Means [rows, Z] and held log-variances [rows, Z] out of the encoder's output [rows, 2 Z].
    private static func split(
        _ code: [Float], latent: Int, means: inout [Float], logVariances: inout [Float]
    ) {
        let code = code.span
        var mean = means.mutableSpan
        var logVariance = logVariances.mutableSpan
        var at = 0
        while at < mean.count {
            for j in 0..<latent {
                mean[at + j] = code[2 * at + j]
                logVariance[at + j] = held(code[2 * at + latent + j])
            }
            at += latent
        }
    }

    @inline(__always) private static func held(_ logVariance: Float) -> Float {
        min(max(logVariance, logVarianceRange.lowerBound), logVarianceRange.upperBound)
    }

    private func decodeBackward(_ rows: Int) {
        resize(&zGradient, z.count, 0)
        Rows.zero(&decoderGradient)
        Rows.zero(&zGradient)
        Self.backward(
            nets.decoderShape, nets.decoder, z, rows, outputGradient, &decoderGradient, &zGradient, decoderWork)
    }

    private func encodeBackward(_ rows: Int) {
        Rows.zero(&encoderGradient)
        Self.backward(nets.encoderShape, nets.encoder, input, rows, codeGradient, &encoderGradient, encoderWork)
    }

    private static func backward(
        _ shape: MLPShape, _ parameters: [Float], _ input: [Float], _ rows: Int, _ outputGradient: [Float],
        _ gradient: inout [Float], _ inputGradient: inout [Float], _ workspace: MLPWorkspace
    ) {
        var span = gradient.mutableSpan
        var inputSpan = inputGradient.mutableSpan
        MLP.backward(
            shape, parameters: parameters.span, input: input.span, rows: rows, outputGradient: outputGradient.span,
            parameterGradient: &span, inputGradient: &inputSpan, workspace: workspace)
    }

    private static func backward(
        _ shape: MLPShape, _ parameters: [Float], _ input: [Float], _ rows: Int, _ outputGradient: [Float],
        _ gradient: inout [Float], _ workspace: MLPWorkspace
    ) {
        var span = gradient.mutableSpan
        MLP.backward(
            shape, parameters: parameters.span, input: input.span, rows: rows, outputGradient: outputGradient.span,
            parameterGradient: &span, workspace: workspace)
    }

    // MARK: - The two nets

    private func prepare(_ rows: Int) {
        resize(&input, rows * nets.inputWidth, 0)
        guard rows > encoderWork.maxRows else { return }
        encoderWork = MLPWorkspace(shape: nets.encoderShape, maxRows: rows)
        decoderWork = MLPWorkspace(shape: nets.decoderShape, maxRows: rows)
    }

    /// Writes one encoder row: observation, own action (zeros where it is hidden: nil), hidden flag.
    private func fill(_ row: Int, _ observations: [Float], _ observation: Int, _ actions: [Float], _ action: Int?) {
        let (o, a, start) = (nets.observationWidth, nets.actionWidth, row * nets.inputWidth)
        Rows.copy(observations, from: observation * o, to: &input, at: start, count: o)
        if let action {
            Rows.copy(actions, from: action * a, to: &input, at: start + o, count: a)
        } else {
            for j in start + o..<start + o + a { input[j] = 0 }
        }
        input[start + o + a] = action == nil ? 1 : 0
    }

    private func encode(_ rows: Int, keeping: Bool) {
        resize(&code, rows * 2 * nets.latent, 0)
        MLP.evaluate(
            nets.encoderShape, parameters: nets.encoder, input: input, rows: rows, output: &code,
            workspace: encoderWork,
            keeping: keeping)
    }

    /// The decoder's mean for each row of `z`.
    private func decode(_ rows: Int, keeping: Bool) {
        resize(&predicted, rows, 0)
        MLP.evaluate(
            nets.decoderShape, parameters: nets.decoder, input: z, rows: rows, output: &predicted,
            workspace: decoderWork,
            keeping: keeping)
    }

    // MARK: - Beliefs

    /// A Gaussian over z for each row, and the decoder's mean at its mean.
    struct Belief {
        /// [rows, Z].
        var mean: [Float] = []
        /// [rows, Z], held in range.
        var logVariance: [Float] = []
        /// [rows], in the scaled target's unit.
        var money: [Float] = []
    }

    /// Consecutive rows of an array, or one row again and again.
    struct RowSource {
        let first: Int
        let step: Int

        static func rows(from first: Int) -> RowSource { RowSource(first: first, step: 1) }
        static func always(_ row: Int) -> RowSource { RowSource(first: row, step: 0) }
    }

    /// The beliefs of `count` rows of observations and actions; the actions are hidden where `taken` is nil.
    /// O(count * parameters).
    func believe(
        _ count: Int, _ observations: [Float], _ seen: RowSource, _ actions: [Float], _ taken: RowSource?,
        into belief: inout Belief
    ) {
        prepare(count)
        for row in 0..<count {
            fill(
                row, observations, seen.first + row * seen.step, actions, taken.map { $0.first + row * $0.step })
        }
        encode(count, keeping: false)
        let latent = nets.latent
        resize(&z, count * latent, 0)
        resize(&belief.logVariance, z.count, 0)
        Self.split(code, latent: latent, means: &z, logVariances: &belief.logVariance)
        resize(&belief.mean, z.count, 0)
        Rows.copy(z, from: 0, to: &belief.mean, at: 0, count: z.count)
        decode(count, keeping: false)
        resize(&belief.money, count, 0)
        Rows.copy(predicted, from: 0, to: &belief.money, at: 0, count: count)
    }
}
