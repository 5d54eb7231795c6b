import CSCSwift
import Foundation
import Testing

@Suite("Refining a learnt rule on a changed day")
struct RuleRefinementTests {
    static let day = PolicyFitTests.day

    /// `cafe` on a short day, at prices that are far too high for it.
    static let dear: LearntCoalitionPolicy = {
        var policy = LearntCoalitionPolicy.builtIn("cafe")!.adapted(to: day, tasks: 80, workers: 20)
        policy.weights.bias += log(3)
        return policy
    }()

    static func refinement(_ start: LearntCoalitionPolicy = dear) -> RuleRefinement {
        RuleRefinement(start, on: day, tasks: 80, workers: 20, seed: 3)
    }

    /// Steps until the episodes are used up.
    static func refined(_ refinement: RuleRefinement, episodes: Int) -> RuleRefinement {
        var refinement = refinement
        while refinement.step(within: episodes) != nil {}
        return refinement
    }

    @Test(
        "a policy with wrong prices earns more after 800 new episodes, by the interval, on episodes that it did not play"
    )
    func improves() {
        let refined = Self.refined(Self.refinement(), episodes: 800)
        #expect(refined.episodes == 800 && refined.policy.name == "refined")
        let revenue = Evaluation.run(
            [refined.policy.source(), Self.dear.source()], on: Self.day, tasks: 80, workers: 20, seed: 3,
            episodes: 0..<40)
        #expect(Summary.paired(revenue[0], minus: revenue[1]).lower > 0)
    }

    @Test("the same bits at 1 and 2 threads, and after a longer refinement was cut at the same step")
    func repeatable() {
        let whole = Self.refined(Self.refinement(), episodes: 120)
        Threads.count = 1
        defer { Threads.count = 0 }
        var parts = Self.refined(Self.refinement(), episodes: 80)
        parts = Self.refined(parts, episodes: 120)
        #expect(parts.policy == whole.policy && whole.steps == 3)
        Threads.count = 2
        #expect(Self.refined(Self.refinement(), episodes: 120).policy == whole.policy)
    }

    @Test("no more episodes are played than were asked for; without a pair the start is left")
    func budget() {
        #expect(Self.refined(Self.refinement(), episodes: 1).policy == Self.dear)
        let few = Self.refined(Self.refinement(), episodes: 7)
        #expect(few.episodes == 6 && few.steps == 1)
        // A step of three pairs is shorter than one of twenty.
        var small = Self.refinement()
        var large = small
        let (short, long) = (small.step(within: 6), large.step(within: 40))
        #expect(short!.length < 0.5 * long!.length)
    }

    @Test("only weights that the features read are moved; of the plain rule, the weights are played")
    func places() {
        let refined = Self.refined(Self.refinement(), episodes: 40).policy
        #expect(refined.weights.time == Self.dear.weights.time && refined.weights.ratio == Self.dear.weights.ratio)
        #expect(refined.weights.load != Self.dear.weights.load && refined.forecast == Self.dear.forecast)
        var plain = Self.dear
        plain.constantPrice = 0.15
        #expect(Self.refined(Self.refinement(plain), episodes: 40).policy.weights == refined.weights)
        #expect(Self.refined(Self.refinement(plain), episodes: 40).policy.constantPrice == nil)
    }

    /// Its episodes of `EpisodeRange.choice` have no task: there every policy earns as much.
    struct NothingToChooseOn: InstanceSource {
        var name: String { "nothing to choose on" }
        func instance(tasks: Int, workers: Int, seed: UInt64, episode: EpisodeIndex) -> Instance {
            RuleRefinementTests.day.instance(
                tasks: episode.range == .choice ? 0 : tasks, workers: workers, seed: seed, episode: episode)
        }
    }

    @Test("what is below the policy before on held-out episodes is not kept, whatever it was chosen by")
    func guarded() {
        let start = LearntCoalitionPolicy.builtIn("cafe")!.adapted(to: Self.day, tasks: 80, workers: 20)
        var spoilt = start
        // Nobody is worth sending.
        spoilt.weights.bias = 6
        let fit = PolicyFit(
            fitted: spoilt, start: start,
            price: DispatcherKind.coalition.tunedPrice(
                Self.day, tasks: 80, workers: 20, seed: 3), training: NothingToChooseOn(), heldOut: Self.day, tasks: 80,
            workers: 20, seed: 3, episodes: 16)
        #expect(fit.choice != .fitted && fit.overStart.upper >= 0 && fit.overRule.upper >= 0)
    }
}
