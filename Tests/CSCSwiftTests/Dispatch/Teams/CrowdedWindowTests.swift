import CSCSwift
import Testing

/// Windows with so many pairs of a task and a worker that the learnt coalition rule plans only what can set out now.
@Suite("Crowded windows") struct CrowdedWindowTests {
    /// Tasks 10 km apart, each with an idle worker at its place: 200 of each are 40,000 pairs, which is crowded. Further tasks
    /// ask for a skill that nobody has.
    private static func row(of count: Int, unserved: Int = 0) throws -> Instance {
        let skilled = (0..<count).map { LearntCoalitionTests.task(x: 10 * Double($0)) }
        let others = (0..<unserved).map { at in
            var task = LearntCoalitionTests.task(x: 10 * Double(at) + 5)
            task.skill = 1
            return task
        }
        let workers = (0..<count).map { LearntCoalitionTests.worker(x: 10 * Double($0)) }
        return try Instance(tasks: skilled + others, workers: workers, horizon: 60)
    }

    private static func sent(_ instance: Instance) throws -> [SettlementMember] {
        try LearntCoalitionTests.play(
            LearntCoalitionTests.policy(price: 0.3, joint: false), tasks: instance.tasks, workers: instance.workers
        ).sent
    }

    @Test("every task has the worker at its place, in a crowded window as in a small one", arguments: [20, 150, 400])
    func everyoneGoes(_ count: Int) throws {
        let sent = try Self.sent(Self.row(of: count))
        #expect(sent.count == count)
        #expect(sent.allSatisfy { $0.committed == 0 && $0.arrival == 0 })
    }

    @Test("tasks that no worker could come to change nothing", arguments: [20, 200])
    func unserved(_ count: Int) throws {
        #expect(try Self.sent(Self.row(of: count)) == Self.sent(Self.row(of: count, unserved: count)))
    }
}
