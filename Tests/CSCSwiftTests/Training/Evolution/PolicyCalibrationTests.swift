import CSCSwift
import Foundation
import Testing

@Suite("Choosing how a policy is played on days of one kind")
struct PolicyCalibrationTests {
    /// `cafe` on a short day, with the rule's price tuned there.
    static let start: LearntCoalitionPolicy = {
        let day = PolicyFitTests.day
        let price = DispatcherKind.coalition.tunedPrice(day, tasks: 80, workers: 20, seed: 3, episodes: 8)
        return LearntCoalitionPolicy.builtIn("cafe")!.adapted(
            to: day, tasks: 80, workers: 20, rulePrice: price, seed: 3)
    }()

    static func calibrated(_ policy: LearntCoalitionPolicy, episodes: Int = 12) -> LearntCoalitionPolicy {
        policy.calibrated(on: PolicyFitTests.day, tasks: 80, workers: 20, seed: 3, episodes: episodes)
    }

    /// Mean revenue over episodes on which nothing is chosen.
    static func revenue(_ policy: LearntCoalitionPolicy) -> Double {
        let played = Evaluation.run(
            [policy.source()], on: PolicyFitTests.day, tasks: 80, workers: 20, seed: 3, episodes: 0..<24)
        return Summary(played[0]).mean
    }

    @Test("prices that are far too high are moved towards what this day pays, as the row's note says")
    func moved() {
        var dear = Self.start
        dear.weights.bias += log(2.5)
        let chosen = Self.calibrated(dear)
        #expect(chosen.constantPrice == nil && chosen.weights != dear.weights)
        #expect(chosen.origin.contains("prices times") || chosen.origin.contains("of what was learnt"))
        var unmoved = chosen
        unmoved.weights = dear.weights
        #expect(Self.revenue(chosen) > 1.01 * Self.revenue(unmoved))
    }

    @Test("where nothing learnt helps, the rule at its tuned price is played")
    func guarded() throws {
        var spoilt = Self.start
        // Nobody is worth sending.
        spoilt.weights.bias = 9
        let chosen = Self.calibrated(spoilt, episodes: 6)
        #expect(chosen.constantPrice == Self.start.basePrice)
        // A policy that is the rule already, or whose price nobody has tuned, stays as it is.
        #expect(Self.calibrated(chosen) == chosen)
        var untuned = Self.start
        untuned.basePrice = nil
        #expect(Self.calibrated(untuned) == untuned)
    }

    @Test("the same choice at any number of threads; an episode that has no others is not searched")
    func repeatable() {
        let chosen = Self.calibrated(Self.start, episodes: 6)
        Threads.count = 1
        defer { Threads.count = 0 }
        #expect(Self.calibrated(Self.start, episodes: 6) == chosen)
        let only = FixedInstance(
            name: "one",
            instance: PolicyFitTests.day.instance(
                tasks: 80, workers: 20, seed: 9, episode: EpisodeRange.evaluation[0]))
        let fixed = Self.start.calibrated(on: only, tasks: 80, workers: 20, seed: 3)
        #expect(fixed.constantPrice != nil || fixed.weights == Self.start.weights)
    }
}
