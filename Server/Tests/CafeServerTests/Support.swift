import Foundation
import Hummingbird
import HummingbirdTesting
import Testing

@testable import CafeServer

/// A server over a folder of its own, asked without a network.
struct TestServer {
    let folder: String
    let service: CafeService
    let admin: String

    /// A server over a new folder, or over that of an earlier one, whose admin's token it takes.
    init(folder: String? = nil, admin: String? = nil) async throws {
        self.folder = folder ?? FileManager.default.temporaryDirectory.path + "/cafe-server-" + UUID().uuidString
        var options = ServiceOptions(data: self.folder)
        options.rateLimit = 0
        options.port = 0
        options.logLevel = "critical"
        service = try CafeService(options)
        let made = try await service.prepare()
        self.admin = try #require(made ?? admin)
    }

    func close() { service.file.closeFile() }

    /// Runs `body` with a client.
    func run(_ body: @escaping @Sendable (Client) async throws -> Void) async throws {
        let admin = admin
        try await service.application(adminToken: nil).test(.router) { client in
            try await body(Client(client: client, admin: admin))
        }
    }
}

/// Asks a server, and reads JSON.
struct Client: Sendable {
    let client: any TestClientProtocol
    let admin: String

    struct Answer {
        let status: Int
        let type: String
        let text: String
        let headers: HTTPFields

        var object: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
        }
        func string(_ key: String) -> String? { object[key] as? String }
        func inner(_ key: String) -> [String: Any]? { object[key] as? [String: Any] }
    }

    func ask(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, token: String?,
        type: String = "application/json",
        headers more: HTTPFields = [:]
    ) async throws -> Answer {
        var headers = more
        if let token { headers[.authorization] = "Bearer \(token)" }
        if body != nil { headers[.contentType] = type }
        return try await client.execute(
            uri: path, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) }
        ) { response in
            Answer(
                status: response.status.code, type: response.headers[.contentType] ?? "",
                text: String(buffer: response.body), headers: response.headers)
        }
    }

    func post(_ path: String, _ body: String? = nil, token: String? = nil, type: String = "application/json")
        async throws -> Answer
    {
        try await ask(.post, path, body, token: token ?? admin, type: type)
    }

    func get(_ path: String, token: String? = nil) async throws -> Answer {
        try await ask(.get, path, token: token ?? admin)
    }

    /// Makes a study of so many tasks `t0`, `t1`, ... and returns its id.
    func study(
        _ id: String, tasks: Int, budget: Double, method: String = "random", lease: Double = 600, more: String = ""
    ) async throws -> String {
        let list = (0..<tasks).map { #"{"id":"t\#($0)","text":"task \#($0)"}"# }.joined(separator: ",")
        let answer = try await post(
            "/v1/studies",
            #"{"id":"\#(id)","name":"Test","classes":["cat","dog"],"tasks":[\#(list)],"budget":\#(budget),"method":"\#(method)","lease_seconds":\#(lease)\#(more)}"#
        )
        #expect(answer.status == 201, "\(answer.text)")
        return try #require(answer.string("id"))
    }

    /// Lets a worker in and returns the token.
    func worker(_ study: String, _ id: String, cost: Double = 1) async throws -> String {
        let answer = try await post("/v1/studies/\(study)/workers", #"{"id":"\#(id)","cost":\#(cost)}"#)
        #expect(answer.status == 201, "\(answer.text)")
        return try #require(answer.string("token"))
    }

    /// The next question's id and task, or nil.
    func next(_ study: String, _ token: String) async throws -> (id: Int, task: String)? {
        let answer = try await post("/v1/studies/\(study)/next", token: token)
        #expect(answer.status == 200, "\(answer.text)")
        guard let question = answer.inner("question") else { return nil }
        return (try #require(question["id"] as? Int), try #require(question["task"] as? String))
    }

    func answer(_ study: String, _ token: String, _ question: Int, _ label: String) async throws -> Answer {
        try await post("/v1/studies/\(study)/answers", #"{"question":\#(question),"label":"\#(label)"}"#, token: token)
    }
}
