import CSCSwift
import Foundation
import Testing

/// Learnt relocation: what it earns, what it may not depend on, and its weights as a file.
@Suite("Learnt relocation", .serialized) struct RelocatorTests {
    static let moving = GameOptions(relocate: true)

    static func cafe(_ scenario: Scenario, _ tasks: Int, _ workers: Int) throws -> LearntCoalitionPolicy {
        try #require(LearntCoalitionPolicy.builtIn("cafe")).adapted(to: scenario, tasks: tasks, workers: workers)
    }

    static func play(
        _ policy: LearntCoalitionPolicy, _ options: GameOptions, _ city: Scenario = .chengdu, episodes: Int = 24
    ) -> [Double] {
        Evaluation.run(
            [policy.source(options: options)], on: city, tasks: 200, workers: 50, seed: 3, episodes: 0..<episodes,
            of: .heldOut)[0]
    }

    @Test("it earns more than to stand, and as much where nobody is moved")
    func earns() throws {
        let policy = try Self.cafe(.haikou, 200, 50)
        let standing = Self.play(policy, GameOptions(), .haikou)
        let moved = Self.play(policy, Self.moving, .haikou)
        let gain = Summary.paired(moved, minus: standing)
        #expect(gain.lower > 0, "\(gain)")
        var nobody = policy
        nobody.relocation = .standing
        #expect(Self.play(nobody, Self.moving, .haikou) == standing)
        #expect(Self.play(nobody, GameOptions(), .haikou) == standing)
    }

    @Test("without a forecast nobody is moved")
    func withoutForecast() throws {
        let policy = try #require(LearntCoalitionPolicy.builtIn("cafe"))
        #expect(policy.forecast.isFlat)
        #expect(Self.play(policy, Self.moving, episodes: 2) == Self.play(policy, GameOptions(), episodes: 2))
    }

    @Test("the same bits at one thread and two")
    func threads() throws {
        let policy = try Self.cafe(.haikou, 200, 50)
        let before = Threads.count
        defer { Threads.count = before }
        let revenues = [1, 2].map { count in
            Threads.count = count
            return Self.play(policy, Self.moving, .haikou, episodes: 6)
        }
        #expect(revenues[0] == revenues[1])
    }

    /// What is to come, places and skills, must not change a decision before it is there.
    @Test("it does not look at tasks to come")
    func noForesight() throws {
        let policy = try Self.cafe(.chengdu, 120, 40)
        let instance = Scenario.chengdu.instance(tasks: 120, workers: 40, seed: 8, episode: EpisodeRange.heldOut[0])
        let time = 40.0
        let other = try Instance(
            tasks: instance.tasks.map { task in
                if task.release <= time { return task }
                var changed = task
                (changed.x, changed.y) = (10 - task.x, 10 - task.y)
                changed.skill = (task.skill + 1) % 4
                return changed
            }, workers: instance.workers, horizon: instance.horizon, seed: instance.seed, side: instance.side)
        func places(_ instance: Instance) -> [[Double]] {
            let game = SpatialCrowdsourcing(options: Self.moving)
            let rule = LearntCoalition(policy)
            game.reset(instance)
            rule.begin(game, stream: RandomStream(seed: 1, purpose: .dispatcher))
            var all: [[Double]] = []
            while game.now <= time {
                rule.dispatchWindow(game)
                all.append(game.workers.indices.flatMap { [game.destination(of: $0).x, game.destination(of: $0).y] })
                game.advance()
            }
            return all
        }
        let (one, two) = (places(instance), places(other))
        #expect(one == two)
        #expect(one.last != one.first)
    }

    @Test("money, lengths and the order of workers do not matter")
    func invariant() throws {
        let instance = Scenario.haikou.instance(tasks: 100, workers: 30, seed: 5, episode: EpisodeRange.heldOut[0])
        let past = (0..<8).map {
            Scenario.haikou.instance(tasks: 100, workers: 30, seed: 5, episode: EpisodeRange.forecast[$0])
        }
        func scaled(_ instance: Instance, money: Double, km: Double, reversed: Bool) throws -> Instance {
            let tasks = instance.tasks.map { task in
                var task = task
                (task.x, task.y) = (task.x * km, task.y * km)
                (task.pay, task.penaltyRate) = (task.pay * money, task.penaltyRate * money)
                return task
            }
            let workers = instance.workers.map { worker in
                var worker = worker
                (worker.x, worker.y) = (worker.x * km, worker.y * km)
                (worker.speed, worker.reach) = (worker.speed * km, worker.reach * km)
                return worker
            }
            return try Instance(
                tasks: tasks, workers: reversed ? workers.reversed() : workers, horizon: instance.horizon,
                seed: instance.seed, side: instance.side * km)
        }
        func revenue(money: Double, km: Double, reversed: Bool) throws -> Double {
            let cafe = try #require(LearntCoalitionPolicy.builtIn("cafe"))
            let policy = cafe.forecasting(try past.map { try scaled($0, money: money, km: km, reversed: false) })
            let game = SpatialCrowdsourcing(options: Self.moving)
            let earned = LearntCoalition(policy).play(
                try scaled(instance, money: money, km: km, reversed: reversed), in: game,
                stream: RandomStream(seed: 1, purpose: .dispatcher))
            #expect(game.tally.relocations > 0)
            return earned / money
        }
        let usual = try revenue(money: 1, km: 1, reversed: false)
        // Powers of two: exact in every number.
        #expect(try revenue(money: 8, km: 1, reversed: false) == usual)
        #expect(try revenue(money: 1, km: 4, reversed: false) == usual)
        #expect(abs(try revenue(money: 1, km: 1, reversed: true) - usual) < 1e-9)
    }

    @Test("a file without weights of relocation reads as before, and one with them to the same bits")
    func file() throws {
        var policy = try #require(LearntCoalitionPolicy.builtIn("cafe"))
        let before = try policy.text()
        // Files of policies without them have not changed.
        #expect(!before.contains("\nrelocation:") && !before.contains("relocate."))
        #expect(try LearntCoalitionPolicy(text: before).relocation == nil)
        var weights = RelocationWeights()
        weights.vector = weights.vector.map { $0 + 0.1 }
        policy.relocation = weights
        let text = try policy.text()
        #expect(try LearntCoalitionPolicy(text: text) == policy)
        let lines = text.split(separator: "\n").dropFirst()
        let without = lines.filter { !$0.contains("relocate.price") }.joined(separator: "\n")
        #expect(throws: CSCError.self) { try LearntCoalitionPolicy(text: without) }
        let unknown = lines.joined(separator: "\n").replacing("relocate.price", with: "relocate.prize")
        do {
            _ = try LearntCoalitionPolicy(text: unknown)
            Issue.record("an unknown weight was taken")
        } catch {
            #expect("\(error)".contains("relocate.prize"))
        }
    }

    @Test("live, it says where idle workers should wait")
    func live() throws {
        let policy = try Self.cafe(.haikou, 200, 50)
        let instance = Scenario.haikou.instance(tasks: 200, workers: 50, seed: 3, episode: EpisodeRange.heldOut[0])
        let scale = Snapshot.Scale(.haikou, tasksPerWorker: 4)
        let live = LiveDispatcher(LearntCoalition(policy), scale: scale, options: Self.moving)
        let open = instance.tasks.filter { $0.release <= 5 }
        let pairs = try live.assign(workers: instance.workers, tasks: open, now: 5)
        #expect(!live.relocations.isEmpty)
        let sent = Set(pairs.map(\.worker))
        for move in live.relocations {
            let worker = instance.workers[move.worker]
            #expect(!sent.contains(move.worker) && worker.shiftStart <= 5)
            #expect((move.x, move.y) != (worker.x, worker.y))
        }
        let plain = LiveDispatcher(LearntCoalition(policy), scale: scale)
        _ = try plain.assign(workers: instance.workers, tasks: open, now: 5)
        #expect(plain.relocations.isEmpty)
    }

    @Test("evolve learns the weights of relocation, and resumes with the same bits")
    func evolves() throws {
        var options = EvolutionOptions()
        for (key, value) in [
            ("relocate", "true"), ("population", "4"), ("settings", "30/8"), ("forecastEpisodes", "4"),
            ("referenceEpisodes", "2"),
        ] { try options.set(key, to: value) }
        let trainer = try CoalitionTrainer(scenario: .chengdu, options: options)
        _ = trainer.step()
        let again = try CoalitionTrainer(
            scenario: .chengdu, options: options, checkpoint: try trainer.checkpoint())
        _ = trainer.step()
        _ = again.step()
        let learnt = try #require(trainer.policy.relocation)
        #expect(learnt != RelocationWeights() && again.policy == trainer.policy)
        #expect(trainer.policy.origin.contains("--set relocate=true"))
    }
}
