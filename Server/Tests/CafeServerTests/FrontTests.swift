import Foundation
import HTTPTypes
import Testing

@testable import CafeServer

@Suite("Tokens, problems, pages")
struct FrontTests {
    @Test("who may what")
    func access() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let made = try await client.post(
                "/v1/studies", #"{"id":"a","name":"A","classes":["x","y"],"tasks":[{"id":"1"}],"budget":5}"#)
            let requester = try #require(made.string("token"))
            _ = try await client.study("b", tasks: 1, budget: 5)
            let worker = try await client.worker("a", "ann")
            #expect(try await client.ask(.get, "/v1/studies/a", token: nil).status == 401)
            #expect(try await client.get("/v1/studies/a", token: "wrong").status == 401)
            #expect(try await client.get("/v1/studies/a", token: requester).status == 200)
            #expect(try await client.get("/v1/studies/b", token: requester).status == 403)
            #expect(try await client.get("/v1/studies", token: requester).status == 403)
            #expect(try await client.get("/v1/studies/a", token: worker).status == 403)
            #expect(try await client.post("/v1/studies/b/next", token: worker).status == 403)
            #expect(try await client.post("/v1/studies/a/next").status == 403)
            #expect(try await client.post("/v1/studies/a/next", token: worker).status == 200)
            #expect(try await client.get("/v1/studies/none").status == 404)
            let byCookie = try await client.ask(
                .post, "/v1/studies/a/next", token: nil, headers: [.cookie: "x=1; cafe_a=\(worker)"])
            #expect(byCookie.status == 200)
            let elsewhere = try await client.ask(
                .post, "/v1/studies/a/next", token: nil,
                headers: [.cookie: "cafe_a=\(worker)", .secFetchSite: "cross-site"])
            #expect(elsewhere.status == 403)
        }
        let file = try Data(contentsOf: URL(fileURLWithPath: server.folder + "/cafe.sqlite"))
        let log = (try? Data(contentsOf: URL(fileURLWithPath: server.folder + "/cafe.sqlite-wal"))) ?? Data()
        #expect(!file.isEmpty && (file + log).range(of: Data(server.admin.utf8)) == nil)  // hashed at rest
        server.close()
    }

    @Test(
        "errors name the place",
        arguments: [
            (#"{"name":"A","clases":["x"]}"#, "clases", "classes"),
            (#"{"name":"A","classes":["x","y"],"tasks":[{"id":"1","txt":"a"}],"budget":1}"#, "tasks[0].txt", "text"),
            (#"{"name":"A","classes":["x","y"],"tasks":[{"text":"a"}],"budget":1}"#, "tasks[0].id", "missing"),
            (#"{"name":"A","classes":["x","y"],"tasks":[{"id":"a"},{"id":"a"}],"budget":1}"#, "tasks[1]", "twice"),
            (#"{"name":"A","classes":["x","y"],"tasks":[{"id":"a"}],"budget":-1}"#, "budget", "between"),
            (#"{"name":"A","classes":["x","y"],"tasks":[{"id":"a"}],"budget":1,"method":"poled"}"#, "method", "pooled"),
            (
                #"{"name":"A","classes":["x","y"],"tasks":[{"id":"a"}],"budget":1,"gold":{"b":"x"}}"#, "gold.b",
                "no such task"
            ),
            (
                #"{"name":"A","classes":["x","y"],"tasks":[{"id":"a","image":"ftp://x"}],"budget":1}"#,
                "tasks[0].image", "https"
            ),
            (#"{"name":"A","classes":["x"],"tasks":[{"id":"a"}],"budget":1}"#, "classes", "two"),
            (#"{"name":"A""#, "", "ends too early"),
        ])
    func paths(body: String, path: String, word: String) async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.post("/v1/studies", body)
            #expect(answer.status == 400)
            #expect(answer.type == "application/problem+json")
            #expect(answer.string("path") == path, "\(answer.text)")
            #expect(answer.string("detail")?.contains(word) == true, "\(answer.text)")
            #expect(answer.headers[.requestID] == answer.string("request_id"))
        }
        server.close()
    }

    @Test("routes, methods, sizes, media types, queries")
    func routes() async throws {
        let server = try await TestServer()
        try await server.run { client in
            _ = try await client.study("s", tasks: 1, budget: 5)
            let worker = try await client.worker("s", "ann")
            #expect(try await client.get("/v1/nothing").status == 404)
            let method = try await client.ask(.delete, "/v1/studies/s", token: client.admin)
            #expect(method.status == 405 && method.headers[.allow] == "GET")
            let large = String(repeating: " ", count: 70_000) + #"{"question":1,"label":"cat"}"#
            #expect(try await client.post("/v1/studies/s/answers", large, token: worker).status == 413)
            #expect(
                try await client.post("/v1/studies/s/answers", "x", token: worker, type: "text/plain").status == 415)
            let query = try await client.get("/v1/studies/s/labels?fromat=csv")
            #expect(query.status == 400 && query.string("detail")?.contains("format") == true)
            #expect(try await client.get("/v1/studies/s/labels?method=nothing").status == 400)
            #expect(try await client.ask(.get, "/healthz", token: nil).status == 200)
            let metrics = try await client.ask(.get, "/metrics", token: nil)
            #expect(metrics.text.contains(#"cafe_http_requests_total{method="GET",route="/healthz",status="200"} 1"#))
            #expect(try await client.ask(.get, "/openapi.yaml", token: nil).text.hasPrefix("openapi: 3.1"))
        }
        server.close()
    }

    @Test("pages: links, guests, platforms")
    func pages() async throws {
        let server = try await TestServer()
        try await server.run { client in
            _ = try await client.study("closed", tasks: 1, budget: 5)
            _ = try await client.study(
                "open", tasks: 1, budget: 5, more: #","join":"open","instructions":"</script><b>""#)
            let worker = try await client.worker("closed", "ann")
            #expect(try await client.ask(.get, "/s/closed", token: nil).status == 403)
            #expect(try await client.ask(.get, "/s/nothing", token: nil).status == 404)
            let page = try await client.ask(.get, "/s/closed?t=\(worker)", token: nil)
            #expect(
                page.status == 200
                    && page.headers[.setCookie]?.hasPrefix("cafe_closed=\(worker); Path=/; HttpOnly") == true)
            #expect(page.headers[.contentSecurityPolicy]?.contains("script-src 'self'") == true)
            let guest = try await client.ask(.get, "/s/open", token: nil)
            #expect(guest.status == 200 && !guest.text.contains("</script><b>"))
            let people = try await client.ask(.get, "/s/open?PROLIFIC_PID=p1&STUDY_ID=x&SESSION_ID=y", token: nil)
            #expect(people.text.contains("prolific:p1"))
            let preview = try await client.ask(
                .get, "/s/open?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&workerId=w", token: nil)
            #expect(preview.text.contains(#""preview":true"#) && preview.headers[.setCookie] == nil)
            #expect(try await client.ask(.get, "/admin", token: nil).status == 403)
            #expect(try await client.ask(.get, "/admin?t=\(client.admin)", token: nil).status == 200)
            let script = try await client.ask(.get, "/assets/worker.js", token: nil)
            let tag = try #require(script.headers[.eTag])
            #expect(
                try await client.ask(.get, "/assets/worker.js", token: nil, headers: [.ifNoneMatch: tag]).status == 304)
            #expect(try await client.ask(.get, "/assets/..%2Fopenapi.yaml", token: nil).status == 404)
        }
        server.close()
    }
}
