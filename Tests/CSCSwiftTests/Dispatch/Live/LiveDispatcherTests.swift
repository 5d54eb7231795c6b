import CSCSwift
import Testing

@Suite("Live dispatch")
struct LiveDispatcherTests {
    /// What a service would know of a running game: its workers where they are, the open tasks, who is under way.
    struct Moment {
        var workers: [Worker]
        var tasks: [SpatialTask]
        /// Where each open task stands in the game.
        var taskIndex: [Int]
        var commitments: [Snapshot.Commitment]

        init(_ game: SpatialCrowdsourcing) {
            taskIndex = game.openTasks
            tasks = taskIndex.map { game.tasks[$0] }
            workers = game.workers
            commitments = []
            for worker in workers.indices {
                let task = game.task(of: worker)
                if let at = taskIndex.firstIndex(of: task) {
                    commitments.append(
                        .init(worker: worker, task: at, arrival: game.arrivalTime(of: worker, at: task)))
                } else {
                    (workers[worker].x, workers[worker].y) = game.place(of: worker)
                }
            }
        }
    }

    static func scale(_ instance: Instance) -> Snapshot.Scale {
        let pay = instance.tasks.reduce(0) { $0 + $1.pay }
        let work = instance.tasks.reduce(0) { $0 + $1.workload }
        return Snapshot.Scale(
            pay: pay / Double(instance.tasks.count), rate: pay / work,
            tasksPerWorker: Double(instance.tasks.count) / Double(instance.workers.count), horizon: instance.horizon)
    }

    /// Plays a day by a rule and asks a live dispatcher at every moment; returns how many moves both made.
    static func compare(_ rule: any Dispatcher, _ live: LiveDispatcher, _ instance: Instance) throws -> Int {
        let game = SpatialCrowdsourcing()
        game.reset(instance)
        rule.begin(game, stream: RandomStream(seed: 1, purpose: .dispatcher))
        var moves = 0
        while !game.isOver {
            let moment = Moment(game)
            let idle = game.idleWorkers
            let answer = try live.assign(
                workers: moment.workers, tasks: moment.tasks, now: game.now, commitments: moment.commitments)
            rule.dispatch(game)
            let sent = idle.filter { !game.isIdle($0) }.map { [$0, game.task(of: $0)] }
            #expect(answer.map { [$0.worker, moment.taskIndex[$0.task]] } == sent, "minute \(game.now)")
            moves += sent.count
            game.advance()
        }
        return moves
    }

    @Test("a learnt rule asked moment by moment sends whom it sends in a game of the whole day", arguments: [40, 10])
    func learnt(workers: Int) throws {
        let policy = try #require(LearntCoalitionPolicy.builtIn("cafe-chengdu"))
        let instance = Scenario.chengdu.instance(
            tasks: 60, workers: workers, seed: 5, episode: EpisodeRange.evaluation[0])
        let live = LiveDispatcher(LearntCoalition(policy), scale: Self.scale(instance))
        #expect(try Self.compare(LearntCoalition(policy), live, instance) > 20)
    }

    @Test("the coalition rule too; and the scale is what a learnt rule knows of the day")
    func scaleCounts() throws {
        let instance = Scenario.chengdu.instance(tasks: 60, workers: 12, seed: 5, episode: EpisodeRange.evaluation[1])
        let plain = LiveDispatcher(DispatcherKind.coalition.make(price: 0.001), scale: Self.scale(instance))
        #expect(try Self.compare(DispatcherKind.coalition.make(price: 0.001), plain, instance) > 20)
        // A day with a twentieth of the tasks: the same moment, other answers.
        let policy = try #require(LearntCoalitionPolicy.builtIn("cafe-chengdu"))
        let game = SpatialCrowdsourcing()
        game.reset(instance)
        var isOther = false
        let live = LiveDispatcher(LearntCoalition(policy), scale: Self.scale(instance))
        while !game.isOver {
            let moment = Moment(game)
            func ask(_ tasksPerWorker: Double) throws -> [[Int]] {
                live.scale = Self.scale(instance)
                live.scale.tasksPerWorker = tasksPerWorker
                return try live.assign(workers: moment.workers, tasks: moment.tasks, now: game.now).map {
                    [$0.worker, $0.task]
                }
            }
            if try ask(5) != ask(0.25) { isOther = true }
            game.advance()
        }
        #expect(isOther)
    }

    @Test("with lookahead the same moment has the same answer, drawn futures have the day's number of tasks")
    func lookahead() throws {
        /// Remembers how many tasks were asked for.
        struct Counting: InstanceSource {
            final class Counts: @unchecked Sendable { var tasks: Set<Int> = [] }
            let name = "counting"
            let counts = Counts()
            func instance(tasks: Int, workers: Int, seed: UInt64, episode: EpisodeIndex) -> Instance {
                counts.tasks.insert(tasks)
                return Scenario.chengdu.instance(tasks: tasks, workers: workers, seed: seed, episode: episode)
            }
        }
        let policy = try #require(LearntCoalitionPolicy.builtIn("cafe-chengdu"))
        let instance = Scenario.chengdu.instance(tasks: 60, workers: 12, seed: 5, episode: EpisodeRange.evaluation[2])
        var options = LookaheadOptions()
        (options.futures, options.variants) = (4, 6)
        let source = Counting()
        Threads.count = 1
        defer { Threads.count = 0 }
        let rule = LookaheadCoalition(policy, futures: source, options: options)
        let live = LiveDispatcher(rule, scale: Self.scale(instance))
        let game = SpatialCrowdsourcing()
        game.reset(instance)
        for _ in 0..<25 { game.advance() }
        let moment = Moment(game)
        func ask() throws -> [[Int]] {
            try live.assign(workers: moment.workers, tasks: moment.tasks, now: game.now).map { [$0.worker, $0.task] }
        }
        let first = try ask()
        #expect(try !first.isEmpty && ask() == first)
        #expect(source.counts.tasks == [60])
    }

    @Test("what makes no sense is refused by name")
    func refusals() throws {
        let live = LiveDispatcher(
            DispatcherKind.coalition.make(price: 0), scale: Snapshot.Scale(.chengdu, tasksPerWorker: 1))
        #expect { try live.assign(workers: [], tasks: [], now: .nan) } throws: { "\($0)".contains("time") }
        let busy = Snapshot.Commitment(worker: 0, task: 0, arrival: 1)
        #expect { try live.assign(workers: [], tasks: [], now: 0, commitments: [busy]) } throws: {
            "\($0)".contains("commitment 0")
        }
    }
}
