import CSCSwift
import Foundation
import Testing

/// Steps of PettingZoo's simple_spread_v3, recorded by Benchmarks/Peers/spread_fixture.py.
private struct RecordedStep {
    var episode: Int, step: Int
    var agents, velocities, landmarks: [Float]
    var actions: [Int32]
    var rewards, observations: [Float]

    static func load() throws -> [RecordedStep] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: folder.appending(path: "Fixtures/simple_spread.csv"), encoding: .utf8)
        return try text.split(separator: "\n").dropFirst().map { line in
            let fields = try line.split(separator: ",").map { try #require(Double($0)) }
            #expect(fields.count == 2 + 18 + 3 + 3 + 54)
            func floats(_ from: Int, _ count: Int) -> [Float] { fields[from..<(from + count)].map { Float($0) } }
            return RecordedStep(
                episode: Int(fields[0]), step: Int(fields[1]), agents: floats(2, 6), velocities: floats(8, 6),
                landmarks: floats(14, 6), actions: fields[20..<23].map { Int32($0) }, rewards: floats(23, 3),
                observations: floats(26, 54))
        }
    }
}

/// Plays on caller-owned arrays, as a learner does.
private struct Player {
    let game: SimpleSpread
    var observations, finals, rewards: [Float]
    var ends: [StepEnd]

    init(_ game: SimpleSpread) {
        self.game = game
        let rows = game.environmentCount * game.agentsPerEnvironment
        observations = [Float](repeating: .nan, count: rows * game.observationWidth)
        finals = observations
        rewards = [Float](repeating: .nan, count: rows)
        ends = [StepEnd](repeating: .terminated, count: game.environmentCount)
        game.observe(&observations)
    }

    mutating func step(_ actions: [Int32]) {
        game.step(
            actions: actions, observations: &observations, finalObservations: &finals, rewards: &rewards,
            ends: &ends)
    }
}

private func worst(_ a: some Sequence<Float>, _ b: some Sequence<Float>) -> Float {
    zip(a, b).map { abs($0 - $1) }.max() ?? 0
}

@Suite struct SimpleSpreadTests {
    /// Pre-condition: the state before a recorded step. Identity: one step of ours is one step of PettingZoo's, to
    /// float's precision (the contact force is stiff: 1e5 times a rounding error of the distance).
    @Test func eachStepIsPettingZoos() throws {
        var contacts = 0
        for recorded in try RecordedStep.load() {
            // The world sits in the middle of a batch: lanes must not mix.
            let game = SimpleSpread(environmentCount: 21, horizon: 1000)
            let world = 17
            game.place(
                environment: world, agents: recorded.agents.span, velocities: recorded.velocities.span,
                landmarks: recorded.landmarks.span)
            var player = Player(game)
            var actions = [Int32](repeating: 0, count: 63)
            for agent in 0..<3 { actions[world * 3 + agent] = recorded.actions[agent] }
            player.step(actions)
            let rewards = player.rewards[(world * 3)..<(world * 3 + 3)]
            let seen = player.observations[(world * 54)..<(world * 54 + 54)]
            #expect(worst(rewards, recorded.rewards) < 2e-6, "episode \(recorded.episode) step \(recorded.step)")
            #expect(worst(seen, recorded.observations) < 2e-5, "episode \(recorded.episode) step \(recorded.step)")
            if Set(recorded.rewards).count > 1 { contacts += 1 }
        }
        #expect(contacts >= 10, "the fixture must hold contacts")
    }

    /// The same episodes played freely from their beginning: errors of rounding must not add up to anything.
    @Test func wholeEpisodesAreFollowed() throws {
        let steps = try RecordedStep.load()
        for first in steps where first.step == 0 {
            let game = SimpleSpread()
            game.place(
                environment: 0, agents: first.agents.span, velocities: first.velocities.span,
                landmarks: first.landmarks.span)
            var player = Player(game)
            for recorded in steps where recorded.episode == first.episode {
                player.step(recorded.actions)
                let last = recorded.step == 24
                #expect(player.ends[0] == (last ? .truncated : .continues))
                let seen = last ? player.finals : player.observations
                #expect(worst(seen, recorded.observations) < 2e-3)
                #expect(worst(player.rewards, recorded.rewards) < 1e-3)
            }
        }
    }

    /// A fault planted in the state must be seen by the comparison above.
    @Test func aMovedLandmarkIsNoticed() throws {
        let recorded = try RecordedStep.load()[0]
        var landmarks = recorded.landmarks
        landmarks[3] += 0.001
        let game = SimpleSpread()
        game.place(
            environment: 0, agents: recorded.agents.span, velocities: recorded.velocities.span,
            landmarks: landmarks.span)
        var player = Player(game)
        player.step(recorded.actions)
        #expect(worst(player.observations, recorded.observations) > 5e-4)
    }

    /// A world is a function of seed, index, episode and actions: not of the batch around it, nor of the threads.
    @Test func worldsDoNotDependOnBatchOrThreads() {
        let before = Threads.count
        defer { Threads.count = before }
        var stream = RandomStream(seed: 5, purpose: .test)
        var actions = [Int32](repeating: 0, count: 600 * 3)
        func play(_ count: Int, from first: Int, threads: Int) -> [Float] {
            Threads.count = threads
            let game = SimpleSpread(environmentCount: count, horizon: 7)
            game.reset(seed: 9, firstIndex: first)
            var player = Player(game)
            var log = player.observations
            var draws = stream
            for _ in 0..<20 {
                var all = actions.mutableSpan
                draws.fill(&all, below: 5)
                player.step(Array(actions[(first * 3)..<((first + count) * 3)]))
                log = zip(log, player.observations).map { $0 * 0.5 + $1 }
                log = zip(log, player.observations.indices.map { player.rewards[$0 / 18] }).map { $0 + $1 }
            }
            return log
        }
        let whole = play(600, from: 0, threads: 1)
        #expect(play(600, from: 0, threads: 2) == whole)
        #expect(play(600, from: 0, threads: 7) == whole)
        #expect(play(33, from: 100, threads: 2) == Array(whole[(100 * 54)..<(133 * 54)]))
        #expect(whole.allSatisfy { $0.isFinite })
        _ = stream.next()
        #expect(play(600, from: 0, threads: 1) != whole)
    }

    /// Episodes begin uniformly in the square, agents at rest, and never twice alike.
    @Test func beginningsAreUniform() {
        let game = SimpleSpread(environmentCount: 4096, horizon: 1)
        game.reset(seed: 3)
        var player = Player(game)
        let first = player.observations
        player.step([Int32](repeating: 0, count: 4096 * 3))
        #expect(player.observations != first)
        for column in 0..<4 {
            let values = stride(from: column, to: first.count, by: 18).map { Double(first[$0]) }
            let mean = values.reduce(0, +) / Double(values.count)
            let square = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
            if column < 2 {
                #expect(square == 0)
            } else {
                #expect(values.allSatisfy { $0 >= -1 && $0 < 1 })
                #expect(abs(mean) < 5 * (1 / 3.0 / 12288).squareRoot())
                #expect(abs(square - 1 / 3.0) < 5 * (4 / 45.0 / 12288).squareRoot())
            }
        }
    }

    /// `fill` gives the numbers that the blocks of the stream spell, and moves the stream on past them.
    @Test func filledIntegersAreUniform() {
        var stream = RandomStream(seed: 1, purpose: .test)
        var numbers = [Int32](repeating: -1, count: 100_003)
        var span = numbers.mutableSpan
        stream.fill(&span, below: 5)
        #expect(stream.counter == 25_001)
        var counts = [Int](repeating: 0, count: 5)
        for number in numbers { counts[Int(number)] += 1 }
        let expected = Double(numbers.count) / 5
        let chiSquare = counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        #expect(chiSquare < 18.47, "0.1 % of a chi-square with four degrees of freedom lies above")
    }
}
