import CSCSwift
import Foundation
import Testing

/// Naive references in double of the categorical policy, one segment at a time.
private enum Reference {
    static func logSoftmax(_ z: [Double], _ allowed: [Bool]) -> [Double] {
        let peak = zip(z, allowed).filter { $0.1 }.map { $0.0 }.max() ?? -.infinity
        let sum = zip(z, allowed).filter { $0.1 }.map { exp($0.0 - peak) }.reduce(0, +)
        return zip(z, allowed).map { $0.1 ? $0.0 - peak - log(sum) : -.infinity }
    }

    static func entropy(_ z: [Double], _ allowed: [Bool]) -> Double {
        -logSoftmax(z, allowed).map { $0 == -.infinity ? 0 : exp($0) * $0 }.reduce(0, +)
    }
}

/// Random segments of sizes 0, 1, primes; some entries masked, one segment wholly.
private struct Batch {
    var logits, old, advantages, direction: [Float]
    var offsets: [Int32] = [0]
    var mask: [UInt8]
    var actions: [Int32] = []

    init(copies: Int = 1, seed: UInt64 = 11) {
        var stream = RandomStream(seed: seed, purpose: .test)
        var sizes: [Int] = []
        for _ in 0..<copies { sizes += [1, 2, 3, 0, 5, 7, 9, 11, 17, 4, 9] }
        mask = []
        for (i, size) in sizes.enumerated() {
            offsets.append(offsets.last! + Int32(size))
            var allowed = (0..<size).map { _ in UInt8(stream.unit() < 0.7 ? 1 : 0) }
            if i % 11 == 9 {
                allowed = [0, 0, 0, 0]
            } else if size > 0 {
                allowed[stream.index(below: size)] = 1
            }
            mask += allowed
            let choices = (0..<size).filter { allowed[$0] != 0 }
            actions.append(choices.isEmpty ? -1 : Int32(choices[stream.index(below: choices.count)]))
        }
        logits = mask.map { _ in Float(stream.uniform(-3, 3)) }
        direction = mask.map { _ in Float(stream.uniform(-1, 1)) }
        advantages = sizes.map { _ in Float(stream.uniform(-2, 2)) }
        old = sizes.map { _ in 0 }
        for i in 0..<sizes.count where actions[i] >= 0 {
            let lp = Reference.logSoftmax(segment(i), allowed(i))[Int(actions[i])]
            old[i] = Float(lp + stream.uniform(-0.6, 0.6))
        }
    }

    var count: Int { actions.count }
    func range(_ i: Int) -> Range<Int> { Int(offsets[i])..<Int(offsets[i + 1]) }
    func segment(_ i: Int) -> [Double] { logits[range(i)].map(Double.init) }
    func allowed(_ i: Int) -> [Bool] { mask[range(i)].map { $0 != 0 } }

    /// The total PPO objective in double at logits + step * direction.
    func objective(_ clip: Double, _ ent: Double, _ z: [Double]) -> Double {
        var sum = 0.0
        for i in 0..<count where actions[i] >= 0 {
            let lp = Reference.logSoftmax(Array(z[range(i)]), allowed(i))
            let ratio = exp(lp[Int(actions[i])] - Double(old[i]))
            let a = Double(advantages[i])
            sum += max(-a * ratio, -a * min(max(ratio, 1 - clip), 1 + clip))
            sum -= ent * Reference.entropy(Array(z[range(i)]), allowed(i))
        }
        return sum / Double(count)
    }

    func differences(_ f: ([Double]) -> Double) -> [Double] {
        var z = doubles(logits)
        return z.indices.map { k in
            let here = z[k]
            z[k] = here + 1e-5
            let up = f(z)
            z[k] = here - 1e-5
            let down = f(z)
            z[k] = here
            return (up - down) / 2e-5
        }
    }

    /// This batch with logits moved by step * direction, rounded to float.
    func moved(_ step: Double) -> Batch {
        var other = self
        other.logits = zip(logits, direction).map { Float(Double($0) + step * Double($1)) }
        return other
    }

    func clippedGradient(_ clip: Float, _ ent: Float) -> (PolicyLoss, [Float]) {
        var gradient = [Float](repeating: .nan, count: logits.count)
        var span = gradient.mutableSpan
        let loss = Policy.clippedLoss(
            logits: logits.span, offsets: offsets.span, mask: mask.span, actions: actions.span,
            oldLogProbabilities: old.span, advantages: advantages.span, clipCoef: clip, entCoef: ent,
            logitGradient: &span)
        return (loss, gradient)
    }
}

@Suite("Policy", .serialized)
struct PolicyTests {
    @Test("softmax and log softmax equal the naive reference")
    func probabilities() {
        let batch = Batch()
        var p = [Float](repeating: .nan, count: batch.logits.count)
        var lp = p
        var span = p.mutableSpan
        Policy.softmax(
            logits: batch.logits.span, offsets: batch.offsets.span, mask: batch.mask.span, probabilities: &span)
        var logSpan = lp.mutableSpan
        Policy.logSoftmax(
            logits: batch.logits.span, offsets: batch.offsets.span, mask: batch.mask.span, logProbabilities: &logSpan)
        for i in 0..<batch.count {
            let expected = Reference.logSoftmax(batch.segment(i), batch.allowed(i))
            for (k, value) in zip(batch.range(i), expected) {
                #expect(value == -.infinity ? lp[k] == -.infinity : abs(Double(lp[k]) - value) < 2e-6)
                #expect(abs(Double(p[k]) - exp(value)) < 1e-6)
            }
        }
    }

    @Test("logits far from 0 neither overflow nor lose the small ones")
    func extremes() {
        let logits: [Float] = [3e38, 3e38, -3e38, 1000, 1000 - 90, -1e30]
        let offsets: [Int32] = [0, 3, 6]
        var lp = [Float](repeating: .nan, count: 6)
        var span = lp.mutableSpan
        Policy.logSoftmax(logits: logits.span, offsets: offsets.span, logProbabilities: &span)
        #expect(abs(lp[0] + Float(log(2.0))) < 1e-6 && abs(lp[3]) < 1e-6 && abs(lp[4] + 90) < 1e-4)
        #expect(!lp.contains { $0.isNaN })
    }

    @Test("PPO's loss and gradient equal differences of the naive objective; with and without entropy")
    func clipped() {
        let batch = Batch(copies: 3)
        for (clip, ent) in [(0.2, 0.0), (0.2, 0.01), (0.05, 0.5)] {
            let (loss, gradient) = batch.clippedGradient(Float(clip), Float(ent))
            let expected = batch.objective(clip, ent, doubles(batch.logits))
            #expect(abs(loss.total(entCoef: Float(ent)) - expected) < 1e-6)
            #expect(relativeError(gradient, batch.differences { batch.objective(clip, ent, $0) }) < 1e-5)
            #expect(loss.clipFraction > 0 && loss.clipFraction < 1)
            #expect(loss.approxKL > 0)
        }
    }

    @Test("R of PPO's gradient equals differences of the gradient along the direction")
    func clippedR() {
        let batch = Batch(copies: 3)
        for ent in [0, 0.5] as [Float] {
            var tangent = [Float](repeating: .nan, count: batch.logits.count)
            var span = tangent.mutableSpan
            Policy.clippedLossR(
                logits: batch.logits.span, rLogits: batch.direction.span, offsets: batch.offsets.span,
                mask: batch.mask.span, actions: batch.actions.span, oldLogProbabilities: batch.old.span,
                advantages: batch.advantages.span, clipCoef: 0.2, entCoef: ent, rLogitGradient: &span)
            let (up, down) = (
                batch.moved(2e-3).clippedGradient(0.2, ent).1, batch.moved(-2e-3).clippedGradient(0.2, ent).1
            )
            let expected = zip(up, down).map { (Double($0) - Double($1)) / 4e-3 }
            #expect(relativeError(tangent, expected) < 1e-3)
        }
    }

    @Test("the Fisher product equals its formula")
    func fisher() {
        let batch = Batch(copies: 2)
        var product = [Float](repeating: .nan, count: batch.logits.count)
        var span = product.mutableSpan
        Policy.fisher(
            logits: batch.logits.span, rLogits: batch.direction.span, offsets: batch.offsets.span,
            mask: batch.mask.span, scale: 0.5, product: &span)
        for i in 0..<batch.count {
            let p = Reference.logSoftmax(batch.segment(i), batch.allowed(i)).map { exp($0) }
            let u = batch.direction[batch.range(i)].map(Double.init)
            let mean = zip(p, u).map(*).reduce(0, +)
            for (j, k) in batch.range(i).enumerated() {
                #expect(abs(Double(product[k]) - (p.isEmpty || p[j].isNaN ? 0 : 0.5 * p[j] * (u[j] - mean))) < 1e-6)
            }
        }
    }

    @Test("a softmax that is lent changes no bit of the R-operators, with and without entropy, at any thread count")
    func lentSoftmax() {
        let batch = Batch(copies: 90)
        let known = PolicySoftmax(logits: batch.logits.span, offsets: batch.offsets.span, mask: batch.mask.span)
        func products(_ softmax: PolicySoftmax?, _ ent: Float) -> [[UInt32]] {
            var all: [[UInt32]] = []
            func keep(_ body: (inout MutableSpan<Float>) -> Void) {
                var out = [Float](repeating: .nan, count: batch.logits.count)
                var span = out.mutableSpan
                body(&span)
                all.append(out.map(\.bitPattern))
            }
            keep {
                Policy.clippedLossR(
                    logits: batch.logits.span, rLogits: batch.direction.span, offsets: batch.offsets.span,
                    mask: batch.mask.span, softmax: softmax, actions: batch.actions.span,
                    oldLogProbabilities: batch.old.span, advantages: batch.advantages.span, clipCoef: 0.2,
                    entCoef: ent, rLogitGradient: &$0)
            }
            keep {
                Policy.fisher(
                    logits: batch.logits.span, rLogits: batch.direction.span, offsets: batch.offsets.span,
                    mask: batch.mask.span, softmax: softmax, scale: 0.5, product: &$0)
            }
            return all
        }
        for ent in [0, 0.3] as [Float] {
            let expected = products(nil, ent)
            #expect(!expected.joined().contains { Float(bitPattern: $0).isNaN })
            for found in atThreads({ products(known, ent) }) { #expect(found == expected) }
        }
    }

    @Test("sampling follows the distribution, respects the mask, and greedy takes the peak")
    func sampling() {
        let logits: [Float] = [0.3, -1, 2, 0.5, 1.5]
        let mask: [UInt8] = [1, 1, 0, 1, 1]
        let n = 40_000
        var stream = RandomStream(seed: 3, purpose: .test)
        let uniforms = (0..<n).map { _ in Float(stream.next() >> 40) * 0x1p-24 }
        let offsets = (0...n).map { Int32($0 * 5) }
        var actions = [Int32](repeating: -9, count: n)
        var lp = [Float](repeating: .nan, count: n)
        var actionSpan = actions.mutableSpan
        var lpSpan = lp.mutableSpan
        let many = Array(repeatElement(logits, count: n).joined())
        let masks = Array(repeatElement(mask, count: n).joined())
        Policy.sample(
            logits: many.span, offsets: offsets.span, mask: masks.span, uniforms: uniforms.span, actions: &actionSpan,
            logProbabilities: &lpSpan)
        let expected = Reference.logSoftmax(doubles(logits), mask.map { $0 != 0 })
        var counts = [Int](repeating: 0, count: 5)
        for (action, value) in zip(actions, lp) {
            counts[Int(action)] += 1
            #expect(abs(Double(value) - expected[Int(action)]) < 2e-6)
        }
        #expect(counts[2] == 0)
        var chi = 0.0
        for k in [0, 1, 3, 4] {
            let mean = Double(n) * exp(expected[k])
            chi += (Double(counts[k]) - mean) * (Double(counts[k]) - mean) / mean
        }
        #expect(chi < 16.3)  // 3 degrees of freedom, p = 0.001
        let batch = Batch()
        var best = [Int32](repeating: -9, count: batch.count)
        var bestSpan = best.mutableSpan
        Policy.greedy(logits: batch.logits.span, offsets: batch.offsets.span, mask: batch.mask.span, actions: &bestSpan)
        for i in 0..<batch.count {
            let open = zip(batch.range(i), batch.allowed(i)).filter { $0.1 }.map { $0.0 }
            let peak = open.max { batch.logits[$0] < batch.logits[$1] }
            #expect(Int(best[i]) == (peak.map { $0 - Int(batch.offsets[i]) } ?? -1))
        }
    }

    @Test("the same bits at 1, 2 and 7 threads")
    func threads() {
        let batch = Batch(copies: 101)
        let results = atThreads { batch.clippedGradient(0.2, 0.01) }
        for other in results.dropFirst() {
            #expect(other.0 == results[0].0)
            #expect(other.1.map(\.bitPattern) == results[0].1.map(\.bitPattern))
        }
    }
}

@Suite("Advantages and values")
struct AdvantageTests {
    /// A_t as the sum over the future of (products of discount * lambda) * delta: the definition, without recursion.
    @Test("GAE equals its definition, with ends of each kind and steps of different durations", arguments: [1, 9])
    func definition(actors: Int) {
        var stream = RandomStream(seed: 8, purpose: .test)
        let steps = 31
        let n = steps * actors
        func draw() -> [Float] { (0..<n).map { _ in Float(stream.uniform(-1, 1)) } }
        let (rewards, values, next) = (draw(), draw(), draw())
        let discounts = (0..<n).map { _ in Float(pow(0.97, stream.uniform(1, 9))) }
        let lambdas = (0..<n).map { _ in Float(0.95) }
        let ends = (0..<n).map { _ in [0, 0, 0, 1, 2][stream.index(below: 5)] as UInt8 }
        var advantages = [Float](repeating: .nan, count: n)
        var returns = advantages
        var advantageSpan = advantages.mutableSpan
        var returnSpan = returns.mutableSpan
        Policy.gae(
            rewards: rewards.span, values: values.span, nextValues: next.span, discounts: discounts.span,
            lambdas: lambdas.span, ends: ends.span, steps: steps, actors: actors, advantages: &advantageSpan,
            returns: &returnSpan)
        for first in 0..<n {
            var expected = 0.0
            var weight = 1.0
            for s in stride(from: first, to: n, by: actors) {
                var delta = Double(rewards[s]) - Double(values[s])
                if ends[s] != 1 { delta += Double(discounts[s]) * Double(next[s]) }
                expected += weight * delta
                if ends[s] != 0 { break }
                weight *= Double(discounts[s]) * Double(lambdas[s])
            }
            #expect(abs(Double(advantages[first]) - expected) < 1e-5)
            #expect(abs(returns[first] - advantages[first] - values[first]) < 1e-5)
        }
    }

    @Test("lambda 1 telescopes to the discounted return of each actor")
    func rectangle() {
        let (steps, actors) = (5, 3)
        let rewards = floats(15, seed: 1)
        let values = floats(15, seed: 2)
        let next = (0..<15).map { $0 + actors < 15 ? values[$0 + actors] : Float(0.5) }
        let discounts = [Float](repeating: 0.9, count: 15)
        let lambdas = [Float](repeating: 1, count: 15)
        var (advantages, returns) = (rewards, rewards)
        var advantageSpan = advantages.mutableSpan
        var returnSpan = returns.mutableSpan
        Policy.gae(
            rewards: rewards.span, values: values.span, nextValues: next.span, discounts: discounts.span,
            lambdas: lambdas.span, steps: steps, actors: actors, advantages: &advantageSpan, returns: &returnSpan)
        for actor in 0..<actors {
            var expected = 0.5
            for t in stride(from: steps - 1, through: 0, by: -1) {
                expected = Double(rewards[t * actors + actor]) + 0.9 * expected
                #expect(abs(Double(returns[t * actors + actor]) - expected) < 1e-5)
            }
        }
    }

    @Test("chains side by side give the bits of each chain alone", arguments: [1, 8, 21])
    func abreast(actors: Int) {
        let steps = 13
        let count = steps * actors
        let (rewards, values) = (floats(count, seed: 1), floats(count, seed: 2))
        let (discounts, lambdas) = (floats(count, seed: 4), floats(count, seed: 5))
        let ends = (0..<count).map { [0, 0, 1, 0, 2][$0 * 7 % 5] as UInt8 }
        let next = zip(floats(count, seed: 3), ends).map { $1 == 1 ? Float.nan : $0 }  // not read where terminated
        func gae(_ chosen: [Int], actors: Int) -> (advantages: [Float], returns: [Float]) {
            func pick<T>(_ all: [T]) -> [T] { chosen.map { all[$0] } }
            let (rewards, values, next, ends) = (pick(rewards), pick(values), pick(next), pick(ends))
            let (discounts, lambdas) = (pick(discounts), pick(lambdas))
            var (advantages, returns) = (rewards, rewards)
            var advantageSpan = advantages.mutableSpan
            var returnSpan = returns.mutableSpan
            Policy.gae(
                rewards: rewards.span, values: values.span, nextValues: next.span, discounts: discounts.span,
                lambdas: lambdas.span, ends: ends.span, steps: steps, actors: actors, advantages: &advantageSpan,
                returns: &returnSpan)
            return (advantages, returns)
        }
        let together = gae(Array(0..<count), actors: actors)
        #expect(together.advantages.allSatisfy { $0.isFinite })
        for actor in 0..<actors {
            let own = Array(stride(from: actor, to: count, by: actors))
            let alone = gae(own, actors: 1)
            #expect(own.map { together.advantages[$0] } == alone.advantages)
            #expect(own.map { together.returns[$0] } == alone.returns)
        }
    }

    @Test("value loss and gradient, plain and clipped, equal the naive form")
    func values() {
        let (v, old, r) = (floats(101, seed: 1), floats(101, scale: 0.5, seed: 2), floats(101, seed: 3))
        for clip in [nil, 0.2] as [Float?] {
            var gradient = [Float](repeating: .nan, count: 101)
            var span = gradient.mutableSpan
            let loss = Policy.valueLoss(
                values: v.span, returns: r.span, oldValues: old.span, clipCoef: clip, gradient: &span)
            func naive(_ v: [Double]) -> Double {
                var sum = 0.0
                for i in v.indices {
                    let (o, target) = (Double(old[i]), Double(r[i]))
                    var term = (v[i] - target) * (v[i] - target)
                    if let clip {
                        let c = Double(clip)
                        let bounded = o + min(max(v[i] - o, -c), c)
                        term = max(term, (bounded - target) * (bounded - target))
                    }
                    sum += 0.5 * term / Double(v.count)
                }
                return sum
            }
            #expect(abs(loss - naive(doubles(v))) < 1e-7)
            for k in v.indices {
                var (up, down) = (doubles(v), doubles(v))
                up[k] += 1e-6
                down[k] -= 1e-6
                #expect(abs(Double(gradient[k]) - (naive(up) - naive(down)) / 2e-6) < 1e-6)
            }
        }
    }
}
