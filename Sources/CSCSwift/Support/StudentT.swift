internal import Foundation

/// Student's t distribution, computed (no tables): what a 95 % interval over few runs needs.
///
/// The distribution function is a regularised incomplete beta function, evaluated by its continued fraction with the
/// modified Lentz recurrence; the quantile inverts it by bisection, which is slow and cannot fail. Accurate to about
/// 1e-12 relative for 1 to 10^6 degrees of freedom.
public enum StudentT {
    /// P(T <= t) for `degreesOfFreedom` > 0. About 50 terms of the continued fraction.
    public static func cumulative(_ t: Double, degreesOfFreedom: Double) -> Double {
        precondition(degreesOfFreedom > 0, "StudentT: \(degreesOfFreedom) degrees of freedom")
        let tail = upperTail(abs(t), degreesOfFreedom)
        return t >= 0 ? 1 - tail : tail
    }

    /// The t with P(T <= t) = `probability`, for a probability strictly between 0 and 1. About 100 evaluations of
    /// the distribution function.
    public static func quantile(_ probability: Double, degreesOfFreedom: Double) -> Double {
        precondition(probability > 0 && probability < 1, "StudentT.quantile: probability \(probability)")
        precondition(degreesOfFreedom > 0, "StudentT: \(degreesOfFreedom) degrees of freedom")
        if probability == 0.5 { return 0 }
        let tail = min(probability, 1 - probability)
        var low = 0.0
        var high = 1.0
        while upperTail(high, degreesOfFreedom) > tail { (low, high) = (high, high * 2) }
        while true {
            let middle = low + (high - low) / 2
            if middle <= low || middle >= high { break }
            if upperTail(middle, degreesOfFreedom) > tail { low = middle } else { high = middle }
        }
        return probability > 0.5 ? high : -high
    }

    /// P(T > t) for t >= 0: half of I_x(df/2, 1/2) at x = df / (df + t^2).
    private static func upperTail(_ t: Double, _ degrees: Double) -> Double {
        0.5 * incompleteBeta(degrees / 2, 0.5, x: degrees / (degrees + t * t), complement: t * t / (degrees + t * t))
    }

    /// I_x(a, b); `complement` is 1 - x, given apart so that no digits are lost near x = 1.
    private static func incompleteBeta(_ a: Double, _ b: Double, x: Double, complement: Double) -> Double {
        if x <= 0 { return 0 }
        if complement <= 0 { return 1 }
        let logFront = logGamma(a + b) - logGamma(a) - logGamma(b) + a * log(x) + b * log(complement)
        // The fraction converges fast on one side of the mean; the other side follows from I_x(a,b) = 1 - I_1-x(b,a).
        if x < (a + 1) / (a + b + 2) { return exp(logFront) * fraction(a, b, x) / a }
        return 1 - exp(logFront) * fraction(b, a, complement) / b
    }

    /// The continued fraction of the incomplete beta function by the modified Lentz recurrence.
    private static func fraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
        let tiny = 1e-300
        func guarded(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / guarded(1 - (a + b) * x / (a + 1))
        var result = d
        for step in 1...10_000 {
            let m = Double(step)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 / guarded(1 + even * d)
            c = guarded(1 + even / c)
            result *= c * d
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1 / guarded(1 + odd * d)
            c = guarded(1 + odd / c)
            result *= c * d
            if abs(c * d - 1) < 1e-15 { break }
        }
        return result
    }

    /// log of the gamma function for x > 0: the recurrence up to 12, then Stirling's series to the term in x^-13.
    private static func logGamma(_ x: Double) -> Double {
        var argument = x
        var product = 1.0
        while argument < 12 {
            product *= argument
            argument += 1
        }
        let inverse = 1 / argument
        let square = inverse * inverse
        let coefficients: [Double] = [
            1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360_360, 1.0 / 156,
        ]
        var series = 0.0
        for coefficient in coefficients.reversed() { series = series * square + coefficient }
        let leading: Double = (argument - 0.5) * log(argument) - argument
        let halfLogTwoPi: Double = 0.5 * log(2 * Double.pi)
        return leading + halfLogTwoPi + series * inverse - log(product)
    }
}
