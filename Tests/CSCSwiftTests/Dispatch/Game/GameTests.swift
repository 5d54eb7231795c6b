import CSCSwift
import Testing

/// Episodes small enough to compute by hand. Speed 0.5 km/min; full payment 10 until 20 min, less 0.5 a minute until
/// 30 min.
@Suite struct GameTests {
    static func task(
        release: Double = 0, x: Double = 0, y: Double = 0, skill: Int = 0, workload: Double = 12
    ) -> SpatialTask {
        SpatialTask(
            release: release, x: x, y: y, skill: skill, workload: workload, expected: 20, deadline: 30, pay: 10,
            penaltyRate: 0.5)
    }

    static func worker(
        x: Double = 0, y: Double = 0, skills: [Int] = [0], start: Double = 0, end: Double = 100, reach: Double = 50
    ) -> Worker {
        Worker(
            x: x, y: y, skills: SkillSet(skills: skills), speed: 0.5, reach: reach, shiftStart: start, shiftEnd: end)
    }

    static func game(_ tasks: [SpatialTask], _ workers: [Worker], _ options: GameOptions = GameOptions()) throws
        -> SpatialCrowdsourcing
    {
        let game = SpatialCrowdsourcing(options: options)
        game.reset(try Instance(tasks: tasks, workers: workers, horizon: 10))
        return game
    }

    static func finish(_ game: SpatialCrowdsourcing) {
        while !game.isOver { game.advance() }
    }

    @Test func twoWorkersOneTask() throws {
        // Arrivals at 2 and 4: by 4 two units are done, then two a minute: 4 + 10 / 2 = 9.
        let game = try Self.game([Self.task()], [Self.worker(x: 1), Self.worker(x: 0, y: 2)])
        game.commit(worker: 1, task: 0)
        game.commit(worker: 0, task: 0)
        #expect(game.team(of: 0) == [0, 1])
        #expect(game.completion(of: 0) == 9)
        while game.settlements.isEmpty { game.advance() }
        #expect(game.now == 9)
        let end = game.settlements[0]
        #expect(end.time == 9 && end.completed && end.payment == 10)
        let (near, far) = (game.settlementMembers[end.members.lowerBound], game.settlementMembers[1])
        #expect(near.worker == 0 && near.arrival == 2 && near.work == 7 && near.committed == 0)
        #expect(far.worker == 1 && far.arrival == 4 && far.work == 5)
        #expect(abs(near.share - 10 * 7 / 12.0) < 1e-12)
        // Alone each would still be paid in full (14 and 16): no one makes a difference.
        #expect(near.difference == 0 && far.difference == 0)
        #expect(game.revenue == 10 && game.isOver)
    }

    @Test("the team reward is what the last advance paid, not a sum since the start")
    func teamRewardOfAnAdvance() throws {
        let game = try Self.game([Self.task(), Self.task(x: 3)], [Self.worker(x: 1), Self.worker(x: 3)])
        game.commit(worker: 0, task: 0)
        game.commit(worker: 1, task: 1)
        var rewards: [Double] = []
        while !game.isOver {
            game.advance()
            rewards.append(game.teamReward)
        }
        // Worker 1 is done at 12, worker 0 (2 min away) at 14.
        #expect(rewards.count == 14 && rewards[11] == 10 && rewards[12] == 0 && rewards[13] == 10)
        #expect(rewards.reduce(0, +) == game.revenue)
    }

    @Test("position columns are measured by half the side of the city")
    func positionFeatures() throws {
        let options = GameOptions(showTime: false, showPosition: true)
        let game = SpatialCrowdsourcing(options: options)
        func observe(side: Double) throws -> (context: [Float], candidates: [Float]) {
            let stretch = side / 10
            game.reset(
                try Instance(
                    tasks: [Self.task(x: 8 * stretch, y: 9 * stretch)],
                    workers: [
                        Worker(
                            x: 6 * stretch, y: 4 * stretch, skills: SkillSet(skill: 0), speed: stretch, reach: 1000,
                            shiftStart: 0, shiftEnd: 100)
                    ], horizon: 10, side: side))
            var context = [Float](repeating: 0, count: game.contextWidth)
            var candidates = [Float](repeating: 0, count: game.actionCount * game.candidateWidth)
            var mask = [UInt8](repeating: 0, count: game.actionCount)
            var contextSpan = context.mutableSpan
            var candidateSpan = candidates.mutableSpan
            var maskSpan = mask.mutableSpan
            game.observe(context: &contextSpan, candidates: &candidateSpan, mask: &maskSpan)
            return (Array(context.suffix(2)), Array(candidates[options.pairWidth - 4..<options.pairWidth]))
        }
        for side in [10.0, 20, 160] {
            let seen = try observe(side: side)
            #expect(seen.context == [0.2, -0.2], "side \(side)")
            #expect(
                zip(seen.candidates, [0.6, 0.8, 0.4, 1] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 }, "side \(side)")
        }
    }

    @Test func differencePayments() throws {
        // Workload 24, arrivals 2 and 4: together 4 + 22/2 = 15, paid 10. Without 0: 28, paid 6; without 1: 26, paid 7.
        let game = try Self.game([Self.task(workload: 24)], [Self.worker(x: 1), Self.worker(x: 2)])
        game.commit(worker: 0, task: 0)
        game.commit(worker: 1, task: 0)
        while game.settlements.isEmpty { game.advance() }
        #expect(game.settlementMembers.map(\.difference) == [4, 3])
        #expect(game.settlementMembers.map(\.work) == [13, 11])
    }

    /// A worker at (0, 0) sets out for (3, 2) at 0.5 km/min: 6 min along x, then 4 along y. At 4 it is at (2, 0), where
    /// a task at (2, 1) appears: 2 min away, done by 6 + 12 = 18 alone. From there (3, 2) is 4 min away.
    @Test func reroutedOnTheRoad() throws {
        let tasks = [Self.task(x: 3, y: 2), Self.task(release: 4, x: 2, y: 1)]
        let game = try Self.game(tasks, [Self.worker()], GameOptions(reroute: true))
        for minute in 0..<4 {
            #expect(game.isIdle(0) && game.place(of: 0) == (Double(minute) / 2, 0))
            game.commit(worker: 0, task: 0)
            #expect(game.arrivalTime(of: 0, at: 0) == 10 && game.completion(of: 0) == 22)
            game.advance()
        }
        #expect(game.idleWorkers == [0] && game.place(of: 0) == (2, 0))
        #expect(game.team(of: 0).isEmpty && game.completion(of: 0) == .infinity)
        game.commit(worker: 0, task: 1)
        #expect(game.completion(of: 1) == 18)
        game.advance()
        #expect(game.place(of: 0) == (2, 0.5))
        game.commit(worker: 0, task: 1)
        game.advance()
        #expect(game.idleWorkers.isEmpty && game.task(of: 0) == 1, "who has arrived stays")
        while game.settlements.isEmpty { game.advance() }
        #expect(game.now == 18 && game.settlements[0].payment == 10)
        Self.finish(game)
        #expect(game.revenue == 10)
    }

    /// Nobody is moved by the end of a task: the second worker is still on the road when the first has finished, and
    /// with re-routing it continues from there; without, it is free at the task's place (the authors' program).
    @Test func aTaskThatEndsBeforeTheArrival() throws {
        for reroute in [false, true] {
            let game = try Self.game(
                [Self.task(workload: 1.5), Self.task(release: 2, x: 9)], [Self.worker(), Self.worker(x: 4)],
                GameOptions(reroute: reroute))
            game.commit(worker: 0, task: 0)
            game.commit(worker: 1, task: 0)
            game.advance()
            if reroute { game.commit(worker: 1, task: 0) }
            game.advance()
            #expect(game.settlements.count == 1 && game.settlementMembers[1].work == 0)
            #expect(game.place(of: 1) == (reroute ? 3 : 0, 0))
        }
    }

    /// Who sent workers on as before at every window plays the game without re-routing; after its shift a worker
    /// cannot be sent elsewhere.
    @Test func theSameChoicesGiveTheSameGame() throws {
        let instance = Scenario.chengdu.instance(tasks: 40, workers: 30, seed: 5, episode: EpisodeRange.evaluation[0])
        let plain = SpatialCrowdsourcing(), free = SpatialCrowdsourcing(options: GameOptions(reroute: true))
        plain.reset(instance)
        free.reset(instance)
        while !plain.isOver {
            for worker in plain.idleWorkers {
                let open = plain.openTasks.filter { plain.canTake(worker, $0) && plain.completion(of: $0) == .infinity }
                // Never sent in vain: then both rules free workers at the task's place.
                if let task = open.first(where: { plain.arrivalTime(of: worker, at: $0) < plain.tasks[$0].deadlineTime }
                ) {
                    plain.commit(worker: worker, task: task)
                }
            }
            for worker in free.idleWorkers where plain.task(of: worker) >= 0 {
                free.commit(worker: worker, task: plain.task(of: worker))
            }
            plain.advance()
            free.advance()
            #expect(abs(plain.revenue - free.revenue) < 1e-9)
        }
        #expect(free.isOver && plain.revenue > 0)
    }

    @Test func arrivalInsideAWindow() throws {
        // 0.65 km: arrives at 1.3, works to 13.3; freed inside the window, idle from 14 on at the task's place.
        let game = try Self.game([Self.task()], [Self.worker(x: 0.65)])
        game.commit(worker: 0, task: 0)
        game.advance()
        #expect(game.workDone(on: 0) == 0)
        game.advance()
        #expect(abs(game.workDone(on: 0) - 0.7) < 1e-12)
        while game.settlements.isEmpty { game.advance() }
        #expect(abs(game.settlements[0].time - 13.3) < 1e-12)
        #expect(game.now == 14 && game.isIdle(0))
        #expect(game.place(of: 0).x == 0)
    }

    @Test func lateJoiner() throws {
        // Worker 0 starts at 0 on the spot; worker 1 is sent at 5 and arrives at 7: 7 done, 5 left, two a minute: 9.5.
        let game = try Self.game([Self.task()], [Self.worker(), Self.worker(x: 1, start: 5)])
        game.commit(worker: 0, task: 0)
        for _ in 0..<5 { game.advance() }
        #expect(game.idleWorkers == [1])
        #expect(game.completion(of: 0) == 12)
        #expect(game.completion(of: 0, joinedBy: 1) == 9.5)
        #expect(game.estimatedRemaining(of: 0) == 7)
        game.commit(worker: 1, task: 0)
        #expect(game.estimatedRemaining(of: 0) == 4.5)
        Self.finish(game)
        #expect(game.revenue == 10 && game.now == 10)
    }

    @Test func latenessLowersThePayment() throws {
        // Alone, workload 24, arrival 2: done at 26, six minutes late: 10 - 3.
        for (rule, paid) in [(PaymentRule.lateness, 7.0), (.elapsed, 0.0)] {
            let game = try Self.game([Self.task(workload: 24)], [Self.worker(x: 1)], GameOptions(payment: rule))
            game.commit(worker: 0, task: 0)
            Self.finish(game)
            #expect(game.revenue == paid)
        }
        let game = try Self.game([Self.task(workload: 4)], [Self.worker(x: 1)], GameOptions(payment: .elapsed))
        game.commit(worker: 0, task: 0)
        Self.finish(game)
        #expect(game.revenue == 7)
    }

    @Test func deadlinePassed() throws {
        // Workload 60 cannot be done by 30: unpaid, the worker is freed at the task at 30.
        let game = try Self.game([Self.task(workload: 60)], [Self.worker(x: 1)])
        game.commit(worker: 0, task: 0)
        while game.settlements.isEmpty { game.advance() }
        let end = game.settlements[0]
        #expect(game.now == 30 && end.time == 30 && !end.completed && end.payment == 0)
        #expect(game.settlementMembers[0].work == 28 && game.settlementMembers[0].share == 0)
        #expect(game.revenue == 0 && game.isOver && game.isIdle(0))
    }

    @Test func skillReachAndShift() throws {
        let game = try Self.game(
            [Self.task(skill: 1)],
            [
                Self.worker(skills: [0]), Self.worker(x: 9, skills: [1], reach: 8),
                Self.worker(skills: [1], start: 3, end: 4), Self.worker(skills: [1], start: 40),
            ])
        #expect(game.actingCount == 0)
        #expect(!game.canTake(0, 0) && !game.canTake(1, 0))
        for _ in 0..<3 { game.step(actions: [Int32]().span) }
        #expect(game.actingCount == 1 && game.actingAgent(0) == 2)
        game.step(actions: [Int32(8)].span)
        #expect(game.actingCount == 0, "the shift is over at 4")
        Self.finish(game)
        #expect(game.revenue == 0)
    }

    @Test func candidatesAreTheNearestThatNeedMe() throws {
        let tasks = (0..<12).map { Self.task(x: Double(12 - $0) * 0.5) } + [Self.task(x: 0.1, skill: 3)]
        let game = try Self.game(tasks, [Self.worker(), Self.worker()], GameOptions(candidates: 3))
        #expect((0..<4).map { game.candidateTask(agent: 0, slot: $0) } == [11, 10, 9, -1])
        // Worker 0 goes to the nearest: on course to be paid in full at 1 + 12, it needs nobody.
        game.step(actions: [Int32(0), 3].span)
        #expect(game.actingCount == 1 && game.actingAgent(0) == 1)
        #expect((0..<3).map { game.candidateTask(agent: 0, slot: $0) } == [10, 9, 8])
    }

    @Test func teamCapRefusesTheRest() throws {
        let game = try Self.game(
            [Self.task(workload: 500)], (0..<5).map { _ in Self.worker() }, GameOptions(teamCap: 3))
        game.step(actions: [Int32](repeating: 0, count: 5).span)
        #expect(game.team(of: 0).count == 3)
        #expect(game.idleWorkers == [3, 4])
    }

    @Test func decisionsInTurnSeeEarlierOnes() throws {
        let game = try Self.game(
            [Self.task(), Self.task(x: 1)], [Self.worker(), Self.worker()], GameOptions(decisions: .inTurn))
        #expect(game.actingCount == 1)
        let first = game.actingAgent(0)
        game.step(actions: [Int32(0)].span)
        #expect(game.now == 0 && game.actingCount == 1 && game.actingAgent(0) != first)
        #expect(game.candidateTask(agent: 0, slot: 0) == 1, "task 0 is taken care of")
        #expect(game.candidateTask(agent: 0, slot: 1) == -1)
        game.step(actions: [Int32(0)].span)
        #expect(game.now == 1)
        Self.finish(game)
        #expect(game.revenue == 20)
    }

    @Test func instanceRefusesNonsense() {
        var bad = Self.task()
        bad.workload = 0
        #expect(throws: CSCError.invalid("task 1: workload 0.0 is not positive")) {
            try Instance(tasks: [Self.task(), bad], workers: [], horizon: 10)
        }
        var slow = Self.worker()
        slow.speed = .nan
        #expect(throws: CSCError.invalid("worker 0: a number is not finite")) {
            try Instance(tasks: [], workers: [slow], horizon: 10)
        }
    }

    @Test func noTasksIsOverAtOnce() throws {
        #expect(try Self.game([], [Self.worker()]).isOver)
    }
}
