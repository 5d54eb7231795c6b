import CSCSwift

// The moment: twelve minutes into a day in Chengdu. A service hands over its own workers and tasks.
let day = Scenario.chengdu.instance(tasks: 200, workers: 60, seed: 1, index: 0)
let ready = day.workers.filter { $0.shiftStart <= 12 }
let open = day.tasks.filter { $0.release <= 12 }

let policy = try DispatchPolicy(contentsOf: CommandLine.arguments[1])
for (worker, task) in try policy.assign(workers: ready, tasks: open, now: 12) {
    print("worker \(worker) goes to task \(task)")
}
