internal import Foundation

/// Refinement of a learnt coalition rule when the day has changed: averaged trust-region steps in the weights of the rule,
/// on new training episodes.
///
/// With weights u in units of the search's scales, R_e(u) the revenue of episode e and d a normal vector of standard
/// deviation `spread`, an *antithetic pair* plays the same episode at u + d and u - d (common random numbers). Half the
/// difference is d . g + noise, so j_e = d (R_e(u + d) - R_e(u - d)) / (2 spread^2) has the slope g as its mean.
///
/// A step is g / (mean |g|^2)^1/2 times a length that shrinks. It is the step of (J'J + lambda) s = J'1 for the matrix J of
/// the j_e inside a trust region: J'J is all but a multiple of the identity, because the noise of a single episode is far
/// above its slope and has no direction. So it does not depend on the unit of money or on how noisy a scenario is. What is returned is the
/// mean of the last iterates, which takes the noise of single steps out and has to first order the variance of
/// Newton's method with the true curvature ([PJ92]), without its 800 entries having to be estimated. Steps that estimate
/// curvature were tried and are worse (docs/results/refinement.md).
///
/// Steps do not depend on how many are to come: a longer refinement begins with the same bits. The same seed and options give the
/// same bits at any number of ranks and threads.
package struct RuleRefinement: Sendable {
    /// How far weights are perturbed and moved, in units of `CoalitionWeights.scales`.
    package struct Options: Sendable, Hashable {
        /// Antithetic pairs of a step, each on an episode of its own; from 1.
        package var pairs = 20
        /// The standard deviation of a perturbation of one weight; above 0. Large ones have the slope of something
        /// smoother than the revenue, small ones that of noise.
        package var spread = 0.12
        /// The root mean square length of the first steps; above 0.
        package var reach = 0.3
        /// Steps shrink with (1 + step / `settling`)^-1/2; above 0.
        package var settling = 40.0
        /// The part of the iterates, the last ones, whose mean is returned; above 0, at most 1.
        package var averaged = 0.3

        /// The defaults, chosen on the shifts of docs/results/refinement.md.
        package init() {}
    }

    /// What a step showed.
    package struct Report: Sendable, Hashable {
        /// Steps so far.
        package let step: Int
        /// Training episodes played so far; a pair are two.
        package let episodes: Int
        /// The length of the step, in units of the scales.
        package let length: Double
    }

    /// The policy that is refined.
    package let start: LearntCoalitionPolicy
    /// How far weights are perturbed and moved.
    package let options: Options
    private let source: any InstanceSource
    private let size: EvolutionOptions.Setting
    private let seed: UInt64
    /// The weights that the features read, as places in `CoalitionWeights.vector`.
    private let places: [Int]
    /// u after each step, in units of the scales from the start.
    private var iterates: [[Double]] = []
    /// The sum of |g|^2 over the steps.
    private var squares = 0.0
    private var pairsPlayed = 0

    /// A refinement at its beginning: plays nothing.
    ///
    /// - Parameters:
    ///   - start: the policy to refine, with the forecast and the form in which it is played on such days.
    ///   - source: where training episodes come from, of `EpisodeRange.training`.
    ///   - tasks: how many tasks an episode is asked to have.
    ///   - workers: how many workers an episode is asked to have.
    ///   - seed: of the episodes and the perturbations.
    ///   - options: how far weights are perturbed and moved.
    /// - Precondition: the options are in their ranges.
    package init(
        _ start: LearntCoalitionPolicy, on source: any InstanceSource, tasks: Int, workers: Int, seed: UInt64,
        options: Options = Options()
    ) {
        precondition(
            options.pairs > 0 && options.spread > 0 && options.reach > 0 && options.settling > 0
                && options.averaged > 0 && options.averaged <= 1, "RuleRefinement: options out of range")
        self.start = start
        self.source = source
        self.seed = seed
        self.options = options
        size = .init(tasks: tasks, workers: workers)
        places = CoalitionWeights.read(by: start.features)
    }

    /// Steps so far.
    package var steps: Int { iterates.count }
    /// Training episodes played so far.
    package var episodes: Int { 2 * pairsPlayed }

    /// The policy as it stands: the mean of the last iterates; the start before the first step. Where the start plays the plain
    /// rule at a constant price, the refined one plays its weights. O(steps * weights).
    package var policy: LearntCoalitionPolicy {
        if iterates.isEmpty { return start }
        let later = iterates.suffix(max(1, Int(Double(iterates.count) * options.averaged)))
        let mean = places.indices.map { at in later.reduce(0) { $0 + $1[at] } / Double(later.count) }
        var policy = Self.moved(start, places, by: mean)
        policy.name = "refined"
        return policy
    }

    /// Plays the pairs of a step, or fewer where `most` episodes in all do not suffice, and moves the weights; nil where they
    /// do not suffice for one pair. A step of fewer pairs is as much shorter. O(2 * pairs) episodes.
    package mutating func step(within most: Int) -> Report? {
        let count = min(options.pairs, (most - episodes) / 2)
        if count <= 0 { return nil }
        let centre = iterates.last ?? [Double](repeating: 0, count: places.count)
        let slope = slope(at: centre, pairsPlayed..<pairsPlayed + count)
        pairsPlayed += count
        let square = slope.reduce(0) { $0 + $1 * $1 }
        let part = Double(count) / Double(options.pairs)
        // A mean of fewer pairs is noisier by this part.
        squares += square * part
        let scale = (squares / Double(steps + 1)).squareRoot()
        let reach = part * options.reach / (1 + Double(steps + 1) / options.settling).squareRoot()
        let factor = scale > 0 ? reach / scale : 0
        iterates.append(zip(centre, slope).map { $0 + factor * $1 })
        return Report(step: steps, episodes: episodes, length: factor * square.squareRoot())
    }

    /// g at weights u: the mean over pairs of d (R(u + d) - R(u - d)) / (2 spread^2), in money per unit of the scales.
    private func slope(at centre: [Double], _ pairs: Range<Int>) -> [Double] {
        let (start, source, size, seed, places, spread) = (start, source, size, seed, places, options.spread)
        let differences = Ranks.map(pairs.count) { at in
            let episode = EpisodeRange.training[pairs.lowerBound + at]
            let instance = source.instance(tasks: size.tasks, workers: size.workers, seed: seed, episode: episode)
            let direction = Self.direction(seed, episode, places.count)
            let revenue = [spread, -spread].map { far in
                let policy = Self.moved(start, places, by: zip(centre, direction).map { $0 + far * $1 })
                let stream = RandomStream(seed: seed, purpose: .dispatcher, index: episode.stream)
                return policy.source().makePlayer()(instance, stream)
            }
            return [revenue[0] - revenue[1]]
        }
        var slope = [Double](repeating: 0, count: places.count)
        for (number, difference) in zip(pairs, differences) {
            let factor = difference[0] / (2 * spread * Double(pairs.count))
            let direction = Self.direction(seed, EpisodeRange.training[number], places.count)
            for at in slope.indices { slope[at] += factor * direction[at] }
        }
        return slope
    }

    /// The standard normal direction of the pair that plays an episode.
    private static func direction(_ seed: UInt64, _ episode: EpisodeIndex, _ count: Int) -> [Double] {
        var stream = RandomStream(seed: seed, purpose: .evolution, index: episode.stream)
        return (0..<count).map { _ in stream.normal() }
    }

    /// A policy with some weights moved, in units of the scales.
    private static func moved(
        _ start: LearntCoalitionPolicy, _ places: [Int], by offset: [Double]
    ) -> LearntCoalitionPolicy {
        var policy = start
        policy.constantPrice = nil
        let scales = CoalitionWeights.scales
        var vector = start.weights.vector
        for (place, offset) in zip(places, offset) { vector[place] += offset * scales[place] }
        policy.weights.vector = vector
        return policy
    }
}
