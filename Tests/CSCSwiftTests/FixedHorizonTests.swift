import CSCSwift
import Testing

private func trainer(seed: UInt64, iterations: Int = 30) throws -> FixedHorizonTrainer {
    var settings = FixedHorizonSettings()
    settings.numEnvs = 48
    settings.numSteps = 50
    return try FixedHorizonTrainer(settings: settings, iterations: iterations, seed: seed) {
        SimpleSpread(environmentCount: $0)
    }
}

@Suite struct FixedHorizonTests {
    /// The same seed gives the same bits at 1, 2 and 7 threads; another seed does not.
    @Test func bitsDoNotDependOnThreads() throws {
        let before = Threads.count
        defer { Threads.count = before }
        func play(_ seed: UInt64, threads: Int) throws -> ([Float], [FixedHorizonReport]) {
            Threads.count = threads
            let trainer = try trainer(seed: seed)
            let reports = (0..<3).map { _ in trainer.iterate() }
            return (trainer.actorParameters + trainer.criticParameters, reports)
        }
        let one = try play(1, threads: 1)
        for threads in [2, 7] {
            let other = try play(1, threads: threads)
            #expect(other.0 == one.0)
            #expect(other.1 == one.1)
        }
        #expect(try play(2, threads: 1).0 != one.0)
        #expect(one.0.allSatisfy { $0.isFinite })
        #expect(one.1[2].agentSteps == 3 * 48 * 50 * 3)
        #expect(one.1[2].episodes == 96)
    }

    /// Thirty iterations (216,000 agent-steps) improve the return of random play by three of its standard errors.
    @Test func theReturnRises() throws {
        let trainer = try trainer(seed: 4)
        var returns: [Double] = []
        for _ in 0..<30 { returns.append(trainer.iterate().episodicReturn) }
        let early = returns[..<3].reduce(0, +) / 3
        let late = returns[27...].reduce(0, +) / 3
        #expect(early < -20, "random play earns about -27 an episode")
        #expect(late > early + 1.5, "from \(early) to \(late)")
    }

    @Test func settingsAreChecked() {
        var settings = FixedHorizonSettings()
        settings.gamma = 1.5
        #expect(throws: CSCError.configuration(key: "gamma", reason: "1.5 is not from 0 to 1")) {
            try settings.validate()
        }
        settings = FixedHorizonSettings()
        settings.numEnvs = 0
        #expect(throws: CSCError.self) { try settings.validate() }
    }
}
