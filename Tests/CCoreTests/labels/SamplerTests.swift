import CCore
import Foundation
import Testing

@Suite("Sampler of exponential weights")
struct SamplerTests {
    private func uniform(_ counter: inout UInt64) -> Double {
        counter += 1
        return Double(cafe_random_u64(3, 255 << 48, counter) >> 11) * 0x1p-53
    }

    /// Weights as the definition has them, relative to `least`.
    private func weights(_ losses: [Double], _ rate: Double, _ least: Double) -> [Double] {
        losses.map { exp(-rate * ($0 - least)) }
    }

    @Test("the sum, while rates fall and losses grow, is the definition's", arguments: [1, 2, 15, 16, 17, 257, 1009])
    func total(arms: Int) {
        var state = cafe_sampler()
        var tree = [Double](repeating: 0, count: Int(cafe_sampler_tree_size(Int64(arms))))
        var losses = [Double](repeating: 0, count: arms)
        var counter: UInt64 = 0, anchors = 0, anchor = 0.0, worst = 0.0
        for t in 1...4000 {
            let rate = (log(Double(max(arms, 2))) / (Double(t) * Double(arms))).squareRoot()
            let total = cafe_sampler_total(&state, &tree, losses, rate, Int64(arms))
            if state.anchor != anchor { (anchor, anchors) = (state.anchor, anchors + 1) }
            if t % 37 == 0 || t < 20 {
                let sum = weights(losses, rate, state.least).reduce(0, +)
                worst = max(worst, abs(total / sum - 1))
            }
            // Most charges fall on the arm that loses least, so that the least loss moves as well.
            let arm =
                uniform(&counter) < 0.5 ? losses.firstIndex(of: losses.min()!)! : Int(uniform(&counter) * Double(arms))
            cafe_sampler_charge(
                &state, &tree, &losses, Int64(arm), losses[arm] + Double(arms) * uniform(&counter), Int64(arms))
        }
        #expect(worst < 1e-13, "off by \(worst)")
        #expect(anchors < 800, "anchored \(anchors) times in 4000 rounds")
    }

    @Test("drawn frequencies are the probabilities (chi-square), whatever the rate", arguments: [3, 40, 300])
    func draw(arms: Int) {
        var state = cafe_sampler()
        var tree = [Double](repeating: 0, count: Int(cafe_sampler_tree_size(Int64(arms))))
        let losses = (0..<arms).map { Double(($0 * 7919) % arms) * 2 / Double(arms) }
        let allowed = (0..<arms).map { UInt8($0 % 5 == 2 ? 0 : 1) }
        cafe_sampler_anchor(&state, &tree, losses, 2, Int64(arms))
        for rate in [2, 1.9, 1.8] {  // one anchor serves them all
            _ = cafe_sampler_total(&state, &tree, losses, rate, Int64(arms))
            #expect(state.anchor == 2)
            let w = weights(losses, rate, state.least)
            let sum = zip(w, allowed).reduce(0) { $0 + $1.0 * Double($1.1) }
            var counts = [Int](repeating: 0, count: arms), off = 0.0
            let draws = 60_000
            for k in 0..<draws {
                var p = 0.0
                let arm = Int(
                    cafe_sampler_draw(
                        &p, &state, tree, losses, allowed, sum, rate, 5, 254 << 48, UInt64(k) << 20, Int64(arms)))
                counts[arm] += 1
                off = max(off, abs(p * sum / w[arm] - 1))
            }
            #expect(off < 1e-13, "the probability said is the one drawn with")
            var chi = 0.0, degrees = -1.0
            for j in 0..<arms {
                let expected = Double(draws) * w[j] * Double(allowed[j]) / sum
                if expected == 0 {
                    #expect(counts[j] == 0)
                } else {
                    chi += (Double(counts[j]) - expected) * (Double(counts[j]) - expected) / expected
                    degrees += 1
                }
            }
            let bound = degrees + 4 * (2 * degrees).squareRoot()
            #expect(chi < bound, "chi-square \(chi) at \(degrees) degrees of freedom, rate \(rate)")
            // The wrong distribution, that of the tree, is distinguished: the test can fail.
            let stale = weights(losses, state.lowest, state.least)
            let staleSum = zip(stale, allowed).reduce(0) { $0 + $1.0 * Double($1.1) }
            var other = 0.0
            for j in 0..<arms where allowed[j] == 1 {
                let expected = Double(draws) * stale[j] / staleSum
                other += (Double(counts[j]) - expected) * (Double(counts[j]) - expected) / expected
            }
            if rate == 2 { #expect(other > bound) }
        }
    }

    @Test("the pass over few arms draws from the same distribution", arguments: [1, 2, 8, 10, 63, 64])
    func pick(arms: Int) {
        var losses = (0..<arms).map { Double(($0 * 7919) % arms) * 0.1 }
        let w = weights(losses, 0.7, losses.min()!), sum = w.reduce(0, +)
        while losses.count % 8 != 0 { losses.append(.infinity) }
        var counts = [Int](repeating: 0, count: arms)
        let draws = 40_000
        var uniforms = [Double](repeating: 0, count: draws)
        cafe_random_doubles(&uniforms, 5, 254 << 48, 0, Int64(draws))
        for k in 0..<draws {
            var p = 0.0
            let arm = Int(cafe_sampler_pick(&p, losses, 0.7, uniforms[k], Int64(arms)))
            counts[arm] += 1
            #expect(abs(p * sum / w[arm] - 1) < 1e-14)
        }
        let chi = (0..<arms).reduce(0) {
            let expected = Double(draws) * w[$1] / sum
            return $0 + (Double(counts[$1]) - expected) * (Double(counts[$1]) - expected) / expected
        }
        #expect(chi < Double(arms - 1) + 4 * Double(2 * (arms - 1)).squareRoot() + 1e-9)
        var p = 0.0
        _ = cafe_sampler_pick(&p, losses, 0, 0.5, Int64(arms))
        #expect(abs(p * Double(arms) - 1) < 1e-15, "rate 0: uniform")
    }

    @Test("too little allowed weight is said, not guessed at")
    func refusal() {
        var state = cafe_sampler(), p = -1.0
        var tree = [Double](repeating: 0, count: Int(cafe_sampler_tree_size(100)))
        let losses = (0..<100).map { $0 == 7 ? 400.0 : 0 }
        let total = cafe_sampler_total(&state, &tree, losses, 1, 100)
        #expect(total == 99)
        let only = (0..<100).map { UInt8($0 == 7 ? 1 : 0) }
        #expect(cafe_sampler_draw(&p, &state, tree, losses, only, exp(-400), 1, 1, 1, 0, 100) == -1 && p == -1)
    }
}
