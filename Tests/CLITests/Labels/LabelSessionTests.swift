import Foundation
import Testing

/// A live session through the program itself.
@Suite("cafe-cli label")
final class LabelSessionTests {
    private static let binary = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appendingPathComponent("cafe-cli").path

    private let folder = NSTemporaryDirectory() + "cafe-cli-\(UUID().uuidString)"

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func start(_ arguments: [String]) throws -> (Process, Pipe, Pipe) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.binary)
        process.arguments = ["label"] + arguments
        let out = Pipe()
        let error = Pipe()
        process.standardOutput = out
        process.standardError = error
        try process.run()
        return (process, out, error)
    }

    /// Runs to the end: status, standard output, standard error.
    private func run(_ arguments: String...) throws -> (status: Int32, out: String, error: String) {
        let (process, out, error) = try start(arguments)
        let text = String(decoding: out.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let errors = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text, errors)
    }

    /// Runs and kills with SIGKILL after this many microseconds; true where it had ended well before.
    private func runAndKill(_ arguments: [String], after microseconds: UInt32) throws -> Bool {
        let (process, _, _) = try start(arguments)
        usleep(microseconds)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        return process.terminationReason == .exit && process.terminationStatus == 0
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private func pairs(_ value: Any?) -> [(task: String, worker: String)] {
        (value as? [[String: Any]] ?? []).map { ($0["task"] as? String ?? "", $0["worker"] as? String ?? "") }
    }

    private func begin(budget: String, workers: String) throws -> String {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let tasks = folder + "/tasks.csv"
        let rows = (0..<30).map { "t\($0),\($0 % 2 == 0 ? "even" : "odd")\n" }.joined()
        try ("task,context\n" + rows).write(toFile: tasks, atomically: true, encoding: .utf8)
        let session = folder + "/session"
        let result = try run(
            "init", session, "--tasks", tasks, "--classes", "no,yes", "--budget", budget, "--workers", workers)
        #expect(result.status == 0, "\(result.error)")
        return session
    }

    private func truth(_ task: String) -> String { task.hasSuffix("3") || task.hasSuffix("7") ? "yes" : "no" }

    @Test("kill -9 at any moment loses no acknowledged answer, records nothing twice and never overspends")
    func killed() throws {
        let session = try begin(budget: "40", workers: "a,b,c,d")
        var delay: UInt32 = 500
        var acknowledged: Set<String> = []
        let deadline = Date().addingTimeInterval(4)
        var kills = 0
        while Date() < deadline && kills < 60 {
            delay = delay &* 1_664_525 &+ 1_013_904_223
            if try !runAndKill(["next", session, "--count", "2"], after: delay % 30_000) { kills += 1 }
            let status = try object(try run("status", session, "--json").out)
            let outstanding = pairs(status["outstanding"])
            if outstanding.isEmpty && (status["free"] as? Double ?? 0) < 1 { break }
            for (task, worker) in outstanding.prefix(2) {
                delay = delay &* 1_664_525 &+ 1_013_904_223
                let record = ["record", session, "--task", task, "--worker", worker, "--label", truth(task)]
                if try runAndKill(record, after: delay % 40_000) {
                    acknowledged.insert("\(task),\(worker),\(truth(task))")
                } else {
                    kills += 1
                }
            }
        }
        #expect(kills > 0)
        let raw = folder + "/raw.csv"
        let labels = try run("labels", session, "--raw", raw)
        #expect(labels.status == 0, "\(labels.error)")
        let recorded = try String(contentsOfFile: raw, encoding: .utf8).split(separator: "\n").dropFirst().map(
            String.init)
        #expect(Set(recorded).count == recorded.count)
        #expect(acknowledged.isSubset(of: Set(recorded)))
        let status = try object(try run("status", session, "--json").out)
        #expect(status["spent"] as? Double == Double(recorded.count))
        let committed = status["committed"] as? Double ?? .nan
        #expect(Double(recorded.count) + committed <= 40)
    }

    @Test("two clients at once: every decision is kept, none is given twice, the budget holds")
    func interleaved() throws {
        let session = try begin(budget: "15", workers: "a,b")
        var seen: [String] = []
        for _ in 0..<5 {
            let clients = try ["a", "b"].map {
                try start(["next", session, "--workers", $0, "--count", "2", "--new", "--json"])
            }
            for (process, out, _) in clients {
                let text = String(decoding: out.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                let asked = pairs(try object(text)["questions"])
                #expect(process.terminationStatus == (asked.isEmpty ? 3 : 0))
                for pair in asked { seen.append("\(pair.task) \(pair.worker)") }
            }
        }
        #expect(Set(seen).count == seen.count)
        #expect(seen.count == 15)
        let status = try object(try run("status", session, "--json").out)
        #expect(pairs(status["outstanding"]).count == 15)
        #expect(status["free"] as? Double == 0)
        let next = try object(try run("next", session, "--json").out)
        #expect((next["reason"] as? String)?.contains("15 is set aside for 15 outstanding questions") == true)
    }

    @Test("errors are one sentence and exit codes tell; labels and plan answer")
    func sentences() throws {
        let session = try begin(budget: "10", workers: "ann,bob")
        let unknown = try run("next", session, "--workers", "anne")
        #expect(unknown.status != 0)
        #expect(unknown.error.contains("there is no worker 'anne' in this session; did you mean 'ann'?"))
        let joined = try run("next", session, "--workers", "anne", "--join")
        #expect(joined.status == 0 && joined.out.contains("joined: worker anne, at 1 a label\nask anne about t"))
        let twice = try run("init", session, "--tasks", folder + "/tasks.csv", "--classes", "a,b", "--budget", "3")
        #expect(twice.status != 0 && twice.error.contains("already"))
        let ask = try #require(joined.out.split(separator: "\n").last)
        let task = try #require(ask.split(separator: " ").dropFirst(3).first).description
        let record = try run("record", session, "--task", task, "--worker", "anne", "--label", "yes", "--json")
        #expect(record.out == "{\"recorded\":1,\"known\":0,\"skipped\":0,\"reasons\":[],\"spent\":1.0,\"free\":9.0}\n")
        let again = try run("record", session, "--task", task, "--worker", "anne", "--label", "yes", "--json")
        #expect(again.out == "{\"recorded\":0,\"known\":1,\"skipped\":0,\"reasons\":[],\"spent\":1.0,\"free\":9.0}\n")
        let other = try run("record", session, "--task", task, "--worker", "anne", "--label", "no")
        #expect(other.status != 0 && other.error.contains("the first answer stands"))
        for method in ["session", "ds"] {
            let labels = try run("labels", session, "--method", method)
            #expect(labels.out.contains("\(task),yes,"))
        }
        let method = try run("labels", session, "--method", "dss")
        #expect(method.status != 0 && method.error.contains("did you mean 'ds'?"))
        let plan = try object(try run("plan", session, "--budgets", "30,60", "--runs", "3", "--json").out)
        #expect((plan["points"] as? [Any])?.count == 2)
    }
}
