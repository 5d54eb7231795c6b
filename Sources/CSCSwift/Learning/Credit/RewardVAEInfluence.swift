internal import Foundation

/// The actions that an agent could have taken, for the counterfactual that averages over the policy.
public struct ActionAlternatives: Sendable {
    /// Features of every possible action of every decision, `[offsets.last, A]`.
    public var actions: [Float]
    /// Decision i owns the rows `offsets[i]..<offsets[i + 1]`; `[count + 1]`.
    public var offsets: [Int32]
    /// The policy's probability of each row, summing to 1 in each decision; `[offsets.last]`.
    public var probabilities: [Float]

    /// Alternatives of `offsets.count` - 1 decisions, in their order.
    public init(actions: [Float], offsets: [Int32], probabilities: [Float]) {
        self.actions = actions
        self.offsets = offsets
        self.probabilities = probabilities
    }
}

extension RewardVAE {
    /// Conditional mutual information (poster, CMI) and signed change of the decoder's mean, per decision.
    ///
    ///     CMI = KL[ q(z | o, a, a_others) || q(z | o, a_others) ]    both diagonal Gaussians, closed form
    ///     signed = (decoder(mean with a) - decoder(mean without a)) / scale
    ///
    /// "Without" is `options.counterfactual` unless given: no task (`noAction`, A numbers), the hidden action, or the
    /// policy's mixture (`alternatives`), whose Gaussian has the mixture's mean and variance in each dimension.
    /// O(count * parameters), times the number of alternatives for `.policy`.
    public func influence(
        observations: [Float], actions: [Float], noAction: [Float],
        counterfactual: RewardVAEOptions.Counterfactual? = nil, alternatives: ActionAlternatives? = nil
    ) -> ActionInfluence {
        let kind = counterfactual ?? options.counterfactual
        let count = actions.count / actionWidth
        precondition(
            actions.count == count * actionWidth && observations.count == count * observationWidth
                && noAction.count == actionWidth,
            "RewardVAE.influence: observations \(observations.count) / \(observationWidth), actions \(actions.count) "
                + "/ \(actionWidth), no action \(noAction.count)")
        if kind == .policy {
            precondition(
                alternatives?.offsets.count == count + 1,
                "RewardVAE.influence: the policy average needs alternatives with \(count + 1) offsets")
        }
        var influence = ActionInfluence(cmi: [], signed: [])
        influence.cmi.reserveCapacity(count)
        influence.signed.reserveCapacity(count)
        var start = 0
        while start < count {
            let rows = start..<min(start + options.batchSize, count)
            let fact = beliefs(observations, actions, rows: rows, masked: false)
            let other: Belief
            switch kind {
            case .none:
                let none = Array(repeating: noAction, count: rows.count).flatMap { $0 }
                let seen = Array(observations[rows.lowerBound * observationWidth..<rows.upperBound * observationWidth])
                other = beliefs(seen, none, rows: 0..<rows.count, masked: false)
            case .masked:
                other = beliefs(observations, actions, rows: rows, masked: true)
            case .policy:
                other = average(observations, alternatives!, rows: rows)
            }
            append(fact, other, rows: rows.count, to: &influence)
            start = rows.upperBound
        }
        return influence
    }

    /// A Gaussian over z and the decoder's mean there.
    private struct Belief {
        var mean: [Float]
        var logVariance: [Float]
        var money: [Float]
    }

    private func beliefs(_ observations: [Float], _ actions: [Float], rows: Range<Int>, masked: Bool) -> Belief {
        var input = [Float](repeating: 0, count: rows.count * (observationWidth + actionWidth + 1))
        for (row, source) in rows.enumerated() {
            fill(&input, row: row, observations, actions, source: source, masked: masked)
        }
        let work = workspace(rows: rows.count)
        let code = encode(input, rows: rows.count, work)
        return Belief(
            mean: code.mean, logVariance: code.logVariance, money: decode(code.mean, rows: rows.count, work))
    }

    /// The policy's mixture of beliefs, matched in mean and variance.
    private func average(_ observations: [Float], _ alternatives: ActionAlternatives, rows: Range<Int>) -> Belief {
        let latent = options.latent
        var belief = Belief(mean: [], logVariance: [], money: [])
        for row in rows {
            let owned = Int(alternatives.offsets[row])..<Int(alternatives.offsets[row + 1])
            let seen = Array(observations[row * observationWidth..<(row + 1) * observationWidth])
            let repeated = Array(repeating: seen, count: owned.count).flatMap { $0 }
            let actions = Array(alternatives.actions[owned.lowerBound * actionWidth..<owned.upperBound * actionWidth])
            let each = beliefs(repeated, actions, rows: 0..<owned.count, masked: false)
            var money = 0.0
            for (index, at) in owned.enumerated() {
                money += Double(alternatives.probabilities[at]) * Double(each.money[index])
            }
            belief.money.append(Float(money))
            for j in 0..<latent {
                var first = 0.0, second = 0.0
                for (index, at) in owned.enumerated() {
                    let weight = Double(alternatives.probabilities[at]), m = Double(each.mean[index * latent + j])
                    first += weight * m
                    second += weight * (m * m + exp(Double(each.logVariance[index * latent + j])))
                }
                belief.mean.append(Float(first))
                belief.logVariance.append(Float(log(max(second - first * first, 1e-9))))
            }
        }
        return belief
    }

    private func append(_ fact: Belief, _ other: Belief, rows: Int, to influence: inout ActionInfluence) {
        let latent = options.latent, scale = scaling.scale
        for row in 0..<rows {
            var divergence = 0.0
            for j in row * latent..<(row + 1) * latent {
                let difference = Double(fact.mean[j]) - Double(other.mean[j])
                let p = Double(fact.logVariance[j]), q = Double(other.logVariance[j])
                divergence += 0.5 * (exp(p - q) - 1 - (p - q) + difference * difference * exp(-q))
            }
            influence.cmi.append(Float(max(divergence, 0)))
            influence.signed.append(Float((Double(fact.money[row]) - Double(other.money[row])) / scale))
        }
    }
}
