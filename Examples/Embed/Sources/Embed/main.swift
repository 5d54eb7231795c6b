import CSCSwift

// The moment: twelve minutes into a day in Chengdu. A service hands over its own workers and tasks.
let day = Scenario.chengdu.instance(tasks: 200, workers: 60, seed: 1, episode: EpisodeRange.evaluation[0])
let open = day.tasks.filter { $0.release <= 12 }

// A rule that comes trained with the library.
let rule = LearntCoalition(.builtIn("cafe")!)
let live = LiveDispatcher(rule, scale: Snapshot.Scale(.chengdu, tasksPerWorker: 200 / 60.0))
for (worker, task) in try live.assign(workers: day.workers, tasks: open, now: 12) {
    print("worker \(worker) goes to task \(task)")
}

// Or networks that you trained: a run's folder.
for folder in CommandLine.arguments.dropFirst() {
    let policy = try DispatchPolicy(contentsOf: folder)
    for (worker, task) in try policy.assign(workers: day.workers, tasks: open, now: 12) {
        print("\(folder): worker \(worker) goes to task \(task)")
    }
}
