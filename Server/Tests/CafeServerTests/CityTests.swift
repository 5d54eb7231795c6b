import CSCSwift
import Foundation
import Testing

@testable import CafeServer

@Suite("Cities over HTTP")
struct CityTests {
    @Test("events in, plans out, a log that replay reads, after a restart too")
    func city() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let made = try await client.post("/v1/cities", #"{"id":"c","policy":"nearest"}"#)
            #expect(made.status == 201, "\(made.text)")
            #expect(try await client.post("/v1/cities", #"{"id":"c"}"#).status == 409)
            let events = #"""
                [{"type":"worker","id":"ana","xy":[0,0],"skills":["plumber"],"time":600},
                 {"type":"worker","id":"bo","xy":[5,5],"reach_km":1,"skills":["plumber"],"time":600},
                 {"type":"task","id":"tap","xy":[1,0],"skill":"plumber","workload_min":20,"pay":30,"deadline":800,"time":600}]
                """#
            let taken = try await client.post("/v1/cities/c/events", events)
            #expect(taken.object["accepted"] as? Int == 3, "\(taken.text)")
            let plan = try await client.get("/v1/cities/c/plan")
            #expect(plan.text.contains(#""assignments":[{"worker":"ana","task":"tap""#), "\(plan.text)")
            let accept = #"[{"type":"accept","worker":"ana","task":"tap","time":601}]"#
            #expect(try await client.post("/v1/cities/c/events", accept).status == 200)
            #expect(try await client.get("/v1/cities/c/plan").text.contains(#""locked":true"#))
            let back = try await client.post("/v1/cities/c/events", #"[{"type":"clock","time":500}]"#)
            #expect(back.status == 400 && back.string("path") == "[0].time", "\(back.text)")
            let nobody = try await client.post(
                "/v1/cities/c/events", #"[{"type":"clock","time":602},{"type":"off","worker":"anna","time":602}]"#)
            #expect(nobody.status == 400 && nobody.string("path") == "[1].worker", "\(nobody.text)")
            #expect(nobody.string("detail")?.contains("ana") == true)
            let field = try await client.post(
                "/v1/cities/c/events", #"[{"type":"task","id":"x","xi":[1,2],"time":603}]"#)
            #expect(field.status == 400 && field.string("path") == "[0].xi", "\(field.text)")
            #expect(try await client.get("/v1/cities/c/plan").object["version"] as? Int == 2)
            let log = try await client.get("/v1/cities/c/log")
            let path = server.folder + "/city.log"
            try Data(log.text.utf8).write(to: URL(fileURLWithPath: path))
            #expect(try DispatchLog(contentsOf: path).moments.count == 2)
        }
        server.close()
        let second = try await TestServer(folder: server.folder, admin: server.admin)
        try await second.run { client in
            let plan = try await client.get("/v1/cities/c/plan")
            #expect(plan.object["version"] as? Int == 2)
            #expect(plan.text.contains(#""assignments":[{"worker":"ana","task":"tap""#))
            #expect(
                try await client.post("/v1/cities/c/events", #"[{"type":"done","task":"tap","time":640}]"#).status
                    == 200)
            #expect(try await client.get("/v1/cities/c/plan").text.contains(#""done":1"#))
        }
        second.close()
    }

    @Test("a plan without a city, and what a server does not do")
    func stateless() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let moment =
                #"{"now":0,"policy":"nearest","workers":[{"id":"w","xy":[0,0]}],"tasks":[{"id":"t","xy":[1,1],"workload_min":5}]}"#
            let plan = try await client.post("/v1/dispatch/plan", moment)
            #expect(plan.status == 200 && plan.text.contains(#""worker":"w","task":"t""#), "\(plan.text)")
            let wrong = try await client.post(
                "/v1/dispatch/plan", #"{"now":0,"workers":[{"id":"w","xy":[0]}],"tasks":[]}"#)
            #expect(wrong.status == 400 && wrong.string("path") == "workers[0].xy", "\(wrong.text)")
            let other = try await client.post(
                "/v1/dispatch/plan", #"{"now":0,"workers":[],"tasks":[],"travel":{"osrm":"http://127.0.0.1:1"}}"#)
            #expect(other.status == 400 && other.string("path") == "travel.osrm", "\(other.text)")
            let folder = try await client.post(
                "/v1/dispatch/plan", #"{"now":0,"policy":"/etc","workers":[],"tasks":[]}"#)
            #expect(folder.status == 400 && folder.string("path") == "policy", "\(folder.text)")
        }
        server.close()
    }
}
