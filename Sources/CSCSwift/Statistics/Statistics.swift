internal import Foundation

/// Running mean and variance in one pass ([Welford62]); two of them merge exactly by the formula of
/// [Chan-Golub-LeVeque]. Numerically stable; O(1) per value.
package struct Welford: Sendable, Hashable, Codable {
    /// How many values were added.
    package private(set) var count = 0
    /// Their mean; 0 while there is none.
    package private(set) var mean = 0.0
    /// The sum of squared deviations from the mean.
    package private(set) var squares = 0.0

    /// An accumulator that has seen no value.
    package init() {}

    /// A state saved earlier: its three numbers.
    package init(count: Int, mean: Double, squares: Double) {
        self.count = count
        self.mean = mean
        self.squares = squares
    }

    /// Adds one value.
    package mutating func add(_ value: Double) {
        count += 1
        let delta = value - mean
        mean += delta / Double(count)
        squares += delta * (value - mean)
    }

    /// Adds all values of another accumulator. O(1).
    package mutating func merge(_ other: Welford) {
        guard other.count > 0 else { return }
        let total = Double(count + other.count)
        let delta = other.mean - mean
        mean += delta * Double(other.count) / total
        squares += other.squares + delta * delta * Double(count) * Double(other.count) / total
        count += other.count
    }

    /// The unbiased variance (divisor n - 1); 0 for fewer than two values.
    package var variance: Double { count > 1 ? squares / Double(count - 1) : 0 }
    /// The variance with divisor n; 0 while there is no value.
    package var populationVariance: Double { count > 0 ? squares / Double(count) : 0 }
    /// The square root of `variance`.
    package var sd: Double { variance.squareRoot() }
}

/// Mean, spread and Student-t interval of independent values: runs, seeds or episodes.
///
/// With fewer than two values nothing is known about the spread: `sd` is 0 and the interval is infinite (null in
/// JSON).
public struct Summary: Sendable, Hashable, Encodable {
    /// n: how many values there were.
    public let count: Int
    /// The arithmetic mean; 0 for no values.
    public let mean: Double
    /// The sample standard deviation (divisor n - 1).
    public let sd: Double
    /// The standard error of the mean, sd / sqrt(n).
    public let standardError: Double
    /// The lower end of the mean's confidence interval, mean - t(n - 1) * standardError; -infinity for n < 2.
    public let lower: Double
    /// Its upper end, mean + t(n - 1) * standardError; infinity for fewer than two values.
    public let upper: Double

    /// Half of the interval's width.
    public var halfWidth: Double { (upper - lower) / 2 }

    /// Summarises `values` at a level of confidence. O(n).
    public init<Values: Sequence<Double>>(_ values: Values, confidence: Double = 0.95) {
        var running = Welford()
        for value in values { running.add(value) }
        self.init(running, confidence: confidence)
    }

    /// Summarises what an accumulator has seen.
    package init(_ running: Welford, confidence: Double = 0.95) {
        precondition(confidence > 0 && confidence < 1, "Summary: confidence \(confidence) is not in (0, 1)")
        count = running.count
        mean = running.mean
        sd = running.sd
        guard count > 1 else {
            standardError = .infinity
            lower = -.infinity
            upper = .infinity
            return
        }
        standardError = sd / Double(count).squareRoot()
        let reach = StudentT.quantile((1 + confidence) / 2, degreesOfFreedom: Double(count - 1)) * standardError
        lower = mean - reach
        upper = mean + reach
    }

    /// The paired differences `values[i] - baseline[i]`: the right comparison of two methods on the same episodes.
    /// O(n).
    public static func paired(_ values: [Double], minus baseline: [Double], confidence: Double = 0.95) -> Summary {
        precondition(
            values.count == baseline.count,
            "Summary.paired: \(values.count) values against \(baseline.count) of the baseline")
        return Summary(zip(values, baseline).lazy.map { $0 - $1 }, confidence: confidence)
    }

    /// True when the interval lies wholly above or below 0.
    public var excludesZero: Bool { lower > 0 || upper < 0 }

    /// The layout of the product's evaluation files: episodes, mean, sd, ci95.
    public var json: JSON {
        .object([
            ("episodes", .integer(count)), ("mean", .number(mean)), ("sd", .number(sd)),
            ("ci95", .array([.number(lower), .number(upper)])),
        ])
    }

    private enum CodingKeys: String, CodingKey { case count, mean, sd, standardError, lower, upper }

    /// Writes the six properties by their names, infinite ones as null.
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(count, forKey: .count)
        try container.encode(mean, forKey: .mean)
        try container.encode(sd, forKey: .sd)
        try container.encode(standardError.isFinite ? standardError : nil, forKey: .standardError)
        try container.encode(lower.isFinite ? lower : nil, forKey: .lower)
        try container.encode(upper.isFinite ? upper : nil, forKey: .upper)
    }
}

/// Small statistics of arrays, all in Double and in one fixed order.
package enum Statistics {
    /// The arithmetic mean; 0 for no values. O(n).
    package static func mean(_ values: [Double]) -> Double {
        values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }

    /// The sample standard deviation (divisor n - 1); 0 for fewer than two values. O(n).
    package static func sd(_ values: [Double]) -> Double {
        var running = Welford()
        for value in values { running.add(value) }
        return running.sd
    }

    /// The value below which a `fraction` of the sorted values lies, with linear interpolation. O(n log n).
    package static func quantile(_ fraction: Double, of values: [Double]) -> Double {
        precondition(!values.isEmpty, "Statistics.quantile: no values")
        precondition(fraction >= 0 && fraction <= 1, "Statistics.quantile: fraction \(fraction)")
        let sorted = values.sorted()
        let position = fraction * Double(sorted.count - 1)
        let below = Int(position)
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (sorted[above] - sorted[below]) * (position - Double(below))
    }
}
