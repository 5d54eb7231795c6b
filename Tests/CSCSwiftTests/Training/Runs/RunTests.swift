import CSCSwift
import Foundation
import Testing

/// What holds of the folder of every run: lock, identity, checkpoints, metrics, resume.
@Suite struct RunTests {
    private static let tiny = [
        "episodes.tasks=[20]", "episodes.workers=[]", "episodes.workersFixed=20", "ppo.numEnvs=2", "evaluateEvery=3",
        "checkpointEvery=2", "evaluationEpisodes=1", "network.actorWidths=[8]", "network.criticWidths=[8]",
        "reward.variant=share",
    ]

    private func configuration(_ iterations: Int, _ more: [String] = []) throws -> TrainingConfiguration {
        var configuration = TrainingConfiguration()
        try configuration.apply(overrides: Self.tiny + ["iterations=\(iterations)"] + more)
        return configuration
    }

    private func spread(_ iterations: Int) throws -> FixedHorizonConfiguration {
        var configuration = FixedHorizonConfiguration()
        try configuration.apply(overrides: [
            "iterations=\(iterations)", "ppo.numEnvs=4", "ppo.numSteps=8", "checkpointEvery=2", "evaluateEvery=3",
            "evaluationEpisodes=4", "network.actorWidths=[4]", "network.criticWidths=[4]",
        ])
        return configuration
    }

    private var small: EvolutionOptions {
        var options = EvolutionOptions()
        options.seed = 7
        options.population = 4
        options.settings = [.init(tasks: 20, workers: 8)]
        options.forecastEpisodes = 4
        options.referenceEpisodes = 2
        return options
    }

    /// Every file below a folder but the clock's, by its name.
    private func files(_ folder: String) throws -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for case let name as String in FileManager.default.enumerator(atPath: folder)! {
            var isFolder: ObjCBool = false
            let path = AtomicFile.join(folder, name)
            _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            if !isFolder.boolValue && !name.hasPrefix("timing") { found[name] = try AtomicFile.read(path) }
        }
        return found
    }

    private func expectSame(_ a: String, _ b: String, _ what: String) throws {
        let (first, second) = (try files(a), try files(b))
        #expect(first.keys.sorted() == second.keys.sorted(), "\(what)")
        for (name, bytes) in first { #expect(second[name] == bytes, "\(what): \(name) differs") }
    }

    private func error(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "nothing was refused"
        } catch {
            return "\(error)"
        }
    }

    /// Prolonging from any length gives the folder of the longer run, to the byte.
    @Test func aProlongedRunIsTheLongerRun() throws {
        let folder = TemporaryFolder()
        try TrainingRun.create(try configuration(8), scenario: .chengdu, folder: folder.file("whole")).run()
        for first in 1...7 {
            let part = folder.file("part\(first)")
            try TrainingRun.create(try configuration(first), scenario: .chengdu, folder: part).run()
            try TrainingRun.resume(part, iterations: 8).run()
            try expectSame(folder.file("whole"), part, "from \(first)")
        }
        try FixedHorizonRun.create(try spread(8), folder: folder.file("games")).run()
        for first in [1, 4, 5, 6] {
            let part = folder.file("games\(first)")
            try FixedHorizonRun.create(try spread(first), folder: part).run()
            try FixedHorizonRun.resume(part, iterations: 8).run()
            try expectSame(folder.file("games"), part, "games from \(first)")
        }
        let city = Scenario.haikou
        try EvolutionRun(creating: folder.file("rule"), scenario: city, options: small, generations: 8).run()
        for first in [1, 5, 7] {
            let part = folder.file("rule\(first)")
            try EvolutionRun(creating: part, scenario: city, options: small, generations: first).run()
            try EvolutionRun(resuming: part, generations: 8).run()
            try expectSame(folder.file("rule"), part, "rule from \(first)")
        }
    }

    /// One writer at a time, who is named to the second.
    @Test func aFolderHasOneWriter() throws {
        let folder = TemporaryFolder()
        let run = try TrainingRun.create(try configuration(4), scenario: .chengdu, folder: folder.file("run"))
        _ = try run.step()
        let refused = error { _ = try TrainingRun.resume(folder.file("run")) }
        #expect(refused.contains("is being written by") && refused.contains("process \(getpid())"), "\(refused)")
        let made = folder.file("made")
        try AtomicFile.makeFolder(made)
        let lock = try FolderLock(made)
        #expect(
            error { _ = try FixedHorizonRun.create(try spread(1), folder: made) }.contains("is being written by"))
        withExtendedLifetime(lock) {}
        #expect(try run.run())
    }

    /// What decides the run is bound to its checkpoints; nothing is written where it is refused.
    @Test func anEditedRunIsRefusedByKey() throws {
        let folder = TemporaryFolder()
        let path = folder.file("run")
        try TrainingRun.create(try configuration(3), scenario: .chengdu, folder: path).run()
        let whole = try files(path)
        for (file, from, to, key) in [
            ("config.yaml", "seed: 1", "seed: 2", "seed"),
            ("config.yaml", "clipCoef: 0.2", "clipCoef: 0.3", "ppo.clipCoef"),
            ("config.yaml", "window: 1", "window: 2", "game.window"),
            ("scenario.yaml", "name: chengdu", "name: paris", "name"),
        ] {
            let text = try AtomicFile.readText(AtomicFile.join(path, file))
            let edited = text.replacingOccurrences(of: from, with: to)
            #expect(edited != text, "\(from)")
            try AtomicFile.write(edited, to: AtomicFile.join(path, file))
            let before = try files(path)
            for body in [
                { _ = try TrainingRun.resume(path, iterations: 5) }, { _ = try DispatchPolicy(contentsOf: path) },
                { _ = try LoadedRun(path) },
            ] {
                let refused = error(body)
                #expect(refused.contains("'\(key)'") && refused.contains(file), "\(refused)")
            }
            #expect(try files(path) == before)
            try AtomicFile.write(text, to: AtomicFile.join(path, file))
        }
        // When it saves is nobody's concern; the number of iterations has a range.
        #expect(error { _ = try TrainingRun.resume(path, iterations: 20_000_000) }.contains("iterations"))
        #expect(error { _ = try TrainingRun.resume(path, iterations: 2) }.contains("has done 3 already"))
        #expect(try files(path) == whole)
        #expect(throws: CSCError.self) {  // a source that gives other episodes
            try TrainingRun.resume(path) { _, _ in Scenario.haikou }
        }
        #expect(try TrainingRun.resume(path, iterations: 4).run())
    }

    /// The content of recorded orders counts, not where they lie.
    @Test func otherOrdersAreRefused() throws {
        let folder = try ReaderTests.Folder()
        let orders = try ReaderTests.threeDays(folder)
        func source(_ path: String) throws -> RecordedDays {
            try RecordedDays(try RecordedOrders.read(path), scenario: .haikou)
        }
        let run = folder.file("run")
        try TrainingRun.create(
            try configuration(1, ["episodes.orders=\(orders)"]), scenario: .haikou, source: try source(orders),
            folder: run
        ).run()
        let text = try AtomicFile.readText(orders)
        try AtomicFile.write(text.replacingOccurrences(of: "110.39", with: "110.38"), to: orders)
        let refused = error { _ = try TrainingRun.resume(run, iterations: 2) { _, _ in try source(orders) } }
        #expect(refused.contains("file of orders"), "\(refused)")
        try AtomicFile.write(text, to: orders)
        #expect(try TrainingRun.resume(run, iterations: 2) { _, _ in try source(orders) }.run())
    }

    /// A kill between checkpoint and policy, half-written files, lost tables: `resume` brings all up to date.
    @Test func whatAKillLeftIsMended() throws {
        let folder = TemporaryFolder()
        let path = folder.file("run")
        try TrainingRun.create(try configuration(4), scenario: .chengdu, folder: path).run()
        let whole = try files(path)
        for name in ["policy.ckpt", "evaluation.json"] {
            try FileManager.default.removeItem(atPath: AtomicFile.join(path, name))
        }
        for name in ["policy.ckpt.partial-0123456789abcdef", "checkpoints/best.ckpt.partial-fedcba9876543210"] {
            try Data([1]).write(to: URL(fileURLWithPath: AtomicFile.join(path, name)))
        }
        try AtomicFile.append("5,0.1,0.", to: AtomicFile.join(path, "metrics.csv"))
        #expect(try TrainingRun.resume(path).isComplete)
        #expect(try files(path) == whole)
    }

    /// Checkpoints that are gone, of a newer program or all damaged: nothing is begun again, removed or written.
    @Test func checkpointsAreNotGivenUp() throws {
        let folder = TemporaryFolder()
        func make(_ name: String) throws -> String {
            let path = folder.file(name)
            try TrainingRun.create(try configuration(6), scenario: .chengdu, folder: path).run()
            return path
        }
        func edit(_ file: String, _ change: (inout [UInt8]) -> Void) throws {
            var bytes = try AtomicFile.read(file)
            change(&bytes)
            try AtomicFile.write(bytes, to: file)
        }
        let gone = try make("gone")
        try FileManager.default.removeItem(atPath: gone + "/checkpoints")
        #expect(error { _ = try TrainingRun.resume(gone) }.contains("checkpoints are gone"))
        #expect(
            error { _ = try TrainingRun.create(try configuration(6), scenario: .chengdu, folder: gone) }
                .contains("holds a run already"))

        let newer = try make("newer")
        try edit(newer + "/checkpoints/iteration-000006.ckpt") { $0[8] = 2 }
        let before = try files(newer)
        #expect(error { _ = try TrainingRun.resume(newer, iterations: 9) }.contains("format 2"))
        #expect(try files(newer) == before)

        let damaged = try make("damaged")
        for iteration in [2, 4, 6] {
            try edit(damaged + "/checkpoints/iteration-00000\(iteration).ckpt") { $0.removeLast(9) }
        }
        let run = try TrainingRun.resume(damaged)  // the best one is whole
        #expect(run.refused.count == 3 && [3, 6].contains(run.iteration))
        #expect(try run.run())
        let other = try make("other")
        for name in ["policy.ckpt", "metrics.csv"] {
            #expect(try AtomicFile.read(damaged + "/" + name) == AtomicFile.read(other + "/" + name), "\(name)")
        }
        for file in try FileManager.default.contentsOfDirectory(atPath: other + "/checkpoints") {
            try edit(other + "/checkpoints/" + file) { $0.removeLast(9) }
        }
        let last = try files(other)
        #expect(error { _ = try TrainingRun.resume(other, iterations: 9) }.contains("iteration-000006.ckpt: damaged"))
        #expect(try files(other) == last)
    }

    /// A run that was killed while it began can be begun again; a folder with a run's remains is not taken.
    @Test func abandonedBeginningsAreTakenUp() throws {
        let folder = TemporaryFolder()
        let path = folder.file("rule")
        func begin() throws -> EvolutionRun {
            try EvolutionRun(creating: path, scenario: .haikou, options: small, generations: 6)
        }
        _ = try begin()
        try FileManager.default.removeItem(atPath: path + "/evolution.yaml")
        #expect(error { _ = try EvolutionRun(resuming: path) }.contains("no such file"))
        try begin().run()
        try FileManager.default.removeItem(atPath: path + "/evolution.yaml")
        #expect(error { _ = try begin() }.contains("no evolution.yaml"))
    }

    /// Numbers that are not finite end a run before anything of them is saved, and are refused where they are read.
    @Test func divergedTrainingSavesNothing() throws {
        final class Poison: TrainerExtension {
            let name = "poison"
            let metricColumns: [String] = []
            func beforeUpdate(_ rollout: RolloutBuffer, learner: Learner) {
                if learner.iteration == 3 { rollout.rewards[rollout.column("share")][0] = .infinity }
            }
            func afterIteration(_ rollout: RolloutBuffer, learner: Learner) -> [Double] { [] }
            func save(to checkpoint: inout Checkpoint) {}
            func load(from checkpoint: Checkpoint) {}
        }
        let folder = TemporaryFolder()
        let path = folder.file("run")
        let run = try TrainingRun.create(
            try configuration(8), scenario: .chengdu, folder: path, extensions: [Poison()])
        let message = error { try run.run() }
        #expect(message.contains("iteration 4") && message.contains("iteration-000002.ckpt"), "\(message)")
        let rows = try AtomicFile.readText(path + "/metrics.csv").split(separator: "\n")
        #expect(rows.count == 4)
        #expect(try DispatchPolicy(contentsOf: path).policy.actor.allSatisfy(\.isFinite))

        let policy = try DispatchPolicy(contentsOf: path).policy
        policy.actor[3] = .nan
        var saved = Checkpoint()
        policy.save(to: &saved)
        try saved.write(to: path + "/policy.ckpt")
        #expect(error { _ = try DispatchPolicy(contentsOf: path) }.contains("not finite"))
    }

    /// Where no worker has a task in reach there is nothing to learn, and the run says so.
    @Test func nothingInReachIsSaid() throws {
        let folder = TemporaryFolder()
        var city = Scenario.chengdu
        city.reach = 1e-6
        let run = try TrainingRun.create(try configuration(5), scenario: city, folder: folder.file("run"))
        #expect(error { try run.run() }.contains("no worker could take any task"))
    }

    /// A table of metrics that lost rows is gone on with, and that is said.
    @Test func lostMetricsAreSaid() throws {
        let folder = TemporaryFolder()
        let run = folder.file("run")
        try TrainingRun.create(try configuration(6), scenario: .chengdu, folder: run).run()
        let whole = try AtomicFile.readText(run + "/metrics.csv")
        let lines = whole.split(separator: "\n")
        try AtomicFile.write(
            (lines.prefix(3) + lines.suffix(1)).joined(separator: "\n") + "\n", to: run + "/metrics.csv")
        let resumed = try TrainingRun.resume(run, iterations: 8)
        #expect(resumed.notices.count == 1 && resumed.notices[0].contains("metrics.csv: 3 rows"), "\(resumed.notices)")
        try resumed.run()
    }

    @Test func wholeMetricsAreNotRemarkedOn() throws {
        let folder = TemporaryFolder()
        let run = folder.file("run")
        try TrainingRun.create(try configuration(5), scenario: .chengdu, folder: run).run()
        #expect(try TrainingRun.resume(run, iterations: 6).notices.isEmpty)
        let city = Scenario.haikou
        try EvolutionRun(creating: folder.file("rule"), scenario: city, options: small, generations: 3).run()
        #expect(try EvolutionRun(resuming: folder.file("rule"), generations: 4).notices.isEmpty)
    }

    /// A policy file that was cut or changed is refused; one that was written by hand names every weight.
    @Test func policyFilesAreWhole() throws {
        let text = try #require(LearntCoalitionPolicy.builtIn("cafe-chengdu")).text()
        #expect(try LearntCoalitionPolicy(text: text).text() == text)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[0].hasPrefix("checksum: "))
        for kept in 1..<lines.count - 1 {
            #expect(throws: (any Error).self, "\(kept) lines") {
                try LearntCoalitionPolicy(text: lines[..<kept].joined(separator: "\n") + "\n")
            }
        }
        let byHand = lines.dropFirst().joined(separator: "\n")
        #expect(try LearntCoalitionPolicy(text: byHand).text() == text)
        let missing = byHand.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.contains("order.virtualDelay") }.joined(separator: "\n")
        #expect(error { _ = try LearntCoalitionPolicy(text: missing) }.contains("order.virtualDelay"))
        #expect(
            error {
                _ = try LearntCoalitionPolicy(
                    text: text.replacingOccurrences(of: "horizonAhead: 12", with: "horizonAhead: 13"))
            }.contains("checksum"))
    }

    /// A refined policy is a run like others: it is read, and continues.
    @Test func aRefinedRunGoesOn() throws {
        let folder = TemporaryFolder()
        try TrainingRun.create(try configuration(3), scenario: .chengdu, folder: folder.file("first")).run()
        var options = Refinement.Options()
        options.updates = 2
        let refinement = try RefinementRun(
            run: try LoadedRun(folder.file("first")), settings: EpisodeSettings([.init(tasks: 25, workers: 15)]),
            options: options, episodes: 2, seed: 5,
            evaluation: [
                Scenario.haikou.instance(tasks: 25, workers: 15, seed: 9, episode: EpisodeRange.evaluation[0])
            ], source: Scenario.haikou)
        let (policy, report) = try refinement.refine(everyStage: false)
        try refinement.write(report, to: folder.file("second"), scenario: .haikou) { settings in
            try settings.apply(overrides: [
                "episodes.scenario=haikou", "episodes.tasks=[25]", "episodes.workersFixed=15",
            ])
        }
        let read = try DispatchPolicy(contentsOf: folder.file("second"))
        #expect(read.policy.actor == policy.actor && read.scenario == .haikou)
        let run = try TrainingRun.resume(folder.file("second"), iterations: 7)
        #expect(run.iteration == 5)
        #expect(try run.run())
    }
}
