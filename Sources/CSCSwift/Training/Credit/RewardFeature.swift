/// One worker's part in a task that has ended, as reward features see it.
package struct SettledPart: Sendable {
    /// What the platform was paid for the task.
    package var payment: Double
    /// How many workers were in the team.
    package var teamSize: Int
    /// The work that this worker did (worker-minutes).
    package var work: Double
    /// The task's workload (worker-minutes).
    package var workload: Double
    /// The payment's part by work done.
    package var share: Double
    /// The payment minus what the rest of the team would have earned without this worker.
    package var difference: Double
    /// From the worker's decision to the end of the task (minutes).
    package var minutes: Double
    /// rho, the full payment of the task.
    package var pay: Double

    /// A part from its numbers; none is checked.
    package init(
        payment: Double, teamSize: Int, work: Double, workload: Double, share: Double, difference: Double,
        minutes: Double, pay: Double
    ) {
        self.payment = payment
        self.teamSize = teamSize
        self.work = work
        self.workload = workload
        self.share = share
        self.difference = difference
        self.minutes = minutes
        self.pay = pay
    }
}

/// One part of which rewards are made: reward = sum over features of phi_k * feature_k, the form of [CAFE].
///
/// To add a feature, add it to `RewardFeature.all`: it is then recorded in every rollout, may be weighted by
/// `reward.phi`, and has an advantage of its own.
package struct RewardFeature: Sendable {
    /// When and from what it is computed.
    package enum Source: Sendable {
        /// What the whole team earned between the decision and the agent's next one.
        case team
        /// Once, when the task that the decision joined has ended.
        case settlement(@Sendable (SettledPart) -> Double)
        /// By a `TrainerExtension`, after the episodes have been played.
        case learnt
    }

    /// The name in `reward.phi` and of the rollout's column.
    package let name: String
    /// What it means, one line for lists.
    package let explanation: String
    /// When and from what it is computed.
    package let source: Source

    /// A feature; it counts in runs once `all` lists it.
    package init(name: String, explanation: String, source: Source) {
        self.name = name
        self.explanation = explanation
        self.source = source
    }

    /// All features.
    package static let all: [RewardFeature] = [
        RewardFeature(
            name: RolloutBuffer.team,
            explanation: "the platform's whole revenue until the worker decides again", source: .team),
        RewardFeature(
            name: "share", explanation: "the payment's part by work done",
            source: .settlement { $0.share }),
        RewardFeature(
            name: "uniform", explanation: "the payment divided by the size of the team (PAU, as we read it)",
            source: .settlement { $0.payment / Double($0.teamSize) }),
        RewardFeature(
            name: "difference", explanation: "the payment with the worker minus the payment without it",
            source: .settlement { $0.difference }),
        RewardFeature(
            name: "joined", explanation: "1 where the worker took a task (phi_2 of the paper)",
            source: .settlement { _ in 1 }),
        RewardFeature(
            name: "cmi", explanation: "conditional mutual information of the action and the payments (paper)",
            source: .learnt),
        RewardFeature(
            name: "signed", explanation: "the learnt change that the action made to the payments nearby",
            source: .learnt),
    ]
}

/// A named reward: weights of features.
package struct RewardVariant: Sendable {
    /// The name in `reward.variant`.
    package let name: String
    /// What agents are rewarded for, one line for lists.
    package let explanation: String
    /// phi: the weight of each feature that counts.
    package let weights: [(feature: String, weight: Double)]

    /// A variant; features that are not named have weight 0.
    package init(name: String, explanation: String, weights: [(feature: String, weight: Double)]) {
        self.name = name
        self.explanation = explanation
        self.weights = weights
    }

    /// All variants. Those with a learnt feature need the extension `CreditAssignment`.
    package static let all: [RewardVariant] = [
        RewardVariant(name: "team", explanation: "the platform's revenue: IPPO of the paper", weights: [("team", 1)]),
        RewardVariant(name: "uniform", explanation: "the payment shared uniformly: PAU", weights: [("uniform", 1)]),
        RewardVariant(name: "share", explanation: "the own share by work done", weights: [("share", 1)]),
        RewardVariant(
            name: "difference", explanation: "the difference that the worker made", weights: [("difference", 1)]),
        RewardVariant(
            name: "share+difference", explanation: "half own share, half difference",
            weights: [("share", 0.5), ("difference", 0.5)]),
        RewardVariant(
            name: "literal", explanation: "phi_1 CMI + phi_2 where a task was taken: the paper as written",
            weights: [("cmi", 1), ("joined", 1)]),
        RewardVariant(
            name: "signed", explanation: "the learnt change of the payments alone", weights: [("signed", 1)]),
        RewardVariant(
            name: "share+signed", explanation: "own share and learnt change",
            weights: [("share", 1), ("signed", 1)]),
        RewardVariant(
            name: "share+difference+signed", explanation: "half own share, half difference, and the learnt change",
            weights: [("share", 0.5), ("difference", 0.5), ("signed", 1)]),
    ]

    /// The variant of that name. Throws `CSCError.configuration` that lists the known ones.
    package static func named(_ name: String) throws(CSCError) -> RewardVariant {
        if let variant = all.first(where: { $0.name == name }) { return variant }
        let names = all.map(\.name)
        throw .configuration(
            key: "reward.variant",
            reason: "'\(name)' is unknown\(Spelling.hint(for: name, among: names)); known: "
                + names.joined(separator: ", "))
    }
}

/// What an agent is rewarded for in a run: the recorded features in order, and phi.
package struct RewardModel: Sendable {
    /// All features that are recorded.
    package let features: [RewardFeature]
    /// phi, one weight per feature.
    package var phi: [Double]

    /// A variant, with single weights replaced by `overrides`. Throws `CSCError.configuration` for an unknown feature.
    package init(
        variant: RewardVariant, overrides: [String: Double] = [:], features: [RewardFeature] = RewardFeature.all
    ) throws(CSCError) {
        self.features = features
        phi = [Double](repeating: 0, count: features.count)
        let names = features.map(\.name)
        for (name, weight) in variant.weights.map({ ($0.feature, $0.weight) })
            + overrides.sorted(by: { $0.key < $1.key })
        {
            guard let index = names.firstIndex(of: name) else {
                throw .configuration(
                    key: "reward.phi.\(name)",
                    reason: "no such reward feature\(Spelling.hint(for: name, among: names)); known: "
                        + names.joined(separator: ", "))
            }
            phi[index] = weight
        }
        guard phi.contains(where: { $0 != 0 }) else {
            throw .configuration(key: "reward.phi", reason: "all weights are 0: there is nothing to learn")
        }
    }

    /// The names of the rollout's columns.
    package var columns: [String] { features.map(\.name) }

    /// The credit of spatial crowdsourcing: each settled task rewards the last decision of its members.
    package func spatialCredit() -> EpisodePlayer<SpatialCrowdsourcing>.Credit {
        let settled: [(column: Int, value: @Sendable (SettledPart) -> Double)] = features.enumerated().compactMap {
            if case .settlement(let value) = $1.source { ($0, value) } else { nil }
        }
        return { game, player in
            for settlement in game.settlements {
                player.paid(item: settlement.task, value: settlement.payment)
                let task = game.tasks[settlement.task]
                for position in settlement.members {
                    let member = game.settlementMembers[position]
                    let part = SettledPart(
                        payment: settlement.payment, teamSize: settlement.members.count, work: member.work,
                        workload: task.workload, share: member.share, difference: member.difference,
                        minutes: settlement.time - member.committed, pay: task.pay)
                    for (column, value) in settled {
                        player.reward(agent: member.worker, column: column, value: value(part))
                    }
                }
            }
        }
    }
}
