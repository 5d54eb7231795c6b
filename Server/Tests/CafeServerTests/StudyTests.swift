import Foundation
import Testing

@testable import CafeServer

@Suite("Studies over HTTP")
struct StudyTests {
    @Test("a whole study: questions, answers, labels", arguments: ["random", "bbta", "pooled"])
    func whole(method: String) async throws {
        let server = try await TestServer()
        try await server.run { client in
            let study = try await client.study("s", tasks: 5, budget: 100, method: method)
            let ann = try await client.worker(study, "ann"), bob = try await client.worker(study, "bob")
            for token in [ann, bob] {
                var seen: Set<String> = []
                while let question = try await client.next(study, token) {
                    #expect(seen.insert(question.task).inserted)
                    let answer = try await client.answer(
                        study, token, question.id, question.task == "t0" ? "dog" : "cat")
                    #expect(answer.object["recorded"] as? Bool == true)
                }
                #expect(seen.count == 5)
            }
            let done = try await client.post("/v1/studies/s/next", token: ann)
            #expect(done.inner("done")?["code"] as? String == "all-asked")
            let status = try await client.get("/v1/studies/s")
            #expect(status.object["labels"] as? Int == 10)
            #expect(status.object["spent"] as? Double == 10)
            #expect(status.object["agreement"] as? Double == 1)
            let labels = try await client.get("/v1/studies/s/labels?format=csv")
            #expect(labels.text.hasPrefix("task,label,confidence,labels\nt0,dog,"))
            let majority = try await client.get("/v1/studies/s/labels?method=mv")
            #expect(majority.status == 200, "\(majority.text)")
            let answers = try await client.get("/v1/studies/s/answers?format=csv")
            #expect(answers.text.split(separator: "\n").count == 11)
            #expect(answers.text.hasPrefix("task,worker,label,"))
        }
        server.close()
    }

    @Test("a snapshot is due after many events, or after a refit of many labels")
    func snapshotsAreDue() {
        func isDue(_ events: Int, _ snapshotAt: Int, _ refitAt: Int = 0) -> Bool {
            Study.isSnapshotDue(events: events, snapshotAt: snapshotAt, refitAt: refitAt)
        }
        #expect(!isDue(19_999, 0) && isDue(20_000, 0))
        #expect(!isDue(2_000_000, 1_950_001) && isDue(2_000_000, 1_950_000))
        #expect(isDue(30_000, 29_000, 29_500) && !isDue(30_000, 29_600, 29_500))
        #expect(!isDue(300, 200, 250))
        #expect(!isDue(2_000_000, 2_000_000, 2_000_000))
    }

    @Test("the same question until it is answered; the same answer again; another is refused")
    func idempotent() async throws {
        let server = try await TestServer()
        try await server.run { client in
            _ = try await client.study("s", tasks: 3, budget: 10)
            let ann = try await client.worker("s", "ann"), bob = try await client.worker("s", "bob")
            let first = try #require(try await client.next("s", ann))
            let again = try #require(try await client.next("s", ann))
            #expect(first.id == again.id)
            #expect(try await client.answer("s", ann, first.id, "cat").object["recorded"] as? Bool == true)
            #expect(try await client.answer("s", ann, first.id, "cat").object["recorded"] as? Bool == false)
            let other = try await client.answer("s", ann, first.id, "dog")
            #expect(other.status == 409 && other.string("code") == "answered")
            let stranger = try await client.answer("s", bob, first.id, "cat")
            #expect(stranger.status == 404 && stranger.string("code") == "unknown-question")
            let corrected = try await client.post(
                "/v1/studies/s/answers", #"{"question":\#(first.id),"label":"dog","correct":true}"#, token: ann)
            #expect(corrected.object["recorded"] as? Bool == true)
            let events = try await client.get("/v1/studies/s/events")
            #expect(events.text.contains("answer\\tt") && events.text.contains("correct\\tt"))
            let second = try #require(try await client.next("s", ann))
            let declined = try await client.post(
                "/v1/studies/s/answers", #"{"question":\#(second.id),"decline":true}"#, token: ann)
            #expect(declined.object["recorded"] as? Bool == true)
            let late = try await client.answer("s", ann, second.id, "cat")
            #expect(late.status == 409 && late.string("code") == "declined")
        }
        server.close()
    }

    @Test("many at once: no pair twice, the budget holds")
    func race() async throws {
        let server = try await TestServer()
        try await server.run { client in
            _ = try await client.study("s", tasks: 20, budget: 137)
            var tokens: [String] = []
            for worker in 0..<16 { tokens.append(try await client.worker("s", "w\(worker)")) }
            let pairs = try await withThrowingTaskGroup(of: [String].self) { group in
                for (worker, token) in tokens.enumerated() {
                    for _ in 0..<2 {  // two tabs each
                        group.addTask {
                            var got: [String] = []
                            while let question = try await client.next("s", token) {
                                let answer = try await client.answer("s", token, question.id, "cat")
                                #expect(answer.status == 200)
                                if answer.object["recorded"] as? Bool == true {
                                    got.append("\(worker) \(question.task)")
                                }
                            }
                            return got
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(pairs.count == 137)
            #expect(Set(pairs).count == pairs.count)
            let status = try await client.get("/v1/studies/s")
            #expect(status.object["spent"] as? Double == 137)
            #expect(status.object["set_aside"] as? Double == 0)
            #expect(status.object["labels"] as? Int == 137)
        }
        server.close()
    }

    @Test("a lease ends by the server's clock, the pair goes on, a late answer is taken while its price is free")
    func leases() async throws {
        let server = try await TestServer()
        try await server.run { client in
            _ = try await client.study("s", tasks: 1, budget: 1, lease: 1)
            let ann = try await client.worker("s", "ann"), bob = try await client.worker("s", "bob")
            let question = try #require(try await client.next("s", ann))
            let waiting = try await client.post("/v1/studies/s/next", token: bob)
            #expect(waiting.inner("done")?["code"] as? String == "wait")
            try await Task.sleep(for: .seconds(2.5))  // nobody asks: the server's own clock withdraws it
            #expect(try await client.get("/v1/studies/s").object["outstanding"] as? Int == 0)
            let other = try #require(try await client.next("s", bob))
            let late = try await client.answer("s", ann, question.id, "cat")
            #expect(late.status == 409 && late.string("code") == "expired")
            #expect(try await client.answer("s", bob, other.id, "dog").status == 200)
            #expect(try await client.get("/v1/studies/s").object["spent"] as? Double == 1)
        }
        server.close()
    }

    @Test("what was acknowledged is there after a restart, and questions go on")
    func restart() async throws {
        let server = try await TestServer()
        try await server.run { client in
            _ = try await client.study("s", tasks: 4, budget: 10, method: "pooled")
            let ann = try await client.worker("s", "ann")
            let first = try #require(try await client.next("s", ann))
            _ = try await client.answer("s", ann, first.id, "cat")
            let open = try #require(try await client.next("s", ann))
            try Data("\(ann) \(open.id)".utf8).write(to: URL(fileURLWithPath: server.folder + "/note"))
        }
        server.close()
        let note = try String(contentsOfFile: server.folder + "/note", encoding: .utf8).split(separator: " ").map(
            String.init)
        let second = try await TestServer(folder: server.folder, admin: server.admin)
        try await second.run { client in
            #expect(try await client.get("/v1/studies/s").object["labels"] as? Int == 1)
            let open = try #require(try await client.next("s", note[0]))
            #expect("\(open.id)" == note[1])
            #expect(try await client.answer("s", note[0], open.id, "dog").object["recorded"] as? Bool == true)
        }
        second.close()
    }

    @Test("pause, resume, close, gold, more tasks, another budget")
    func steering() async throws {
        let server = try await TestServer()
        try await server.run { client in
            _ = try await client.study(
                "s", tasks: 2, budget: 10, method: "pooled",
                more: #","gold":{"t0":"cat"},"completion_url":"https://example.org/done?c=1""#)
            let ann = try await client.worker("s", "ann")
            #expect(try await client.post("/v1/studies/s/pause").string("state") == "paused")
            #expect(
                try await client.post("/v1/studies/s/next", token: ann).inner("done")?["code"] as? String == "paused")
            #expect(try await client.post("/v1/studies/s/resume").string("state") == "open")
            #expect(try await client.next("s", ann)?.task == "t1")  // t0 is gold
            let csv = try await client.post(
                "/v1/studies/s/tasks", "id,text,shop\nt2,hello,x\nt1,task 1,\n", type: "text/csv")
            #expect(csv.object["added"] as? Int == 1 && csv.object["known"] as? Int == 1, "\(csv.text)")
            let clash = try await client.post("/v1/studies/s/tasks", #"{"tasks":[{"id":"t1","text":"other"}]}"#)
            #expect(clash.status == 409 && clash.string("path") == "tasks[0].id")
            let lines = try await client.post(
                "/v1/studies/s/tasks", "{\"id\": 7, \"text\": \"a\", \"label\": [\"x\"]}\n", type: "application/jsonl")
            #expect(lines.object["added"] as? Int == 1, "\(lines.text)")
            let studio = try await client.post(
                "/v1/studies/s/tasks", #"[{"id":8,"data":{"text":"b","page":3},"annotations":[]}]"#)
            #expect(studio.object["added"] as? Int == 1, "\(studio.text)")
            #expect(try await client.post("/v1/studies/s/gold", #"{"gold":{"t2":"dog"}}"#).object["added"] as? Int == 1)
            let wrong = try await client.post("/v1/studies/s/gold", #"{"gold":{"t2":"cow"}}"#)
            #expect(wrong.status == 400 && wrong.string("path") == "gold.t2", "\(wrong.text)")
            #expect(try await client.post("/v1/studies/s/budget", #"{"budget":0}"#).status == 409)
            #expect(try await client.post("/v1/studies/s/budget", #"{"budget":20}"#).status == 200)
            let page = try await client.get("/v1/studies/s/tasks?after=4&limit=1")
            #expect(page.text.contains(#""fields":{"page":3}"#), "\(page.text)")
            #expect(try await client.post("/v1/studies/s/close").string("state") == "closed")
            let done = try await client.post("/v1/studies/s/next", token: ann)
            #expect(done.inner("done")?["completion_url"] as? String == "https://example.org/done?c=1")
            #expect(try await client.post("/v1/studies/s/resume").status == 409)
            let out = try await client.get("/v1/studies/s/labels?format=labelstudio")
            #expect(out.text.contains(#""predictions""#) && out.text.contains(#""cafe_task":"t2""#))
        }
        server.close()
    }

    @Test("a session's folder and back")
    func transfer() async throws {
        let server = try await TestServer()
        try await server.run { client in
            _ = try await client.study("s", tasks: 4, budget: 10, method: "pooled")
            let ann = try await client.worker("s", "ann")
            let first = try #require(try await client.next("s", ann))
            _ = try await client.answer("s", ann, first.id, "cat")
        }
        server.close()
        let folder = server.folder + "/session"
        let count = try await CafeService.exportStudy(data: server.folder, study: "s", to: folder)
        #expect(try await CafeService.importStudy(data: server.folder, study: "copy", name: nil, from: folder) == count)
        let second = try await TestServer(folder: server.folder, admin: server.admin)
        try await second.run { client in
            let a = try await client.get("/v1/studies/s/events"), b = try await client.get("/v1/studies/copy/events")
            #expect(a.text == b.text)
            #expect(try await client.get("/v1/studies/copy").object["labels"] as? Int == 1)
            let link = try await client.post("/v1/studies/copy/workers/ann/link")
            #expect(try await client.next("copy", try #require(link.string("token"))) != nil)
        }
        second.close()
        await #expect(throws: ServiceError.self) {
            _ = try await CafeService.importStudy(data: server.folder, study: "copy", name: nil, from: folder)
        }
    }
}
