import Benchmark
import CSCSwift
import Foundation
import Reference

/// Adam on a million parameters, and conjugate gradient on a diagonal matrix.
final class VectorCase {
    static let count = 1 << 20
    private let adam = Adam(parameterCount: count, learningRate: 1e-3, epsilon: 1e-5)
    private let gradient = draw(count, 21)
    private var parameters = [Float](repeating: 0, count: count)
    private var reference = [Float](repeating: 0, count: count)
    private var m = [Float](repeating: 0, count: count)
    private var v = [Float](repeating: 0, count: count)
    private var referenceSteps: Int64 = 0

    func step() {
        let gradient = gradient
        lend(&parameters) { span in
            adam.step(parameters: &span, gradient: gradient.span)
        }
    }

    func referenceStep() {
        referenceSteps += 1
        reference_adam(&reference, &m, &v, gradient, Int64(Self.count), referenceSteps, 1e-3)
    }

    /// Both after as many steps: a constant gradient moves Adam by the rate a step.
    var isRight: Bool {
        let steps = Float(adam.state.step)
        return stride(from: 0, to: Self.count, by: 101).allSatisfy { k in
            let (size, moved) = (abs(gradient[k]), parameters[k] * (gradient[k] < 0 ? 1 : -1))
            return size < 1e-3 || abs(moved / (1e-3 * steps * size / (size + 1e-5)) - 1) < 1e-2
        }
    }
}

final class SolverCase {
    static let dimension = 1 << 18
    private let diagonal = draw(dimension, 22).map { $0 + 2 }
    private let right = draw(dimension, 23)
    private var solution = [Float](repeating: 0, count: dimension)

    func solve() {
        let diagonal = diagonal
        let right = right
        lend(&solution) { out in
            _ = ConjugateGradient.solve(
                dimension: Self.dimension, rightHandSide: right.span, damping: 0, maxIterations: 20, tolerance: 0,
                solution: &out
            ) { vector, product in
                for k in 0..<vector.count { product[k] = diagonal[k] * vector[k] }
            }
        }
    }

    var isRight: Bool { agree(solution, zip(right, diagonal).map { $0 / $1 }, 1e-4) }
}

func vectors() {
    for threads in [1, 2] {
        let adam = Work.bytes(Double(VectorCase.count) * 28)
        let metrics = [adam.metric, Gate.wrong, Gate.allocations] + (threads == 1 ? [Gate.ratio] : [])
        Case.register("adam-1M-\(threads)t", metrics) {
            let data = VectorCase()
            return Case(
                threads: threads, work: adam, body: { data.step() },
                reference: threads == 1 ? { data.referenceStep() } : nil,
                check: { data.isRight }, allocations: { Case.allocations { data.step() } })
        }
        Case.register("conjugate-gradient-20-of-262144-\(threads)t", [Work.units(0).metric, Gate.wrong]) {
            let data = SolverCase()
            return Case(threads: threads, work: .units(20), body: { data.solve() }, check: { data.isRight })
        }
    }
    for arms in [10, 100, 1000, 10_000] {
        let metrics = [Work.units(0).metric, Gate.wrong, Gate.allocations, Gate.ratio]
        Case.register("exponential-weights-\(arms)-1t", metrics) {
            let data = BanditCase(arms)
            return Case(
                work: .units(100), body: { data.play() }, reference: { data.referencePlay() }, check: { data.isRight },
                allocations: { Case.allocations { data.play() } })
        }
    }
    Case.register("random-units-1t", [Work.bytes(0).metric, Gate.wrong, Gate.allocations]) {
        let data = StreamCase()
        return Case(
            work: .bytes(4 * 65536), body: { data.fill() }, check: { data.isRight },
            allocations: { Case.allocations { data.fill() } })
    }
}

/// Exponential weights: all weights recomputed, a draw, one loss. The reference repeats the last hundred rounds of ours.
final class BanditCase {
    private let arms: Int
    private var losses, weights, referenceWeights: [Double]
    private let allowed: [UInt8]
    private var stream = RandomStream(seed: 4, purpose: .test)
    private var round = 0
    private var drawn = (ours: 0, reference: 0)

    init(_ arms: Int) {
        self.arms = arms
        losses = [Double](repeating: 0, count: arms)
        weights = losses
        referenceWeights = losses
        allowed = [UInt8](repeating: 1, count: arms)
    }

    func play() {
        for _ in 0..<100 {
            round += 1
            let rate = ExponentialWeights.rate(appearances: round, arms: arms)
            ExponentialWeights.fill(&weights, losses: losses, start: 0, arms: arms, rate: rate)
            guard
                let (arm, probability) = ExponentialWeights.draw(
                    weights, start: 0, allowed: allowed, arms: arms, uniform: stream.unit())
            else { continue }
            if stream.unit() < 0.5 { losses[arm] += 1 / probability }
        }
    }

    func referencePlay() {
        for k in 0..<100 {
            let rate = ExponentialWeights.rate(appearances: max(1, round - 100 + k), arms: arms)
            drawn.reference = Int(reference_weights(&referenceWeights, losses, Int64(arms), rate, stream.unit()))
        }
    }

    /// Both fill and draw from the present losses alike.
    var isRight: Bool {
        sameAsReference()
    }

    private func sameAsReference() -> Bool {
        let rate = ExponentialWeights.rate(appearances: round, arms: arms)
        let uniform = stream.unit()
        ExponentialWeights.fill(&weights, losses: losses, start: 0, arms: arms, rate: rate)
        let ours = ExponentialWeights.draw(weights, start: 0, allowed: allowed, arms: arms, uniform: uniform)
        let theirs = Int(reference_weights(&referenceWeights, losses, Int64(arms), rate, uniform))
        return zip(weights, referenceWeights).allSatisfy { abs($0 - $1) <= 1e-12 }
            && abs((ours?.arm ?? -9) - theirs) <= 1
    }
}

/// Random numbers in bulk.
final class StreamCase {
    private var stream = RandomStream(seed: 5, purpose: .test)
    private var units = [Float](repeating: 0, count: 1 << 16)

    func fill() {
        lend(&units) { span in
            stream.fill(units: &span)
        }
    }

    var isRight: Bool {
        let mean = units.reduce(0, +) / Float(units.count)
        return abs(mean - 0.5) < 0.01 && units.allSatisfy { $0 >= 0 && $0 < 1 }
    }
}
