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

    /// Pr(X <= x), the regularised incomplete beta function I_x(a, b), to about 14 digits.
    /// O(sqrt(max(a, b))).
    public func cumulative(_ x: Double) -> Double {
        if x <= 0 { return 0 }
        if x >= 1 { return 1 }
        return IncompleteBeta.regularised(a, b, x: x, complement: 1 - x, logComplement: log1p(-x))
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

    /// The central interval that holds this much probability. Two evaluations of `quantile`.
    public func interval(_ confidence: Double = 0.95) -> ClosedRange<Double> {
        let low = quantile((1 - confidence) / 2)
        return low...max(low, quantile((1 + confidence) / 2))
    }
}
