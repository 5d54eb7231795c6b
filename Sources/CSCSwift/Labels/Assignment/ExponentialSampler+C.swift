internal import CCore
internal import Foundation

/// Draws from exponential weights whose rate falls from round to round, `p_j ~ exp(-rate L_j)`, in less than O(K).
///
/// ```swift
/// var sampler = ExponentialSampler(arms: 1000, seed: 1)
/// for t in 1...10_000 {
///     let (arm, probability) = sampler.draw(rate: sampler.rate(appearances: t))
///     if lost(arm) { sampler.charge(arm, 1 / probability) }
/// }
/// ```
///
/// Every weight changes when the rate does, so no tree of the present weights can be kept. Kept are a tree of the weights
/// at the lowest rate of a range, each at least as large as any of the range, and moments from which the sum of the
/// weights at any rate of the range follows (`sampler.c`): a leaf drawn from the tree and kept with the ratio of its
/// weights is drawn exactly, and its probability is exact to 1e-14. A range ends when the rate has fallen to `sqrt(4/5)`
/// of its beginning, so over T rounds the O(K) work of a new one occurs O(log T) times. Up to 64 arms one pass over all
/// is faster, and is what is done.
package struct ExponentialSampler: Sendable {
    /// K: how many arms there are.
    package let arms: Int
    private let logArms: Double
    /// Padded with infinity to a multiple of 8.
    private var loss: [Double]
    private var rows: SamplerRows
    private var stream: RandomStream
    /// Where one pass is made: numbers drawn ahead, and how many of them are used up.
    private var uniforms: [Double]
    private var used: Int

    /// Losses of 0; `seed` and `index` decide the draws. O(K).
    package init(arms: Int, seed: UInt64, index: UInt64 = 0) {
        precondition(arms >= 1, "ExponentialSampler: \(arms) arms")
        self.arms = arms
        logArms = log(Double(arms))
        loss = [Double](repeating: 0, count: arms)
        while loss.count % 8 != 0 { loss.append(.infinity) }
        rows = SamplerRows(rows: 1, arms: arms > Int(CAFE_SAMPLER_PICK) ? arms : 0)
        stream = RandomStream(seed: seed, purpose: .labelAssignment, index: index)
        uniforms = [Double](repeating: 0, count: rows.isEmpty ? 64 : 0)
        used = uniforms.count
    }

    /// `sqrt(ln K / (t K))`, the rate of `ExponentialWeights.rate`. O(1).
    package func rate(appearances t: Int) -> Double {
        precondition(t >= 1, "ExponentialSampler.rate: appearances \(t)")
        return (logArms / (Double(t) * Double(arms))).squareRoot()
    }

    /// `L_j`. O(1).
    package func loss(_ arm: Int) -> Double {
        precondition(arm >= 0 && arm < arms, "ExponentialSampler: arm \(arm) of \(arms)")
        return loss[arm]
    }

    /// An arm, and the probability with which it was drawn. `rate >= 0`, below all earlier ones for the stated cost:
    /// O(log K) expected; O(K) for up to 64 arms and where a range of rates ends. No allocation.
    package mutating func draw(rate: Double) -> (arm: Int, probability: Double) {
        precondition(rate >= 0 && rate.isFinite, "ExponentialSampler.draw: rate \(rate)")
        if rows.isEmpty {
            if used == uniforms.count {
                stream.units(into: &uniforms)
                used = 0
            }
            var probability = 0.0
            let arm = cafe_sampler_pick(&probability, loss, rate, uniforms[used], Int64(arms))
            used += 1
            return (Int(arm), probability)
        }
        defer { stream.skip(UInt64(SamplerRows.tries)) }
        let total = rows.total(0, losses: loss, start: 0, rate: rate)
        while true {  // 200 refusals in a row do not happen when all arms are allowed; exact if they did
            if let found = rows.draw(
                0, losses: loss, start: 0, rate: rate, total: total, allowed: nil, stream: stream)
            {
                return found
            }
            stream.skip(UInt64(SamplerRows.tries))
        }
    }

    /// Adds to one arm's loss. O(log K).
    package mutating func charge(_ arm: Int, _ amount: Double) {
        precondition(arm >= 0 && arm < arms, "ExponentialSampler: arm \(arm) of \(arms)")
        if rows.isEmpty {
            loss[arm] += amount
        } else {
            rows.charge(0, losses: &loss, start: 0, arm: arm, to: loss[arm] + amount)
        }
    }
}

/// The trees and moments of `ExponentialSampler`, one per row of an [S x K] buffer of losses that someone else keeps.
struct SamplerRows: Sendable, Codable {
    /// How many random blocks a draw may use.
    static let tries = 200

    private let arms: Int
    private let treeSize: Int
    private var states: [cafe_sampler]
    private var trees: [Double]

    /// None where there are no arms.
    init(rows: Int, arms: Int) {
        self.arms = arms
        treeSize = arms == 0 ? 0 : Int(cafe_sampler_tree_size(Int64(arms)))
        states = [cafe_sampler](repeating: cafe_sampler(), count: arms == 0 ? 0 : rows)
        trees = [Double](repeating: 0, count: states.count * treeSize)
    }

    var isEmpty: Bool { states.isEmpty }

    private enum Keys: CodingKey { case arms, states, trees }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Keys.self)
        arms = try values.decode(Int.self, forKey: .arms)
        let bytes = try values.decode([UInt8].self, forKey: .states)
        trees = try values.decode([Double].self, forKey: .trees)
        treeSize = arms == 0 ? 0 : Int(cafe_sampler_tree_size(Int64(arms)))
        let size = MemoryLayout<cafe_sampler>.stride
        guard bytes.count % size == 0, trees.count == bytes.count / size * treeSize else {
            throw StateDecoder.Mismatch()
        }
        states = [cafe_sampler](repeating: cafe_sampler(), count: bytes.count / size)
        states.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Keys.self)
        try values.encode(arms, forKey: .arms)
        try values.encode(states.withUnsafeBytes { Array($0) }, forKey: .states)
        try values.encode(trees, forKey: .trees)
    }

    /// What the losses of a row are counted from since the last `total`. O(1).
    func least(_ row: Int) -> Double { states[row].least }

    /// `sum_j exp(-rate (L_j - least))`; to be called before `draw`. O(1), O(K) where a new range of rates begins.
    mutating func total(_ row: Int, losses: [Double], start: Int, rate: Double) -> Double {
        precondition(
            start >= 0 && start + arms <= losses.count, "SamplerRows: \(arms) losses from \(start) of \(losses.count)")
        return trees.withUnsafeMutableBufferPointer { trees in
            losses.withUnsafeBufferPointer { losses in
                cafe_sampler_total(
                    &states[row], trees.baseAddress! + row * treeSize, losses.baseAddress! + start, rate, Int64(arms))
            }
        }
    }

    /// Sets one loss. O(log K).
    mutating func charge(_ row: Int, losses: inout [Double], start: Int, arm: Int, to value: Double) {
        precondition(
            start >= 0 && start + arms <= losses.count && arm < arms,
            "SamplerRows: arm \(arm) of \(arms), losses from \(start) of \(losses.count)")
        trees.withUnsafeMutableBufferPointer { trees in
            losses.withUnsafeMutableBufferPointer { losses in
                cafe_sampler_charge(
                    &states[row], trees.baseAddress! + row * treeSize, losses.baseAddress! + start, Int64(arm), value,
                    Int64(arms))
            }
        }
    }

    /// Takes losses that were changed by other means into account from the next `total` on. O(1).
    mutating func forget(_ row: Int) { states[row].anchor = 0 }

    /// One of the allowed arms; `total` is their sum. nil after `tries` refusals. O(log K) expected.
    func draw(
        _ row: Int, losses: [Double], start: Int, rate: Double, total: Double, allowed: [UInt8]?, stream: RandomStream
    ) -> (arm: Int, probability: Double)? {
        precondition(
            start >= 0 && start + arms <= losses.count && allowed.map { $0.count >= arms } ?? true,
            "SamplerRows: \(arms) losses from \(start) of \(losses.count), allowed[\(allowed?.count ?? 0)]")
        var probability = 0.0, state = states[row]
        let arm = trees.withUnsafeBufferPointer { trees in
            losses.withUnsafeBufferPointer { losses in
                cafe_sampler_draw(
                    &probability, &state, trees.baseAddress! + row * treeSize, losses.baseAddress! + start, allowed,
                    total, rate, stream.seed, stream.stream, stream.counter, Int64(arms))
            }
        }
        return arm < 0 ? nil : (Int(arm), probability)
    }
}
