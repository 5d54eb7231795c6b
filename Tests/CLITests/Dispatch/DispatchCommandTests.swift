import Foundation
import Testing

@Suite("cafe-cli dispatch")
struct DispatchCommandTests {
    static func object(_ text: some StringProtocol) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }

    static func list(_ object: [String: Any], _ field: String) throws -> [[String: Any]] {
        try #require(object[field] as? [[String: Any]], "\(field) of \(object)")
    }

    /// The repository.
    static let root = (0..<4).reduce(URL(fileURLWithPath: #filePath)) { folder, _ in folder.deletingLastPathComponent()
    }

    /// The request of docs/api.md.
    static func documented() throws -> String {
        try String(contentsOf: root.appendingPathComponent("docs/moment.json"), encoding: .utf8)
    }

    static let line =
        #"{"now": 0, "policy": "coalition", "workers": [{"id": "w", "xy": [0, 0]}], "#
        + #""tasks": [{"id": "t", "xy": [1, 0], "workload_min": 5, "deadline": 60}]}"#

    @Test("the request of docs/api.md is answered as the page says")
    func documentedRequest() throws {
        let result = try CommandLineTool.run(["dispatch"], input: try Self.documented())
        #expect(result.status == 0 && result.errors.isEmpty, "\(result)")
        let plan = try Self.object(result.output)
        #expect(plan["code"] as? Int == 0)
        let assigned = try Self.list(plan, "assignments").map { "\($0["worker"]!) \($0["task"]!)" }
        #expect(Set(assigned) == ["ana boiler", "bo boiler", "chen tap"])
        let open = try Self.list(plan, "unassigned")
        #expect(open.map { "\($0["task"]!) \($0["reason"]!)" } == ["roof NO_QUALIFIED_WORKER"])
        let page = try String(contentsOf: Self.root.appendingPathComponent("docs/api.md"), encoding: .utf8)
        #expect(page.contains(try Self.documented().trimmingCharacters(in: .newlines)))
    }

    @Test("a stream of lines is answered line by line, and a bad line does not end it")
    func stream() throws {
        let bad =
            #"{"now": 0, "workers": [], "tasks": [{"id": "t", "xy": [0, 0], "workload_min": 1, "deadline": "07:60"}]}"#
        let result = try CommandLineTool.run(["dispatch"], input: "\(Self.line)\n\n\(bad)\n{]\n\(Self.line)")
        let lines = result.output.split(separator: "\n")
        #expect(result.status == 1 && lines.count == 4, "\(result)")
        #expect(lines[0] == lines[3])
        #expect(try Self.list(Self.object(lines[0]), "assignments").count == 1)
        let fault = try Self.object(lines[1])
        #expect(fault["code"] as? Int == 2 && fault["path"] as? String == "tasks[0].deadline")
        #expect((fault["error"] as? String)?.hasPrefix("tasks[0].deadline: 07:60 is not a time") ?? false)
        #expect(try Self.object(lines[2])["code"] as? Int == 2)
    }

    @Test("the answer to a line comes before the next question is asked")
    func interactive() throws {
        let (entry, output) = (Pipe(), Pipe())
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLineTool.path)
        process.arguments = ["dispatch"]
        process.standardInput = entry
        process.standardOutput = output
        try process.run()
        for _ in 0..<3 {
            try entry.fileHandleForWriting.write(contentsOf: Data((Self.line + "\n").utf8))
            var answer = Data()
            while answer.last != UInt8(ascii: "\n") { answer += output.fileHandleForReading.availableData }
            #expect(try Self.list(Self.object(String(decoding: answer, as: UTF8.self)), "assignments").count == 1)
        }
        try entry.fileHandleForWriting.close()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test("what is refused is a document and exit status 1, and nothing else is on standard output")
    func refusals() throws {
        for text in [
            "", "\n", "null", "{", "[1, 2]", "{\"now\": 0}", String(repeating: "{\"now\":", count: 5000), "\u{0}",
            Self.line.replacingOccurrences(of: "\"now\": 0", with: "\"now\": 1e999"),
            Self.line.replacingOccurrences(of: "workload_min", with: "workload"),
        ] {
            let result = try CommandLineTool.run(["dispatch"], input: text)
            let fault = try Self.object(result.output)
            #expect(result.status == 1 && fault["code"] as? Int == 2 && fault["path"] is String, "\(text.prefix(60))")
            #expect(fault["assignments"] == nil)
        }
    }

    @Test("check, recommend and log")
    func questions() throws {
        let folder = TestFolder()
        let plan = folder.file("plan.json")
        let good = try CommandLineTool.run(["dispatch", "--log", folder.file("log.jsonl")], input: Self.line)
        try good.output.write(toFile: plan, atomically: true, encoding: .utf8)
        let checked = try CommandLineTool.run(["dispatch", "--check", plan], input: Self.line)
        #expect(checked.status == 0)
        #expect(try Self.object(checked.output)["valid"] as? Bool == true)
        let bad = #"{"assignments": [{"worker": "w", "task": "t"}, {"worker": "w", "task": "t"}]}"#
        let inside = Self.line.dropLast() + ", \"plan\": \(bad)}"
        let found = try CommandLineTool.run(["dispatch", "--check"], input: String(inside))
        #expect(found.status == 1)
        #expect(try Self.list(Self.object(found.output), "violations").first?["rule"] as? String == "ASSIGNED_TWICE")
        let advice = try CommandLineTool.run(["dispatch", "--recommend", "t", "--k", "2"], input: Self.line)
        #expect(advice.status == 0)
        #expect(try Self.list(Self.object(advice.output), "options").count == 1)
        let unknown = try CommandLineTool.run(["dispatch", "--recommend", "x"], input: Self.line)
        #expect(unknown.status == 1 && unknown.output.contains("there is no task 'x'"))
        let page = folder.file("log.html")
        let replay = try CommandLineTool.run(["replay", "--log", folder.file("log.jsonl"), "--out", page])
        #expect(replay.status == 0, "\(replay)")
        #expect(try String(contentsOfFile: page, encoding: .utf8).contains("\"trips\":[[0,0,"))
    }
}
