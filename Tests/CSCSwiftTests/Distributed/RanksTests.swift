import CSCSwift
import Foundation
import Testing

/// Several ranks give the bits of one: evaluation, evolution, training, and stopping and going on at another number of them.
@Suite struct RanksTests {
    private static let tiny = [
        "episodes.tasks=[20]", "episodes.workers=[]", "episodes.workersFixed=20", "ppo.numEnvs=3", "evaluateEvery=3",
        "checkpointEvery=2", "evaluationEpisodes=2", "network.actorWidths=[8]", "network.criticWidths=[8]",
        "ppo.minibatchSize=300",
    ]

    private static func configuration(_ iterations: Int, _ reward: String = "share") throws -> TrainingConfiguration {
        var configuration = TrainingConfiguration()
        try configuration.apply(overrides: tiny + ["iterations=\(iterations)", "reward.variant=\(reward)"])
        return configuration
    }

    private static var evolution: EvolutionOptions {
        var options = EvolutionOptions()
        options.seed = 7
        options.population = 5
        options.settings = [.init(tasks: 20, workers: 8), .init(tasks: 12, workers: 8)]
        options.forecastEpisodes = 4
        options.referenceEpisodes = 2
        return options
    }

    /// Every file below a folder but the clock's and the lock's, by its name.
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
        #expect(first.count > 3, "\(what)")
        #expect(first.keys.sorted() == second.keys.sorted(), "\(what)")
        for (name, bytes) in first { #expect(second[name] == bytes, "\(what): \(name) differs") }
    }

    private func onRanks(_ ranks: Int, _ work: @escaping @Sendable (Int) throws -> Void) throws {
        for result in ThreadGroup.run(ranks, work) { try result.get() }
    }

    @Test func aGroupExchangesInOrder() throws {
        let results = ThreadGroup.run(3) { rank -> [[UInt8]] in
            var all: [[UInt8]] = []
            for round in 0..<50 {
                all += Ranks.current.gather([UInt8](repeating: UInt8(rank), count: (round + rank) % 4)).map(Array.init)
            }
            var numbers = [Float](repeating: -1, count: 6)
            for at in [[0], [1, 2], [3, 4, 5]][rank] { numbers[at] = Float(at) / 3 }
            Ranks.current.gather(in: &numbers, counts: [1, 2, 3])
            #expect(numbers == (0..<6).map { Float($0) / 3 })
            #expect(Ranks.any(rank == 2) && !Ranks.any(false))
            #expect(Ranks.first { [7, UInt8(rank)] } == [7, 0])
            return all
        }
        let expected = (0..<50).flatMap { round in
            (0..<3).map { [UInt8](repeating: UInt8($0), count: (round + $0) % 4) }
        }
        for result in results { #expect(try result.get() == expected) }
        #expect(Ranks.current.size == 1 && Ranks.isFirst)
    }

    @Test func evaluationIsTheSame() throws {
        let policies = [DispatcherKind.greedy, .coalition].map {
            $0.policy(tunedOn: Scenario.chengdu, tasks: 30, workers: 20, seed: 3, price: 0.01)
        }
        @Sendable func outcomes() -> [[Evaluation.Outcome]] {
            Evaluation.outcomes(policies, on: Scenario.chengdu, tasks: 30, workers: 20, seed: 3, episodes: 2..<25)
        }
        let alone = outcomes()
        #expect(Set(alone[0].map(\.revenue)).count > 10 && alone[0][0].tally != nil)
        for ranks in [2, 3, 5, 20] {
            for result in ThreadGroup.run(ranks, { _ in outcomes() }) { #expect(try result.get() == alone) }
        }
    }

    @Test func evolutionIsTheSame() throws {
        let folder = TemporaryFolder()
        try EvolutionRun(creating: folder.file("one"), scenario: .chengdu, options: Self.evolution, generations: 7)
            .run()
        for ranks in [2, 3, 5] {
            let path = folder.file("r\(ranks)")
            try onRanks(ranks) { _ in
                _ = try EvolutionRun(creating: path, scenario: .chengdu, options: Self.evolution, generations: 4).run()
            }
            try onRanks(ranks % 3 + 1) { _ in _ = try EvolutionRun(resuming: path, generations: 7).run() }
            try expectSame(folder.file("one"), path, "\(ranks) ranks")
        }
    }

    @Test(arguments: ["share", "share+difference+signed"])
    func trainingIsTheSame(_ reward: String) throws {
        let folder = TemporaryFolder()
        try TrainingRun.create(try Self.configuration(6, reward), scenario: .chengdu, folder: folder.file("one")).run()
        for ranks in [2, 3, 5] {
            let path = folder.file("r\(ranks)")
            try onRanks(ranks) { _ in
                _ = try TrainingRun.create(try Self.configuration(3, reward), scenario: .chengdu, folder: path).run()
            }
            try onRanks(ranks % 3 + 1) { _ in _ = try TrainingRun.resume(path, iterations: 6).run() }
            try expectSame(folder.file("one"), path, "\(ranks) ranks")
        }
    }

    @Test func aGameOfFixedHorizonIsTheSame() throws {
        let folder = TemporaryFolder()
        @Sendable func train(_ path: String) throws {
            var configuration = FixedHorizonConfiguration()
            try configuration.apply(overrides: [
                "iterations=3", "ppo.numEnvs=4", "ppo.numSteps=8", "checkpointEvery=2", "evaluateEvery=3",
                "evaluationEpisodes=4", "network.actorWidths=[4]", "network.criticWidths=[4]",
            ])
            _ = try FixedHorizonRun.create(configuration, folder: path).run()
        }
        let three = folder.file("three")
        try train(folder.file("one"))
        try onRanks(3) { _ in try train(three) }
        try expectSame(folder.file("one"), folder.file("three"), "3 ranks")
    }

    @Test func aRankThatDiffersIsNamed() throws {
        let folder = TemporaryFolder()
        let path = folder.file("run")
        let results = ThreadGroup.run(3) { rank in
            var configuration = try Self.configuration(4)
            if rank == 2 { try configuration.set("ppo.clipCoef", to: "0.3") }
            _ = try TrainingRun.create(configuration, scenario: .chengdu, folder: path)
        }
        #expect(results.count == 3)
        for result in results {
            guard case .failure(let error) = result else {
                Issue.record("a rank went on")
                continue
            }
            #expect("\(error)".contains("rank 2") && "\(error)".contains("ppo.clipCoef") && "\(error)".contains("0.3"))
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func wholeJobsAreDoneAloneAndOnce() throws {
        let folder = TemporaryFolder()
        let path = folder.file("job")
        try onRanks(3) { rank in
            try Ranks.divide(7) { number in
                #expect(Ranks.current.size == 1)
                try AtomicFile.write("\(rank)", to: path + "\(number)")
            }
            #expect(Ranks.current.size == 3 && FileManager.default.fileExists(atPath: path + "6"))
        }
        for number in 0..<7 { #expect(try AtomicFile.readText(folder.file("job\(number)")) == "\(number % 3)") }
    }

    @Test func onlyTheFirstRankWrites() throws {
        let folder = TemporaryFolder()
        let (all, own) = (folder.file("all"), folder.file("rank"))
        try onRanks(3) { rank in
            try AtomicFile.write("rank \(rank)", to: all)
            try AtomicFile.write("rank \(rank)", to: own + "\(rank)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("")).sorted() == ["all", "rank0"])
        #expect(try AtomicFile.readText(folder.file("all")) == "rank 0")
    }
}
