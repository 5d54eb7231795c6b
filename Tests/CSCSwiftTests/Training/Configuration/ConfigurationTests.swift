import CSCSwift
import Foundation
import Testing

@Suite struct ConfigurationTests {
    @Test func textReadsBack() throws {
        var configuration = TrainingConfiguration()
        try configuration.apply(overrides: [
            "seed=7", "ppo.clipCoef=0.1", "episodes.tasks=[50, 75]", "episodes.workers=100,300",
            "network.policy=flat", "reward.variant=team", "reward.phi.share=0.25", "game.decisions=inTurn",
            "game.showPosition=true", "network.activation=relu", "episodes.scenario=cities/my city.yaml",
        ])
        let read = try TrainingConfiguration(yaml: configuration.text, path: "config.yaml")
        #expect(read == configuration)
        #expect(read.ppo.clipCoef == 0.1 && read.tasks == [50, 75] && read.workers == [100, 300])
        #expect(read.phi == ["share": 0.25] && read.scenario == "cities/my city.yaml")
        #expect(try TrainingConfiguration(yaml: "", path: "c") == TrainingConfiguration())
    }

    /// Every key survives being written and set again, and has a meaning.
    @Test func everyKeyIsSound() throws {
        var configuration = TrainingConfiguration()
        for field in TrainingConfiguration.fields {
            let value = field.read(configuration)
            try configuration.set(field.key, to: value)
            #expect(!field.help.isEmpty && !field.allowed.isEmpty)
        }
        #expect(configuration == TrainingConfiguration())
        #expect(Set(TrainingConfiguration.fields.map(\.key)).count == TrainingConfiguration.fields.count)
    }

    @Test(arguments: [
        ("ppo.clipcoef", "ppo.clipCoef"), ("clipCoef", "ppo.clipCoef"), ("ppo.entCoeff", "ppo.entCoef"),
        ("learning_rate", "ppo.learningRate"), ("sed", "seed"), ("reward.varient", "reward.variant"),
        ("game.candidate", "game.candidates"),
    ])
    func unknownKeysNameTheNearest(wrong: String, right: String) throws {
        var configuration = TrainingConfiguration()
        let error = #expect(throws: CSCError.self) { try configuration.set(wrong, to: "1") }
        #expect(error?.description.contains("did you mean '\(right)'") == true, "\(error?.description ?? "none")")
    }

    @Test(arguments: [
        ("ppo.clipCoef", "abc"), ("ppo.clipCoef", "0"), ("ppo.gamma", "1.5"), ("seed", "-1"), ("seed", "1.5"),
        ("network.policy", "deep"), ("ppo.normAdv", "perhaps"), ("episodes.tasks", "[50, x]"),
        ("reward.phi.share", "nan"), ("ppo.learningRate", "inf"),
    ])
    func wrongValuesAreRefused(key: String, value: String) {
        var configuration = TrainingConfiguration()
        let error = #expect(throws: CSCError.self) { try configuration.set(key, to: value) }
        #expect(error?.description.contains("'\(key)'") == true && error?.description.contains("'\(value)'") == true)
        #expect(configuration == TrainingConfiguration())
    }

    @Test func filesAreRefusedWithTheirLine() {
        let nested = "seed: 1\nppo:\n  gamma: 0.9\n  clip: 0.1\n"
        let error = #expect(throws: CSCError.self) { try TrainingConfiguration(yaml: nested, path: "my.yaml") }
        #expect(error?.description.hasPrefix("my.yaml:4: key 'ppo.clip'") == true, "\(error?.description ?? "")")
        for wrong in [
            "- 1\n- 2\n", "ppo: {gamma: [\n", "reward:\n  variant: shares\n", "episodes: {tasks: [], workers: []}\n",
        ] {
            #expect(throws: CSCError.self) { try TrainingConfiguration(yaml: wrong, path: "my.yaml") }
        }
        #expect(throws: CSCError.self) {
            var configuration = TrainingConfiguration()
            try configuration.apply(overrides: ["ppo.gamma"])
        }
    }

    @Test func settingsComeEquallyOften() {
        let configuration = TrainingConfiguration()
        let settings = configuration.episodeSettings
        #expect(settings == EpisodeSettings.tables && settings.settings.count == 13)
        var counts: [EpisodeSettings.Setting: Int] = [:]
        for index in 0..<130 { counts[settings.setting(index: index, seed: 3), default: 0] += 1 }
        #expect(counts.count == 13 && counts.values.allSatisfy { $0 == 10 })
    }

    /// The table of docs/training.md has every key with its default.
    @Test func theTableIsComplete() throws {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = try AtomicFile.readText(package.appendingPathComponent("docs/training.md").path)
        for field in TrainingConfiguration.fields {
            #expect(page.contains("| `\(field.key)` | `\(field.defaultValue)` |"), "\(field.key)")
        }
    }
}
