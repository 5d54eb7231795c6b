import CSCSwift
import Testing

@Suite("Lookahead")
struct LookaheadTests {
    typealias Sent = [SettlementMember]

    /// Plays an episode; returns the revenue and who was sent when.
    static func play(
        _ rule: some Dispatcher, _ instance: Instance, seed: UInt64 = 1
    ) -> (revenue: Double, sent: Sent) {
        let game = SpatialCrowdsourcing()
        game.reset(instance)
        rule.begin(game, stream: RandomStream(seed: seed, purpose: .dispatcher))
        var sent: Sent = []
        while !game.isOver {
            rule.dispatch(game)
            game.advance()
            sent += game.settlementMembers
        }
        return (game.revenue, sent.sorted { ($0.committed, $0.worker) < ($1.committed, $1.worker) })
    }

    static func options(_ change: (inout LookaheadOptions) -> Void) -> LookaheadOptions {
        var options = LookaheadOptions()
        change(&options)
        return options
    }

    static let chengdu = LearntCoalitionPolicy.builtIn("cafe-chengdu")!

    static func day(_ episode: Int, tasks: Int = 60, workers: Int = 15) -> Instance {
        Scenario.chengdu.instance(tasks: tasks, workers: workers, seed: 11, episode: EpisodeRange.evaluation[episode])
    }

    @Test("without other plans it is the learnt rule, move for move")
    func alone() {
        let rule = LookaheadCoalition(
            Self.chengdu, futures: Scenario.chengdu, options: Self.options { $0.variants = 0 })
        for episode in 0..<3 {
            let ahead = Self.play(rule, Self.day(episode))
            let plain = Self.play(LearntCoalition(Self.chengdu), Self.day(episode))
            #expect(ahead.revenue == plain.revenue && ahead.sent == plain.sent && !plain.sent.isEmpty)
        }
    }

    @Test(
        "games with roles, refusals, breaks and cancellations are played to their end",
        arguments: ["field-service", "courier"])
    func extendedGames(city: String) throws {
        let scenario = try Scenario.find(city)
        let options = Self.options { ($0.futures, $0.variants) = (2, 2) }
        let rule = LookaheadCoalition(Self.chengdu, futures: scenario, options: options)
        for episode in 0..<2 {
            let day = scenario.instance(tasks: 60, workers: 15, seed: 7, episode: EpisodeRange.evaluation[episode])
            let played = Self.play(rule, day)
            #expect(played.revenue > 0 && !played.sent.isEmpty)
        }
    }

    @Test("a worker waits for the better task that is in every future, and goes at once where none is")
    func waits() throws {
        // The first task keeps the only worker until minute 30; the second, beside the worker, appears at 1, pays three
        // times as much and ends 24 minutes later.
        func task(release: Double, x: Double, pay: Double) -> SpatialTask {
            SpatialTask(
                release: release, x: x, y: 0, skill: 0, workload: 20, expected: 22, deadline: 24, pay: pay,
                penaltyRate: 0.01)
        }
        let near = task(release: 1, x: 0, pay: 3)
        let far = SpatialTask(
            release: 0, x: 10, y: 0, skill: 0, workload: 20, expected: 40, deadline: 60, pay: 1, penaltyRate: 0.01)
        let worker = LearntCoalitionTests.worker(x: 0)
        let present = try Instance(tasks: [far, near], workers: [worker], horizon: 60)
        let policy = LearntCoalitionTests.policy(price: 0.01)
        func revenue(futures: [SpatialTask]) throws -> (Double, [Double]) {
            let drawn = FixedInstance(
                name: "futures", instance: try Instance(tasks: futures, workers: [worker], horizon: 60))
            let options = Self.options {
                ($0.futures, $0.variants, $0.spread, $0.horizon) = (2, 40, 5, 60)
            }
            let played = Self.play(LookaheadCoalition(policy, futures: drawn, options: options), present)
            return (played.revenue, played.sent.map(\.committed))
        }
        #expect(Self.play(LearntCoalition(policy), present).sent.map(\.committed) == [0])
        let (waited, times) = try revenue(futures: [far, near])
        #expect(waited > 3 && times == [1, 21], "\(waited) \(times)")
        let (gone, at) = try revenue(futures: [far])
        #expect(gone == 1 && at == [0])
    }

    @Test("a future that ends early knows that who is free before its shift ends can begin one more job")
    func oneMoreJob() throws {
        // The longer task pays a little more and keeps the only worker beyond the end of its shift; the shorter one leaves it
        // time to begin the third, which appears at 20. Both are still in progress when a future of 10 minutes ends.
        func task(release: Double, workload: Double, pay: Double) -> SpatialTask {
            SpatialTask(
                release: release, x: 0, y: 0, skill: 0, workload: workload, expected: 45, deadline: 50, pay: pay,
                penaltyRate: 0.01)
        }
        var worker = LearntCoalitionTests.worker(x: 0)
        worker.shiftEnd = 30
        let day = try Instance(
            tasks: [
                task(release: 0, workload: 40, pay: 1.3), task(release: 0, workload: 20, pay: 1),
                task(release: 20, workload: 20, pay: 1),
            ],
            workers: [worker], horizon: 60)
        // By profit, whatever the minutes, the rule takes the longer one; so do plans where nothing counts at the end but pay.
        let policy = LearntCoalitionTests.policy(price: 0.01) { $0.minutesPower = 0 }
        #expect(Self.play(LearntCoalition(policy), day).revenue == 1.3)
        let futures = FixedInstance(name: "futures", instance: day)
        func revenue(_ change: (inout LookaheadOptions) -> Void) -> Double {
            let options = Self.options {
                ($0.futures, $0.variants, $0.spread, $0.horizon) = (2, 40, 5, 10)
                change(&$0)
            }
            return Self.play(LookaheadCoalition(policy, futures: futures, options: options), day).revenue
        }
        #expect(revenue { _ in } == 1.3)
        #expect(revenue { ($0.terminalPrice, $0.nearPrice, $0.lastJob, $0.coursePart) = (0.5, 0.4, 0.3, 0.85) } == 2)
    }

    @Test("the same seed gives the same moves at any number of threads; another seed draws other futures")
    func threads() {
        defer { Threads.count = 0 }
        let options = Self.options { ($0.futures, $0.variants) = (12, 6) }
        func play(_ threads: Int, seed: UInt64) -> [Sent] {
            Threads.count = threads
            let rule = LookaheadCoalition(Self.chengdu, futures: Scenario.chengdu, options: options)
            return (0..<2).map { Self.play(rule, Self.day($0), seed: seed).sent }
        }
        let one = play(1, seed: 1)
        #expect(one == play(2, seed: 1))
        #expect(one == play(7, seed: 1))
        #expect(one != play(1, seed: 2))
    }

    @Test("what is really to come is not looked at: other tasks and workers later, the same moves before")
    func future() throws {
        let cut = 45.0
        let options = Self.options { ($0.futures, $0.variants) = (8, 6) }
        var before = 0
        var isOtherAfter = false
        for episode in 0..<2 {
            let instance = Self.day(episode, tasks: 90, workers: 24)
            let other = try LearntCoalitionTests.withOtherFuture(instance, after: cut)
            let played = [instance, other].map {
                Self.play(LookaheadCoalition(Self.chengdu, futures: Scenario.chengdu, options: options), $0).sent
            }
            let (one, two) = (played[0], played[1])
            func moves(_ sent: Sent, _ isEarly: Bool) -> [[Double]] {
                sent.filter { ($0.committed <= cut) == isEarly }.map { [$0.committed, Double($0.worker), $0.arrival] }
            }
            #expect(moves(one, true) == moves(two, true))
            before += moves(one, true).count
            if moves(one, false) != moves(two, false) { isOtherAfter = true }
        }
        #expect(before > 15 && isOtherAfter)
    }

    @Test("it earns more than the learnt rule that it plays ahead by")
    func earnsMore() {
        let options = Self.options { ($0.futures, $0.variants) = (16, 8) }
        let episodes = 0..<36
        let ahead = Self.chengdu.source(lookahead: options, futures: Scenario.chengdu)
        let revenue = Evaluation.run(
            [Self.chengdu.source(), ahead], on: Scenario.chengdu, tasks: 80, workers: 20, seed: 11, episodes: episodes)
        let difference = Summary.paired(revenue[1], minus: revenue[0])
        #expect(difference.lower > 0, "\(difference.mean) [\(difference.lower), \(difference.upper)]")
    }

    @Test("options: keys are set by name, nonsense is refused by name")
    func optionKeys() throws {
        var options = LookaheadOptions()
        try options.apply(overrides: [
            "futures=5", "variants=2", "horizon=12.5", "joint=true", "confidence=0", "nearPrice=1", "lastJob=0",
            "coursePart=.5",
        ])
        #expect(options.futures == 5 && options.variants == 2 && options.horizon == 12.5 && options.joint)
        #expect(options.nearPrice == 1 && options.lastJob == 0 && options.coursePart == 0.5)
        #expect { try options.set("coursePart", to: "2") } throws: { "\($0)".contains("coursePart") }
        #expect { try options.set("future", to: "5") } throws: { "\($0)".contains("futures") }
        #expect { try options.set("futures", to: "1") } throws: { "\($0)".contains("futures") }
    }
}
