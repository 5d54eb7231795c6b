internal import CSCSwift
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ServiceLifecycle

/// The routes of dispatching.
extension CafeService {
    /// So many events are taken at once.
    private static let mostEvents = 10_000

    var cityRoutes: [Route] {
        [
            Route(.post, "/v1/dispatch/plan", .admin, bodyLimit: BodyLimit.large) { call in
                try call.knows()
                try call.wantsJSON()
                let body = call.body
                let text = try await StudyView.aside { try Self.plan(body) }
                return Response(text: text + "\n", type: "application/json")
            },
            Route(.post, "/v1/cities", .admin, bodyLimit: BodyLimit.middle) { call in
                try call.knows()
                let draft = try call.json { (cursor) throws(JSONCursor.Fault) in try CityDraft(&cursor) }
                try await self.cities.create(draft)
                return Response(
                    json: .object([
                        ("id", .string(draft.id)), ("link", .string("\(self.base(call))/cities/\(draft.id)")),
                    ]), status: .created)
            },
            Route(.get, "/v1/cities", .admin) { call in
                try call.knows()
                var list: [JSON] = []
                for id in try await self.cities.ids() {
                    let moment = try await self.cities.city(id).now
                    list.append(
                        .object([
                            ("id", .string(id)), ("now", City.Moment.time(moment.city.now)),
                            ("workers", .integer(moment.city.workers.count)),
                            ("tasks", .integer(moment.city.tasks.count)),
                        ]))
                }
                return Response(json: .object([("cities", .array(list))]))
            },
            Route(.post, "/v1/cities/{id}/events", .admin, bodyLimit: BodyLimit.middle) { call in
                try call.knows()
                let events = try call.json { (cursor) throws(JSONCursor.Fault) in try Self.events(&cursor) }
                let city = try await self.cities.city(call.parameters[0])
                let version = try await city.take(events.map(\.event), texts: events.map(\.text))
                return Response(json: .object([("accepted", .integer(events.count)), ("version", .integer(version))]))
            },
            Route(.get, "/v1/cities/{id}/plan", .admin) { call in
                try call.knows()
                return Response(json: try await self.cities.city(call.parameters[0]).now.json)
            },
            Route(.get, "/v1/cities/{id}/stream", .admin) { call in
                try call.knows()
                return Self.stream(await (try self.cities.city(call.parameters[0])).stream())
            },
            Route(.get, "/v1/cities/{id}/log", .admin) { call in
                try call.knows()
                return self.log(try await self.cities.city(call.parameters[0]).serial)
            },
        ]
    }

    /// A plan of one moment. Rules and learnt rules only, and no travel service: a server opens no folder and asks no
    /// server that a request names.
    private static func plan(_ body: [UInt8]) throws -> String {
        let request: DispatchRequest
        do throws(JSONCursor.Fault) { request = try DispatchRequest(json: body) } catch {
            throw Problem(.badRequest, "dispatch", DispatchFault(error).description, path: error.path)
        }
        if request.travel?.osrm != nil {
            throw Problem(
                .badRequest, "dispatch",
                "travel.osrm: a server asks no other server that a request names; send durations_min",
                path: "travel.osrm")
        }
        return try DispatchDesk().plan(request).json.line
    }

    private static func events(
        _ cursor: inout JSONCursor
    ) throws(JSONCursor.Fault) -> [(event: CityEvent, text: String)] {
        var events: [(event: CityEvent, text: String)] = []
        try cursor.array { (cursor, number) throws(JSONCursor.Fault) in
            if number >= mostEvents { throw cursor.fault("more than \(mostEvents) events") }
            var again = cursor
            let event = try CityEvent(&cursor)
            events.append((event, try Reading.value(&again).line))
        }
        if events.isEmpty { throw cursor.fault("there are no events in it") }
        return events
    }

    /// Server-sent events: one a change, a comment every 15 seconds.
    private static func stream(_ moments: AsyncStream<City.Moment>) -> Response {
        var response = Response(
            status: .ok,
            body: ResponseBody { writer in
                enum Piece { case moment(City.Moment), beat }
                let (pieces, feed) = AsyncStream.makeStream(of: Piece.self, bufferingPolicy: .bufferingNewest(2))
                let source = Task {
                    for await moment in moments { feed.yield(.moment(moment)) }
                    feed.finish()
                }
                let beat = Task {
                    while !Task.isCancelled {
                        try await Task.sleep(for: .seconds(15))
                        feed.yield(.beat)
                    }
                }
                defer {
                    source.cancel()
                    beat.cancel()
                }
                for await piece in pieces.cancelOnGracefulShutdown() {
                    switch piece {
                    case .moment(let moment):
                        let text = "id: \(moment.version)\nevent: plan\ndata: \(moment.json.line)\n\n"
                        try await writer.write(ByteBuffer(string: text))
                    case .beat: try await writer.write(ByteBuffer(string: ": keep-alive\n\n"))
                    }
                }
                try await writer.finish(nil)
            })
        response.headers[.contentType] = "text/event-stream"
        response.headers[.cacheControl] = "no-cache"
        response.headers[.accelBuffering] = "no"
        return response
    }

    private func log(_ serial: Int64) -> Response {
        let file = file
        return Response(
            status: .ok, headers: [.contentType: "application/x-ndjson"],
            body: ResponseBody { writer in
                var after = -1
                while true {
                    let from = after
                    let (text, last) = try await StudyView.aside {
                        try CityBook.log(file, serial, after: from, limit: 100)
                    }
                    guard let last else { break }
                    try await writer.write(ByteBuffer(string: text))
                    after = last
                }
                try await writer.finish(nil)
            })
    }
}
