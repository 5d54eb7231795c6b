internal import CSCSwift
internal import GRDB
internal import HTTPTypes
internal import Hummingbird

/// The routes that tell of studies, and of the server.
extension CafeService {
    /// A study as it is now, aside from the queue.
    private func view(_ id: String) async throws -> StudyView {
        try await queue.perform { [studies] context in StudyView(try studies.study(id, context)) }
    }

    var reportRoutes: [Route] {
        [
            Route(.get, "/v1/studies", .admin) { call in
                try call.knows()
                let views = try await self.queue.perform { context in
                    try self.studies.ids(context).map { StudyView(try self.studies.study($0, context)) }
                }
                let text = try await StudyView.aside { JSON.object([("studies", .array(views.map(\.summary)))]).line }
                return Response(text: text + "\n", type: "application/json")
            },
            Route(.get, "/v1/studies/{id}", .requester) { call in
                try call.knows()
                let view = try await self.view(call.parameters[0]), link = "\(self.base(call))/s/\(view.id)"
                let file = self.file
                let text = try await StudyView.aside { view.status(link: link, history: try view.history(file)).line }
                return Response(text: text + "\n", type: "application/json")
            },
            Route(.get, "/v1/studies/{id}/labels", .requester) { call in
                try call.knows("format", "method")
                let form = try ExportForm.of(call), method = call.query("method"), file = self.file
                let view = try await self.view(call.parameters[0])
                let text = try await StudyView.aside {
                    try view.labelsText(try view.answers(method: method), form, file)
                }
                return Self.download(text, form, "\(view.id)-labels")
            },
            Route(.get, "/v1/studies/{id}/answers", .requester) { call in
                try call.knows("format")
                let form = try ExportForm.of(call), file = self.file
                let view = try await self.view(call.parameters[0])
                let text = try await StudyView.aside { try view.answersText(try view.given(file), form, file) }
                return Self.download(text, form, "\(view.id)-answers")
            },
            Route(.get, "/v1/studies/{id}/workers", .requester) { call in
                try call.knows()
                let view = try await self.view(call.parameters[0])
                let text = try await StudyView.aside { JSON.object([("workers", view.workers)]).line }
                return Response(text: text + "\n", type: "application/json")
            },
            Route(.get, "/v1/studies/{id}/events", .requester) { call in
                try call.knows("after", "limit")
                let after = try call.integer("after", 0...Int.max / 2, default: 0)
                let limit = try call.integer("limit", 1...10_000, default: 1000), file = self.file
                let view = try await self.view(call.parameters[0])
                let text = try await StudyView.aside { try view.events(file, after: after, limit: limit).line }
                return Response(text: text + "\n", type: "application/json")
            },
            Route(.get, "/v1/studies/{id}/tasks", .requester) { call in
                try call.knows("after", "limit")
                let after = try call.integer("after", 0...Int.max / 2, default: 0)
                let limit = try call.integer("limit", 1...10_000, default: 100), file = self.file
                let view = try await self.view(call.parameters[0])
                let text = try await StudyView.aside { try Self.tasks(view, file, after, limit).line }
                return Response(text: text + "\n", type: "application/json")
            },
        ]
    }

    private static func download(_ text: String, _ form: ExportForm, _ name: String) -> Response {
        var response = Response(text: text, type: form.mediaType)
        let end = form == .labelstudio ? "json" : form.rawValue
        response.headers[.contentDisposition] = "attachment; filename=\"\(name).\(end)\""
        return response
    }

    private static func tasks(_ view: StudyView, _ file: ServerFile, _ after: Int, _ limit: Int) throws -> JSON {
        let answers = view.session.answers
        var rows: [JSON] = []
        var last = after
        try view.tasks(file, after: after, limit: limit) { position, id, context, content in
            last = position + 1
            let answer = answers[position]
            var fields: [(String, JSON)] = [("id", .string(id)), ("context", .string(context))]
            fields += content
            fields.append(("label", answer.label.map(JSON.string) ?? .null))
            fields.append(("confidence", answer.label == nil ? .null : .number(answer.confidence)))
            fields.append(("labels", .integer(answer.labels)))
            rows.append(.object(fields))
        }
        return .object([
            ("tasks", .array(rows)), ("next", rows.count == limit && last < answers.count ? .integer(last) : .null),
        ])
    }

    // MARK: Operation

    var operationRoutes: [Route] {
        [
            Route(.get, "/healthz", .open) { _ in Response(json: .object([("status", .string("ok"))])) },
            Route(.get, "/readyz", .open) { _ in
                guard self.isReady.withLock({ $0 }) else {
                    throw Problem(.serviceUnavailable, "starting", "the studies are being opened", retryAfter: 1)
                }
                let isWritable = try await self.queue.perform { context in
                    try Int.fetchOne(context.database, sql: "SELECT 1") == 1
                }
                return Response(json: .object([("status", .string(isWritable ? "ready" : "not ready"))]))
            },
            Route(.get, "/metrics", .open) { _ in
                Response(text: self.meters.registry.text, type: "text/plain; version=0.0.4; charset=utf-8")
            },
            Route(.get, "/openapi.yaml", .open) { _ in
                Response(text: Pages.text("openapi.yaml") ?? "", type: "application/yaml")
            },
        ]
    }
}

extension HTTPField.Name {
    /// `Content-Disposition`.
    static let contentDisposition = HTTPField.Name("Content-Disposition")!
}
