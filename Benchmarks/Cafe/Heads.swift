import Benchmark
import CSCSwift
import Foundation
import Reference

/// Rows of two matrices of logits, and of four of Gaussians' parameters: performance.md, section 2.
final class DivergenceCase {
    static let rows = 65536
    private let p = draw(rows * 16, 1, 3)
    private let q = draw(rows * 16, 2, 3)
    private let gaussian = (3...6).map { draw(rows * 32, UInt64($0)) }
    private var kl = [Float](repeating: -1, count: rows)
    private var exact = [Float](repeating: -2, count: rows)

    func categorical() {
        let (p, q) = (p, q)
        lend(&kl) { span in
            Categorical.kl(logitsP: p.span, logitsQ: q.span, width: 16, kl: &span)
        }
    }

    func diagonal() {
        let (mp, sp, mq, sq) = (gaussian[0], gaussian[1], gaussian[2], gaussian[3])
        lend(&kl) { span in
            Gaussian.kl(meanP: mp.span, logSDP: sp.span, meanQ: mq.span, logSDQ: sq.span, width: 32, kl: &span)
        }
    }

    func referenceCategorical() { reference_kl_categorical(&exact, p, q, Int64(Self.rows), 16) }

    func referenceDiagonal() {
        reference_kl_gaussian(&exact, gaussian[0], gaussian[1], gaussian[2], gaussian[3], Int64(Self.rows), 32)
    }

    var isRight: Bool { agree(kl, exact, 2e-5) }
}

func divergences() {
    for threads in [1, 2] {
        for (name, width, count) in [("categorical", 16, 2), ("gaussian", 32, 4)] {
            let metrics = [Work.bytes(0).metric, Gate.wrong] + (threads == 1 ? [Gate.ratio, Gate.allocations] : [])
            Case.register("kl-\(name)-65536x\(width)-\(threads)t", metrics) {
                let data = DivergenceCase()
                let body: () -> Void = count == 2 ? { data.categorical() } : { data.diagonal() }
                let reference: () -> Void = count == 2 ? { data.referenceCategorical() } : { data.referenceDiagonal() }
                reference()
                return Case(
                    threads: threads, work: .bytes(Double(DivergenceCase.rows * (width * count + 1) * 4)), body: body,
                    reference: threads == 1 ? reference : nil, check: { data.isRight },
                    allocations: threads == 1 ? { Case.allocations(of: body) } : nil)
            }
        }
    }
}

/// Decisions of nine candidates each: softmax, sampling, PPO's loss, advantages.
final class HeadCase {
    static let decisions = 8192
    static let width = 9
    private let logits = draw(decisions * width, 11, 3)
    private let offsets = (0...decisions).map { Int32($0 * width) }
    private let uniforms = draw(decisions, 12).map { ($0 + 1) * 0.49 }
    private let advantages = draw(decisions, 13)
    private let discounts = [Float](repeating: 0.99, count: decisions)
    private let lambdas = [Float](repeating: 0.95, count: decisions)
    private let values = draw(decisions, 14)
    private var probabilities = [Float](repeating: 0, count: decisions * width)
    private var exact = [Float](repeating: 1, count: decisions * width)
    private var gradient = [Float](repeating: 0, count: decisions * width)
    private var logs = [Float](repeating: 0, count: decisions)
    private var gae = [Float](repeating: 0, count: decisions)
    private var exactGAE = [Float](repeating: 1, count: decisions)
    private var returns = [Float](repeating: 0, count: decisions)
    private var actions = [Int32](repeating: 0, count: decisions)
    private var loss = 0.0

    func softmax() {
        let (logits, offsets) = (logits, offsets)
        lend(&probabilities) { out in
            Policy.softmax(logits: logits.span, offsets: offsets.span, probabilities: &out)
        }
    }

    func referenceSoftmax() { reference_softmax(&exact, logits, Int64(Self.decisions), Int64(Self.width)) }

    func sample() {
        let (logits, offsets, uniforms) = (logits, offsets, uniforms)
        lend(&actions) { chosen in
            lend(&logs) { out in
                Policy.sample(
                    logits: logits.span, offsets: offsets.span, uniforms: uniforms.span, actions: &chosen,
                    logProbabilities: &out)
            }
        }
    }

    func clipped() {
        let (actions, logs) = (actions, logs)
        let (advantages, logits, offsets) = (advantages, logits, offsets)
        lend(&gradient) { out in
            loss =
                Policy.clippedLoss(
                    logits: logits.span, offsets: offsets.span, actions: actions.span, oldLogProbabilities: logs.span,
                    advantages: advantages.span, clipCoef: 0.2, entCoef: 0, logitGradient: &out
                ).policy
        }
    }

    func advantage() {
        let (advantages, discounts, lambdas, values) = (advantages, discounts, lambdas, values)
        lend(&gae) { out in
            lend(&returns) { sums in
                Policy.gae(
                    rewards: advantages.span, values: values.span, nextValues: values.span, discounts: discounts.span,
                    lambdas: lambdas.span, steps: Self.decisions / 64, actors: 64, advantages: &out, returns: &sums)
            }
        }
    }

    func referenceAdvantage() {
        reference_gae(
            &exactGAE, advantages, values, values, discounts, lambdas, 64, Int64(Self.decisions / 64))
    }

    var softmaxIsRight: Bool { agree(probabilities, exact, 1e-6) }
    var advantageIsRight: Bool { agree(gae, exactGAE, 1e-4) }

    /// The drawn action is where the reference's probabilities pass the uniform number, and its logarithm is the reference's.
    var sampleIsRight: Bool {
        (0..<Self.decisions).allSatisfy { row in
            let action = Int(actions[row])
            let before = exact[row * Self.width..<row * Self.width + action].reduce(0, +)
            let here = exact[row * Self.width + action]
            return uniforms[row] >= before - 1e-5 && uniforms[row] <= before + here + 1e-5
                && abs(logs[row] - log(here)) < 1e-4 * max(1, abs(logs[row]))
        }
    }

    /// At the policy that drew the actions the ratio is 1: dL/dlogits = advantage (probability - [drawn]) / decisions.
    var gradientIsRight: Bool {
        abs(loss + advantages.reduce(0.0) { $0 + Double($1) } / Double(Self.decisions)) < 1e-6
            && gradient.indices.allSatisfy { k in
                let (row, slot) = (k / Self.width, k % Self.width)
                let drawn: Float = Int(actions[row]) == slot ? 1 : 0
                return abs(gradient[k] * Float(Self.decisions) - advantages[row] * (exact[k] - drawn)) < 1e-5
            }
    }
}

func heads() {
    let units = Work.units(Double(HeadCase.decisions))
    Case.register("softmax-of-9-1t", [units.metric, Gate.wrong, Gate.allocations, Gate.ratio]) {
        let data = HeadCase()
        return Case(
            work: units, body: { data.softmax() }, reference: { data.referenceSoftmax() },
            check: { data.softmaxIsRight },
            allocations: { Case.allocations { data.softmax() } })
    }
    Case.register("sample-of-9-1t", [units.metric, Gate.wrong, Gate.allocations]) {
        let data = HeadCase()
        data.referenceSoftmax()
        return Case(
            work: units, body: { data.sample() }, check: { data.sampleIsRight },
            allocations: { Case.allocations { data.sample() } })
    }
    for threads in [1, 2] {
        Case.register("clipped-loss-of-9-\(threads)t", [units.metric, Gate.wrong, Gate.allocations]) {
            let data = HeadCase()
            data.referenceSoftmax()
            data.sample()
            return Case(
                threads: threads, work: units, body: { data.clipped() }, check: { data.gradientIsRight },
                allocations: { Case.allocations { data.clipped() } })
        }
    }
    Case.register("gae-1t", [units.metric, Gate.wrong, Gate.allocations, Gate.ratio]) {
        let data = HeadCase()
        return Case(
            work: units, body: { data.advantage() }, reference: { data.referenceAdvantage() },
            check: { data.advantageIsRight },
            allocations: { Case.allocations { data.advantage() } })
    }
}
