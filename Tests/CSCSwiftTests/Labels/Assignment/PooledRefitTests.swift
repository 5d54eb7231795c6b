import CSCSwift
import Testing

/// Refits of `Pooled` that run aside, without a session around them.
@Suite struct PooledRefitTests {
    @Test(
        "after a refit every task has the place that its state gives it, whatever happened while it ran",
        arguments: [1, 2, 3] as [UInt64], [2, 3])
    func places(seed: UInt64, classes: Int) throws {
        let tasks = 60, workers = 8
        var options = Pooled.Options(stopAt: 0.97, seed: seed)
        options.calibrate = 0
        // Everybody may be asked about everything; `restrict` gives all tasks their places anew.
        let everyone = [[Int32]](repeating: (0..<Int32(workers)).map { $0 }, count: tasks)
        var engine = Pooled(
            taskContexts: (0..<tasks).map { $0 % 3 }, workers: workers, classes: classes, options: options)
        engine.restrict(to: everyone)
        engine.setRefitsAside(true)
        var again = engine
        var chance = RandomStream(seed: seed, purpose: .labelAssignment)
        var running: (refit: Pooled.Refit, wait: Int)?
        var open: [Assignment] = [], answered: [Assignment] = [], installed = 0, different = 0
        func both(_ change: (inout Pooled) throws -> Void) throws {
            try change(&engine)
            try change(&again)
        }
        for _ in 0..<420 {
            let found = engine.next(available: nil)
            try #require(again.next(available: nil) == found)
            if let found { open.append(found) }
            if open.count > 3 || found == nil, !open.isEmpty {
                let asked = open.remove(at: Int(chance.unit() * Double(open.count)))
                if chance.unit() < 0.1 {
                    try both { try $0.decline(task: asked.task, worker: asked.worker) }
                    if chance.unit() < 0.5 { try both { try $0.forget(task: asked.task, worker: asked.worker) } }
                } else {
                    let label = chance.unit() < 0.7 ? asked.task % classes : Int(chance.unit() * Double(classes))
                    try both { try $0.record(task: asked.task, worker: asked.worker, label: label) }
                    answered.append(asked)
                }
            }
            if chance.unit() < 0.05, let old = answered.last {
                try both { try $0.correct(task: old.task, worker: old.worker, label: 0) }
            }
            if running == nil, let due = engine.refit { running = (due, Int(chance.unit() * 12)) }
            if var now = running {
                now.wait -= 1
                running = now
                if now.wait < 0 {
                    now.refit.run()
                    let before = engine
                    try both { try $0.install(now.refit) }
                    again.restrict(to: everyone)
                    different += engine.confidence == before.confidence ? 0 : 1
                    installed += 1
                    running = nil
                }
            }
        }
        #expect(installed > 10 && different > 5 && answered.count > 200)
    }
}
