import CSCSwift
import Foundation
import Testing

@Suite("Regret")
struct RegretTests {
    @Test("exponential weights stay under 2 sqrt(T K ln K) on two hard sequences", arguments: [2, 10, 50])
    func adversarial(arms: Int) {
        let rounds = 6000
        // What looked best in the first half fails in the second; the other arms swing in periods of their own.
        func switching(_ t: Int, _ arm: Int) -> Double {
            if arm == 0 { return t < rounds / 2 ? 0 : 1 }
            if arm == 1 { return t < rounds / 2 ? 0.9 : 0 }
            return (t / (17 * arm)) % 2 == 0 ? 1 : 0.2
        }
        // Coins that differ little, the best arm last: what the lower bounds are proved with.
        func coins(_ t: Int, _ arm: Int) -> Double {
            var coin = RandomStream(seed: 6, stream: UInt64(arm), counter: UInt64(t))
            return coin.unit() < (arm == arms - 1 ? 0.4 : 0.5) ? 1 : 0
        }
        let bound = 2 * (Double(rounds * arms) * log(Double(arms))).squareRoot()
        let hard = regret(arms: arms, rounds: rounds, loss: coins)
        #expect(hard < bound && hard > 0.02 * bound, "regret \(hard), bound \(bound)")
        let switched = regret(arms: arms, rounds: rounds, loss: switching)
        #expect(switched < bound, "regret \(switched), bound \(bound)")  // negative: following beats any fixed arm
    }

    /// Mean over eight runs of the loss of exponential weights less that of the best arm.
    private func regret(arms: Int, rounds: Int, loss: (Int, Int) -> Double) -> Double {
        let runs = 8, allowed = [UInt8](repeating: 1, count: arms)
        let best = (0..<arms).map { arm in (0..<rounds).reduce(0) { $0 + loss($1, arm) } }.min()!
        var mean = 0.0
        for run in 0..<runs {
            var stream = RandomStream(seed: 5, purpose: .test, index: UInt64(run))
            var losses = [Double](repeating: 0, count: arms), weights = losses, own = 0.0
            for t in 0..<rounds {
                let eta = ExponentialWeights.rate(appearances: t + 1, arms: arms)
                ExponentialWeights.fill(&weights, losses: losses, start: 0, arms: arms, rate: eta)
                let (arm, p) = ExponentialWeights.draw(
                    weights, start: 0, allowed: allowed, arms: arms, uniform: stream.unit())!
                own += loss(t, arm)
                losses[arm] += loss(t, arm) / p
            }
            mean += (own - best) / Double(runs)
        }
        return mean
    }

    @Test("BBTA's measured regret is under its bound at every budget")
    func measured() {
        let budgets = [400, 1000, 2000, 3000]
        var sums = [Double](repeating: 0, count: budgets.count)
        for run in 0..<10 {
            let matrix = toyMatrix(tasks: 200, workers: 20, contexts: 2, seed: UInt64(run))
            let regret = Regret.measure(matrix, explore: 1, budgets: budgets, seed: UInt64(run))
            for b in budgets.indices { sums[b] += regret[b] / 10 }
        }
        for (b, budget) in budgets.enumerated() {
            let bound = Regret.bound(contexts: 2, workers: 20, explore: 1, budget: budget)
            #expect(sums[b] < bound && bound < Double(budget) * 3)
        }
        #expect(
            abs(
                Regret.bound(contexts: 1, workers: 10, explore: 1, budget: 1010)
                    - (2 * (1000 * 10 * log(10.0)).squareRoot() + 1)) < 1e-9)
    }
}
