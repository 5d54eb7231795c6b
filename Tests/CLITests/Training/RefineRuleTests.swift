import Foundation
import Testing

/// `refine` of learnt coalition rules through the binary.
@Suite struct RefineRuleTests {
    private static let small = [
        "--scenario", "haikou", "--tasks", "40", "--workers", "10", "--episodes", "90", "--evaluation-episodes", "6",
    ]

    private func refine(_ policy: String, _ more: [String]) throws -> CommandLineTool.Result {
        try CommandLineTool.run(["refine", policy] + Self.small + more)
    }

    @Test("a built-in rule is refined beside CMA-ES; the policy is read by evaluate, fit and refine itself")
    func refines() throws {
        let folder = TestFolder()
        let out = folder.file("refined")
        let result = try refine("cafe", ["--out", out, "--threads", "1"])
        #expect(result.status == 0, "\(result.errors)")
        for words in ["before", "step 3", "90 episodes", "CMA-ES", "gen. 1", "minus coalition", "minus cafe"] {
            #expect(result.output.contains(words), "no '\(words)' in \(result.output)")
        }
        let json = try #require(
            try JSONSerialization.jsonObject(with: folder.read("refined/refine.json")) as? [String: Any])
        #expect(json["episodes"] as? Int == 90 && json["evaluation_episodes"] as? Int == 6)
        let interval = try #require((json["over_rule"] as? [String: Any])?["ci95"] as? [Double])
        #expect(interval[1] >= 0)
        let rows = try #require(json["rows"] as? [[String: Any]])
        #expect(rows.first?["episodes"] as? Int == 0 && rows.contains { $0["row"] as? String == "CMA-ES" })

        // Another number of threads: the same policy to the last bit.
        #expect(try refine("cafe", ["--out", folder.file("again"), "--threads", "2"]).status == 0)
        #expect(try folder.read("again/policy.yaml") == folder.read("refined/policy.yaml"))

        let size = ["--scenario", "haikou", "--tasks", "40", "--workers", "10", "--episodes", "4"]
        for words in [
            ["evaluate"] + size + ["--policy", "coalition,\(out)"],
            ["fit"] + size + ["--generations", "1", "--start", out, "--out", folder.file("fitted")],
            ["refine", folder.file("refined/policy.yaml")] + size + ["--evaluation-episodes", "4", "--alone"],
            ["refine", "cafe-haikou"] + size + ["--evaluation-episodes", "4", "--alone"],
        ] {
            let next = try CommandLineTool.run(words)
            #expect(next.status == 0, "\(words): \(next.errors)")
            #expect(!next.output.contains("CMA-ES"))
        }
    }

    @Test("recorded orders: one row in two is learnt from, the others are checked on")
    func orders() throws {
        let folder = TestFolder()
        #expect(
            try CommandLineTool.run([
                "generate", "--scenario", "haikou", "--tasks", "300", "--workers", "60", "--out", folder.file("day"),
            ]).status == 0)
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let orders = root.appendingPathComponent("Examples/orders.csv").path
        let result = try refine("cafe-haikou", ["--orders", orders, "--alone", "--out", folder.file("refined")])
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("one row in two"))
        let part = try refine("cafe", ["--orders", orders, "--part", "1/2"])
        #expect(part.status != 0 && part.errors.contains("--part"))
        let one = try refine("cafe", ["--orders", folder.file("day/tasks.csv")])
        #expect(one.status != 0 && one.errors.contains("single episode"))
    }

    @Test("what only runs understand is refused for a rule, and nothing is written over something else")
    func refusals() throws {
        let folder = TestFolder()
        for (options, word) in [
            (["--floor", "0.3"], "--floor"), (["--updates", "2"], "--updates"), (["--tasks", "50"], "--tasks"),
            (["--workers-fixed", "50"], "--workers"), (["--check-days", "3-"], "--check-days"),
        ] {
            let result = try refine("cafe", options + ["--out", folder.file("x")])
            #expect(
                result.status != 0 && result.output.isEmpty && result.errors.contains(word), "\(options): \(result)")
            #expect(!FileManager.default.fileExists(atPath: folder.file("x")))
        }
        let policy = try CommandLineTool.run(["policies", "cafe"])
        try FileManager.default.createDirectory(atPath: folder.file("mine"), withIntermediateDirectories: true)
        try policy.output.write(toFile: folder.file("mine/policy.yaml"), atomically: true, encoding: .utf8)
        let own = try refine(folder.file("mine"), ["--out", folder.file("mine")])
        #expect(own.status != 0 && own.errors.contains("choose another folder"))
        #expect(try folder.read("mine/policy.yaml") == Data(policy.output.utf8))
        try "kept: start".write(toFile: folder.file("fit.json"), atomically: true, encoding: .utf8)
        let fitted = try refine("cafe", ["--out", folder.file(".")])
        #expect(fitted.status != 0 && fitted.errors.contains("a result of fit"))
        try FileManager.default.removeItem(atPath: folder.file("fit.json"))
        try "{}".write(toFile: folder.file("refine.json"), atomically: true, encoding: .utf8)
        let earlier = try refine("cafe", ["--out", folder.file(".")])
        #expect(earlier.status != 0 && earlier.errors.contains("a result of refine"))
        let empty = try refine("cafe", ["--out", ""])
        #expect(empty.status != 0 && empty.errors.contains("--out is empty"))
        let none = try refine("no-such-policy", [])
        #expect(none.status != 0 && none.errors.contains("no policy is called 'no-such-policy'"))
        let plain = try refine("greedy", [])
        #expect(plain.status != 0 && plain.errors.contains("greedy has no weights"))
    }

    @Test("a folder of fit goes on with its own search only")
    func otherSearch() throws {
        let folder = TestFolder()
        let out = ["--generations", "1", "--episodes", "4", "--threads", "1", "--out", folder.file("fitted")]
        let size = ["fit", "--scenario", "haikou", "--tasks", "40", "--workers", "10"]
        #expect(try CommandLineTool.run(size + out).status == 0)
        let policy = try folder.read("fitted/policy.yaml")
        for other in [["--relocate"], ["--seed", "9"], ["--travel", "euclidean"], ["--start", "cafe-haikou"]] {
            let result = try CommandLineTool.run(size + other + out)
            #expect(result.status != 0 && result.errors.contains("holds another search"), "\(other): \(result.errors)")
        }
        #expect(try folder.read("fitted/policy.yaml") == policy)
        let on = try CommandLineTool.run(size + out.map { $0 == "1" && out[1] == "1" ? "2" : $0 })
        #expect(on.status == 0, "\(on.errors)")
    }
}
