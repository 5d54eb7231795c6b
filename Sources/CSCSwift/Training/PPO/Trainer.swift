internal import Foundation

/// What one iteration of training did.
public struct IterationReport: Sendable {
    /// Iterations completed, this one included.
    public var iteration = 0
    /// Decisions of this iteration.
    public var decisions = 0
    /// The mean reward of the team in its episodes.
    public var episodicReturn = 0.0
    /// Mean decisions of an episode.
    public var episodicLength = 0.0
    /// Losses and gradient norms of the update.
    public var ppo = PPOReport()
    /// Values of the extensions' metric columns, in order.
    public var extensionValues: [Double] = []
    /// Seconds of each phase, in the order of `Trainer.phases`.
    public var seconds: [Double] = []
}

/// The training loop: play episodes in parallel, credit them, improve the policy.
///
/// It works on any `ParallelEnvironment`. Every random number comes from a stream that is named by the seed, the
/// iteration and the episode, so the state between iterations is the learner's alone, and the bits do not depend on
/// the number of ranks and threads. Every rank holds the whole state.
package final class Trainer<Game: ParallelEnvironment & SendableMetatype> {
    /// The phases of an iteration, in order; `IterationReport.seconds` has one entry each.
    package static var phases: [String] { ["rollout", "credit", "update"] }

    /// What the games of a run need to be played.
    package struct Setup {
        /// Makes one of the games that are played side by side.
        package var makeGame: () -> Game
        /// The episode that game number `environment` of an iteration plays, drawn from `stream` where it is drawn.
        package var episode:
            @Sendable (_ iteration: Int, _ environment: Int, _ stream: inout RandomStream) -> Game.Episode
        /// Rewards agents after each step.
        package var credit: EpisodePlayer<Game>.Credit
        /// About how long an episode takes, to begin the longest first; nil keeps the order.
        package var cost: ((_ episode: Game.Episode) -> Double)?

        /// By default nothing but the team's reward is recorded, and episodes begin in their order.
        package init(
            makeGame: @escaping () -> Game,
            episode: @escaping @Sendable (Int, Int, inout RandomStream) -> Game.Episode,
            credit: @escaping EpisodePlayer<Game>.Credit = { _, _ in },
            cost: ((Game.Episode) -> Double)? = nil
        ) {
            self.makeGame = makeGame
            self.episode = episode
            self.credit = credit
            self.cost = cost
        }
    }

    /// The policy, phi and the update.
    package let learner: Learner
    /// Learnt credit and outer levels, called in this order in each iteration.
    package private(set) var extensions: [any TrainerExtension]
    /// All decisions since the beginning.
    package private(set) var totalDecisions = 0
    /// The episodes of the last iteration.
    package let rollout: RolloutBuffer

    private let setup: Setup
    private let players: [EpisodePlayer<Game>]

    /// Makes `numEnvs` games and their players; nothing is played yet.
    package init(setup: Setup, learner: Learner, extensions: [any TrainerExtension] = []) {
        self.setup = setup
        self.learner = learner
        self.extensions = extensions
        let columns = learner.rewards.columns
        players = (0..<learner.settings.numEnvs).map { _ in
            EpisodePlayer(
                game: setup.makeGame(), policy: learner.policy, columns: columns,
                teamDiscount: learner.settings.discountReward ? learner.settings.gamma : 1, credit: setup.credit)
        }
        rollout = RolloutBuffer(layout: learner.policy.layout, columns: columns)
    }

    /// One iteration, in reading order. Throws `CSCError.invalid` where the numerics failed.
    package func iterate() throws -> IterationReport {
        var watch = Stopwatch()

        // 1. Play: each environment on one thread with streams of its own.
        try play()
        let playing = watch.lap()

        // 2. Credit: what must be learnt before agents can be rewarded.
        for addition in extensions { try addition.beforeUpdate(rollout, learner: learner) }
        let crediting = watch.lap()

        // 3. Update: values, advantages, epochs of minibatches.
        var report = try update()
        report.seconds = [playing, crediting, watch.lap()]
        return report
    }

    /// Steps 1 and 2 of an iteration alone: `rollout` holds new, credited episodes; the policy stays.
    package func collect() throws {
        try play()
        for addition in extensions { try addition.beforeUpdate(rollout, learner: learner) }
    }

    /// Step 3 alone: improves the policy on `rollout` and counts an iteration.
    @discardableResult
    package func update() throws -> IterationReport {
        var report = IterationReport()
        report.ppo = learner.learn(from: rollout)
        learner.advance()
        for addition in extensions {
            report.extensionValues += try addition.afterIteration(rollout, learner: learner)
        }
        report.iteration = learner.iteration
        report.decisions = rollout.actedCount
        report.episodicReturn = Statistics.mean(rollout.returns)
        report.episodicLength = Double(report.decisions) / Double(rollout.returns.count)
        totalDecisions += report.decisions
        return report
    }

    /// Plays `numEnvs` episodes, each on one of the ranks, and gathers them in `rollout` of every rank, in the order
    /// of the environments whichever ends first. Throws `CSCError.invalid` where the policy's outputs were not finite.
    private func play() throws(CSCError) {
        let (settings, seed, iteration) = (learner.settings, learner.seed, learner.iteration)
        let policy = learner.policy
        let base = UInt64(iteration) * UInt64(settings.numEnvs)
        let (players, episode) = (players, setup.episode)
        let games = EpisodeList(
            (0..<players.count).map { environment in
                var draws = RandomStream(seed: seed, purpose: .instance, index: base + UInt64(environment))
                return episode(iteration, environment, &draws)
            })
        let group = Ranks.current
        let owners = Ranks.owners(
            costs: games.episodes.map(setup.cost ?? { _ in 1 }), ranks: group.size)
        let order = longestFirst(games.episodes).filter { owners[$0] == group.rank }
        Threads.parallelFor(order.count) { turn in
            let environment = order[turn]
            players[environment].rollout.removeAll()
            players[environment].play(
                games.episodes[environment], policy: policy,
                stream: RandomStream(seed: seed, purpose: .policy, index: base + UInt64(environment)))
        }
        if Ranks.exchange(players, owners: owners) {
            throw .invalid("the policy's outputs are not finite: lower the learning rate")
        }
        rollout.removeAll()
        for player in players { rollout.append(player.rollout) }
    }

    /// The environments, those with the longest episodes first, so that no thread is left alone at the end.
    private func longestFirst(_ episodes: [Game.Episode]) -> [Int] {
        guard let cost = setup.cost else { return Array(episodes.indices) }
        let costs = episodes.map(cost)
        return episodes.indices.sorted { (costs[$1], $0) < (costs[$0], $1) }
    }

    /// Saves the learner and the extensions.
    package func save(to checkpoint: inout Checkpoint) {
        learner.save(to: &checkpoint)
        checkpoint.set("decisions", integers: [totalDecisions])
        for addition in extensions { addition.save(to: &checkpoint) }
    }

    /// Takes over a saved state. Throws `CSCError.damaged`.
    package func load(from checkpoint: Checkpoint) throws {
        try learner.load(from: checkpoint)
        totalDecisions = try checkpoint.integers("decisions", count: 1, in: 0...1 << 60)[0]
        for addition in extensions { try addition.load(from: checkpoint) }
    }
}

/// Episodes that several threads read.
private final class EpisodeList<Episode>: @unchecked Sendable {
    let episodes: [Episode]
    init(_ episodes: [Episode]) { self.episodes = episodes }
}
