internal import Foundation

/// The regularised incomplete beta function `I_x(a, b)`: what Student's t and the beta distribution have in common.
///
/// By its continued fraction ([AS], 26.5.8) with the modified Lentz recurrence; about 14 digits.
enum IncompleteBeta {
    /// `I_x(a, b)` for positive a and b. O(sqrt(max(a, b))).
    ///
    /// - Parameters:
    ///   - complement: 1 - x, given apart so that no digits are lost near x = 1.
    ///   - logComplement: its logarithm where the caller has it with more digits than `complement` holds.
    static func regularised(
        _ a: Double, _ b: Double, x: Double, complement: Double, logComplement: Double? = nil
    ) -> Double {
        if x <= 0 { return 0 }
        if complement <= 0 { return 1 }
        let logFront = logGamma(a + b) - logGamma(a) - logGamma(b) + a * log(x) + b * (logComplement ?? log(complement))
        // The fraction converges fast on one side of the mean; the other side follows from I_x(a,b) = 1 - I_1-x(b,a).
        if x < (a + 1) / (a + b + 2) { return exp(logFront) * fraction(a, b, x) / a }
        return 1 - exp(logFront) * fraction(b, a, complement) / b
    }

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
