internal import Foundation

/// The beta distribution with positive parameters `a` and `b`: what is known about a rate after a-1 successes and b-1
/// failures, starting from a uniform prior.
public struct BetaDistribution: Sendable, Hashable {
    /// The first parameter: successes plus one, from a uniform prior.
    public let a: Double
    /// The second parameter: failures plus one, from a uniform prior.
    public let b: Double

    /// - Precondition: both parameters are positive and finite.
    public init(_ a: Double, _ b: Double) {
        precondition(a > 0 && b > 0 && a.isFinite && b.isFinite, "BetaDistribution: parameters \(a) and \(b)")
        self.a = a
        self.b = b
    }

    /// a / (a + b).
    public var mean: Double { a / (a + b) }

    /// Pr(X <= x), the regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz and
    /// Stegun 26.5.8, evaluated by Lentz's method). About 14 digits. O(sqrt(max(a, b))).
    public func cumulative(_ x: Double) -> Double {
        if x <= 0 { return 0 }
        if x >= 1 { return 1 }
        let front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
        if x < (a + 1) / (a + b + 2) { return front * Self.fraction(a, b, x) / a }
        return 1 - front * Self.fraction(b, a, 1 - x) / b
    }

    /// The x with Pr(X <= x) = probability, by bisection to 1e-12. O(40 evaluations of `cumulative`).
    public func quantile(_ probability: Double) -> Double {
        precondition(probability >= 0 && probability <= 1, "BetaDistribution.quantile: probability \(probability)")
        var low = 0.0
        var high = 1.0
        while high - low > 1e-12 {
            let middle = (low + high) / 2
            if cumulative(middle) < probability { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// The central interval that holds this much probability.
    public func interval(_ confidence: Double = 0.95) -> ClosedRange<Double> {
        let low = quantile((1 - confidence) / 2)
        return low...max(low, quantile((1 + confidence) / 2))
    }

    private static func fraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
        let tiny = 1e-300
        func guarded(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / guarded(1 - (a + b) * x / (a + 1))
        var h = d
        for m in 1...10_000 {
            let m = Double(m)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 / guarded(1 + even * d)
            c = guarded(1 + even / c)
            h *= d * c
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1 / guarded(1 + odd * d)
            c = guarded(1 + odd / c)
            let factor = d * c
            h *= factor
            if abs(factor - 1) < 1e-15 { break }
        }
        return h
    }
}
