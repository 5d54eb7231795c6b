internal import CSCSwift
internal import HTTPTypes
internal import Hummingbird

/// The pages: for annotators, admins and requesters, and cities.
extension CafeService {
    var pageRoutes: [Route] {
        [
            Route(.get, "/", .open) { _ in
                self.page("end.html", title: "CAFE", text: "This is a CAFE server. Open the link that you were given.")
            },
            Route(.get, "/assets/{name}", .open) { call in
                guard let asset = Pages.asset(call.parameters[0]) else {
                    throw Problem.missing("there is no '\(call.parameters[0])'")
                }
                let isSame = call.request.headers[.ifNoneMatch] == asset.tag
                var response = isSame ? Response(status: .notModified) : Response(text: asset.text, type: asset.type)
                response.headers[.eTag] = asset.tag
                response.headers[.cacheControl] = "no-cache"
                return response
            },
            Route(.get, "/s/{study}", .open) { call in await self.guarded { try await self.workerPage(call) } },
            Route(.get, "/admin", .open) { call in
                await self.guarded {
                    let (_, token) = try self.visitor(call, cookies: ["cafe_admin"]) { $0 == .admin }
                    return self.page(
                        "admin.html", title: "Studies",
                        data: .object([("version", .string(Self.version)), ("role", .string("admin"))]),
                        cookie: ("cafe_admin", token), call)
                }
            },
            Route(.get, "/admin/studies/{id}", .open) { call in
                await self.guarded { try await self.studyPage(call) }
            },
            Route(.get, "/cities/{id}", .open) { call in
                await self.guarded {
                    let (_, token) = try self.visitor(call, cookies: ["cafe_admin"]) { $0 == .admin }
                    let id = call.parameters[0]
                    _ = try await self.cities.city(id)
                    return self.page(
                        "city.html", title: id, data: .object([("city", .string(id))]), cookie: ("cafe_admin", token),
                        call)
                }
            },
        ]
    }

    /// The program's version, as pages and documents show it.
    static let version = "1.0"

    // MARK: Pages

    private func workerPage(_ call: Call) async throws -> Response {
        let id = call.parameters[0]
        let view = try await queue.perform { StudyView(try self.studies.study(id, $0)) }
        let isPreview = call.query("assignmentId") == "ASSIGNMENT_ID_NOT_AVAILABLE"
        var worker: (id: String, token: String)?
        if !isPreview { worker = try await self.worker(call, view) }
        var data: [(String, JSON)] = [
            ("study", .string(view.id)), ("name", .string(view.name)), ("instructions", .string(view.instructions)),
            ("classes", .array(view.session.classes.map(JSON.string))),
        ]
        data += [
            ("worker", worker.map { .string($0.id) } ?? .null), ("preview", .bool(isPreview)),
            ("state", .string(view.state.rawValue)),
        ]
        if let worker, call.query("assignmentId") != nil {  // in MTurk's frame a browser sends no cookie of this site
            data.append(("token", .string(worker.token)))
        }
        return page(
            "worker.html", title: view.name, data: .object(data), cookie: worker.map { ("cafe_" + id, $0.token) }, call)
    }

    /// Who opens a study's page: by the link's token, the platform's parameters or the cookie; a guest of an open study.
    private func worker(_ call: Call, _ view: StudyView) async throws -> (id: String, token: String)? {
        let platform: String?
        if let id = call.query("PROLIFIC_PID") {
            platform = "prolific:" + id
        } else {
            platform = call.query("workerId").map { "mturk:" + $0 }
        }
        for token in [call.query("t"), platform == nil ? Call.cookie(call.request, "cafe_" + view.id) : nil] {
            guard let token else { continue }
            if case .worker(let study, let worker)? = tokens.principal(of: token), study == view.id {
                return (worker, token)
            }
            try limiter.checkGuess(call.remote)
        }
        if call.query("t") != nil { throw Self.closedDoor("This link is not one of this study's.") }
        guard view.isOpen else {
            throw Self.closedDoor("This study is open to those who were invited: use the link that you were given.")
        }
        try limiter.checkGuess(call.remote)
        if let platform {
            let token = try await queue.perform { try self.studies.admit(view.id, platformWorker: platform, $0) }
            return (platform, token)
        }
        if view.state == .closed { return nil }
        return try await queue.perform { try self.studies.join(view.id, worker: nil, cost: nil, $0) }
    }

    private func studyPage(_ call: Call) async throws -> Response {
        let id = call.parameters[0]
        let (who, token) = try visitor(call, cookies: ["cafe_admin", "cafe_r_" + id]) {
            $0 == .admin || $0 == .requester(study: id)
        }
        let view = try await queue.perform { StudyView(try self.studies.study(id, $0)) }
        let isAdmin = who == .admin
        return page(
            "study.html", title: view.name,
            data: .object([("study", .string(id)), ("role", .string(isAdmin ? "admin" : "requester"))]),
            cookie: (isAdmin ? "cafe_admin" : "cafe_r_" + id, token), call)
    }

    private static func closedDoor(_ sentence: String) -> Problem { Problem(.forbidden, "forbidden", sentence) }

    /// Who opens a page, by the link's token or a cookie.
    private func visitor(
        _ call: Call, cookies: [String], _ may: (Principal) -> Bool
    ) throws -> (Principal, token: String) {
        for token in [call.query("t")] + cookies.map({ Call.cookie(call.request, $0) }) {
            guard let token else { continue }
            if let principal = tokens.principal(of: token), may(principal) { return (principal, token) }
            try limiter.checkGuess(call.remote)
        }
        throw Self.closedDoor("This page needs the link with the token that the server or a requester gave you.")
    }

    /// With a capital letter and a full stop.
    private static func sentence(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst() + (text.hasSuffix(".") ? "" : ".")
    }

    /// Errors of pages are pages.
    private func guarded(_ body: () async throws -> Response) async -> Response {
        do { return try await body() } catch {
            let problem = Problem(any: error)
            if problem.status == .internalServerError { logger.error("\(error)") }
            var response = page("end.html", title: problem.status.reasonPhrase, text: Self.sentence(problem.detail))
            response.status = problem.status
            return response
        }
    }

    private func page(
        _ name: String, title: String, data: JSON = .object([]), text: String = "",
        cookie: (name: String, token: String)? = nil, _ call: Call? = nil
    ) -> Response {
        var response = Response(
            text: Pages.fill(name, base: options.basePath, title: title, data: data, text: text),
            type: "text/html; charset=utf-8")
        let ancestors = call?.query("assignmentId") != nil ? "https://*.mturk.com" : "'none'"
        response.headers[.contentSecurityPolicy] = """
            default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https: http:; connect-src 'self'; \
            form-action 'self' https://*.mturk.com; base-uri 'none'; frame-ancestors \(ancestors)
            """
        response.headers[.referrerPolicy] = "no-referrer"
        if let cookie {
            let isSecure = options.tls != nil || call?.request.headers[.forwardedProto] == "https"
            response.headers[.setCookie] =
                "\(cookie.name)=\(cookie.token); Path=\(options.basePath)/; HttpOnly; SameSite=Lax; Max-Age=31536000"
                + (isSecure ? "; Secure" : "")
        }
        return response
    }
}
