import CSCSwift
import Foundation
import Testing

@Suite("marl-eval's layout")
struct MarlEvalTests {
    @Test("environment, task, algorithm, run, step; absolute metrics last")
    func layout() throws {
        var file = MarlEval(environment: "chengdu", metric: "revenue")
        for task in ["200 tasks 50 workers", "350 tasks 200 workers"] {
            for run in ["seed_1", "seed_2"] {
                try file.add(
                    task: task, algorithm: "cafe", run: run,
                    steps: [.init(stepCount: 10, values: [1, 2]), .init(stepCount: 20, values: [3])], absolute: [3, 4])
            }
        }
        let root = try JSONSerialization.jsonObject(with: Data(file.json.pretty.utf8)) as? [String: Any]
        let environment = try #require(root?["chengdu"] as? [String: [String: [String: [String: [String: Any]]]]])
        #expect(Set(environment.keys) == ["200 tasks 50 workers", "350 tasks 200 workers"])
        let runs = try #require(environment["350 tasks 200 workers"]?["cafe"])
        #expect(Set(runs.keys) == ["seed_1", "seed_2"])
        let steps = try #require(runs["seed_2"])
        #expect(Set(steps.keys) == ["step_1", "step_2", "absolute_metrics"])
        #expect(steps["step_1"]?["step_count"] as? Int == 10 && steps["step_1"]?["revenue"] as? [Double] == [1, 2])
        #expect(steps["absolute_metrics"]?["revenue"] as? [Double] == [3, 4])
        #expect(steps["absolute_metrics"]?.count == 1)
    }

    @Test("names that marl-eval cannot tell apart, or cannot read, are refused")
    func names() throws {
        var file = MarlEval(environment: "chengdu", metric: "revenue")
        try file.add(task: "t", algorithm: "Cafe", run: "1", steps: [], absolute: [1])
        #expect(throws: CSCError.self) {
            try file.add(task: "t", algorithm: "cafe", run: "1", steps: [], absolute: [1])
        }
        #expect(throws: CSCError.self) {
            try file.add(task: "t", algorithm: "a,b", run: "1", steps: [], absolute: [1])
        }
        #expect(throws: CSCError.self) {
            try file.add(task: "t", algorithm: "Cafe", run: "1", steps: [], absolute: [1])
        }
    }
}
