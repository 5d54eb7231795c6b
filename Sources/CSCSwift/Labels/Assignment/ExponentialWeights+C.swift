internal import CCore
internal import Foundation

/// Exponential weights over arms, and the weighted vote that uses them ([BBTA], section 2.3; docs/bbta.md).
///
/// A *row* is one context's slice of a row-major [S x K] buffer. Everything is `Double`; the bits do not depend on the
/// processor's vector width.
public enum ExponentialWeights {
    /// `sqrt(ln K / (t K))`: BBTA's rate at the t-th appearance of a context, `t >= 1`. 0 for a single arm. O(1).
    public static func rate(appearances t: Int, arms: Int) -> Double {
        precondition(t >= 1 && arms >= 1, "ExponentialWeights.rate: appearances \(t), arms \(arms)")
        return (log(Double(arms)) / (Double(t) * Double(arms))).squareRoot()
    }

    /// Writes `exp(-rate (L_j - min L))` for `arms` arms from `losses[start...]` to `weights[start...]` and returns
    /// their sum. `rate >= 0`. O(arms), no allocation.
    @discardableResult
    public static func fill(
        _ weights: inout [Double], losses: [Double], start: Int, arms: Int, rate: Double
    ) -> Double {
        precondition(
            arms >= 1 && start >= 0 && start + arms <= weights.count && start + arms <= losses.count,
            "ExponentialWeights.fill: row \(start)..<\(start + arms) of weights[\(weights.count)], losses[\(losses.count)]"
        )
        return weights.withUnsafeMutableBufferPointer { weights in
            losses.withUnsafeBufferPointer { losses in
                cafe_weights_fill(weights.baseAddress! + start, losses.baseAddress! + start, rate, Int64(arms))
            }
        }
    }

    /// `exp(-rate loss)` as `fill` computes it, for a loss of at least the row's least. O(1).
    static func weight(loss: Double, rate: Double) -> Double { cafe_weights_one(loss, rate) }

    /// As the other `fill`, relative to `least`, for the workers of these rows' pairs alone, all of one segment. O(pairs),
    /// no allocation.
    static func fill(
        _ weights: inout [Double], losses: [Double], start: Int, least: Double, rate: Double,
        workersOf rows: Range<Int>, pairs: PairStore
    ) {
        weights.withUnsafeMutableBufferPointer { weights in
            losses.withUnsafeBufferPointer { losses in
                pairs.withUnsafePointers(rows) { first, count, cells in
                    cafe_weights_fill_workers(
                        weights.baseAddress! + start, losses.baseAddress! + start, least, rate, Int64(rows.count),
                        first, count, cells)
                }
            }
        }
    }

    /// Draws one of the allowed arms of a row with probability proportional to its weight, from one uniform number in
    /// [0, 1). `allowed[j]` is 0 or 1. `nil` if the allowed weights sum to less than 1e-200: then `fill` a row from
    /// the allowed losses alone and draw from that. O(arms), no allocation.
    public static func draw(
        _ weights: [Double], start: Int, allowed: [UInt8], arms: Int, uniform: Double
    ) -> (arm: Int, probability: Double)? {
        precondition(
            start >= 0 && arms >= 1 && arms <= allowed.count && start + arms <= weights.count,
            "ExponentialWeights.draw: \(arms) arms of allowed[\(allowed.count)] from \(start) of weights[\(weights.count)]"
        )
        var probability = 0.0
        let arm = weights.withUnsafeBufferPointer { weights in
            allowed.withUnsafeBufferPointer { allowed in
                cafe_weights_draw(
                    &probability, weights.baseAddress! + start, allowed.baseAddress!, uniform, Int64(arms))
            }
        }
        return arm < 0 ? nil : (Int(arm), probability)
    }

    /// How a task's confidence is read off its weighted votes.
    public enum Score: Int32, Sendable, Hashable, Codable {
        /// (largest - second largest) / total: the paper's `c_i`.
        case margin = 0
        /// largest / total: least confidence, [BBTA-LC].
        case leastConfidence = 1
    }

    /// Recomputes vote and score of rows of one segment under a row of weights whose sum over all arms is `total`. Ties are
    /// broken by a coin that is a pure function of `(seed, task, pairs of the task)`, `tasks` naming each row's task.
    /// O(rows C + their pairs), no allocation.
    static func vote(
        _ rows: Range<Int>, tasks: [Int32], pairs: PairStore, weights: [Double], start: Int, total: Double,
        rule: Score, classes: Int, seed: UInt64, scores: inout [Double], votes: inout [Int32], sums: inout [Double]
    ) {
        precondition(
            sums.count >= classes && scores.count == tasks.count && votes.count == tasks.count,
            "ExponentialWeights.vote: sums[\(sums.count)], scores[\(scores.count)], votes[\(votes.count)]")
        let ties = UInt64(RandomStream.Purpose.labelTies.rawValue) << 48, from = rows.lowerBound
        scores.withUnsafeMutableBufferPointer { scores in
            votes.withUnsafeMutableBufferPointer { votes in
                sums.withUnsafeMutableBufferPointer { sums in
                    weights.withUnsafeBufferPointer { weights in
                        tasks.withUnsafeBufferPointer { tasks in
                            pairs.withUnsafePointers(rows) { first, count, cells in
                                cafe_weights_vote(
                                    scores.baseAddress! + from, votes.baseAddress! + from, sums.baseAddress!,
                                    weights.baseAddress! + start, total, tasks.baseAddress! + from, Int64(rows.count),
                                    first, count, cells, Int32(classes), rule.rawValue, seed, ties)
                            }
                        }
                    }
                }
            }
        }
    }
}
