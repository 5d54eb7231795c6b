import Foundation
import Testing

@Suite("compare, fit and random scenarios on the command line")
struct CompareFitTests {
    @Test("compare shows rules, cafe, lookahead and bounds on the same episodes, in a table, as JSON and as a plot")
    func compare() throws {
        let folder = TestFolder()
        let result = try CommandLineTool.run([
            "compare", "--tasks", "30", "--workers", "8", "--episodes", "6", "--slow-episodes", "2", "--lookahead",
            "futures=4", "--lookahead", "variants=3", "--json", folder.file("out.json"), "--plot",
            folder.file("out.svg"),
        ])
        #expect(result.status == 0, "\(result.errors)")
        for name in ["greedy", "nearest", "marginal", "coalition", "cafe", "cafe:lookahead", "annealed", "upper bound"]
        {
            #expect(result.output.contains(name))
        }
        let json = try #require(try JSONSerialization.jsonObject(with: folder.read("out.json")) as? [String: Any])
        let policies = try #require(json["policies"] as? [String: [String: Any]])
        #expect(policies.count == 8)
        #expect(policies["cafe"]?["episodes"] as? Int == 6 && policies["cafe:lookahead"]?["episodes"] as? Int == 2)
        let gain = try #require(policies["cafe"]?["minus_coalition"] as? [String: Any])
        let cafe = try #require(policies["cafe"]?["mean"] as? Double)
        let rule = try #require(policies["coalition"]?["mean"] as? Double)
        #expect(abs(try #require(gain["mean"] as? Double) - (cafe - rule)) < 1e-9)
        #expect(String(decoding: try folder.read("out.svg"), as: UTF8.self).contains("<svg"))
    }

    @Test("fit writes a policy that evaluate reads, says by how much it is better, and goes on where it was stopped")
    func fit() throws {
        let folder = TestFolder()
        func fit(_ name: String, generations: Int) throws -> CommandLineTool.Result {
            try CommandLineTool.run([
                "fit", "--scenario", "haikou", "--tasks", "40", "--workers", "10", "--episodes", "6", "--generations",
                "\(generations)", "--out", folder.file(name),
            ])
        }
        let whole = try fit("whole", generations: 4)
        #expect(whole.status == 0, "\(whole.errors)")
        #expect(whole.output.contains("minus coalition") && whole.output.contains("minus cafe"))
        _ = try fit("parts", generations: 2)
        #expect(try fit("parts", generations: 4).status == 0)
        #expect(try folder.read("whole/policy.yaml") == folder.read("parts/policy.yaml"))
        let played = try CommandLineTool.run([
            "evaluate", "--scenario", "haikou", "--tasks", "40", "--workers", "10", "--episodes", "2", "--policy",
            "coalition,\(folder.file("whole"))",
        ])
        #expect(played.status == 0, "\(played.errors)")
        let one = try CommandLineTool.run(["fit", "--minutes", "0", "--out", folder.file("x")])
        #expect(one.status != 0 && one.errors.contains("--minutes"))
    }

    @Test("scenarios --random prints a scenario that evaluate plays by cafe")
    func random() throws {
        let folder = TestFolder()
        let printed = try CommandLineTool.run(["scenarios", "--random", "5"])
        #expect(printed.status == 0 && printed.output.contains("name: random-5"))
        #expect(try CommandLineTool.run(["scenarios", "--random", "5"]).output == printed.output)
        try printed.output.write(toFile: folder.file("r.yaml"), atomically: true, encoding: .utf8)
        let played = try CommandLineTool.run([
            "evaluate", "--scenario", folder.file("r.yaml"), "--tasks", "40", "--workers", "10", "--episodes", "2",
            "--policy", "coalition,cafe",
        ])
        #expect(played.status == 0, "\(played.errors)")
        #expect(try CommandLineTool.run(["scenarios", "chengdu", "--random", "5"]).status != 0)
    }
}
