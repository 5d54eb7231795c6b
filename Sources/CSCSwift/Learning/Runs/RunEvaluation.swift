/// The same held-out episodes for every evaluation of a run, with greedy's revenue on them: what tells, while a run
/// goes on, how good the policy has become.
///
/// Episodes come from streams that no training episode uses.
final class RunEvaluation {
    let settings: [EpisodeSettings.Setting]
    private let episodes: Int
    private let instances: [Instance]
    private let players: [EpisodePlayer<SpatialCrowdsourcing>]
    /// Mean revenue of the greedy dispatcher in each setting.
    let greedy: [Double]

    /// Held-out episodes are numbered from here: none is a training episode or one of `evaluate`.
    private static let firstEpisode = 1 << 43

    init(
        source: any InstanceSource, settings: [EpisodeSettings.Setting], episodes: Int, policy: ActorCritic,
        options: GameOptions, seed: UInt64
    ) {
        self.settings = settings
        self.episodes = episodes
        let instances = settings.indices.flatMap { number in
            (0..<episodes).map { episode in
                source.instance(
                    tasks: settings[number].tasks, workers: settings[number].workers, seed: seed,
                    episode: RunEvaluation.firstEpisode + (number << 24) + episode)
            }
        }
        self.instances = instances
        players = instances.map { _ in
            EpisodePlayer(game: SpatialCrowdsourcing(options: options), policy: policy, columns: [], recording: false)
        }
        let revenues = RunEvaluation.parallel(instances.count) { index in
            OneByOneDispatcher(.greedy).play(
                instances[index], in: SpatialCrowdsourcing(options: options),
                stream: RandomStream(seed: seed, purpose: .dispatcher, index: UInt64(index)))
        }
        greedy = RunEvaluation.means(revenues, settings.count, episodes)
    }

    /// Mean revenue of the policy in each setting, by its likeliest actions.
    func evaluate(_ policy: ActorCritic, seed: UInt64) -> [Double] {
        let (players, instances) = (players, instances)
        let revenues = RunEvaluation.parallel(instances.count) { index in
            players[index].rollout.removeAll()
            return players[index].play(
                instances[index], policy: policy, stream: RandomStream(seed: seed, purpose: .policy), sampled: false)
        }
        return RunEvaluation.means(revenues, settings.count, episodes)
    }

    /// The mean over settings of the policy's revenue as a multiple of greedy's.
    func versusGreedy(_ revenues: [Double]) -> Double {
        Statistics.mean(zip(revenues, greedy).map { $1 > 0 ? $0 / $1 : 1 })
    }

    private static func means(_ revenues: [Double], _ settings: Int, _ episodes: Int) -> [Double] {
        (0..<settings).map { Statistics.mean(Array(revenues[$0 * episodes..<($0 + 1) * episodes])) }
    }

    /// body(0), body(1), ... computed in parallel.
    private static func parallel(_ count: Int, _ body: @Sendable (Int) -> Double) -> [Double] {
        let cells = (0..<count).map { _ in Cell() }
        Threads.parallelFor(count) { cells[$0].value = body($0) }
        return cells.map(\.value)
    }

    private final class Cell: @unchecked Sendable {
        var value = 0.0
    }
}
