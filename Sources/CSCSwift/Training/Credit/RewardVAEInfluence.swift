internal import Foundation

/// The actions that an agent could have taken, for the counterfactual that averages over the policy.
package struct ActionAlternatives: Sendable {
    /// Features of every possible action of every decision, `[offsets.last, A]`.
    package var actions: [Float]
    /// Decision i owns the rows `offsets[i]..<offsets[i + 1]`; `[count + 1]`.
    package var offsets: [Int32]
    /// The policy's probability of each row, summing to 1 in each decision; `[offsets.last]`.
    package var probabilities: [Float]

    /// Alternatives of `offsets.count` - 1 decisions, in their order.
    package init(actions: [Float], offsets: [Int32], probabilities: [Float]) {
        self.actions = actions
        self.offsets = offsets
        self.probabilities = probabilities
    }
}

extension RewardVAE {
    /// Conditional mutual information (paper, CMI) and signed change of the decoder's mean, per decision.
    ///
    ///     CMI = KL[ q(z | o, a, a_others) || q(z | o, a_others) ]    both diagonal Gaussians, closed form
    ///     signed = (decoder(mean with a) - decoder(mean without a)) / scale
    ///
    /// "Without" is `options.counterfactual` unless given: no task (`noAction`, A numbers), the hidden action, or the
    /// policy's mixture (`alternatives`), whose Gaussian has the mixture's mean and variance in each dimension.
    /// O(count * parameters), times the number of alternatives for `.policy`.
    package func influence(
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
        // Equal parts of the decisions, so many that they keep any usual number of threads busy.
        let parts = min(Self.influenceParts, (count + RewardVAEShard.size - 1) / RewardVAEShard.size)
        let shards = ensureShards(parts)
        let (latent, scale) = (options.latent, scaling.scale)
        Ranks.share(parts) { part in
            let shard = shards[part]
            let end = (part + 1) * count / parts
            var start = part * count / parts
            shard.influence.cmi.removeAll(keepingCapacity: true)
            shard.influence.signed.removeAll(keepingCapacity: true)
            while start < end {
                let rows = min(RewardVAEShard.size, end - start)
                shard.believe(rows, observations, .rows(from: start), actions, .rows(from: start), into: &shard.fact)
                switch kind {
                case .none:
                    shard.believe(rows, observations, .rows(from: start), noAction, .always(0), into: &shard.other)
                case .masked:
                    shard.believe(rows, observations, .rows(from: start), actions, nil, into: &shard.other)
                case .policy:
                    shard.average(observations, alternatives!, rows: start..<start + rows, latent: latent)
                }
                shard.appendInfluence(rows: rows, latent: latent, scale: scale)
                start += rows
            }
        } put: { part, message in
            message.put(shards[part].influence.cmi)
            message.put(shards[part].influence.signed)
        } take: { part, message in
            message.take(into: &shards[part].influence.cmi)
            message.take(into: &shards[part].influence.signed)
        }
        var influence = ActionInfluence(cmi: [], signed: [])
        influence.cmi.reserveCapacity(count)
        influence.signed.reserveCapacity(count)
        for shard in shards[..<parts] {
            influence.cmi += shard.influence.cmi
            influence.signed += shard.influence.signed
        }
        return influence
    }

    private static let influenceParts = 16
}

extension RewardVAEShard {
    /// The policy's mixture of beliefs about decisions `rows`, matched in mean and variance, into `other`.
    fileprivate func average(
        _ observations: [Float], _ alternatives: ActionAlternatives, rows: Range<Int>, latent: Int
    ) {
        other.mean.removeAll(keepingCapacity: true)
        other.logVariance.removeAll(keepingCapacity: true)
        other.money.removeAll(keepingCapacity: true)
        for row in rows {
            let owned = Int(alternatives.offsets[row])..<Int(alternatives.offsets[row + 1])
            believe(
                owned.count, observations, .always(row), alternatives.actions, .rows(from: owned.lowerBound),
                into: &each)
            var money = 0.0
            for (index, at) in owned.enumerated() {
                money += Double(alternatives.probabilities[at]) * Double(each.money[index])
            }
            other.money.append(Float(money))
            for j in 0..<latent {
                var first = 0.0, second = 0.0
                for (index, at) in owned.enumerated() {
                    let weight = Double(alternatives.probabilities[at]), m = Double(each.mean[index * latent + j])
                    first += weight * m
                    second += weight * (m * m + exp(Double(each.logVariance[index * latent + j])))
                }
                other.mean.append(Float(first))
                other.logVariance.append(Float(log(max(second - first * first, 1e-9))))
            }
        }
    }

    /// Adds the influence that moves `other` to `fact`.
    fileprivate func appendInfluence(rows: Int, latent: Int, scale: Double) {
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
