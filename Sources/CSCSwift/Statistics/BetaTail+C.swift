internal import CCore

/// The incomplete beta function at one half, and OptKG's gains over rows and columns of pairs.
package enum BetaTail {
    /// `min(P(theta < 1/2), P(theta >= 1/2))` for theta ~ Beta(a, b), element by element; relative error below 1e-11
    /// for parameters in [0.05, 1e5]. O(n sqrt(a + b)).
    package static func smaller(a: [Double], b: [Double]) -> [Double] {
        precondition(a.count == b.count, "BetaTail.smaller: a[\(a.count)], b[\(b.count)]")
        var tail = [Double](repeating: 0, count: a.count)
        cafe_beta_tail(&tail, a, b, Int64(a.count))
        return tail
    }

    /// `P(theta >= 1/2)` for theta ~ Beta(a, b): the regularised incomplete beta function, `I(a, b)` of docs/bbta.md.
    package static func atLeastHalf(_ a: Double, _ b: Double) -> Double {
        let tail = smaller(a: [a], b: [b])[0]
        return a >= b ? 1 - tail : tail
    }

    /// OptKG's gain of one task with every worker: `gain[start + j]` for each j of `c`, `d`. O(K).
    static func gains(
        _ gain: inout [Double], start: Int, task: (a: Double, b: Double, tail: Double), c: [Double], d: [Double]
    ) {
        precondition(
            c.count == d.count && start + c.count <= gain.count,
            "BetaTail.gains: c[\(c.count)], d[\(d.count)] at \(start) of gain[\(gain.count)]")
        gain.withUnsafeMutableBufferPointer { gain in
            cafe_optkg_gain(
                gain.baseAddress! + start, [task.a], [task.b], [task.tail], 0, c, d, 1, Int64(c.count))
        }
    }

    /// OptKG's gain of every task with one worker, to `gain[0 ..< N]`. O(N).
    static func gains(
        _ gain: inout [Double], a: [Double], b: [Double], tail: [Double], worker: (c: Double, d: Double)
    ) {
        precondition(
            a.count == b.count && a.count == tail.count && a.count <= gain.count,
            "BetaTail.gains: a[\(a.count)], b[\(b.count)], tail[\(tail.count)], gain[\(gain.count)]")
        cafe_optkg_gain(&gain, a, b, tail, 1, [worker.c], [worker.d], 0, Int64(a.count))
    }
}
