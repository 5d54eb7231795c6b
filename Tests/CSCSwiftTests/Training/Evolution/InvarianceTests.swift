import CSCSwift
import Testing

/// The same problem in other units, under other names or in another order has the same answer.
@Suite("Invariance of policies")
struct InvarianceTests {
    /// A change of units, names or order: what becomes of a task and of a worker.
    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var money = 1.0
        var kilometres = 1.0
        /// The new number of a skill.
        var renamed: @Sendable (Int) -> Int = { $0 }
        /// Skills that no task asks for, given to some workers.
        var added = 0
        var isPermuted = false

        init(_ name: String, _ change: (inout Change) -> Void) {
            testDescription = name
            change(&self)
        }

        func applied(to instance: Instance) throws -> Instance {
            var tasks = instance.tasks
            for at in tasks.indices {
                tasks[at].pay *= money
                tasks[at].penaltyRate *= money
                tasks[at].x *= kilometres
                tasks[at].y *= kilometres
                tasks[at].skill = renamed(tasks[at].skill)
            }
            var workers = instance.workers
            for at in workers.indices {
                workers[at].x *= kilometres
                workers[at].y *= kilometres
                workers[at].speed *= kilometres
                workers[at].reach *= kilometres
                workers[at].skills = SkillSet(skills: workers[at].skills.skills.map(renamed))
                // Unused ones below and above the used ones, for two workers in three.
                if at % 3 > 0 { for skill in 0..<added { workers[at].skills.insert(SkillSet(skill: 63 - 2 * skill)) } }
            }
            if isPermuted {
                tasks.reverse()
                workers.reverse()
            }
            return try Instance(tasks: tasks, workers: workers, horizon: instance.horizon)
        }
    }

    static let units = [
        Change("money times 100") { $0.money = 100 }, Change("money over 100") { $0.money = 0.01 },
        Change("money times 2^20") { $0.money = 1_048_576 },
        Change("miles") { $0.kilometres = 1 / 1.609344 }, Change("kilometres times 11") { $0.kilometres = 11 },
        Change("skills renamed") { $0.renamed = { 40 - 7 * $0 } },
        Change("unused skills added") { $0.added = 10 },
        Change("skills renamed, unused ones between them") {
            $0.renamed = { 60 - 4 * $0 }
            $0.added = 8
        },
    ]
    static let order = Change("tasks and workers in reverse") { $0.isPermuted = true }

    static func instance(_ episode: Int, tasks: Int = 90, workers: Int = 24) -> Instance {
        Scenario.chengdu.instance(tasks: tasks, workers: workers, seed: 21, episode: EpisodeRange.evaluation[episode])
    }
    static func training(_ change: Change?) throws -> [Instance] {
        try (0..<6).map { number in
            let drawn = Scenario.chengdu.instance(
                tasks: 120, workers: 40, seed: 22, episode: EpisodeRange.forecast[number])
            return try change?.applied(to: drawn) ?? drawn
        }
    }

    /// Who was sent to which task when, as numbers of the first instance: worker, task, window.
    static func moves(_ rule: any Dispatcher, _ instance: Instance, mirrored: Bool = false) -> [[Int]] {
        let game = SpatialCrowdsourcing()
        game.reset(instance)
        rule.begin(game, stream: RandomStream(seed: 3, purpose: .dispatcher))
        var moves: [[Int]] = []
        let lastWorker = instance.workers.count - 1
        while !game.isOver {
            let idle = game.idleWorkers
            rule.dispatch(game)
            for worker in idle where !game.isIdle(worker) {
                // Tasks are told by their release: it is the same in every order.
                let release = instance.tasks[game.task(of: worker)].release
                moves.append([Int(game.now), mirrored ? lastWorker - worker : worker, Int(release * 1e6)])
            }
            game.advance()
        }
        return moves.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// A worth of plans that was learnt in the first units.
    static let withWorth: LearntCoalitionPolicy = {
        var search = PlanWorthOptions()
        search.episodes = 4
        return LearntCoalitionPolicy.builtIn("cafe")!.forecasting(try! training(nil)).learningPlanWorth(
            on: Scenario.chengdu, tasks: 90, workers: 24, seed: 31, search: search)
    }()

    static func learnt(_ name: String, _ change: Change?) throws -> LearntCoalitionPolicy {
        if name == "cafe, worth of plans" { return withWorth.forecasting(try training(change)) }
        if let policy = LearntCoalitionPolicy.builtIn(name) { return policy.forecasting(try training(change)) }
        // Any weights: what is invariant is the form, not one artefact.
        var stream = RandomStream(seed: 5, purpose: .test)
        var policy = LearntCoalitionPolicy(
            untrained: try training(change), features: name.hasPrefix("scale-free") ? .scaleFree : .minutes)
        policy.weights.vector = zip(policy.weights.vector, CoalitionWeights.scales).map {
            $0 + 0.6 * $1 * stream.normal()
        }
        if name.hasSuffix("flat") { policy.forecast = .flat }
        return policy
    }

    static let learntNames =
        LearntCoalitionPolicy.builtInNames + [
            "cafe, worth of plans", "scale-free, drawn", "scale-free, drawn, flat", "minutes, drawn",
        ]

    @Test("a learnt rule decides alike in other units and under other names", arguments: learntNames, units)
    func learntUnits(name: String, change: Change) throws {
        for episode in 0..<2 {
            let plain = Self.instance(episode)
            let before = Self.moves(LearntCoalition(try Self.learnt(name, nil)), plain)
            let after = Self.moves(LearntCoalition(try Self.learnt(name, change)), try change.applied(to: plain))
            #expect(before == after)
            #expect(before.count > 20)
        }
    }

    @Test("a learnt rule decides alike in whatever order tasks and workers come", arguments: learntNames)
    func learntOrder(name: String) throws {
        let plain = Self.instance(2)
        let before = Self.moves(LearntCoalition(try Self.learnt(name, nil)), plain)
        let after = Self.moves(
            LearntCoalition(try Self.learnt(name, Self.order)), try Self.order.applied(to: plain), mirrored: true)
        #expect(before == after)
    }

    @Test("a rule decides alike in other units and under other names", arguments: DispatcherKind.allCases, units)
    func ruleUnits(kind: DispatcherKind, change: Change) throws {
        let plain = Self.instance(3)
        let price = 0.0012
        let before = Self.moves(kind.make(price: price), plain)
        let after = Self.moves(kind.make(price: price * change.money), try change.applied(to: plain))
        #expect(before == after)
        #expect(before.count > 20)
    }

    /// The others ask idle workers in random turn.
    @Test("the coalition rule decides alike in whatever order tasks and workers come")
    func ruleOrder() throws {
        let plain = Self.instance(4)
        let before = Self.moves(DispatcherKind.coalition.make(price: 0.0012), plain)
        let after = Self.moves(
            DispatcherKind.coalition.make(price: 0.0012), try Self.order.applied(to: plain), mirrored: true)
        #expect(before == after)
    }

    /// The answers of a live dispatcher at some moments of a day whose clock begins at `start`.
    static func live(_ name: String, _ change: Change?, clock start: Double) throws -> [[Int]] {
        let plain = instance(5)
        let instance = try change?.applied(to: plain) ?? plain
        let pay = instance.tasks.reduce(0) { $0 + $1.pay }
        let scale = Snapshot.Scale(
            pay: pay / Double(instance.tasks.count), rate: pay / instance.tasks.reduce(0) { $0 + $1.workload },
            tasksPerWorker: Double(instance.tasks.count) / Double(instance.workers.count), horizon: instance.horizon,
            dayStart: start)
        let live = LiveDispatcher(LearntCoalition(try learnt(name, change)), scale: scale)
        var answers: [[Int]] = []
        for minute in stride(from: 10.0, to: 130, by: 15) {
            var tasks = instance.tasks.filter { $0.release <= minute && minute - 20 < $0.release }
            var workers = instance.workers
            for at in tasks.indices { tasks[at].release += start }
            for at in workers.indices {
                workers[at].shiftStart += start
                workers[at].shiftEnd += start
            }
            answers += try live.assign(workers: workers, tasks: tasks, now: minute + start).map {
                [Int(minute), $0.worker, $0.task]
            }
        }
        return answers
    }

    @Test("asked live, on a clock that begins elsewhere and in other units, it answers alike", arguments: learntNames)
    func live(name: String) throws {
        let usual = try Self.live(name, nil, clock: 0)
        #expect(usual.count > 20)
        // Nine in the morning, and seconds since 1970 in minutes.
        for start in [540.0, 29_000_000.0] { #expect(try Self.live(name, nil, clock: start) == usual) }
        for change in Self.units {
            #expect(try Self.live(name, change, clock: 0) == usual, Comment(rawValue: change.testDescription))
        }
    }

    @Test("a day that begins at midnight: an order from before is open, a moment before is refused")
    func midnight() throws {
        var scale = Snapshot.Scale(.chengdu, tasksPerWorker: 1)
        scale.dayStart = 1440
        let live = LiveDispatcher(LearntCoalition(.builtIn("cafe")!), scale: scale)
        let worker = Worker(
            x: 0, y: 0, skills: SkillSet(skill: 0), speed: 1, reach: 9, shiftStart: 1300, shiftEnd: 1700)
        let task = SpatialTask(
            release: 1435, x: 1, y: 1, skill: 0, workload: 5, expected: 20, deadline: 40, pay: 1, penaltyRate: 0.01)
        let sent = try live.assign(workers: [worker], tasks: [task], now: 1441)
        #expect(sent.map { [$0.worker, $0.task] } == [[0, 0]])
        #expect { try live.assign(workers: [worker], tasks: [task], now: 1439) } throws: { "\($0)".contains("day") }
    }

    @Test("a scale without numbers is refused, also one that was set later")
    func scale() throws {
        let live = LiveDispatcher(
            LearntCoalition(.builtIn("cafe-chengdu")!), scale: Snapshot.Scale(.chengdu, tasksPerWorker: 1))
        _ = try live.assign(workers: [], tasks: [], now: 0)
        let places: [(WritableKeyPath<Snapshot.Scale, Double>, String)] = [
            (\.pay, "pay"), (\.rate, "rate"), (\.tasksPerWorker, "tasksPerWorker"), (\.horizon, "horizon"),
            (\.dayStart, "dayStart"),
        ]
        for (place, name) in places {
            for value in [Double.nan, .infinity, -.infinity] {
                live.scale = Snapshot.Scale(.chengdu, tasksPerWorker: 1)
                live.scale[keyPath: place] = value
                #expect { try live.assign(workers: [], tasks: [], now: 0) } throws: { "\($0)".contains(name) }
            }
        }
    }
}

@Suite("Random scenarios")
struct RandomScenarioTests {
    @Test("every one of a thousand is a scenario that makes sense and can be played; its YAML reads back")
    func valid() throws {
        var (ratios, skills, endless) = (Set<Int>(), Set<Int>(), 0)
        for seed in UInt64(0)..<1000 {
            let random = RandomScenario(seed: seed)
            try random.scenario.validate()
            #expect((12...120).contains(random.workers) && (8...600).contains(random.tasks))
            ratios.insert(Int((Double(random.tasks) / Double(random.workers)).rounded()))
            skills.insert(random.scenario.skills)
            if random.scenario.shiftLength.low > 10 * random.scenario.horizon { endless += 1 }
            if seed % 50 == 0 {
                let back = try Scenario.read(yaml: random.yaml())
                #expect(back == random.scenario)
                #expect(RandomScenario(seed: seed).scenario == random.scenario)
                let game = SpatialCrowdsourcing()
                let instance = random.scenario.instance(
                    tasks: random.tasks, workers: random.workers, seed: 1, episode: EpisodeRange.evaluation[0])
                let revenue = DispatcherKind.marginal.make().play(
                    instance, in: game, stream: RandomStream(seed: 0, purpose: .dispatcher))
                #expect(revenue > 0)
            }
        }
        #expect(ratios.contains(1) && ratios.contains { $0 > 12 })
        #expect(skills.contains(1) && skills.contains { $0 > 40 })
        #expect((120..<280).contains(endless))
    }
}
