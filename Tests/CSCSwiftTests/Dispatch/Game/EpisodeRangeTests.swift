import CSCSwift
import Foundation
import Testing

/// What is trained, tuned or chosen on is never evaluated on.
@Suite struct EpisodeRangeTests {
    @Test("no two ranges meet, and evaluation keeps the streams that published tables were played on")
    func rangesDoNotMeet() {
        let spans = EpisodeRange.allCases.map { $0[0].stream...$0[EpisodeRange.capacity - 1].stream }
        for one in spans.indices {
            for other in spans.indices where other != one { #expect(!spans[one].overlaps(spans[other])) }
            #expect(spans[one].upperBound < 1 << 48)
        }
        #expect(EpisodeRange.evaluation[7].stream == 7)
    }

    /// Remembers which episodes were asked for.
    private final class Asked: InstanceSource, @unchecked Sendable {
        let name = "asked"
        private let lock = NSLock()
        private var all: Set<EpisodeIndex> = []
        var ranges: Set<EpisodeRange> { lock.withLock { Set(all.map(\.range)) } }

        func instance(tasks: Int, workers: Int, seed: UInt64, episode: EpisodeIndex) -> Instance {
            _ = lock.withLock { all.insert(episode) }
            return Scenario.chengdu.instance(tasks: tasks, workers: workers, seed: seed, episode: episode)
        }
    }

    @Test("evolve, train and price tuning play none of evaluate's episodes")
    func nobodyTrainsOnEvaluation() throws {
        let evolved = Asked()
        var options = EvolutionOptions()
        options.settings = [EvolutionOptions.Setting(tasks: 20, workers: 8)]
        options.population = 4
        options.referenceEpisodes = 1
        options.forecastEpisodes = 1
        let trainer = try CoalitionTrainer(scenario: .chengdu, options: options, source: evolved)
        _ = trainer.step()
        #expect(evolved.ranges == [.forecast, .reference, .evolution])

        let tuned = Asked()
        _ = DispatcherKind.coalition.policy(tunedOn: tuned, tasks: 10, workers: 5, seed: 1)
        #expect(tuned.ranges == [.tuning])

        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cafe-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var configuration = TrainingConfiguration()
        try configuration.apply(overrides: [
            "episodes.tasks=[20]", "episodes.workers=[8]", "episodes.tasksFixed=20", "episodes.workersFixed=8",
            "ppo.numEnvs=2", "iterations=1", "evaluationEpisodes=1", "reward.variant=share",
        ])
        let trained = Asked()
        let run = try TrainingRun.create(configuration, scenario: .chengdu, source: trained, folder: folder)
        _ = try run.run()
        #expect(trained.ranges == [.training, .heldOut])

        let played = Asked()
        let greedy = DispatcherKind.greedy.policy(tunedOn: played, tasks: 5, workers: 2, seed: 1)
        _ = Evaluation.run([greedy], on: played, tasks: 5, workers: 2, seed: 1, episodes: 0..<3)
        #expect(played.ranges == [.evaluation])
    }

    @Test("lookahead draws its futures from a range of its own")
    func futures() throws {
        let asked = Asked()
        let policy = try #require(LearntCoalitionPolicy.builtIn("cafe-chengdu"))
        var options = LookaheadOptions()
        (options.futures, options.variants) = (2, 3)
        let rule = LookaheadCoalition(policy, futures: asked, options: options)
        let day = Scenario.chengdu.instance(tasks: 60, workers: 12, seed: 4, episode: EpisodeRange.evaluation[0])
        _ = rule.play(day, in: SpatialCrowdsourcing(), stream: RandomStream(seed: 4, purpose: .dispatcher))
        #expect(asked.ranges == [.futures])
    }
}
