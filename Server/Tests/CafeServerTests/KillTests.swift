import Foundation
import FoundationNetworking
import Synchronization
import Testing

@testable import CafeServer

/// The program itself, as a child: killed with SIGKILL while annotators are at work, and started again.
@Suite("Killed and started again", .serialized)
struct KillTests {
    private static var program: URL {
        // The test bundle lies in the folder of the products.
        var folder = Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }?
            .deletingLastPathComponent()
        folder = folder ?? URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        return folder!.appendingPathComponent("cafe-server")
    }

    private final class Child: Sendable {
        let process = Process()
        let address: String

        init(data: String, token: String) async throws {
            process.executableURL = KillTests.program
            process.arguments = [
                "--data", data, "--port", "0", "--admin-token-file", token, "--rate-limit", "0", "--log-level", "error",
            ]
            let out = Pipe()
            process.standardOutput = out
            process.standardError = FileHandle.nullDevice
            try process.run()
            var text = ""
            while !text.contains("\n") {
                let more = out.fileHandleForReading.availableData
                if more.isEmpty { break }
                text += String(decoding: more, as: UTF8.self)
            }
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("listening on ") })
            address = String(line.dropFirst("listening on ".count))
        }

        /// Status 0 where the connection was lost.
        func post(_ path: String, _ body: String?, _ token: String) async -> (status: Int, json: [String: Any]) {
            var request = URLRequest(url: URL(string: address + path)!)
            request.httpMethod = "POST"
            request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
            if let body {
                request.setValue("application/json", forHTTPHeaderField: "Content-Type")
                request.httpBody = Data(body.utf8)
            }
            guard let (data, response) = try? await URLSession.shared.data(for: request) else { return (0, [:]) }
            let json = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any]
            return ((response as? HTTPURLResponse)?.statusCode ?? 0, json ?? [:])
        }

        func get(_ path: String, _ token: String) async throws -> String {
            var request = URLRequest(url: URL(string: address + path)!)
            request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
            return String(decoding: try await URLSession.shared.data(for: request).0, as: UTF8.self)
        }

        func kill() {
            Foundation.kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    /// Asks and answers until the server is gone or nothing is left; what was acknowledged goes into `kept`.
    private static func work(_ child: Child, _ name: String, _ token: String, _ kept: Kept) async {
        while true {
            let next = await child.post("/v1/studies/s/next", nil, token)
            guard next.status == 200, let question = next.json["question"] as? [String: Any],
                let id = question["id"] as? Int, let task = question["task"] as? String
            else { return }
            let label = (task.utf8.reduce(0) { $0 + Int($1) } + name.utf8.count) % 2 == 0 ? "cat" : "dog"
            let answer = await child.post("/v1/studies/s/answers", #"{"question":\#(id),"label":"\#(label)"}"#, token)
            guard answer.status == 200 else { return }
            kept.answers.withLock { $0["\(task),\(name)"] = label }
        }
    }

    private final class Kept: Sendable { let answers = Mutex<[String: String]>([:]) }

    @Test("no acknowledged answer is lost, no pair is twice, the budget holds")
    func kills() async throws {
        let data = FileManager.default.temporaryDirectory.path + "/cafe-kill-" + UUID().uuidString
        let tokenFile = data + ".token"
        var child = try await Child(data: data, token: tokenFile)
        let admin = try String(contentsOfFile: tokenFile, encoding: .utf8).trimmingCharacters(
            in: .whitespacesAndNewlines)
        let list = (0..<400).map { #"{"id":"t\#($0)"}"# }.joined(separator: ",")
        let made = await child.post(
            "/v1/studies",
            #"{"id":"s","name":"s","classes":["cat","dog"],"tasks":[\#(list)],"budget":1500,"method":"random"}"#, admin)
        #expect(made.status == 201)
        var tokens: [(String, String)] = []
        for worker in 0..<6 {
            let answer = await child.post("/v1/studies/s/workers", #"{"id":"w\#(worker)"}"#, admin)
            tokens.append(("w\(worker)", try #require(answer.json["token"] as? String)))
        }
        let kept = Kept()
        for round in 0..<5 {
            let (here, people) = (child, tokens)
            let crowd = Task {
                await withTaskGroup(of: Void.self) { group in
                    for (name, token) in people { group.addTask { await Self.work(here, name, token, kept) } }
                }
            }
            try await Task.sleep(for: .milliseconds(60 + 83 * round))
            child.kill()
            await crowd.value
            child = try await Child(data: data, token: tokenFile)
        }
        let csv = try await child.get("/v1/studies/s/answers?format=csv", admin)
        var found: [String: String] = [:]
        for line in csv.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            #expect(found.updateValue(fields[2], forKey: "\(fields[0]),\(fields[1])") == nil, "\(line)")
        }
        let acknowledged = kept.answers.withLock { $0 }
        #expect(acknowledged.count > 20)
        for (pair, label) in acknowledged { #expect(found[pair] == label) }
        #expect(found.count <= 1500)
        let events = try await child.get("/v1/studies/s/events?limit=10000", admin)
        let asked = events.components(separatedBy: "\"text\":\"ask\\t").dropFirst().map {
            $0.components(separatedBy: "\\t").prefix(2).joined(separator: ",")
        }
        #expect(asked.count >= acknowledged.count && Set(asked).count == asked.count)
        child.process.terminate()
        child.process.waitUntilExit()
        #expect(child.process.terminationStatus == 0)  // SIGTERM: a graceful end
    }
}
