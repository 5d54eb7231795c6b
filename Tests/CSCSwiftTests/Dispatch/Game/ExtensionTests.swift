import CSCSwift
import Foundation
import Testing

@Suite("Extended games")
struct ExtensionTests {
    /// Every rule that the fast tests can play.
    static func rules() throws -> [(String, any Dispatcher)] {
        try DispatcherKind.allCases.map { ($0.rawValue, $0.make(price: 0.002)) }
            + ["cafe-chengdu"].map { ($0, LearntCoalition(try #require(LearntCoalitionPolicy.builtIn($0)))) }
    }

    static func play(_ instance: Instance, _ rule: any Dispatcher) -> Double {
        rule.play(instance, in: SpatialCrowdsourcing(), stream: RandomStream(seed: 1, purpose: .dispatcher))
    }

    static func with(_ instance: Instance, _ change: (inout GameExtensions) -> Void) throws -> Instance {
        var extensions = GameExtensions()
        change(&extensions)
        return try Instance(
            tasks: instance.tasks, workers: instance.workers, horizon: instance.horizon, seed: instance.seed,
            extensions: extensions)
    }

    @Test("extensions that say what the plain game does anyhow change no bit")
    func neutral() throws {
        let instance = Scenario.chengdu.instance(tasks: 60, workers: 20, seed: 3, episode: EpisodeRange.evaluation[0])
        let other = try Self.with(instance) { extensions in
            extensions.travel = .manhattan
            extensions.terms = instance.tasks.map { TeamTerms(roles: [.init(skill: $0.skill, count: 1)]) }
            extensions.breaks = instance.workers.map { _ in [.init(9000, 9010)] }
            extensions.must = instance.tasks.map { _ in false }
            extensions.cancellation = instance.tasks.map { _ in .infinity }
            extensions.acceptance = .init(base: 1)
        }
        for (name, rule) in try Self.rules() where name != "cafe-chengdu" {
            #expect(Self.play(instance, rule) == Self.play(other, rule), "\(name)")
        }
        // The learnt rule orders the members of a team by more than arrival, so roles are left out for it.
        let plain = try Self.with(instance) { $0.travel = .manhattan }
        let rule = LearntCoalition(try #require(LearntCoalitionPolicy.builtIn("cafe-chengdu")))
        #expect(Self.play(instance, rule) == Self.play(plain, rule))
    }

    @Test("a table of Manhattan minutes is Manhattan travel")
    func table() throws {
        var instance = Scenario.chengdu.instance(tasks: 40, workers: 12, seed: 3, episode: EpisodeRange.evaluation[1])
        // One speed for all, so that one table of minutes serves.
        let people = instance.workers.map { worker in
            var worker = worker
            worker.speed = 0.5
            return worker
        }
        instance = try Instance(tasks: instance.tasks, workers: people, horizon: instance.horizon, seed: instance.seed)
        let places = instance.tasks.map { ($0.x, $0.y) } + instance.workers.map { ($0.x, $0.y) }
        let minutes = places.flatMap { from in places.map { 2 * (abs(from.0 - $0.0) + abs(from.1 - $0.1)) } }
        let table = try TravelTable(places: places.count, minutes: minutes, x: places.map(\.0), y: places.map(\.1))
        let other = instance.travelling(by: Travel(table: table))
        for (name, rule) in try Self.rules() where name != "cafe-chengdu" {
            let (a, b) = (Self.play(instance, rule), Self.play(other, rule))
            #expect(abs(a - b) < 1e-9 * max(1, a), "\(name): \(a), \(b)")
        }
        // The bounds know it too.
        let start = DispatcherKind.coalition.make(price: 0.002)
        let stream = RandomStream(seed: 1, purpose: .annealing)
        let found = FullInformation.anneal(other, start: start, stream: stream, moves: 300)
        #expect(found.best >= found.start && abs(found.best - found.claimed) < 1e-6)
        #expect(found.best <= FullInformation.upperBound(other))
        #expect(FullInformation.unknown(in: other) == nil)
    }

    @Test("the straight line is never longer, and rules use it")
    func euclidean() throws {
        let instance = Scenario.chengdu.instance(tasks: 80, workers: 20, seed: 3, episode: EpisodeRange.evaluation[2])
        let other = instance.travelling(by: .euclidean)
        let rule = DispatcherKind.coalition.make(price: 0.002)
        #expect(Self.play(other, rule) > Self.play(instance, rule))
    }

    /// A game in which every worker and task is at one place and each rule sends whom it can.
    static func moment(_ tasks: Int, _ workers: Int, _ change: (inout GameExtensions) -> Void) throws
        -> SpatialCrowdsourcing
    {
        let task = SpatialTask(
            release: 0, x: 0, y: 0, skill: 0, workload: 10, expected: 30, deadline: 60, pay: 10, penaltyRate: 0.1)
        let worker = Worker(x: 1, y: 0, skills: [.init(skill: 0)], speed: 1, reach: 9, shiftStart: 0, shiftEnd: 90)
        var extensions = GameExtensions()
        change(&extensions)
        let game = SpatialCrowdsourcing()
        game.reset(
            try Instance(
                tasks: Array(repeating: task, count: tasks), workers: Array(repeating: worker, count: workers),
                horizon: 60,
                extensions: extensions))
        return game
    }

    @Test("who declines is not asked again, who lets an offer lapse is bound until then")
    func acceptance() throws {
        let game = try Self.moment(1, 1) { $0.acceptance = .init(base: 0, lapse: 0) }
        #expect(game.canTake(0, 0))
        game.commit(worker: 0, task: 0)
        game.advance()
        #expect(game.isIdle(0) && !game.canTake(0, 0) && game.idleWorkers == [0])
        let lapsing = try Self.moment(1, 1) { $0.acceptance = .init(base: 0, lapse: 1, lapseMinutes: 3) }
        lapsing.commit(worker: 0, task: 0)
        var bound = 0
        for _ in 0..<6 {
            lapsing.advance()
            if lapsing.idleWorkers.isEmpty { bound += 1 }
        }
        #expect(bound == 2 && !lapsing.canTake(0, 0))
        // One in two, of many.
        let many = try Self.moment(1, 400) { $0.acceptance = .init(base: 0.5) }
        for worker in 0..<40 { many.commit(worker: worker, task: 0) }
        many.advance()
        #expect((8...32).contains(many.team(of: 0).count))
    }

    @Test("a cancelled task frees its team on the road, an ill worker leaves its team")
    func events() throws {
        let game = try Self.moment(2, 2) {
            $0.cancellation = [0.5, .infinity]
            $0.sickness = [.infinity, 0.5]
        }
        game.commit(worker: 0, task: 0)
        game.commit(worker: 1, task: 1)
        game.advance()
        #expect(game.openTasks == [1] && game.isIdle(0) && game.team(of: 1).isEmpty)
        #expect(game.idleWorkers == [0])
        #expect(game.place(of: 0) == (0, 0) || game.place(of: 0).x < 1)
    }

    @Test("nobody is sent in a break, nor where it would arrive in one")
    func breaks() throws {
        let game = try Self.moment(1, 2) { $0.breaks = [[.init(0.5, 3)], [.init(2, 3)]] }
        #expect(!game.canTake(0, 0))  // on the road when its break begins
        #expect(game.canTake(1, 0))
        game.advance()
        #expect(game.idleWorkers == [1])
    }

    @Test("a team with roles: best of all orders of arrival by hand")
    func roleTeams() throws {
        var stream = RandomStream(seed: 8, purpose: .test)
        for _ in 0..<400 {
            let seats = (0..<1 + stream.index(below: 3)).map { _ in stream.index(below: 3) }
            let people = (0..<stream.index(below: 5)).map { _ in UInt64(1 + stream.index(below: 7)) }
            let terms = TeamTerms(roles: seats.map { .init(skill: $0, count: 1) }, together: stream.unit() < 0.5)
            let worker = { (bits: UInt64) in
                Worker(x: 0, y: 0, skills: SkillSet(rawValue: bits), speed: 1, reach: 9, shiftStart: 0, shiftEnd: 90)
            }
            let task = SpatialTask(
                release: 0, x: 0, y: 0, skill: seats[0], workload: 6, expected: 30, deadline: 60, pay: 10,
                penaltyRate: 0)
            var extensions = GameExtensions()
            extensions.terms = [terms]
            let game = SpatialCrowdsourcing()
            let snapshot = Snapshot(
                now: 0, tasks: [task], workers: people.map(worker),
                commitments: people.indices.map { .init(worker: $0, task: 0, arrival: Double($0)) },
                extensions: extensions)
            try game.restore(snapshot, scale: Snapshot.Scale(.chengdu, tasksPerWorker: 1))
            func fills(_ seats: ArraySlice<Int>, _ left: [Int]) -> Bool {
                guard let seat = seats.first else { return true }
                return left.contains { who in
                    people[who] >> UInt64(seat) & 1 == 1 && fills(seats.dropFirst(), left.filter { $0 != who })
                }
            }
            let opening = people.indices.first { fills(seats[...], Array(0...$0)) }
            var end = Double.infinity
            if let opening {
                let arrivals = people.indices.map { Double(terms.together ? max($0, opening) : $0) }
                end = max(Double(opening), TeamClock.finish(6, arrivals, count: arrivals.count))
            }
            #expect(game.completion(of: 0) == end, "\(seats) \(people) \(terms.together)")
        }
    }

    @Test(
        "the scenarios beyond the paper are played by every rule, and by the same bits each time",
        arguments: ["field-service", "courier"])
    func scenarios(name: String) throws {
        let city = try Scenario.named(name)
        try city.validate()
        #expect(try Scenario.read(yaml: city.yaml()) == city)
        let instance = city.instance(tasks: 40, workers: 15, seed: 4, episode: EpisodeRange.evaluation[0])
        #expect(instance == city.instance(tasks: 40, workers: 15, seed: 4, episode: EpisodeRange.evaluation[0]))
        for (name, rule) in try Self.rules() {
            let revenue = Self.play(instance, rule)
            #expect(revenue == Self.play(instance, rule), "\(name)")
            if name == "coalition" || name == "cafe-chengdu" { #expect(revenue > 0, "\(name)") }
        }
    }

    @Test("a scenario file may add fieldwork to a city, key by key")
    func fieldworkYAML() throws {
        let city = try Scenario.read(yaml: "base: chengdu\nfieldwork: {teamShare: 0.5, acceptance: {base: 0.9}}\n")
        #expect(city.fieldwork == Fieldwork(teamShare: 0.5, acceptance: .init(base: 0.9)))
        #expect { try Scenario.read(yaml: "base: chengdu\nfieldwork: {teamshare: 0.5}\n") } throws: {
            "\($0)".contains("fieldwork.teamshare") && "\($0)".contains("teamShare")
        }
        #expect(throws: CSCError.self) { try Scenario.read(yaml: "base: chengdu\nfieldwork: {teamShare: 2}\n") }
    }
}
