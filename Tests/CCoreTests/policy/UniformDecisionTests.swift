import CCore
import Testing

/// Decisions alike in width, a lane each, beside the same decisions by their offsets, one after the other.
@Suite("Decisions of one width", .serialized)
struct UniformDecisionTests {
    struct Decisions {
        let width, count: Int
        var logits, old, advantages, uniforms: [Float]
        var actions, offsets: [Int32]

        init(width: Int, count: Int) {
            (self.width, self.count) = (width, count)
            func floats(_ count: Int, _ index: UInt64, _ low: Float, _ high: Float) -> [Float] {
                var out = [Float](repeating: 0, count: count)
                cafe_random_units(&out, 3, 254 << 48 | index, UInt64(width), Int64(count))
                return out.map { low + (high - low) * $0 }
            }
            logits = floats(width * count, 0, -4, 4)
            logits[width - 1] = 90  // nothing else has weight there
            advantages = floats(count, 1, -2, 2)
            uniforms = floats(count, 2, 0, 1)
            old = floats(count, 3, -3, 0)
            actions = [Int32](repeating: 0, count: count)
            cafe_random_below(&actions, UInt32(width), 4, 254 << 48, 0, Int64(count))
            for i in stride(from: 2, to: count, by: 7) { actions[i] = -1 }
            offsets = (0...count).map { Int32($0 * width) }
        }

        func clipped(_ rows: Range<Int>, byOffsets: Bool) -> (cafe_policy_loss, [Float]) {
            var loss = cafe_policy_loss()
            var gradient = [Float](repeating: .nan, count: rows.count * width)
            let some = Array(logits[rows.lowerBound * width..<rows.upperBound * width])
            let local = offsets[0...rows.count]
            local.withUnsafeBufferPointer { offsets in
                var segments = cafe_segments(
                    offsets: byOffsets ? offsets.baseAddress : nil, mask: nil, count: Int64(rows.count),
                    width: Int32(width), known: nil)
                cafe_policy_clipped(
                    &gradient, &loss, &segments, some, Array(actions[rows]), Array(old[rows]), Array(advantages[rows]),
                    0.2, 0.03)
            }
            return (loss, gradient)
        }

        func sampled(_ rows: Range<Int>, byOffsets: Bool) -> ([Int32], [Float]) {
            var actions = [Int32](repeating: -9, count: rows.count)
            var logs = [Float](repeating: .nan, count: rows.count)
            offsets.withUnsafeBufferPointer { offsets in
                var segments = cafe_segments(
                    offsets: byOffsets ? offsets.baseAddress : nil, mask: nil, count: Int64(rows.count),
                    width: Int32(width), known: nil)
                cafe_policy_sample(
                    &actions, &logs, &segments, Array(logits[rows.lowerBound * width..<rows.upperBound * width]),
                    Array(uniforms[rows]))
            }
            return (actions, logs)
        }
    }

    @Test(
        "losses, gradients and draws are those of the decisions one by one, at every vector width",
        arguments: [1, 2, 5, 16, 33, 64, 65])
    func equal(width: Int) {
        defer { cafe_vectors_set(2) }
        for level in 0...2 as ClosedRange<Int32> {
            cafe_vectors_set(level)
            for count in [1, 3, 16, 17, 700] {
                let d = Decisions(width: width, count: count)
                let (found, gradient) = d.clipped(0..<count, byOffsets: false)
                let (right, expected) = d.clipped(0..<count, byOffsets: true)
                #expect(abs(found.policy - right.policy) <= 2e-6 * max(1, abs(right.policy)))
                #expect(abs(found.entropy - right.entropy) < 2e-6)
                #expect(abs(found.approx_kl - right.approx_kl) <= 2e-6 * max(1, right.approx_kl))
                #expect(found.clip_fraction == right.clip_fraction)
                let largest = expected.map(abs).max()!
                #expect(zip(gradient, expected).allSatisfy { abs($0 - $1) <= 3e-6 * largest + 1e-12 })
                let (drawn, logs) = d.sampled(0..<count, byOffsets: false)
                let (alone, theirs) = d.sampled(0..<count, byOffsets: true)
                // A uniform number within rounding of a boundary may fall on either side.
                #expect(zip(drawn, alone).count(where: { $0 != $1 }) <= count / 500)
                #expect(drawn.allSatisfy { $0 >= 0 && $0 < width } && drawn[0] == Int32(width - 1))
                for i in 0..<count where drawn[i] == alone[i] { #expect(abs(logs[i] - theirs[i]) < 4e-6) }
            }
        }
    }

    @Test("a decision's bits depend neither on its neighbours nor on the threads", arguments: [2, 5, 64])
    func bits(width: Int) {
        let d = Decisions(width: width, count: 1500)
        let (actions, logs) = d.sampled(0..<1500, byOffsets: false)
        for i in [0, 1, 15, 16, 700, 1499] {
            let (action, log) = d.sampled(i..<i + 1, byOffsets: false)
            #expect(action[0] == actions[i] && log[0].bitPattern == logs[i].bitPattern)
        }
        let (loss, gradient) = d.clipped(0..<1500, byOffsets: false)
        defer { cafe_threads_set(0) }
        for threads in [1, 2, 7] as [Int32] {
            cafe_threads_set(threads)
            let (other, again) = d.clipped(0..<1500, byOffsets: false)
            #expect(other.policy == loss.policy && other.entropy == loss.entropy && other.approx_kl == loss.approx_kl)
            #expect(again.map(\.bitPattern) == gradient.map(\.bitPattern))
            #expect(d.sampled(0..<1500, byOffsets: false).0 == actions)
        }
    }

    @Test("a logit that is no number makes the loss none, so that training can stop")
    func nan() {
        var d = Decisions(width: 5, count: 40)
        d.logits[5 * 4 + 1] = .nan
        #expect(d.clipped(0..<40, byOffsets: false).0.policy.isNaN)
    }
}
