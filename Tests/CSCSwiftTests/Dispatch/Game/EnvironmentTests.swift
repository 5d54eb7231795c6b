import CSCSwift
import Testing

/// The shipped checks, on both environments, on a faulty one, and the invariants of the game under random play.
@Suite struct EnvironmentTests {
    static let variants = [
        GameOptions(), GameOptions(decisions: .inTurn), GameOptions(candidates: 3, payment: .elapsed),
        GameOptions(window: 2.5, teamCap: 2, showTime: false, showPosition: true), GameOptions(reroute: true),
        GameOptions(decisions: .inTurn, reroute: true), GameOptions(reroute: true, relocate: true),
    ]

    @Test(arguments: variants) func spatialKeepsTheAPI(options: GameOptions) throws {
        let instance = Scenario.haikou.instance(tasks: 40, workers: 30, seed: 3, episode: EpisodeRange.evaluation[0])
        try parallelAPITest(SpatialCrowdsourcing(options: options), episode: instance)
        try seedTest(episode: instance) { SpatialCrowdsourcing(options: options) }
    }

    @Test func coordinationKeepsTheAPI() throws {
        var stream = RandomStream(seed: 4, purpose: .test)
        let episode = CoordinationGame.Episode.random(steps: 12, options: 3, needs: 1...2, stream: &stream)
        try parallelAPITest(CoordinationGame(agents: 3, options: 3), episode: episode)
        try seedTest(episode: episode) { CoordinationGame(agents: 3, options: 3) }
    }

    @Test func coordinationOptimumIsTheBestJointChoice() throws {
        var stream = RandomStream(seed: 5, purpose: .test)
        for _ in 0..<20 {
            let episode = CoordinationGame.Episode.random(steps: 1, options: 3, needs: 1...3, stream: &stream)
            let game = CoordinationGame(agents: 3, options: 3)
            var best = 0.0
            for joint in 0..<27 {
                game.reset(episode)
                game.step(actions: [Int32(joint % 3), Int32(joint / 3 % 3), Int32(joint / 9)].span)
                best = max(best, game.teamReward)
            }
            #expect(abs(best - episode.optimum(agents: 3)) < 1e-12)
        }
    }

    /// An environment with one fault at a time.
    final class Faulty: ParallelEnvironment {
        enum Fault: CaseIterable {
            case none, unwritten, beyond, notFinite, maskValue, noAction, flicker, clock, endless, leftover, afterEnd
        }
        let fault: Fault
        var round = 0
        var looks = 0
        var lifetime = 0
        init(_ fault: Fault) { self.fault = fault }
        let agentCount = 2
        let actionCount = 2
        let contextWidth = 3
        let candidateWidth = 1
        func reset(_ episode: Int) { round = 0 }
        var actingCount: Int { terminated && fault != .afterEnd ? 0 : 2 }
        func actingAgent(_ row: Int) -> Int { row }
        func observe(
            context: inout MutableSpan<Float>, candidates: inout MutableSpan<Float>, mask: inout MutableSpan<UInt8>
        ) {
            looks += 1
            for row in 0..<actingCount {
                for column in 0..<3 where !(fault == .unwritten && round == 4 && column == 2) {
                    context[row * 3 + column] = Float(round)
                }
                if fault == .notFinite && round == 6 { context[0] = .infinity }
                if fault == .flicker { context[1] = Float(looks) }
                if fault == .leftover { context[1] = Float(lifetime) }
                for slot in 0..<2 {
                    candidates[row * 2 + slot] = 1
                    mask[row * 2 + slot] = fault == .maskValue ? 2 : fault == .noAction ? 0 : 1
                }
            }
            if fault == .beyond { candidates[4] = 0 }
        }
        func step(actions: Span<Int32>) {
            round += 1
            lifetime += 1
        }
        var teamReward: Double { 0 }
        var now: Double { fault == .clock ? -Double(round) : Double(round) }
        var terminated: Bool { round >= 9 && fault != .endless }
        var truncated: Bool { false }
    }

    @Test(arguments: Faulty.Fault.allCases) func theCheckerCanFail(fault: Faulty.Fault) throws {
        if fault == .none {
            try parallelAPITest(Faulty(fault), episode: 0)
            try seedTest(episode: 0) { Faulty(fault) }
        } else {
            #expect(throws: EnvironmentFault.self) {
                try parallelAPITest(Faulty(fault), episode: 0, maxSteps: 1000)
            }
        }
    }

    @Test func theSeedCheckCanFail() {
        #expect(throws: EnvironmentFault.self) { try seedTest(episode: 0) { Faulty(.leftover) } }
    }

    @Test(arguments: [(Scenario.chengdu, 60, 40, false), (.haikou, 40, 60, false), (.chengdu, 60, 40, true)])
    func invariantsUnderRandomPlay(city: Scenario, tasks: Int, workers: Int, reroute: Bool) throws {
        let game = SpatialCrowdsourcing(options: GameOptions(reroute: reroute))
        var stream = RandomStream(seed: 9, purpose: .test)
        for index in 0..<3 {
            let instance = city.instance(
                tasks: tasks, workers: workers, seed: 2, episode: EpisodeRange.evaluation[index])
            game.reset(instance)
            var paid = 0.0
            var ended = Set<Int>()
            while !game.isOver {
                var team = [Int](repeating: -1, count: workers)
                for task in game.openTasks {
                    #expect(instance.tasks[task].release <= game.now && !ended.contains(task))
                    #expect(game.workDone(on: task) >= 0)
                    #expect(game.workDone(on: task) <= instance.tasks[task].workload)
                    for worker in game.team(of: task) {
                        #expect(team[worker] < 0 && game.task(of: worker) == task)
                        #expect(instance.workers[worker].skills.has(instance.tasks[task].skill))
                        team[worker] = task
                    }
                }
                for worker in 0..<workers where team[worker] < 0 { #expect(game.isIdle(worker)) }
                for row in 0..<game.actingCount {
                    let worker = instance.workers[game.actingAgent(row)]
                    #expect(worker.shiftStart <= game.now && game.now < worker.shiftEnd)
                }
                let actions = (0..<game.actingCount).map { row -> Int32 in
                    let offered = (0..<8).filter { game.candidateTask(agent: row, slot: $0) >= 0 }
                    return Int32(stream.unit() < 0.3 ? 8 : offered[stream.index(below: offered.count)])
                }
                game.step(actions: actions.span)
                for end in game.settlements {
                    #expect(ended.insert(end.task).inserted)
                    let task = instance.tasks[end.task]
                    #expect(end.payment == (end.completed ? task.payment(at: end.time, rule: .lateness) : 0))
                    paid += end.payment
                    let members = game.settlementMembers[end.members]
                    let work = members.map(\.work).reduce(0, +)
                    if end.completed { #expect(abs(work - task.workload) < 1e-9) }
                    #expect(abs(members.map(\.share).reduce(0, +) - end.payment) < 1e-9)
                    for member in members {
                        #expect(game.isIdle(member.worker) && member.work >= 0)
                        #expect(member.committed >= task.release - game.options.window)
                        #expect(member.difference >= -1e-12 && member.difference <= end.payment)
                    }
                }
            }
            #expect(ended.count == tasks)
            #expect(abs(game.revenue - paid) < 1e-9 && paid > 0)
        }
    }

    @Test func sameTasksForAnyNumberOfWorkers() {
        let few = Scenario.chengdu.instance(tasks: 30, workers: 5, seed: 1, episode: EpisodeRange.evaluation[4])
        let many = Scenario.chengdu.instance(tasks: 30, workers: 50, seed: 1, episode: EpisodeRange.evaluation[4])
        #expect(few.tasks == many.tasks)
        #expect(many.workers.prefix(5) == few.workers[...])
    }

    @Test func generatedCitiesMatchTheirTable() {
        for city in Scenario.all {
            let instance = city.instance(tasks: 4000, workers: 4000, seed: 1, episode: EpisodeRange.evaluation[0])
            let tasks = instance.tasks
            func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
            #expect(tasks.allSatisfy { (0...city.side).contains($0.x) && (0...city.side).contains($0.y) })
            #expect(tasks.allSatisfy { (0..<city.horizon).contains($0.release) })
            #expect(tasks.allSatisfy { (city.pay.low...city.pay.high).contains($0.pay) })
            let span = (work: city.workload.high - city.workload.low, pay: city.pay.high - city.pay.low)
            #expect(abs(mean(tasks.map(\.workload)) - city.workload.mean) < 0.016 * span.work)
            #expect(abs(mean(tasks.map(\.pay)) - city.pay.mean) < 0.016 * span.pay)
            let rates = tasks.map { $0.penaltyRate * ($0.deadline - $0.expected) / $0.pay }
            #expect(rates.allSatisfy { abs($0 - city.penalty) < 1e-12 })
            let sizes = instance.workers.map { Double($0.skills.size) }
            #expect(abs(mean(sizes) - Double(city.fewestSkills + city.mostSkills) / 2) < 0.03)
            #expect(abs(mean(instance.workers.map { $0.speed * 60 }) - city.speed.mean) < 0.02 * city.speed.mean)
        }
    }
}
