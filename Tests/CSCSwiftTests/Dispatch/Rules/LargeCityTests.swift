import CSCSwift
import Testing

/// Rules on instances so large that grids take the place of scans.
@Suite struct LargeCityTests {
    /// Two cities of `workers` each, so far apart that nobody can go from one to the other, apart and as one instance.
    static func copies(tasks: Int, workers: Int) throws -> (apart: [Instance], joint: Instance) {
        let near = Scenario.chengdu.instance(
            tasks: tasks, workers: workers, seed: 11, episode: EpisodeRange.evaluation[0])
        let other = Scenario.chengdu.instance(
            tasks: tasks, workers: workers, seed: 11, episode: EpisodeRange.evaluation[1])
        let far = try Instance(
            tasks: other.tasks.map {
                var task = $0
                task.x += 1000
                return task
            },
            workers: other.workers.map {
                var worker = $0
                worker.x += 1000
                return worker
            }, horizon: other.horizon)
        return (
            [near, far],
            try Instance(
                tasks: near.tasks + far.tasks, workers: near.workers + far.workers, horizon: near.horizon)
        )
    }

    static func revenue(_ rule: some Dispatcher, _ instance: Instance) -> Double {
        rule.play(instance, in: SpatialCrowdsourcing(), stream: RandomStream(seed: 1, purpose: .dispatcher))
    }

    @Test("the coalition rule earns on the grid what it earns by scans")
    func coalition() throws {
        let (apart, joint) = try Self.copies(tasks: 300, workers: 300)
        let price = 0.3 * Scenario.chengdu.pay.mean / Scenario.chengdu.workload.mean
        func rule() -> any Dispatcher { DispatcherKind.coalition.make(price: price) }
        let scanned = apart.reduce(0) { $0 + Self.revenue(rule(), $1) }
        #expect(abs(Self.revenue(rule(), joint) / scanned - 1) < 0.002)
    }

    @Test("the learnt coalition rule earns on the grid what it earns by scans")
    func learntCoalition() throws {
        let (apart, joint) = try Self.copies(tasks: 400, workers: 1000)
        // Without learnt terms nothing depends on the other city.
        let policy = LearntCoalitionPolicy(untrained: apart)
        let scanned = apart.reduce(0) { $0 + Self.revenue(LearntCoalition(policy), $1) }
        #expect(abs(Self.revenue(LearntCoalition(policy), joint) / scanned - 1) < 0.002)
    }

    @Test("a day's city is as dense as the city that it is of, and no denser when larger")
    func density() {
        func perSquare(_ workers: Int) -> Double {
            let day = Scenario.chengdu.day(workers: workers)
            return Double(workers) * day.shiftLength.mean / day.horizon / (day.side * day.side)
        }
        let city = Scenario.chengdu
        let usual = 200 * city.shiftLength.mean / city.horizon / (city.side * city.side)
        #expect(abs(perSquare(1000) / usual - 1) < 1e-9 && abs(perSquare(100_000) / usual - 1) < 1e-9)
        #expect(throws: Never.self) { try Scenario.haikou.day(workers: 500).validate() }
        #expect(Scenario.chengdu.day(workers: 5000, side: 30).side == 30)
        #expect(Scenario.chengdu.day(workers: 5000, side: 30).hotSpots[0].x == 15)
    }

    @Test("a day's account agrees with the game's")
    func account() {
        let day = Scenario.chengdu.day(workers: 40)
        let instance = day.instance(tasks: 200, workers: 40, seed: 3, episode: EpisodeRange.evaluation[0])
        let game = SpatialCrowdsourcing()
        let run = DayRun(
            instance, rule: OneByOneDispatcher(.nearest), in: game, stream: RandomStream(seed: 3, purpose: .dispatcher))
        let again = OneByOneDispatcher(.nearest).play(
            instance, in: SpatialCrowdsourcing(), stream: RandomStream(seed: 3, purpose: .dispatcher))
        #expect(run.revenue == again && again > 0)
        #expect(run.revenue == game.revenue && run.revenue <= run.payable)
        #expect(run.tasks == 200 && run.workers == 40 && run.completed > 0 && run.completed <= 200)
        #expect(run.assignments >= run.completed && run.windows > 1000 && run.slowestWindow <= run.deciding)
        #expect(ProcessUsage().peakMemory > 1_000_000)
        #expect(run.cpuSeconds > 0 && run.cpuSeconds <= ProcessUsage().cpuSeconds)
    }
}
