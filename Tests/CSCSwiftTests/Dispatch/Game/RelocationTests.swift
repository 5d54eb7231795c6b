import CSCSwift
import Testing

/// Relocation as a rule of the game: ways computed by hand, the shipped checks, and nothing where it is off. Speed 0.5
/// km/min; full payment 10 until 20 min after the release, less 0.5 a minute until 30 min (`GameTests`).
@Suite("Relocation in the game") struct RelocationTests {
    static let moving = GameOptions(relocate: true)

    /// (0, 0) to (3, 2): 6 min along x, then 4 along y.
    @Test("a way leads along x, then along y, and ends at its place in time")
    func wayByHand() throws {
        let game = try GameTests.game([GameTests.task(release: 30)], [GameTests.worker()], Self.moving)
        game.relocate(worker: 0, toX: 3, y: 2)
        var places: [[Double]] = []
        for _ in 0..<12 {
            #expect(game.isIdle(0) && game.idleWorkers == [0])
            let place = game.place(of: 0)
            places.append([place.x, place.y])
            game.advance()
        }
        let expected = (0..<12).map { minute in
            [min(3, Double(minute) / 2), min(2, max(0, Double(minute - 6) / 2))]
        }
        #expect(places == expected)
        #expect(game.tally.relocations == 1 && game.tally.relocationMinutes == 10)
        #expect(game.destination(of: 0) == (3, 2))
    }

    /// At 4 it is at (2, 0), where a task at (2, 1) appears: 2 min away, done by 6 + 12 = 18 alone.
    @Test("who is sent to a task on the way sets out from where it has come to")
    func sentOnTheWay() throws {
        let game = try GameTests.game([GameTests.task(release: 4, x: 2, y: 1)], [GameTests.worker()], Self.moving)
        game.relocate(worker: 0, toX: 3, y: 2)
        for _ in 0..<4 {
            // Sent to the same place again it goes on as it was.
            game.relocate(worker: 0, toX: 3, y: 2)
            game.advance()
        }
        #expect(game.place(of: 0) == (2, 0) && game.arrivalTime(of: 0, at: 0) == 6)
        game.commit(worker: 0, task: 0)
        #expect(game.completion(of: 0) == 18)
        while game.settlements.isEmpty { game.advance() }
        #expect(game.now == 18 && game.revenue == 10)
        #expect(game.place(of: 0) == (2, 1) && game.destination(of: 0) == (2, 1), "the way ended with the commit")
        #expect(game.tally.relocations == 1 && game.tally.relocationMinutes == 4)
    }

    @Test("another place turns a worker round, and stay stops it")
    func turnedRound() throws {
        let game = try GameTests.game([GameTests.task(release: 30)], [GameTests.worker()], Self.moving)
        game.relocate(worker: 0, toX: 4, y: 0)
        for _ in 0..<4 { game.advance() }
        game.relocate(worker: 0, toX: 1, y: 0)
        game.advance()
        #expect(game.place(of: 0) == (1.5, 0) && game.destination(of: 0) == (1, 0))
        game.stay(worker: 0)
        game.advance()
        #expect(game.place(of: 0) == (1.5, 0) && game.destination(of: 0) == (1.5, 0))
    }

    @Test("the end of the shift ends the way")
    func shiftEnds() throws {
        let game = try GameTests.game([GameTests.task(release: 30)], [GameTests.worker(end: 2.5)], Self.moving)
        game.relocate(worker: 0, toX: 4, y: 0)
        for _ in 0..<6 { game.advance() }
        #expect(game.place(of: 0) == (1.25, 0) && game.idleWorkers.isEmpty)
        #expect(game.tally.relocationMinutes == 2.5)
    }

    @Test("in a straight line where travel is by straight lines")
    func euclidean() throws {
        var extensions = GameExtensions()
        extensions.travel = .euclidean
        let game = SpatialCrowdsourcing(options: Self.moving)
        game.reset(
            try Instance(
                tasks: [GameTests.task(release: 30)], workers: [GameTests.worker()], horizon: 10, extensions: extensions
            ))
        game.relocate(worker: 0, toX: 3, y: 4)
        for _ in 0..<5 { game.advance() }
        let place = game.place(of: 0)
        #expect(abs(place.x - 1.5) < 1e-12 && abs(place.y - 2) < 1e-12)
        for _ in 0..<5 { game.advance() }
        #expect(game.place(of: 0) == (3, 4))
    }

    @Test(
        "agents play a game with relocation as one without",
        arguments: [GameOptions.Decisions.simultaneous, .inTurn])
    func agentsKeepTheAPI(decisions: GameOptions.Decisions) throws {
        let instance = Scenario.haikou.instance(tasks: 40, workers: 30, seed: 3, episode: EpisodeRange.evaluation[0])
        let options = GameOptions(decisions: decisions, relocate: true)
        try parallelAPITest(SpatialCrowdsourcing(options: options), episode: instance)
        try seedTest(episode: instance) { SpatialCrowdsourcing(options: options) }
    }

    /// Nobody moves unless a dispatcher says so: rules earn the same bits with the option on.
    @Test("rules do not relocate")
    func rulesStand() {
        let instance = Scenario.chengdu.instance(tasks: 60, workers: 20, seed: 4, episode: EpisodeRange.evaluation[0])
        for kind in DispatcherKind.allCases {
            let revenue = [GameOptions(), Self.moving].map { options in
                kind.make(price: 0.001).play(
                    instance, in: SpatialCrowdsourcing(options: options),
                    stream: RandomStream(seed: 4, purpose: .dispatcher))
            }
            #expect(revenue[0] == revenue[1], "\(kind)")
        }
    }

    // MARK: Bounds

    /// A worker at (0, 0), a task at (16, 0) released at 40 and paid until 70: who sets out at 0 is there at 32 and done at 52;
    /// who waits for the release arrives at 72, too late.
    private static func farTask() throws -> Instance {
        try Instance(tasks: [GameTests.task(release: 40, x: 16)], workers: [GameTests.worker()], horizon: 50)
    }

    @Test("full information sets out before the release, and the bound allows it")
    func boundByHand() throws {
        let instance = try Self.farTask()
        #expect(FullInformation.play([[0]], instance) == 0)
        #expect(FullInformation.upperBound(instance) == 0)
        #expect(FullInformation.play([[0]], instance, options: Self.moving) > 9.99)
        #expect(FullInformation.upperBound(instance, options: Self.moving) > 9.99)
        let found = FullInformation.anneal(
            instance, start: DispatcherKind.nearest.make(), stream: RandomStream(seed: 1, purpose: .annealing),
            moves: 50, options: Self.moving)
        #expect(found.best > 9.99 && found.start == 0 && found.lists == [[0]])
    }

    @Test(
        "no play with relocation is above the bound, and annealing plays what it claims",
        arguments: [(Scenario.chengdu, 60, 12), (.haikou, 40, 10), (.haikou, 30, 30)])
    func boundsHold(city: Scenario, tasks: Int, workers: Int) throws {
        let cafe = try #require(LearntCoalitionPolicy.builtIn("cafe"))
        let policy = cafe.adapted(to: city, tasks: tasks, workers: workers)
        var above = 0
        for index in 0..<4 {
            let instance = city.instance(
                tasks: tasks, workers: workers, seed: 6, episode: EpisodeRange.evaluation[index])
            let upper = FullInformation.upperBound(instance, options: Self.moving)
            let game = SpatialCrowdsourcing(options: Self.moving)
            let revenue = LearntCoalition(policy).play(
                instance, in: game, stream: RandomStream(seed: 6, purpose: .dispatcher))
            #expect(game.tally.relocations > 0)
            #expect(revenue <= upper + 1e-9)
            let found = FullInformation.anneal(
                instance, start: DispatcherKind.coalition.make(price: 0.002),
                stream: RandomStream(seed: 6, purpose: .annealing, index: UInt64(index)), moves: 1500,
                options: Self.moving)
            #expect(found.best <= upper + 1e-9 && found.best >= found.start)
            #expect(abs(found.best - found.claimed) < 1e-9)
            #expect(FullInformation.play(found.lists, instance, options: Self.moving) == found.best)
            if upper > FullInformation.upperBound(instance) { above += 1 }
        }
        #expect(above > 0 || tasks <= workers, "the bound of the game without relocation would do")
    }

    /// A worker on its road to (10, 0) passes (5, 0), where a task appears at 10: it is there at once, 5 km from any place
    /// that it was at. The plain bound has it set out at 10.
    @Test("the bound holds for re-routing too")
    func boundOfReroute() throws {
        let far = SpatialTask(
            release: 0, x: 10, y: 0, skill: 0, workload: 1, expected: 20, deadline: 21, pay: 1, penaltyRate: 0)
        let near = SpatialTask(
            release: 10, x: 5, y: 0, skill: 0, workload: 1, expected: 1, deadline: 2, pay: 10, penaltyRate: 0)
        let instance = try Instance(tasks: [far, near], workers: [GameTests.worker()], horizon: 30)
        let game = SpatialCrowdsourcing(options: GameOptions(reroute: true))
        game.reset(instance)
        for _ in 0..<10 {
            game.commit(worker: 0, task: 0)
            game.advance()
        }
        game.commit(worker: 0, task: 1)
        GameTests.finish(game)
        #expect(game.revenue == 10)
        #expect(FullInformation.upperBound(instance, options: GameOptions(reroute: true)) >= 10)
    }
}
