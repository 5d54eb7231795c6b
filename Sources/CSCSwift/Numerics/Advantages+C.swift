internal import CCore

extension Policy {
    /// Generalised advantage estimation ([Schulman16], eq. 16) on chains of steps that may last different times
    /// (a semi-Markov process). Step t of actor a lies at `t * actors + a` (CleanRL's [T x A] layout).
    ///
    ///     delta_t = r_t + [not terminated] discount_t * nextValue_t - value_t
    ///     A_t     = delta_t + [continues, and not the actor's last] discount_t * lambda_t * A_{t+1}
    ///
    /// Both results are overwritten. O(T A).
    ///
    /// - Parameters:
    ///   - nextValues: the value of the observation after each step; of the final observation where it is truncated
    ///     (or the actor's last); not read where it is terminated.
    ///   - discounts: gamma to the power of the step's duration.
    ///   - lambdas: lambda, or lambda to the power of the step's duration.
    ///   - ends: `StepEnd` raw values; nil where every step continues.
    ///   - returns: advantage + value, the critic's target.
    package static func gae(
        rewards: Span<Float>, values: Span<Float>, nextValues: Span<Float>, discounts: Span<Float>,
        lambdas: Span<Float>, ends: Span<UInt8>? = nil, steps: Int, actors: Int,
        advantages: inout MutableSpan<Float>, returns: inout MutableSpan<Float>
    ) {
        requireCount(rewards.count, steps * actors, "Policy.gae: rewards of \(steps) steps x \(actors) actors")
        checkSteps(rewards.count, values, nextValues, discounts, lambdas, ends, advantages.count, returns.count)
        guard rewards.count > 0 else { return }
        var from = cafe_steps(
            rewards: rewards.base, values: values.base, next_values: nextValues.base, discounts: discounts.base,
            lambdas: lambdas.base, ends: ends?.base, steps: Int64(steps), actors: Int64(actors))
        cafe_gae(advantages.base, returns.base, &from)
    }

    private static func checkSteps(
        _ count: Int, _ values: Span<Float>, _ nextValues: Span<Float>, _ discounts: Span<Float>,
        _ lambdas: Span<Float>, _ ends: Span<UInt8>?, _ advantages: Int, _ returns: Int
    ) {
        requireCount(values.count, count, "Policy.gae: values")
        requireCount(nextValues.count, count, "Policy.gae: nextValues")
        requireCount(discounts.count, count, "Policy.gae: discounts")
        requireCount(lambdas.count, count, "Policy.gae: lambdas")
        if let ends { requireCount(ends.count, count, "Policy.gae: ends") }
        requireCount(advantages, count, "Policy.gae: advantages")
        requireCount(returns, count, "Policy.gae: returns")
    }

    /// The critic's loss 0.5 * mean (v - R)^2 and its gradient in the values, overwritten. With `clipCoef`, CleanRL's
    /// clipped form 0.5 * mean max((v - R)^2, (old + clip(v - old, -c, c) - R)^2). O(n).
    ///
    /// - Returns: the loss, 0 where there is no value.
    package static func valueLoss(
        values: Span<Float>, returns: Span<Float>, oldValues: Span<Float>? = nil, clipCoef: Float? = nil,
        gradient: inout MutableSpan<Float>
    ) -> Double {
        requireCount(returns.count, values.count, "Policy.valueLoss: returns")
        requireCount(gradient.count, values.count, "Policy.valueLoss: gradient")
        if let oldValues { requireCount(oldValues.count, values.count, "Policy.valueLoss: oldValues") }
        precondition(clipCoef == nil || oldValues != nil, "Policy.valueLoss: clipCoef without oldValues")
        return cafe_value_loss(
            gradient.base, values.base, oldValues?.base, returns.base, clipCoef ?? 0, Int64(values.count))
    }
}
