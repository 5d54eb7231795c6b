import CSCSwift
import Foundation
import Testing

@Suite("Learnt coalition")
struct LearntCoalitionTests {
    static func episodes(_ count: Int, tasks: Int = 60, workers: Int = 20) -> [Instance] {
        (0..<count).map {
            Scenario.chengdu.instance(tasks: tasks, workers: workers, seed: 3, episode: EpisodeRange.evaluation[$0])
        }
    }

    /// A policy without learning whose price, pay and workload are in plain units: mean pay 1, mean workload 20.
    static func policy(
        price: Double, horizonAhead: Double = 12, joint: Bool = true,
        _ change: (inout CoalitionWeights) -> Void = { _ in }
    ) -> LearntCoalitionPolicy {
        var weights = CoalitionWeights.constantPrice(price)
        change(&weights)
        return LearntCoalitionPolicy(
            rate: 1.0 / 20, horizonAhead: horizonAhead, joint: joint, weights: weights,
            forecast: DemandForecast(episodes(4)))
    }

    static func task(release: Double = 0, x: Double, workload: Double = 20, pay: Double = 1) -> SpatialTask {
        SpatialTask(
            release: release, x: x, y: 0, skill: 0, workload: workload, expected: 25, deadline: 60, pay: pay,
            penaltyRate: pay / 60)
    }

    /// A worker at (x, 0) who walks 1 km a minute.
    static func worker(x: Double, end: Double = 500, skill: Int = 0) -> Worker {
        Worker(x: x, y: 0, skills: SkillSet(skill: skill), speed: 1, reach: 100, shiftStart: 0, shiftEnd: end)
    }

    /// Plays an episode; returns the revenue and when each worker was sent where.
    static func play(
        _ policy: LearntCoalitionPolicy, tasks: [SpatialTask], workers: [Worker], horizon: Double = 60
    ) throws -> (revenue: Double, sent: [SettlementMember], game: SpatialCrowdsourcing) {
        let game = SpatialCrowdsourcing()
        let rule = LearntCoalition(policy)
        game.reset(try Instance(tasks: tasks, workers: workers, horizon: horizon))
        rule.begin(game, stream: RandomStream(seed: 0, purpose: .dispatcher))
        var sent: [SettlementMember] = []
        while !game.isOver {
            rule.dispatch(game)
            game.advance()
            sent += game.settlementMembers
        }
        return (game.revenue, sent.sorted { ($0.committed, $0.worker) < ($1.committed, $1.worker) }, game)
    }

    /// The same until `cut`. What is to come keeps its times, pay and workloads but lies elsewhere and asks for another
    /// skill.
    static func withOtherFuture(_ instance: Instance, after cut: Double) throws -> Instance {
        var tasks = instance.tasks
        for at in tasks.indices where tasks[at].release > cut {
            (tasks[at].x, tasks[at].y) = (10 - tasks[at].x, 10 - tasks[at].y)
            tasks[at].skill = (tasks[at].skill + 1) % 4
        }
        var workers = instance.workers
        for at in workers.indices where workers[at].shiftStart > cut {
            (workers[at].x, workers[at].y) = (10 - workers[at].x, 10 - workers[at].y)
        }
        return try Instance(tasks: tasks, workers: workers, horizon: instance.horizon)
    }

    @Test("at a constant price sends the team with the best profit a minute, and nobody at a loss")
    func constantPrice() throws {
        // Alone, the worker at 1 km is done at 21: full pay 1, 21 minutes. The second, at 10 km, would only cost.
        let tasks = [Self.task(x: 0)]
        let workers = [Self.worker(x: 1), Self.worker(x: 10), Self.worker(x: 0.5, skill: 1)]
        let played = try Self.play(Self.policy(price: 0.1), tasks: tasks, workers: workers)
        #expect(played.sent.map(\.worker) == [0])
        #expect(played.revenue == 1)
        // 21 minutes at 0.05 money per minute and price 1 cost 1.05: more than the task pays.
        #expect(try Self.play(Self.policy(price: 1), tasks: tasks, workers: workers).sent.isEmpty)
    }

    @Test("a team forms where one worker alone would be too late for full pay")
    func team() throws {
        let tasks = [Self.task(x: 0, workload: 44)]
        let workers = [Self.worker(x: 1), Self.worker(x: 3)]
        let played = try Self.play(Self.policy(price: 0.01), tasks: tasks, workers: workers)
        // (t - 1) + (t - 3) = 44: done at 24, before 25.
        #expect(played.sent.map(\.worker) == [0, 1])
        #expect(played.revenue == 1)
    }

    @Test("nobody is sent where a worker about to be free will be sooner; without virtual members one is")
    func virtualMembers() throws {
        // Worker 0 works at 0 until 6. Task 1 appears beside it at 2; worker 1 is 18 km away.
        let tasks = [Self.task(x: 0, workload: 6), Self.task(release: 2, x: 0.5)]
        let workers = [Self.worker(x: 0), Self.worker(x: 18.5)]
        let kept = try Self.play(Self.policy(price: 0.01), tasks: tasks, workers: workers)
        #expect(kept.sent.filter { $0.worker == 1 && $0.committed < 6 }.isEmpty)
        #expect(kept.sent.contains { $0.worker == 0 && $0.committed == 6 })
        let alone = try Self.play(Self.policy(price: 0.01, horizonAhead: 0), tasks: tasks, workers: workers)
        #expect(alone.sent.contains { $0.worker == 1 && $0.committed == 2 })
    }

    @Test("dealt jointly, a worker leaves the task that it would serve best to another who has nothing else near")
    func jointly() throws {
        // Worker 0 is 4.4 from task 0 and 4.6 from task 1; worker 1 is 4.5 and 13.5 away. Full pay: there by 5.
        let tasks = [Self.task(x: 0), Self.task(x: 9)]
        let workers = [Self.worker(x: 4.4), Self.worker(x: -4.5)]
        // One after the other: worker 0 takes task 0, worker 1 is 8.5 minutes late at task 1.
        let greedy = try Self.play(Self.policy(price: 0.01, joint: false), tasks: tasks, workers: workers)
        #expect(abs(greedy.revenue - (2 - 8.5 / 60)) < 1e-9)
        let joint = try Self.play(Self.policy(price: 0.01), tasks: tasks, workers: workers)
        #expect(joint.revenue == 2)
        #expect(joint.sent.map(\.arrival) == [4.6, 4.5])
        // Whichever side is the longer: a third task far away, or a third worker, changes nothing.
        let more = try Self.play(
            Self.policy(price: 0.01), tasks: tasks + [Self.task(x: 90)], workers: workers)
        #expect(more.sent.prefix(2).map(\.arrival) == [4.6, 4.5])
        let further = try Self.play(
            Self.policy(price: 0.01), tasks: tasks, workers: workers + [Self.worker(x: -30)])
        #expect(further.sent.map(\.arrival) == [4.6, 4.5])
    }

    @Test(
        "knows nothing of the future: other tasks and workers to come, the same decisions now",
        arguments: [false, true])
    func future(joint: Bool) throws {
        var policy = try #require(LearntCoalitionPolicy.builtIn("cafe-chengdu"))
        #expect(policy.joint)
        policy.joint = joint
        let cut = 20.0
        var (before, after) = (0, 0)
        for episode in 0..<4 {
            let instance = Scenario.chengdu.instance(
                tasks: 120, workers: 30, seed: 8, episode: EpisodeRange.evaluation[episode])
            let other = try Self.withOtherFuture(instance, after: cut)
            let one = try Self.play(policy, tasks: instance.tasks, workers: instance.workers, horizon: 135).sent
            let two = try Self.play(policy, tasks: other.tasks, workers: other.workers, horizon: 135).sent
            func moves(_ sent: [SettlementMember], _ isEarly: Bool) -> [[Double]] {
                sent.filter { ($0.committed <= cut) == isEarly }.map { [$0.committed, Double($0.worker), $0.arrival] }
            }
            #expect(moves(one, true) == moves(two, true))
            before += moves(one, true).count
            if moves(one, false) != moves(two, false) { after += 1 }
        }
        #expect(before > 40 && after == 4)
    }

    @Test("the last job of a shift is kept for the shift's end once it has a worth")
    func lastJob() throws {
        // The job outlasts the shift whenever it begins; begun within the first 5 minutes it is paid in full.
        let tasks = [Self.task(x: 0, pay: 1)]
        let workers = [Self.worker(x: 0, end: 15)]
        let plain = try Self.play(Self.policy(price: 0.05), tasks: tasks, workers: workers)
        #expect(plain.sent.map(\.committed) == [0])
        let priced = Self.policy(price: 1) { $0.lastJob = 4 }
        let kept = try Self.play(priced, tasks: tasks, workers: workers)
        #expect(kept.sent.count == 1)
        #expect(kept.sent[0].committed > 5 && kept.sent[0].committed < 15)
    }

    @Test("sends only those who are on shift, qualified and within reach, whatever the weights")
    func legality() {
        var stream = RandomStream(seed: 5, purpose: .test)
        for round in 0..<6 {
            var weights = CoalitionWeights.constantPrice(0.1)
            weights.vector = zip(weights.vector, CoalitionWeights.scales).map { $0 + $1 * stream.normal() }
            let instance = Scenario.chengdu.instance(
                tasks: 120, workers: 40, seed: 8, episode: EpisodeRange.evaluation[round])
            let policy = LearntCoalitionPolicy(
                rate: 0.006, weights: weights, forecast: DemandForecast(Self.episodes(4)))
            let game = SpatialCrowdsourcing()
            let rule = LearntCoalition(policy)
            game.reset(instance)
            rule.begin(game, stream: RandomStream(seed: 0, purpose: .dispatcher))
            var jobs = 0
            while !game.isOver {
                rule.dispatch(game)
                game.advance()
                for settlement in game.settlements {
                    let task = instance.tasks[settlement.task]
                    for member in game.settlementMembers[settlement.members] {
                        let worker = instance.workers[member.worker]
                        jobs += 1
                        #expect(worker.skills.has(task.skill))
                        #expect(worker.shiftStart <= member.committed && member.committed < worker.shiftEnd)
                        #expect(member.committed >= task.release)
                        #expect((member.arrival - member.committed) * worker.speed <= worker.reach + 1e-9)
                    }
                }
            }
            #expect(jobs > 20)
        }
    }

    @Test("a policy's file reads back exactly; a wrong one is refused by name")
    func file() throws {
        var weights = CoalitionWeights.constantPrice(0.3)
        weights.vector = weights.vector.enumerated().map { $1 + 0.1 * Double($0) / 3 }
        let policy = LearntCoalitionPolicy(
            name: "a", origin: "a test", rate: 0.00625, weights: weights, forecast: DemandForecast(Self.episodes(3)))
        let text = try policy.text()
        #expect(try LearntCoalitionPolicy(text: text) == policy)
        // Files from before there was joint planning say nothing of it and are planned greedily, as they were learnt.
        var greedy = policy
        greedy.joint = false
        #expect(policy.joint && text.contains("joint: true"))
        #expect(try !greedy.text().contains("joint"))
        #expect(try LearntCoalitionPolicy(text: greedy.text()) == greedy)
        let byHand = text.split(separator: "\n").dropFirst().joined(separator: "\n")  // without the checksum
        let renamed = byHand.replacingOccurrences(of: "price.pressure:", with: "price.presure:")
        #expect { try LearntCoalitionPolicy(text: renamed) } throws: { "\($0)".contains("price.presure") }
        let newer = byHand.replacingOccurrences(of: "format: 1", with: "format: 9")
        #expect { try LearntCoalitionPolicy(text: newer) } throws: { "\($0)".contains("format") }
        #expect(throws: CSCError.self) { try LearntCoalitionPolicy(contentsOf: "no/such/policy.yaml") }
    }

    @Test(
        "an artefact that comes with the product earns more than the coalition rule at its best constant price",
        // The whole interval over 24 episodes lies above the bound for every price of the grid (measured: 1.2, .8).
        arguments: [("cafe-chengdu", Scenario.chengdu, 100, 0.5), ("cafe-haikou", .haikou, 50, 0.3)])
    func artefact(name: String, city: Scenario, workers: Int, bound: Double) throws {
        #expect(LearntCoalitionPolicy.builtIn("cafe-nowhere") == nil)
        #expect(LearntCoalitionPolicy.builtInNames.contains(name))
        let policy = try #require(try LearntCoalitionPolicy.named(name))
        #expect(policy.name == name)
        try policy.forecast.validate()
        let plain = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4].map { price in
            PolicySource(name: "plain \(price)") {
                let game = SpatialCrowdsourcing()
                let rule = CoalitionRule(price: price * policy.rate)
                return { rule.play($0, in: game, stream: $1) }
            }
        }
        let revenue = Evaluation.run(
            plain + [policy.source()], on: city, tasks: 200, workers: workers, seed: 4, episodes: 0..<24)
        for other in revenue.dropLast() {
            #expect(Summary.paired(revenue[plain.count], minus: other).lower > bound)
        }
    }

    @Test("an artefact knows what the run that made it knew: the same rate and forecast")
    func artefactForecast() throws {
        let policy = try #require(LearntCoalitionPolicy.builtIn("cafe-chengdu"))
        var options = EvolutionOptions()
        options.features = .minutes
        let run = try CoalitionTrainer(scenario: .chengdu, options: options)
        #expect(policy.rate == run.policy.rate && policy.forecast == run.policy.forecast)
        #expect(
            policy.origin.hasSuffix("cafe-cli evolve --scenario chengdu --seed 1 --set features=1 --generations 300"))
        let other = LearntCoalitionPolicy(untrained: Self.episodes(3))
        #expect(policy.forecasting(Self.episodes(3)).forecast == other.forecast)
        #expect(policy.forecasting(Self.episodes(3)).weights == policy.weights)
    }

    @Test("weights as a vector and back, each with its own name")
    func vector() {
        var weights = CoalitionWeights()
        let values = CoalitionWeights.names.indices.map { Double($0) + 1 }
        weights.vector = values
        #expect(weights.vector == values)
        #expect(Set(CoalitionWeights.names).count == values.count)
        #expect(CoalitionWeights.scales.allSatisfy { $0 > 0 })
    }
}

@Suite("Demand forecast")
struct DemandForecastTests {
    @Test("counts releases and shifts, and finds the hot spot")
    func counts() throws {
        // 90 tasks in one corner in the first half, 10 spread along the diagonal in the second.
        let tasks =
            (0..<90).map { LearntCoalitionTests.task(release: Double($0) / 3, x: 0.1 * Double($0 % 10)) }
            + (0..<10).map { k in
                var task = LearntCoalitionTests.task(release: 30 + 3 * Double(k), x: 1 + Double(k))
                task.y = 1 + Double(k)
                return task
            }
        let workers = [LearntCoalitionTests.worker(x: 0, end: 30), LearntCoalitionTests.worker(x: 0, end: 60)]
        let forecast = DemandForecast([try Instance(tasks: tasks, workers: workers, horizon: 60)])
        let half = DemandForecast.bins / 2
        #expect(abs(forecast.releasedBy[half - 1] - 0.9) < 1e-12)
        #expect(forecast.releasedBy.last == 1)
        #expect(zip(forecast.releasedBy, forecast.releasedBy.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(forecast.onShift[0] == 1 && forecast.onShift[half] == 0.5)
        #expect(forecast.onShift.last == 0)
        #expect(forecast.logDensity[0] == forecast.logDensity.max())
        // An empty cell: a tenth of the mean.
        #expect(abs(forecast.logDensity[DemandForecast.side - 1] - log(0.1)) < 1e-12)
    }
}
