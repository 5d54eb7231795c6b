internal import CCore

/// Means over the decisions of a minibatch.
package struct PolicyLoss: Sendable, Hashable, Codable {
    /// The clipped surrogate, to be minimised: max(-A r, -A clip(r, 1 - c, 1 + c)).
    package var policy: Double
    /// The entropy in nats.
    package var entropy: Double
    /// (r - 1) - log r, Schulman's estimate of KL(old || new); CleanRL's `losses/approx_kl`.
    package var approxKL: Double
    /// The share of decisions whose ratio left 1 - c ... 1 + c.
    package var clipFraction: Double

    /// What the gradient is of: policy - entCoef * entropy.
    package func total(entCoef: Float) -> Double { policy - Double(entCoef) * entropy }
}

extension PolicyLoss {
    fileprivate init(_ loss: cafe_policy_loss) {
        self.init(
            policy: loss.policy, entropy: loss.entropy, approxKL: loss.approx_kl, clipFraction: loss.clip_fraction)
    }
}

/// How a step of a chain ends. There is no `done`: a terminated step has no future, the future of a truncated one is
/// not observed.
public enum StepEnd: UInt8, Sendable, Codable {
    /// The chain continues with the next step.
    case continues = 0
    /// The future is worth nothing: no bootstrap.
    case terminated = 1
    /// Bootstrap from the value of the final observation.
    case truncated = 2
}

/// Categorical policies over segments: decision i owns the logits `offsets[i] ..< offsets[i + 1]`.
///
/// `offsets` has one entry more than there are decisions, starts at 0 and ends at `logits.count`. `mask`, one byte a
/// logit, forbids where it is 0: probability 0, log-probability -infinity, no gradient. An action is an index *within*
/// its segment. A segment without an allowed candidate has action -1, log-probability 0, entropy 0, no gradient; a
/// decision whose action is -1 is skipped likewise (means still divide by all decisions). Results are overwritten.
/// Every function is O(logits) and traps on sizes that do not fit, naming both.
package enum Policy {
    /// probabilities = softmax of each segment.
    package static func softmax(
        logits: Span<Float>, offsets: Span<Int32>, mask: Span<UInt8>? = nil, probabilities: inout MutableSpan<Float>
    ) {
        requireCount(probabilities.count, logits.count, "Policy.softmax: probabilities")
        withSegments(logits, offsets, mask, "softmax") { cafe_policy_softmax(probabilities.base, $0, logits.base) }
    }

    /// logProbabilities = log softmax of each segment; -infinity where the mask forbids.
    package static func logSoftmax(
        logits: Span<Float>, offsets: Span<Int32>, mask: Span<UInt8>? = nil,
        logProbabilities: inout MutableSpan<Float>
    ) {
        requireCount(logProbabilities.count, logits.count, "Policy.logSoftmax: logProbabilities")
        withSegments(logits, offsets, mask, "logSoftmax") {
            cafe_policy_log_softmax(logProbabilities.base, $0, logits.base)
        }
    }

    /// Draws one action a decision by inverting its distribution function at a uniform number in [0, 1).
    package static func sample(
        logits: Span<Float>, offsets: Span<Int32>, mask: Span<UInt8>? = nil, uniforms: Span<Float>,
        actions: inout MutableSpan<Int32>, logProbabilities: inout MutableSpan<Float>
    ) {
        withSegments(logits, offsets, mask, "sample") {
            sample($0, logits, uniforms, &actions, &logProbabilities)
        }
    }

    /// The same where each decision has `width` candidates, all allowed: decision i owns the logits from i * width on.
    /// Up to a width of 64 several times as fast, a decision in each lane of a vector, with other last bits.
    package static func sample(
        logits: Span<Float>, width: Int, uniforms: Span<Float>, actions: inout MutableSpan<Int32>,
        logProbabilities: inout MutableSpan<Float>
    ) {
        withUniformSegments(logits, width, "sample") { sample($0, logits, uniforms, &actions, &logProbabilities) }
    }

    private static func sample(
        _ segments: UnsafePointer<cafe_segments>, _ logits: Span<Float>, _ uniforms: Span<Float>,
        _ actions: inout MutableSpan<Int32>, _ logProbabilities: inout MutableSpan<Float>
    ) {
        let count = Int(segments.pointee.count)
        requireCount(uniforms.count, count, "Policy.sample: uniforms")
        requireCount(actions.count, count, "Policy.sample: actions")
        requireCount(logProbabilities.count, count, "Policy.sample: logProbabilities")
        cafe_policy_sample(actions.base, logProbabilities.base, segments, logits.base, uniforms.base)
    }

    /// The most probable allowed candidate of each decision, the first one at a tie.
    package static func greedy(
        logits: Span<Float>, offsets: Span<Int32>, mask: Span<UInt8>? = nil, actions: inout MutableSpan<Int32>
    ) {
        requireCount(actions.count, offsets.count - 1, "Policy.greedy: actions")
        withSegments(logits, offsets, mask, "greedy") { cafe_policy_greedy(actions.base, $0, logits.base) }
    }

    /// The clipped objective of PPO ([Schulman17], eq. 7), to be minimised, and its gradient in the logits:
    /// L = mean of max(-A r, -A clip(r, 1 - clipCoef, 1 + clipCoef)) - entCoef * mean entropy.
    package static func clippedLoss(
        logits: Span<Float>, offsets: Span<Int32>, mask: Span<UInt8>? = nil, actions: Span<Int32>,
        oldLogProbabilities: Span<Float>, advantages: Span<Float>, clipCoef: Float, entCoef: Float,
        logitGradient: inout MutableSpan<Float>
    ) -> PolicyLoss {
        checkActions(actions, offsets, "clippedLoss")
        var loss = cafe_policy_loss()
        withSegments(logits, offsets, mask, "clippedLoss") {
            loss = clippedLoss(
                $0, logits, actions, oldLogProbabilities, advantages, clipCoef, entCoef, &logitGradient)
        }
        return PolicyLoss(loss)
    }

    /// The same where each decision has `width` candidates, all allowed: decision i owns the logits from i * width on.
    /// Up to a width of 64 several times as fast, a decision in each lane of a vector, with other last bits.
    package static func clippedLoss(
        logits: Span<Float>, width: Int, actions: Span<Int32>, oldLogProbabilities: Span<Float>,
        advantages: Span<Float>, clipCoef: Float, entCoef: Float, logitGradient: inout MutableSpan<Float>
    ) -> PolicyLoss {
        for i in 0..<actions.count {
            precondition(
                actions[i] >= -1 && actions[i] < width,
                "Policy.clippedLoss: decision \(i) has action \(actions[i]) among \(width) candidates")
        }
        var loss = cafe_policy_loss()
        withUniformSegments(logits, width, "clippedLoss") {
            requireCount(actions.count, Int($0.pointee.count), "Policy.clippedLoss: actions")
            loss = clippedLoss(
                $0, logits, actions, oldLogProbabilities, advantages, clipCoef, entCoef, &logitGradient)
        }
        return PolicyLoss(loss)
    }

    private static func clippedLoss(
        _ segments: UnsafePointer<cafe_segments>, _ logits: Span<Float>, _ actions: Span<Int32>,
        _ oldLogProbabilities: Span<Float>, _ advantages: Span<Float>, _ clipCoef: Float, _ entCoef: Float,
        _ logitGradient: inout MutableSpan<Float>
    ) -> cafe_policy_loss {
        requireCount(oldLogProbabilities.count, actions.count, "Policy.clippedLoss: oldLogProbabilities")
        requireCount(advantages.count, actions.count, "Policy.clippedLoss: advantages")
        requireCount(logitGradient.count, logits.count, "Policy.clippedLoss: logitGradient")
        var loss = cafe_policy_loss()
        cafe_policy_clipped(
            logitGradient.base, &loss, segments, logits.base, actions.base, oldLogProbabilities.base, advantages.base,
            clipCoef, entCoef)
        return loss
    }

    /// R{logitGradient} of `clippedLoss`: its derivative when the logits move at rate `rLogits`. Which decisions are
    /// clipped is held fixed (the derivative almost everywhere). `softmax`, of these logits, offsets and mask, saves
    /// nine tenths of the time; the bits are the same.
    package static func clippedLossR(
        logits: Span<Float>, rLogits: Span<Float>, offsets: Span<Int32>, mask: Span<UInt8>? = nil,
        softmax: PolicySoftmax? = nil, actions: Span<Int32>, oldLogProbabilities: Span<Float>,
        advantages: Span<Float>, clipCoef: Float, entCoef: Float, rLogitGradient: inout MutableSpan<Float>
    ) {
        checkActions(actions, offsets, "clippedLossR")
        requireCount(rLogits.count, logits.count, "Policy.clippedLossR: rLogits")
        requireCount(oldLogProbabilities.count, actions.count, "Policy.clippedLossR: oldLogProbabilities")
        requireCount(advantages.count, actions.count, "Policy.clippedLossR: advantages")
        requireCount(rLogitGradient.count, logits.count, "Policy.clippedLossR: rLogitGradient")
        withSegments(logits, offsets, mask, "clippedLossR", softmax: softmax) {
            cafe_policy_clipped_r(
                rLogitGradient.base, $0, logits.base, rLogits.base, actions.base, oldLogProbabilities.base,
                advantages.base, clipCoef, entCoef)
        }
    }

    /// The Fisher (Gauss-Newton) head: product = scale * (diag p - p p') rLogits, segment by segment; positive
    /// semi-definite. `softmax` as in `clippedLossR`.
    package static func fisher(
        logits: Span<Float>, rLogits: Span<Float>, offsets: Span<Int32>, mask: Span<UInt8>? = nil,
        softmax: PolicySoftmax? = nil, scale: Float, product: inout MutableSpan<Float>
    ) {
        requireCount(rLogits.count, logits.count, "Policy.fisher: rLogits")
        requireCount(product.count, logits.count, "Policy.fisher: product")
        withSegments(logits, offsets, mask, "fisher", softmax: softmax) {
            cafe_policy_fisher(product.base, $0, logits.base, rLogits.base, scale)
        }
    }

    // MARK: - What the functions above require

    /// Traps unless the offsets cut `logits` into segments; then passes them, and their softmax if it is known, to C.
    static func withSegments(
        _ logits: Span<Float>, _ offsets: Span<Int32>, _ mask: Span<UInt8>?, _ caller: String,
        softmax: PolicySoftmax? = nil, _ body: (UnsafePointer<cafe_segments>) -> Void
    ) {
        precondition(offsets.count >= 1, "Policy.\(caller): offsets are empty, at least [0] expected")
        precondition(
            offsets[0] == 0 && Int(offsets[offsets.count - 1]) == logits.count,
            "Policy.\(caller): offsets run from \(offsets[0]) to \(offsets[offsets.count - 1]), logits from 0 to \(logits.count)"
        )
        for i in 1..<max(offsets.count, 1) {
            precondition(
                offsets[i - 1] <= offsets[i], "Policy.\(caller): offsets fall from \(offsets[i - 1]) to \(offsets[i])")
        }
        if let mask { requireCount(mask.count, logits.count, "Policy.\(caller): mask") }
        var segments = cafe_segments(
            offsets: offsets.base, mask: mask?.base, count: Int64(offsets.count - 1), width: 0, known: nil)
        guard let softmax else { return body(&segments) }
        requireCount(softmax.probabilities.count, logits.count, "Policy.\(caller): softmax")
        let (probabilities, logs) = (softmax.probabilities.span, softmax.logProbabilities.span)
        withUnsafePointer(to: cafe_softmax(probabilities: probabilities.base, log_probabilities: logs.base)) {
            segments.known = $0
            body(&segments)
        }
    }

    /// Lends decisions of `width` logits each, which lie one after the other.
    private static func withUniformSegments(
        _ logits: Span<Float>, _ width: Int, _ caller: String, _ body: (UnsafePointer<cafe_segments>) -> Void
    ) {
        precondition(
            width >= 1 && logits.count % width == 0,
            "Policy.\(caller): \(logits.count) logits are no multiple of width \(width)")
        var segments = cafe_segments(
            offsets: nil, mask: nil, count: Int64(logits.count / width), width: Int32(width), known: nil)
        body(&segments)
    }

    private static func checkActions(_ actions: Span<Int32>, _ offsets: Span<Int32>, _ caller: String) {
        requireCount(actions.count, offsets.count - 1, "Policy.\(caller): actions")
        for i in 0..<actions.count {
            let size = offsets[i + 1] - offsets[i]
            precondition(
                actions[i] >= -1 && actions[i] < size,
                "Policy.\(caller): decision \(i) has action \(actions[i]) among \(size) candidates")
        }
    }
}
