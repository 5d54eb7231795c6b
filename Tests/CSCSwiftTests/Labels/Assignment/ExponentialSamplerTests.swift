import CSCSwift
import Foundation
import Testing

@Suite("Exponential sampler")
struct ExponentialSamplerTests {
    static let isSlow = ProcessInfo.processInfo.environment["CAFE_SLOW_TESTS"] == "1"

    /// Plays a bandit and collects, for each draw, where it fell in the distribution that the definition gives at that
    /// moment: uniform in [0, 1) if the draws are exact, whatever the losses and the rate do.
    private func play(arms: Int, rounds: Int, seed: UInt64) -> (chi: Double, worst: Double) {
        var sampler = ExponentialSampler(arms: arms, seed: seed)
        var losses = [Double](repeating: 0, count: arms), weights = losses
        var stream = RandomStream(seed: seed, purpose: .test)
        var bins = [Double](repeating: 0, count: 20), worst = 0.0
        for t in 1...rounds {
            let (arm, probability) = sampler.draw(rate: sampler.rate(appearances: t))
            let total = ExponentialWeights.fill(
                &weights, losses: losses, start: 0, arms: arms,
                rate: ExponentialWeights.rate(appearances: t, arms: arms))
            worst = max(worst, abs(probability * total / weights[arm] - 1))
            let below = weights[..<arm].reduce(0, +)
            bins[min(19, Int((below + stream.unit() * weights[arm]) / total * 20))] += 1
            if stream.unit() < (arm == arms / 3 ? 0.1 : 0.7) {
                losses[arm] += 1 / probability
                sampler.charge(arm, 1 / probability)
            }
        }
        let expected = Double(rounds) / 20
        return (bins.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }, worst)
    }

    @Test("draws and probabilities are those of the definition in every round", arguments: [1, 10, 64, 65, 300])
    func exact(arms: Int) {
        let (chi, worst) = play(arms: arms, rounds: Self.isSlow ? 40_000 : 4000, seed: 2)
        #expect(chi < 19 + 4 * 38.0.squareRoot(), "chi-square \(chi) at 19 degrees of freedom")
        #expect(worst < 1e-12, "a probability is off by \(worst)")
    }

    @Test("the same over a million rounds of 1,000 arms", .enabled(if: isSlow))
    func long() {
        let (chi, worst) = play(arms: 1000, rounds: 1_000_000, seed: 3)
        #expect(chi < 19 + 4 * 38.0.squareRoot() && worst < 1e-12, "chi-square \(chi), off by \(worst)")
    }

    @Test("rates may also rise, and 0 is uniform")
    func anyRate() {
        var sampler = ExponentialSampler(arms: 200, seed: 1)
        for arm in 0..<100 { sampler.charge(arm, 10) }
        for rate in [0, 3, 0.1, 0.11, 0.1, 0, 50] {
            let sum = 100 + 100 * exp(-10 * rate)
            let (arm, p) = sampler.draw(rate: rate)
            #expect(abs(p * sum - (arm < 100 ? exp(-10 * rate) : 1)) < 1e-12)
        }
        #expect(sampler.loss(3) == 10 && sampler.loss(150) == 0)
    }
}
