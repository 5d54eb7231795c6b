import CSCSwift
import Foundation
import Testing

@Suite struct DispatchPolicyTests {
    private func tinyConfiguration() throws -> TrainingConfiguration {
        var configuration = TrainingConfiguration()
        try configuration.apply(overrides: [
            "episodes.tasks=[20]", "episodes.workers=[]", "episodes.workersFixed=20", "iterations=2", "ppo.numEnvs=2",
            "evaluateEvery=0", "evaluationEpisodes=1", "network.actorWidths=[8]",
        ])
        return configuration
    }

    /// In the middle of a game, a snapshot of it gives the policy the same acting agents and the same choices as the game.
    @Test func aSnapshotShowsTheSameMoment() throws {
        let folder = TemporaryFolder()
        let run = try TrainingRun.create(
            tinyConfiguration(), scenario: .chengdu, folder: folder.file("run"))
        #expect(try run.run())
        let policy = try DispatchPolicy(contentsOf: folder.file("run"))
        #expect(policy.policy.actor == run.trainer.learner.policy.actor)

        let instance = Scenario.chengdu.instance(tasks: 40, workers: 30, seed: 5, episode: EpisodeRange.evaluation[0])
        let game = SpatialCrowdsourcing()
        game.reset(instance)
        let dispatcher = policy.dispatcher(name: "learnt")
        dispatcher.begin(game, stream: RandomStream(seed: 1, purpose: .dispatcher))
        let pay = instance.tasks.reduce(0) { $0 + $1.pay }
        policy.scale = Snapshot.Scale(
            pay: pay / 40, rate: pay / instance.tasks.reduce(0) { $0 + $1.workload }, tasksPerWorker: 40.0 / 30,
            horizon: instance.horizon)
        var compared = 0
        while !game.isOver {
            let open = game.openTasks
            let workers = instance.workers.enumerated().map { index, worker in
                var moved = worker
                (moved.x, moved.y) = game.place(of: index)
                return moved
            }
            let commitments = workers.indices.filter { !game.isIdle($0) }.map { worker in
                Snapshot.Commitment(
                    worker: worker, task: open.firstIndex(of: game.task(of: worker))!,
                    arrival: game.arrivalTime(of: worker, at: game.task(of: worker)))
            }
            let answer = try policy.assign(
                workers: workers, tasks: open.map { instance.tasks[$0] }, now: game.now, commitments: commitments)
            let expected = dispatcher.decide(game)
            #expect(answer.map(\.worker) == expected.map(\.worker))
            #expect(answer.map { open[$0.task] } == expected.map(\.task))
            compared += answer.count
            dispatcher.dispatch(game)
            game.advance()
        }
        #expect(compared > 10)
    }

    @Test func senselessSnapshotsAreRefused() throws {
        let folder = TemporaryFolder()
        try TrainingRun.create(tinyConfiguration(), scenario: .haikou, folder: folder.file("run")).run()
        let policy = try DispatchPolicy(contentsOf: folder.file("run"))
        let instance = Scenario.haikou.instance(tasks: 5, workers: 5, seed: 1, episode: EpisodeRange.evaluation[0])
        var worker = instance.workers[0]
        worker.speed = 0
        #expect(throws: CSCError.self) { try policy.assign(workers: [worker], tasks: instance.tasks, now: 3) }
        #expect(throws: CSCError.self) { try policy.assign(workers: [], tasks: [], now: .nan) }
        #expect(throws: CSCError.self) {
            try policy.assign(
                workers: instance.workers, tasks: instance.tasks, now: 1000,
                commitments: [.init(worker: 9, task: 0, arrival: 1)])
        }
        #expect(try policy.assign(workers: instance.workers, tasks: [], now: 3).isEmpty)
        #expect(throws: CSCError.self) { try DispatchPolicy(contentsOf: folder.path) }
    }

    /// The files of a run, and a run that was stopped and resumed beside one that was not.
    @Test func runsResumeToTheSameBytes() throws {
        let folder = TemporaryFolder()
        var configuration = try tinyConfiguration()
        try configuration.apply(overrides: ["iterations=6", "checkpointEvery=2", "evaluateEvery=3"])
        let whole = try TrainingRun.create(configuration, scenario: .chengdu, folder: folder.file("whole"))
        #expect(try whole.run())
        do {
            let cut = try TrainingRun.create(configuration, scenario: .chengdu, folder: folder.file("cut"))
            #expect(try !cut.run(shouldStop: { cut.iteration == 3 }))
        }
        let resumed = try TrainingRun.resume(folder.file("cut"))
        #expect(resumed.iteration == 3 && resumed.refused.isEmpty)
        #expect(try resumed.run())
        for file in [
            "metrics.csv", "metrics.jsonl", "evaluation.json", "policy.ckpt", "checkpoints/iteration-000006.ckpt",
        ] {
            #expect(
                try AtomicFile.read(folder.file("whole/" + file)) == AtomicFile.read(folder.file("cut/" + file)),
                "\(file)")
        }
        #expect(throws: CSCError.self) {
            try TrainingRun.create(configuration, scenario: .chengdu, folder: folder.file("cut"))
        }
        #expect(throws: CSCError.self) { try TrainingRun.resume(folder.file("nothing")) }
    }
}
