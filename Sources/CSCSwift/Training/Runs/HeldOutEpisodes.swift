/// The same held-out episodes for every evaluation of a run, with greedy's revenue on them: what tells, while a run
/// continues, how good the policy has become.
///
/// Episodes come from `EpisodeRange.heldOut`: none is trained on and none is one of `evaluate`.
final class HeldOutEpisodes {
    let settings: [EpisodeSettings.Setting]
    private let episodes: Int
    private let options: GameOptions
    private let instances: [Instance]
    /// Mean revenue of the greedy dispatcher in each setting.
    let greedy: [Double]

    init(
        source: any InstanceSource, settings: [EpisodeSettings.Setting], episodes: Int, options: GameOptions,
        seed: UInt64
    ) {
        self.settings = settings
        self.episodes = episodes
        self.options = options
        instances = settings.indices.flatMap { number in
            (0..<episodes).map { episode in
                source.instance(
                    tasks: settings[number].tasks, workers: settings[number].workers, seed: seed,
                    episode: EpisodeRange.heldOut[(number << 24) + episode])
            }
        }
        let greedy = PolicySource(name: "greedy") {
            let dispatcher = OneByOneDispatcher(.greedy), game = SpatialCrowdsourcing(options: options)
            return { instance, stream in dispatcher.play(instance, in: game, stream: stream) }
        }
        self.greedy = HeldOutEpisodes.means(
            Evaluation.run(greedy, on: instances, seed: seed), settings.count, episodes)
    }

    /// Mean revenue of the policy in each setting, by its most probable actions.
    func evaluate(_ policy: ActorCritic, seed: UInt64) -> [Double] {
        let player = PolicySource(name: "policy", policy: policy, options: options, sampled: false)
        return HeldOutEpisodes.means(Evaluation.run(player, on: instances, seed: seed), settings.count, episodes)
    }

    /// The mean over settings of the policy's revenue as a multiple of greedy's.
    func versusGreedy(_ revenues: [Double]) -> Double {
        Statistics.mean(zip(revenues, greedy).map { $1 > 0 ? $0 / $1 : 1 })
    }

    private static func means(_ revenues: [Double], _ settings: Int, _ episodes: Int) -> [Double] {
        (0..<settings).map { Statistics.mean(Array(revenues[$0 * episodes..<($0 + 1) * episodes])) }
    }
}
