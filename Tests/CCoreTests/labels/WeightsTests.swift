import CCore
import Foundation
import Testing

@Suite("Exponential weights")
struct WeightsTests {
    @Test("fill is exp within 2 ulp, and its sum", arguments: [1, 2, 7, 8, 9, 64, 1001])
    func fill(arms: Int) {
        let losses = (0..<arms).map { Double(($0 * 7919) % arms) * 0.37 + 3 }
        var weights = [Double](repeating: -1, count: arms)
        for rate in [0, 0.01, 0.5, 3.0, 1e4] {
            let sum = cafe_weights_fill(&weights, losses, rate, Int64(arms))
            let least = losses.min()!
            var expected = 0.0
            for (w, l) in zip(weights, losses) {
                let e = exp(-rate * (l - least))
                #expect(abs(w - e) <= 2 * e.ulp || e < 1e-303)
                expected += e
            }
            #expect(abs(sum - expected) <= 1e-14 * expected)
            #expect(weights.max()! == 1)
        }
    }

    @Test("drawn frequencies are the probabilities (chi-square), forbidden arms never", arguments: [5, 37, 200])
    func draw(arms: Int) {
        var weights = (0..<arms).map { 1 / Double($0 + 1) }
        weights[arms / 2] = 0
        let allowed = (0..<arms).map { UInt8($0 % 4 == 3 ? 0 : 1) }
        let total = zip(weights, allowed).reduce(0) { $0 + $1.0 * Double($1.1) }
        let draws = 200_000
        var counts = [Int](repeating: 0, count: arms)
        for k in 0..<draws {
            let u = Double(cafe_random_u64(11, 255 << 48, UInt64(k)) >> 11) * 0x1p-53
            var p = 0.0
            let arm = Int(cafe_weights_draw(&p, weights, allowed, u, Int64(arms)))
            counts[arm] += 1
            #expect(abs(p - weights[arm] / total) < 1e-15)
        }
        var chi = 0.0, degrees = -1.0
        for j in 0..<arms {
            let expected = Double(draws) * weights[j] * Double(allowed[j]) / total
            if expected == 0 {
                #expect(counts[j] == 0)
            } else {
                chi += (Double(counts[j]) - expected) * (Double(counts[j]) - expected) / expected
                degrees += 1
            }
        }
        #expect(chi < degrees + 4 * (2 * degrees).squareRoot(), "chi-square \(chi) at \(degrees) degrees of freedom")
    }

    @Test("the edges of the draw")
    func edges() {
        var p = 0.0
        #expect(cafe_weights_draw(&p, [0, 1, 0], nil, 1 - 0x1p-53, 3) == 1 && p == 1)
        #expect(cafe_weights_draw(&p, [1, 1, 1], [1, 0, 0], 0.999, 3) == 0 && p == 1)
        #expect(cafe_weights_draw(&p, [1e-300, 1], [1, 0], 0.5, 2) == -1, "underflow is said, not guessed at")
    }
}
