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

/// One step an episode: an agent sees a side, drawn again each time, and earns 1 by naming it.
private final class NameTheSide: BatchedEnvironment {
    let environmentCount: Int
    let agentsPerEnvironment = 1
    let observationWidth = 2
    let actionCount = 2
    private var stream = RandomStream(seed: 1, purpose: .test)
    private var sides: [Int]

    init(_ count: Int) {
        environmentCount = count
        sides = [Int](repeating: 0, count: count)
        draw()
    }

    private func draw() {
        for index in sides.indices { sides[index] = stream.index(below: 2) }
    }

    func reset(seed: UInt64, firstIndex: Int) {
        stream = RandomStream(seed: seed, purpose: .test, index: UInt64(firstIndex))
        draw()
    }

    func observe(_ observations: inout MutableSpan<Float>) {
        for index in sides.indices {
            observations[2 * index] = sides[index] == 0 ? 1 : -1
            observations[2 * index + 1] = 1
        }
    }

    func step(
        actions: Span<Int32>, observations: inout MutableSpan<Float>, finalObservations: inout MutableSpan<Float>,
        rewards: inout MutableSpan<Float>, ends: inout MutableSpan<StepEnd>
    ) {
        for index in sides.indices {
            rewards[index] = Int(actions[index]) == sides[index] ? 1 : 0
            ends[index] = .terminated
        }
        draw()
        observe(&observations)
    }

    func save(to checkpoint: inout Checkpoint, name: String) {}
    func load(from checkpoint: Checkpoint, name: String) throws(CSCError) {}
}

@Suite struct FixedHorizonTests {
    /// What an agent does is learnt from what it saw when it did it, from the first step of a rollout to the last.
    @Test(arguments: [1, 2]) func everyStepIsPairedWithWhatWasSeen(steps: Int) throws {
        var settings = FixedHorizonSettings()
        settings.numEnvs = 64
        settings.numSteps = steps
        settings.numMinibatches = 1
        settings.learningRate = 3e-3
        let trainer = try FixedHorizonTrainer(settings: settings, iterations: 120, seed: 3) { NameTheSide($0) }
        var last = 0.0
        for _ in 0..<120 { last = trainer.iterate().episodicReturn }
        #expect(last > 0.9, "chance earns .5, the game is worth 1; the last rollout had \(last)")
    }

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
