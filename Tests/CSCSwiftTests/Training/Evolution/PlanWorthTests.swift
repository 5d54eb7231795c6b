import CSCSwift
import Testing

@Suite("Worth of a plan")
struct PlanWorthTests {
    static let base = LearntCoalitionPolicy.builtIn("cafe")!.adapted(to: Scenario.chengdu, tasks: 80, workers: 20)

    static func learnt(episodes: Int = 4, seed: UInt64 = 1) -> LearntCoalitionPolicy {
        var search = PlanWorthOptions()
        search.episodes = episodes
        return base.learningPlanWorth(on: Scenario.chengdu, tasks: 80, workers: 20, seed: seed, search: search)
    }

    static func revenue(_ policies: [LearntCoalitionPolicy], episodes: Int) -> [[Double]] {
        Evaluation.run(
            policies.map { $0.source() }, on: Scenario.chengdu, tasks: 80, workers: 20, seed: 5, episodes: 0..<episodes)
    }

    @Test("a policy with a learnt worth decides otherwise, and reads back from its file with the same decisions")
    func file() throws {
        let policy = Self.learnt()
        #expect(policy != Self.base)
        let read = try LearntCoalitionPolicy(text: try policy.text())
        #expect(read == policy)
        let played = Self.revenue([Self.base, policy, read], episodes: 4)
        #expect(played[0] != played[1])
        #expect(played[1] == played[2])
    }

    @Test("it is learnt to the same bits again, and by each seed differently")
    func bits() {
        let policy = Self.learnt()
        #expect(policy == Self.learnt())
        #expect(policy != Self.learnt(seed: 2))
    }

    @Test("a file with an unknown or a missing term is refused by its name", arguments: [true, false])
    func damaged(isUnknown: Bool) throws {
        let lines = try Self.learnt(episodes: 1).text().split(separator: "\n").filter { !$0.hasPrefix("checksum") }
        let changed = lines.compactMap { line -> String? in
            guard line.contains("nextBusy:") else { return String(line) }
            return isUnknown ? String(line).replacing("nextBusy:", with: "nextBussy:") : nil
        }
        #expect(changed.count == lines.count - (isUnknown ? 0 : 1))
        let error = #expect(throws: CSCError.self) { try LearntCoalitionPolicy(text: changed.joined(separator: "\n")) }
        #expect(error?.description.contains(isUnknown ? "nextBussy" : "nextBusy") == true)
    }

    @Test("the plain rule has no weights to draw plans by: nothing is learnt")
    func plainRule() {
        var plain = Self.base
        plain.constantPrice = 0.15
        #expect(plain.learningPlanWorth(on: Scenario.chengdu, tasks: 20, workers: 5, seed: 1) == plain)
    }
}
