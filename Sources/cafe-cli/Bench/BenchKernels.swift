internal import CSCSwift
internal import Foundation

/// The cases of docs/results/performance.md, sections 1, 2 and 4.
enum BenchKernels {
    static func normals(_ count: Int, _ scale: Double, _ index: UInt64) -> [Float] {
        var stream = RandomStream(seed: 1, purpose: .test, index: index)
        return (0..<count).map { _ in Float(scale * stream.normal()) }
    }

    // MARK: Section 1

    static func mlp(_ meter: BenchMeter) {
        for widths in [[64, 64, 64], [64, 128, 128, 16], [256, 256, 256, 8], [34, 32, 32, 1], [18, 64, 64, 5]] {
            for activation in [Activation.tanh, .relu] {
                for rows in [256, 2048, 16384] { mlp(meter, widths, activation, rows) }
            }
        }
    }

    private static func mlp(_ meter: BenchMeter, _ widths: [Int], _ activation: Activation, _ rows: Int) {
        let shape = MLPShape(widths: widths, hidden: activation)
        var stream = RandomStream(seed: 2, purpose: .test)
        var parameters = [Float](repeating: 0, count: shape.parameterCount)
        initialize(shape, &parameters, &stream)
        let input = normals(rows * shape.inputWidth, 1, 3)
        let outputGradient = normals(rows * shape.outputWidth, 1 / Double(rows), 4)
        var output = [Float](repeating: 0, count: rows * shape.outputWidth)
        var gradient = [Float](repeating: 0, count: shape.parameterCount)
        let workspace = MLPWorkspace(shape: shape, maxRows: rows)

        // The check: the gradient of the first 32 rows against double precision.
        let part = 32
        let few = MLPWorkspace(shape: shape, maxRows: part)
        var fewOutput = [Float](repeating: 0, count: part * shape.outputWidth)
        pass(
            shape, parameters, Array(input[..<(part * shape.inputWidth)]), part, &fewOutput,
            Array(outputGradient[..<(part * shape.outputWidth)]), &gradient, few)
        let reference = DoubleNet(shape, input, rows: part).gradient(parameters.map(Double.init)) { row, _ in
            outputGradient[row * shape.outputWidth..<(row + 1) * shape.outputWidth].map(Double.init)
        }
        var difference = 0.0
        var length = 0.0
        for index in gradient.indices {
            difference += pow(Double(gradient[index]) - reference[index], 2)
            length += reference[index] * reference[index]
        }
        let error = (difference / length).squareRoot()
        let holds = error < (activation == .relu ? 2e-3 : 2e-4)

        var products = 0
        for layer in 0..<shape.layerCount { products += widths[layer] * widths[layer + 1] }
        let forward = 2e-9 * Double(rows * products)
        let backward = 2e-9 * Double(rows * (2 * products - widths[0] * widths[1]))
        let name = widths.map(String.init).joined(separator: "-") + "/\(activation)/B\(rows)"
        meter.measure("mlp_fwd/\(name)", work: forward, unit: "GFLOP/s", check: (error, holds)) {
            predict(shape, parameters, input, rows, &output, workspace)
        }
        meter.measure("mlp_fwdbwd/\(name)", work: forward + backward, unit: "GFLOP/s", check: (error, holds)) {
            pass(shape, parameters, input, rows, &output, outputGradient, &gradient, workspace)
        }
    }

    static func initialize(_ shape: MLPShape, _ parameters: inout [Float], _ stream: inout RandomStream) {
        var span = parameters.mutableSpan
        MLP.initialize(shape, parameters: &span, stream: &stream)
    }

    private static func predict(
        _ shape: MLPShape, _ parameters: [Float], _ input: [Float], _ rows: Int, _ output: inout [Float],
        _ workspace: MLPWorkspace
    ) {
        var out = output.mutableSpan
        MLP.predict(
            shape, parameters: parameters.span, input: input.span, rows: rows, output: &out, workspace: workspace)
    }

    private static func pass(
        _ shape: MLPShape, _ parameters: [Float], _ input: [Float], _ rows: Int, _ output: inout [Float],
        _ outputGradient: [Float], _ gradient: inout [Float], _ workspace: MLPWorkspace
    ) {
        for index in gradient.indices { gradient[index] = 0 }
        var out = output.mutableSpan
        var sum = gradient.mutableSpan
        MLP.forward(
            shape, parameters: parameters.span, input: input.span, rows: rows, output: &out, workspace: workspace)
        MLP.backward(
            shape, parameters: parameters.span, input: input.span, rows: rows, outputGradient: outputGradient.span,
            parameterGradient: &sum, workspace: workspace)
    }

    // MARK: Section 2

    static func kl(_ meter: BenchMeter) {
        let rows = 65536
        var kl = [Float](repeating: 0, count: rows)
        let (p, q) = (normals(rows * 16, 1, 5), normals(rows * 16, 1, 6))
        categorical(p, q, &kl)
        var worst = 0.0
        for row in stride(from: 0, to: rows, by: 4099) {
            let (a, b) = (p[row * 16..<row * 16 + 16].map(Double.init), q[row * 16..<row * 16 + 16].map(Double.init))
            let (la, lb) = (log(a.reduce(0) { $0 + exp($1) }), log(b.reduce(0) { $0 + exp($1) }))
            let exact = zip(a, b).reduce(0) { $0 + exp($1.0 - la) * ($1.0 - la - $1.1 + lb) }
            worst = max(worst, abs(Double(kl[row]) - exact) / max(1, abs(exact)))
        }
        let bytes = Double(rows * 16 * 8 + rows * 4) * 1e-9
        meter.measure("kl_categorical/65536x16", work: bytes, unit: "GB/s", check: (worst, worst < 1e-4)) {
            categorical(p, q, &kl)
        }

        let parts = [(1, 7), (0.3, 8), (1, 9), (0.3, 10)].map { normals(rows * 32, $0.0, $0.1) }
        gaussian(parts, &kl)
        worst = 0
        for row in stride(from: 0, to: rows, by: 4099) {
            var exact = 0.0
            for k in row * 32..<row * 32 + 32 {
                let (mp, sp) = (Double(parts[0][k]), Double(parts[1][k]))
                let (mq, sq) = (Double(parts[2][k]), Double(parts[3][k]))
                exact += sq - sp + (exp(2 * sp) + (mp - mq) * (mp - mq)) / (2 * exp(2 * sq)) - 0.5
            }
            worst = max(worst, abs(Double(kl[row]) - exact) / max(1, abs(exact)))
        }
        meter.measure(
            "kl_gauss_diag/65536x32", work: Double(rows * 32 * 16 + rows * 4) * 1e-9, unit: "GB/s",
            check: (worst, worst < 1e-4)
        ) { gaussian(parts, &kl) }
    }

    private static func categorical(_ p: [Float], _ q: [Float], _ kl: inout [Float]) {
        var out = kl.mutableSpan
        Categorical.kl(logitsP: p.span, logitsQ: q.span, width: 16, kl: &out)
    }

    private static func gaussian(_ parts: [[Float]], _ kl: inout [Float]) {
        let (mp, sp, mq, sq) = (parts[0], parts[1], parts[2], parts[3])
        var out = kl.mutableSpan
        Gaussian.kl(
            meanP: mp.span, logSDP: sp.span, meanQ: mq.span, logSDQ: sq.span, width: 32, kl: &out)
    }

    // MARK: Section 4

    /// BBTA's rounds, whose rate changes in every one: a draw, one loss. One thread. `exp3` is the sampler that the
    /// library offers, `exp3-pass` the pass over all weights that it replaces.
    static func weights(_ meter: BenchMeter) {
        for arms in [10, 100, 1000, 10000] {
            let rounds = max(100, 200_000 / arms)
            // The peers' coins are drawn beforehand too: what is measured is the bandit.
            var stream = RandomStream(seed: 4, purpose: .test, index: UInt64(arms))
            let coins = (0..<4096).map { _ in stream.unit() }
            var bandit = Bandit(arms: arms, coins: coins)
            bandit.play(rounds)
            meter.measure("exp3/K\(arms)", work: Double(rounds), unit: "rounds/s", check: bandit.check()) {
                bandit.play(rounds)
            }
            var pass = BanditPass(arms: arms, coins: coins)
            pass.play(rounds)
            meter.measure("exp3-pass/K\(arms)", work: Double(rounds), unit: "rounds/s", check: (0, true)) {
                pass.play(rounds)
            }
        }
    }

    /// Exp3 by the sampler; arm K/3 loses least.
    private struct Bandit {
        let arms: Int
        let coins: [Double]
        var sampler: ExponentialSampler
        var round = 0

        init(arms: Int, coins: [Double]) {
            self.arms = arms
            self.coins = coins
            sampler = ExponentialSampler(arms: arms, seed: 4)
        }

        mutating func play(_ rounds: Int) {
            for _ in 0..<rounds {
                round += 1
                let (arm, probability) = sampler.draw(rate: sampler.rate(appearances: round))
                if coins[round & 4095] < (arm == arms / 3 ? 0.2 : 0.6) { sampler.charge(arm, 1 / probability) }
            }
        }

        /// The next draw's probability against its definition.
        func check() -> (error: Double, holds: Bool) {
            var copy = sampler
            let rate = copy.rate(appearances: round + 1), drawn = copy.draw(rate: rate)
            let losses = (0..<arms).map { sampler.loss($0) }
            var weights = losses
            let total = ExponentialWeights.fill(&weights, losses: losses, start: 0, arms: arms, rate: rate)
            let error = abs(drawn.probability * total / weights[drawn.arm] - 1)
            return (error, error < 1e-12)
        }
    }

    /// The same by a pass over all weights per round.
    private struct BanditPass {
        let arms: Int
        let coins: [Double]
        let allowed: [UInt8]
        var losses: [Double]
        var weights: [Double]
        var stream = RandomStream(seed: 4, purpose: .test)
        var round = 0

        init(arms: Int, coins: [Double]) {
            self.arms = arms
            self.coins = coins
            allowed = [UInt8](repeating: 1, count: arms)
            losses = [Double](repeating: 0, count: arms)
            weights = losses
        }

        mutating func play(_ rounds: Int) {
            for _ in 0..<rounds {
                round += 1
                let rate = ExponentialWeights.rate(appearances: round, arms: arms)
                ExponentialWeights.fill(&weights, losses: losses, start: 0, arms: arms, rate: rate)
                guard
                    let (arm, probability) = ExponentialWeights.draw(
                        weights, start: 0, allowed: allowed, arms: arms, uniform: stream.unit())
                else { continue }
                if coins[round & 4095] < (arm == arms / 3 ? 0.2 : 0.6) { losses[arm] += 1 / probability }
            }
        }
    }
}
