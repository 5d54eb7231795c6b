internal import Foundation

/// The derivative of ln Gamma for x > 0: the recurrence up to 6, then the asymptotic series; absolute error below 1e-12.
func digamma(_ x: Double) -> Double {
    var x = x, shift = 0.0
    while x < 6 {
        shift -= 1 / x
        x += 1
    }
    let r = 1 / (x * x)
    let series =
        r * (1.0 / 12 - r * (1.0 / 120 - r * (1.0 / 252 - r * (1.0 / 240 - r * (1.0 / 132 - r * 691.0 / 32760)))))
    return shift + log(x) - 0.5 / x - series
}
