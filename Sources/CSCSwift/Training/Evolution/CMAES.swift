internal import Foundation

/// Covariance matrix adaptation evolution strategy: minimises a function of n real variables, also a noisy one, from
/// the order of its values alone.
///
/// Source: [Hansen16]: weighted recombination of the
/// better half, cumulative step-size control, rank-one and rank-mu update with negative weights for the worse half
/// (section B, table 1 gives every constant). Restarts with a growing population follow [AH05].
///
/// Ask-and-tell: `ask()` gives the candidates of a generation, `tell(_:)` takes their losses in the same order. The
/// value is its whole state: encode it, and the decoded copy continues with the same bits. Candidates are drawn from
/// one counter-based stream per generation. Memory O(n^2); a generation O(population n^2) beside the losses, and an
/// eigen-decomposition, O(n^3), every few generations.
public struct CMAES: Sendable, Codable, Equatable {
    /// How the search is run.
    public struct Options: Sendable, Hashable, Codable {
        /// lambda: candidates in a generation; nil for `4 + 3 ln n`.
        public var population: Int?
        /// sigma: the first step size, in units of `scales`.
        public var stepSize: Double
        /// How often the search restarts, with the population doubled, once it has stalled.
        public var maxRestarts: Int
        /// Stalled: every coordinate's standard deviation is below this part of its first one.
        public var tolerance: Double
        /// Stalled: the losses of a generation and the best ones of the last `10 + 30 n / lambda` generations lie
        /// within this of each other.
        public var lossTolerance: Double

        /// Options; the defaults are the tutorial's.
        public init(
            population: Int? = nil, stepSize: Double = 0.3, maxRestarts: Int = 0, tolerance: Double = 1e-11,
            lossTolerance: Double = 1e-12
        ) {
            self.population = population
            self.stepSize = stepSize
            self.maxRestarts = maxRestarts
            self.tolerance = tolerance
            self.lossTolerance = lossTolerance
        }
    }

    /// What `tell(_:)` found.
    public enum Status: Sendable, Hashable, Codable {
        /// Ask again.
        case running
        /// The search stalled for this reason and was restarted with a larger population.
        case restarted(reason: String)
        /// The search stalled and no restart is left. Asking again is allowed and continues as before.
        case stalled(reason: String)
    }

    /// The constants of one population size (tutorial, table 1).
    struct Constants: Sendable, Codable, Equatable {
        let population: Int
        let weights: [Double]
        let selected: Int
        let selectionMass: Double
        let cumulateSigma: Double
        let dampSigma: Double
        let cumulateCovariance: Double
        let rankOne: Double
        let rankMu: Double
        let chi: Double

        init(dimension: Int, population: Int) {
            let n = Double(dimension)
            let lambda = Double(population)
            let raw = (1...population).map { log((lambda + 1) / 2) - log(Double($0)) }
            let mu = population / 2
            let positive = raw[..<mu]
            let negative = raw[mu...]
            let positiveSum = positive.reduce(0, +)
            let negativeSum = -negative.reduce(0, +)
            func mass(_ slice: ArraySlice<Double>) -> Double {
                let sum = slice.reduce(0, +)
                return sum * sum / slice.reduce(0) { $0 + $1 * $1 }
            }
            let muEff = mass(positive)
            let muEffNegative = negativeSum > 0 ? mass(negative) : 0
            let cc = (4 + muEff / n) / (n + 4 + 2 * muEff / n)
            let c1 = 2 / ((n + 1.3) * (n + 1.3) + muEff)
            let cmu = min(1 - c1, 2 * (0.25 + muEff + 1 / muEff - 2) / ((n + 2) * (n + 2) + muEff))
            let alphaMu = 1 + c1 / cmu
            let alphaMass = 1 + 2 * muEffNegative / (muEff + 2)
            let alphaPositive = (1 - c1 - cmu) / (n * cmu)
            let share = min(alphaMu, alphaMass, alphaPositive)
            self.population = population
            selected = mu
            weights = raw.map { $0 >= 0 ? $0 / positiveSum : $0 * share / negativeSum }
            selectionMass = muEff
            cumulateSigma = (muEff + 2) / (n + muEff + 5)
            dampSigma = 1 + 2 * max(0, ((muEff - 1) / (n + 1)).squareRoot() - 1) + cumulateSigma
            cumulateCovariance = cc
            rankOne = c1
            rankMu = cmu
            chi = n.squareRoot() * (1 - 1 / (4 * n) + 1 / (21 * n * n))
        }
    }

    /// n.
    public let dimension: Int
    /// How the search is run.
    public let options: Options
    /// Where the search began.
    public let start: [Double]
    /// The standard deviation of each coordinate then (to be multiplied by `stepSize`).
    public let scales: [Double]
    /// The run's seed.
    public let seed: UInt64
    /// Generations so far, over all restarts.
    public private(set) var generation = 0
    /// Losses so far.
    public private(set) var evaluations = 0
    /// Restarts so far.
    public private(set) var restarts = 0
    /// The distribution's mean: the estimate to use where the losses are noisy.
    public private(set) var mean: [Double]
    /// sigma.
    public private(set) var stepSize: Double
    /// The candidate with the lowest loss so far; empty before the first `tell`.
    public private(set) var best: [Double] = []
    /// Its loss; infinite before the first `tell`.
    public private(set) var bestLoss = Double.infinity

    var constants: Constants
    var covariance: [Double]
    var pathSigma: [Double]
    var pathCovariance: [Double]
    /// Row k: the k-th principal axis; its length is `axisLengths[k]`.
    var axes: [Double]
    var axisLengths: [Double]
    var decomposedAt = 0
    var restartedAt = 0
    var history: [Double] = []

    /// A search around `start`. `scales` (default all 1) are the relative standard deviations of the coordinates.
    /// O(n^2) for n coordinates.
    ///
    /// - Precondition: at least one coordinate; as many scales, all positive; a population of at least 4.
    public init(start: [Double], scales: [Double]? = nil, options: Options = Options(), seed: UInt64) {
        let n = start.count
        let scales = scales ?? [Double](repeating: 1, count: n)
        precondition(n > 0 && scales.count == n, "CMAES: \(scales.count) scales for \(n) coordinates")
        precondition(scales.allSatisfy { $0 > 0 && $0.isFinite }, "CMAES: a scale is not positive")
        precondition(options.stepSize > 0, "CMAES: step size \(options.stepSize) is not positive")
        let population = options.population ?? 4 + Int(3 * log(Double(n)))
        precondition(population >= 4, "CMAES: population \(population) is below 4")
        dimension = n
        self.options = options
        self.start = start
        self.scales = scales
        self.seed = seed
        mean = start
        stepSize = options.stepSize
        constants = Constants(dimension: n, population: population)
        covariance = []
        pathSigma = []
        pathCovariance = []
        axes = []
        axisLengths = []
        begin()
    }

    /// What makes a decoded state no state of a search of `dimension` coordinates; nil where it can go on. The constants
    /// and every array have the sizes that the dimension and the population give. O(n^2 + population).
    func fault(dimension n: Int) -> String? {
        let population = constants.population
        guard dimension == n, Limits.population.range.contains(population) || population < 1 << 24 && population >= 4
        else {
            return "\(dimension) coordinates and \(population) candidates"
        }
        let sizes = [start, scales, mean, pathSigma, pathCovariance, axisLengths].map(\.count)
        guard sizes.allSatisfy({ $0 == n }), covariance.count == n * n, axes.count == n * n,
            best.isEmpty || best.count == n
        else { return "arrays that do not have \(n) coordinates" }
        guard constants == Constants(dimension: n, population: population) else {
            return "constants that are not those of \(population) candidates"
        }
        let numbers = start + scales + mean + pathSigma + pathCovariance + axisLengths + covariance + axes + best
        guard numbers.allSatisfy(\.isFinite), stepSize > 0, stepSize.isFinite, scales.allSatisfy({ $0 > 0 }) else {
            return "a number that is not finite or not positive"
        }
        let counters = [generation, evaluations, restarts, decomposedAt, restartedAt]
        guard counters.allSatisfy((0...(1 << 56)).contains), generation <= Limits.iterations.range.upperBound,
            restartedAt <= generation, decomposedAt <= generation, history.count <= 1 << 24
        else { return "counters \(counters)" }
        return nil
    }

    /// lambda: how many candidates `ask()` gives now.
    public var population: Int { constants.population }

    /// The standard deviation of each coordinate now. O(n).
    public var standardDeviations: [Double] {
        (0..<dimension).map { stepSize * covariance[$0 * dimension + $0].squareRoot() }
    }

    /// The candidates of this generation; the same ones until `tell(_:)` is called. O(population n^2).
    public func ask() -> [[Double]] {
        steps().map { step in
            var candidate = mean
            for i in candidate.indices { candidate[i] += stepSize * step[i] }
            return candidate
        }
    }

    /// Takes the losses of the candidates that `ask()` gave, in their order; a loss that is not a number counts as the
    /// worst. O(population n^2).
    @discardableResult
    public mutating func tell(_ losses: [Double]) -> Status {
        let c = constants
        precondition(losses.count == c.population, "CMAES.tell: \(losses.count) losses for \(c.population) candidates")
        let n = dimension
        let y = steps()
        let rank = losses.indices.sorted {
            (losses[$0].isNaN ? .infinity : losses[$0], $0) < (losses[$1].isNaN ? .infinity : losses[$1], $1)
        }
        let leader = rank[0]
        if losses[leader] < bestLoss {
            bestLoss = losses[leader]
            best = mean
            for i in best.indices { best[i] += stepSize * y[leader][i] }
        }
        generation += 1
        evaluations += c.population
        let age = generation - restartedAt

        var shift = [Double](repeating: 0, count: n)  // y_w
        for (position, k) in rank.prefix(c.selected).enumerated() {
            for i in 0..<n { shift[i] += c.weights[position] * y[k][i] }
        }
        for i in 0..<n { mean[i] += stepSize * shift[i] }  // m = m + sigma y_w

        // p_sigma = (1 - c_s) p_sigma + sqrt(c_s (2 - c_s) mu_eff) C^-1/2 y_w
        let whitened = whiten(shift)
        let gainSigma = (c.cumulateSigma * (2 - c.cumulateSigma) * c.selectionMass).squareRoot()
        for i in 0..<n { pathSigma[i] = (1 - c.cumulateSigma) * pathSigma[i] + gainSigma * whitened[i] }
        let length = pathSigma.reduce(0) { $0 + $1 * $1 }.squareRoot()

        // p_c = (1 - c_c) p_c + h sqrt(c_c (2 - c_c) mu_eff) y_w; h = 0 while sigma grows too fast
        let warm = (1 - pow(1 - c.cumulateSigma, 2 * Double(age))).squareRoot()
        let advancing = length / warm < (1.4 + 2 / (Double(n) + 1)) * c.chi
        let gainCovariance = (c.cumulateCovariance * (2 - c.cumulateCovariance) * c.selectionMass).squareRoot()
        for i in 0..<n {
            pathCovariance[i] =
                (1 - c.cumulateCovariance) * pathCovariance[i] + (advancing ? gainCovariance * shift[i] : 0)
        }

        // C = (1 + c_1 d(h) - c_1 - c_mu sum w) C + c_1 p_c p_c' + c_mu sum w_i y_i y_i'
        let correction = advancing ? 0 : c.cumulateCovariance * (2 - c.cumulateCovariance)
        let decay = 1 + c.rankOne * correction - c.rankOne - c.rankMu * c.weights.reduce(0, +)
        for i in covariance.indices { covariance[i] *= decay }
        addOuter(pathCovariance, weight: c.rankOne)
        for (position, k) in rank.enumerated() {
            var weight = c.weights[position]
            if weight < 0 {  // scaled so that C stays positive definite
                weight *= Double(n) / max(whiten(y[k]).reduce(0) { $0 + $1 * $1 }, 1e-300)
            }
            addOuter(y[k], weight: c.rankMu * weight)
        }

        stepSize *= exp(min(1, c.cumulateSigma / c.dampSigma * (length / c.chi - 1)))
        let period = 1 / ((c.rankOne + c.rankMu) * Double(n) * 10)
        if Double(generation - decomposedAt) > period { decompose() }

        history.append(losses[leader])
        let window = 10 + (30 * n + c.population - 1) / c.population
        if history.count > window { history.removeFirst(history.count - window) }
        guard let reason = stalled(losses: losses, rank: rank, window: window) else { return .running }
        guard restarts < options.maxRestarts else { return .stalled(reason: reason) }
        restarts += 1
        constants = Constants(dimension: n, population: c.population * 2)
        begin()
        return .restarted(reason: reason)
    }

    // MARK: Parts

    /// Puts the distribution back to where the search began. O(n^2).
    private mutating func begin() {
        let n = dimension
        mean = start
        stepSize = options.stepSize
        pathSigma = [Double](repeating: 0, count: n)
        pathCovariance = pathSigma
        covariance = [Double](repeating: 0, count: n * n)
        axes = covariance
        axisLengths = scales
        for i in 0..<n {
            covariance[i * n + i] = scales[i] * scales[i]
            axes[i * n + i] = 1
        }
        decomposedAt = generation
        restartedAt = generation
        history.removeAll()
    }

    /// y_k = B D z_k of this generation, z_k standard normal. O(population n^2).
    private func steps() -> [[Double]] {
        let n = dimension
        var stream = RandomStream(seed: seed, purpose: .evolution, index: UInt64(generation))
        return (0..<constants.population).map { _ in
            var step = [Double](repeating: 0, count: n)
            for k in 0..<n {
                let draw = stream.normal() * axisLengths[k]
                for i in 0..<n { step[i] += draw * axes[k * n + i] }
            }
            return step
        }
    }

    /// C^-1/2 v = B D^-1 B' v. O(n^2).
    private func whiten(_ v: [Double]) -> [Double] {
        let n = dimension
        var result = [Double](repeating: 0, count: n)
        for k in 0..<n {
            var projection = 0.0
            for i in 0..<n { projection += axes[k * n + i] * v[i] }
            projection /= axisLengths[k]
            for i in 0..<n { result[i] += projection * axes[k * n + i] }
        }
        return result
    }

    private mutating func addOuter(_ v: [Double], weight: Double) {
        let n = dimension
        for i in 0..<n {
            let scaled = weight * v[i]
            for j in 0..<n { covariance[i * n + j] += scaled * v[j] }
        }
    }

    /// C = B D^2 B'. A covariance that is no longer positive definite, by rounding, is left to `stalled`. O(n^3).
    private mutating func decompose() {
        let n = dimension
        for i in 0..<n {
            for j in 0..<i {
                let middle = (covariance[i * n + j] + covariance[j * n + i]) / 2
                covariance[i * n + j] = middle
                covariance[j * n + i] = middle
            }
        }
        decomposedAt = generation
        guard let eigen = try? SymmetricEigen(covariance, dimension: n), eigen.values[0] > 0 else {
            axisLengths[0] = 0
            return
        }
        axes = eigen.vectors
        axisLengths = eigen.values.map { $0.squareRoot() }
    }

    /// Why the search can go no further, or nil.
    private func stalled(losses: [Double], rank: [Int], window: Int) -> String? {
        let shortest = axisLengths.min()!
        let longest = axisLengths.max()!
        if !(shortest > 0) || !stepSize.isFinite { return "the covariance is no longer positive definite" }
        if longest / shortest > 1e7 { return "the covariance has condition \(longest * longest / shortest / shortest)" }
        let deviations = standardDeviations
        if deviations.indices.allSatisfy({ deviations[$0] < options.tolerance * options.stepSize * scales[$0] }) {
            return "the standard deviations fell below \(options.tolerance) of the first ones"
        }
        let spread = losses[rank[rank.count - 1]] - losses[rank[0]]
        if history.count >= window, spread < options.lossTolerance,
            history.max()! - history.min()! < options.lossTolerance
        {
            return "the losses lie within \(options.lossTolerance) of each other"
        }
        return nil
    }
}
