import Foundation
import Testing

/// The commands that scripts rely on, run as a user runs them.
@Suite struct EvaluateTests {
    struct Outcome {
        var status: Int32
        var output: String
        var errors: String
    }

    /// Runs the cafe-cli that was built beside the tests.
    static func run(_ arguments: String...) throws -> Outcome {
        let process = Process()
        let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        process.executableURL = folder.appendingPathComponent("cafe-cli")
        process.arguments = arguments
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let complaints = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
            errors: String(decoding: complaints, as: UTF8.self))
    }

    static func temporary(_ name: String) -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("cafe-\(UUID())-\(name)").path
    }

    @Test func evaluateWritesTheSameFileAtAnyThreadCount() throws {
        var files: [Data] = []
        for threads in ["1", "2", "7"] {
            let path = Self.temporary("out.json")
            defer { try? FileManager.default.removeItem(atPath: path) }
            let outcome = try Self.run(
                "evaluate", "--scenario", "haikou", "--tasks", "30", "--workers", "15", "--policy", "greedy,coalition",
                "--episodes", "9", "--seed", "7", "--threads", threads, "--json", path)
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("coalition"))
            files.append(try Data(contentsOf: URL(fileURLWithPath: path)))
        }
        #expect(files[0] == files[1] && files[0] == files[2])
        let root = try JSONSerialization.jsonObject(with: files[0]) as? [String: Any]
        let policies = root?["policies"] as? [String: [String: Any]]
        let greedy = try #require(policies?["greedy"])
        let coalition = try #require(policies?["coalition"])
        #expect(greedy["episodes"] as? Int == 9)
        let mean = try #require(greedy["mean"] as? Double)
        let interval = try #require(greedy["ci95"] as? [Double])
        #expect(interval[0] < mean && mean < interval[1] && greedy["sd"] as? Double ?? 0 > 0)
        #expect(try #require(coalition["mean"] as? Double) > mean)
    }

    @Test func generatedFilesAreEvaluated() throws {
        let folder = Self.temporary("day")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(try Self.run("generate", "--tasks", "20", "--workers", "10", "--out", folder).status == 0)
        let outcome = try Self.run(
            "evaluate", "--orders", folder + "/tasks.csv", "--policy", "nearest", "--episodes", "1", "--threads", "1")
        #expect(outcome.status == 0 && outcome.output.contains("nearest"), "\(outcome.errors)")
    }

    @Test func aDashIsStandardOutput() throws {
        let outcome = try Self.run(
            "evaluate", "--scenario", "haikou", "--tasks", "10", "--workers", "5", "--policy", "greedy", "--episodes",
            "2", "--json", "-")
        let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        #expect(outcome.status == 0 && object?["policies"] != nil, "\(outcome.output)")
    }

    @Test func mistakesAreNamed() throws {
        let policy = try Self.run("evaluate", "--policy", "gredy")
        #expect(policy.status != 0 && policy.errors.contains("did you mean 'greedy'?"))
        let city = try Self.run("evaluate", "--policy", "greedy", "--scenario", "chengdoo")
        #expect(city.status != 0 && city.errors.contains("chengdu"))
    }

    @Test func scenariosPrintsYAML() throws {
        let outcome = try Self.run("scenarios", "haikou")
        #expect(outcome.status == 0 && outcome.output.contains("workerMix: 0.37"))
    }
}
