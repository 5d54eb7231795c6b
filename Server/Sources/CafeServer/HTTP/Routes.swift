internal import CSCSwift
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging

/// What Hummingbird keeps of a request, and where it came from.
struct ServiceContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The other end's address.
    let remote: String

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        remote = source.channel.remoteAddress?.ipAddress ?? "local"
    }
}

/// A request that a route answers: read, limited and authorised.
struct Call: Sendable {
    let request: Request
    let requestID: String
    let remote: String
    /// Who asks; nil on routes that are open.
    let principal: Principal?
    /// The token that came with it, if any.
    let token: String?
    /// The values of the pattern's `{...}`, decoded, in their order.
    let parameters: [String]
    let body: [UInt8]

    /// A parameter of the query; nil where it is absent.
    func query(_ name: String) -> String? { Self.query(request, name) }

    /// A parameter of a request's query, decoded.
    static func query(_ request: Request, _ name: String) -> String? {
        request.uri.queryParameters.first { $0.key == name[...] }.map { String($0.value) }
    }

    /// A whole number of the query.
    func integer(_ name: String, _ range: ClosedRange<Int>, default standard: Int) throws -> Int {
        guard let text = query(name) else { return standard }
        guard let value = Int(text), range.contains(value) else {
            throw Problem.query(name, "'\(text)' is not a whole number in \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// Refuses parameters of the query that the route does not know, with the nearest known name.
    func knows(_ names: String...) throws {
        for (key, _) in request.uri.queryParameters where !names.contains(String(key)) {
            throw Problem.query(
                String(key),
                "there is no such parameter" + (names.isEmpty ? "" : Spelling.hint(for: String(key), among: names)))
        }
    }

    /// The media type of the body without its parameters, in small letters; nil where none is said.
    var mediaType: String? {
        request.headers[.contentType].map {
            String($0.prefix { $0 != ";" }).trimmingCharacters(in: .whitespaces).lowercased()
        }
    }

    /// Refuses a body that says it is not JSON.
    func wantsJSON() throws {
        guard let type = mediaType, !type.hasSuffix("/json"), !type.hasSuffix("+json") else { return }
        throw Problem(.unsupportedMediaType, "media-type", "the body is \(type); application/json is wanted")
    }

    /// Reads the body as one JSON document.
    func json<T>(_ read: (inout JSONCursor) throws(JSONCursor.Fault) -> T) throws -> T {
        try wantsJSON()
        do throws(JSONCursor.Fault) {
            var cursor = try JSONCursor(body)
            let value = try read(&cursor)
            try cursor.end()
            return value
        } catch { throw Problem(error) }
    }

    /// The value of a cookie.
    static func cookie(_ request: Request, _ name: String) -> String? {
        for field in request.headers[values: .cookie] {
            for pair in field.split(separator: ";") {
                let halves = pair.split(separator: "=", maxSplits: 1)
                if halves.count == 2, halves[0].trimmingCharacters(in: .whitespaces) == name {
                    return halves[1].trimmingCharacters(in: .whitespaces)
                }
            }
        }
        return nil
    }
}

/// One route: a method, a pattern such as `/v1/studies/{id}/next`, who may, and what answers.
struct Route: Sendable {
    /// Who may ask.
    enum Access: Sendable {
        /// Anybody; pages look at tokens by themselves.
        case open
        /// The admin.
        case admin
        /// The admin, or the requester of the study that is the first parameter.
        case requester
        /// A worker of the study that is the first parameter.
        case worker
    }

    let method: HTTPRequest.Method
    let pattern: String
    let access: Access
    let bodyLimit: Int
    let answer: @Sendable (Call) async throws -> Response
    private let segments: [Substring]

    init(
        _ method: HTTPRequest.Method, _ pattern: String, _ access: Access, bodyLimit: Int = 0,
        _ answer: @escaping @Sendable (Call) async throws -> Response
    ) {
        self.method = method
        self.pattern = pattern
        self.access = access
        self.bodyLimit = bodyLimit
        self.answer = answer
        segments = pattern.split(separator: "/")
    }

    /// The parameters of a path that fits; nil where it does not. O(path).
    func match(_ path: [Substring]) -> [String]? {
        guard path.count == segments.count else { return nil }
        // Words first: most routes are told apart by them, and nothing is decoded for those that do not fit.
        for (segment, found) in zip(segments, path) where segment.utf8.first != UInt8(ascii: "{") && segment != found {
            return nil
        }
        var parameters: [String] = []
        for (segment, found) in zip(segments, path) where segment.utf8.first == UInt8(ascii: "{") {
            let isPlain = !found.utf8.contains(UInt8(ascii: "%"))
            guard let value = isPlain ? String(found) : String(found).removingPercentEncoding, !value.isEmpty else {
                return nil
            }
            parameters.append(value)
        }
        return parameters
    }
}

/// Finds the route of a request, checks who asks and how often, reads the body, and turns errors into problem documents.
struct Front: HTTPResponder {
    let routes: [Route]
    let basePath: String
    let tokens: Tokens
    let meters: Meters
    let limiter: RateLimiter
    /// Who is believed in `X-Forwarded-For`.
    let proxies: TrustedProxies

    /// Where a request came from.
    private func remote(_ request: Request, _ context: ServiceContext) -> String {
        proxies.client(of: context.remote, forwardedFor: request.headers[values: .forwardedFor])
    }

    func respond(to request: Request, context: ServiceContext) async throws -> Response {
        let began = ContinuousClock.now, requestID = context.id
        var pattern = "none"
        var response: Response
        do {
            let (route, parameters) = try find(request)
            pattern = route.pattern
            response = try await answer(request, context, route, parameters)
        } catch {
            let problem = Problem(any: error)
            if problem.status == .internalServerError {
                context.logger.error("\(error)", metadata: ["path": .string(request.uri.path)])
            }
            response = problem.response(requestID: requestID)
        }
        response.headers[.requestID] = requestID
        response.headers[.nosniff] = "nosniff"
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        let seconds = (ContinuousClock.now - began).seconds
        meters.request(request.method.rawValue, pattern, response.status.code, seconds: seconds)
        context.logger.info(
            "request",
            metadata: [
                "method": .string(request.method.rawValue), "path": .string(request.uri.path),
                "status": .stringConvertible(response.status.code),
                "ms": .string(String(format: "%.3f", seconds * 1000)),
                "remote": .string(remote(request, context)),
            ])
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func find(_ request: Request) throws -> (Route, [String]) {
        var path = request.uri.path[...]
        if !basePath.isEmpty {
            guard path == basePath || path.hasPrefix(basePath + "/") else {
                throw Problem.missing("there is nothing here")
            }
            path = path.dropFirst(basePath.count)
        }
        let segments = path.split(separator: "/", omittingEmptySubsequences: true)
        var allowed: [String] = []
        for route in routes {
            guard let parameters = route.match(segments) else { continue }
            if route.method == request.method || (route.method == .get && request.method == .head) {
                return (route, parameters)
            }
            allowed.append(route.method.rawValue)
        }
        guard !allowed.isEmpty else { throw Problem.missing("there is nothing at \(path)") }
        var problem = Problem(
            .methodNotAllowed, "method",
            "\(path) takes \(allowed.joined(separator: ", ")), not \(request.method.rawValue)")
        problem.allow = allowed.joined(separator: ", ")
        throw problem
    }

    private func answer(
        _ request: Request, _ context: ServiceContext, _ route: Route, _ parameters: [String]
    ) async throws -> Response {
        let remote = remote(request, context)
        let (token, byCookie) = token(request, route.access, study: parameters.first)
        if !Self.uncounted.contains(route.pattern) { try limiter.check(token ?? remote) }
        var principal: Principal?
        if case .open = route.access {
        } else {
            principal = try authorise(token, route.access, study: parameters.first, remote: remote)
            if byCookie && request.headers[.secFetchSite] == "cross-site" {
                throw Problem(.forbidden, "cross-site", "a call from another site's page is refused")
            }
        }
        let body = try await Self.read(request, limit: route.bodyLimit)
        return try await route.answer(
            Call(
                request: request, requestID: context.id, remote: remote, principal: principal, token: token,
                parameters: parameters, body: body))
    }

    /// The token of a request: the header's, or that of the cookie that goes with the route.
    private func token(_ request: Request, _ access: Route.Access, study: String?) -> (String?, byCookie: Bool) {
        if let header = request.headers[.authorization] {
            let halves = header.split(separator: " ", maxSplits: 1)
            return (halves.count == 2 && halves[0].lowercased() == "bearer" ? String(halves[1]) : "", false)
        }
        switch access {
        case .open: return (nil, false)
        case .worker: return (study.flatMap { Call.cookie(request, "cafe_" + $0) }, true)
        case .admin: return (Call.cookie(request, "cafe_admin"), true)
        case .requester:
            let own = study.flatMap { Call.cookie(request, "cafe_r_" + $0) }
            guard let admin = Call.cookie(request, "cafe_admin") else { return (own, true) }
            return (tokens.principal(of: admin) == .admin ? admin : own ?? admin, true)
        }
    }

    private func authorise(
        _ token: String?, _ access: Route.Access, study: String?, remote: String
    ) throws -> Principal {
        guard let token else {
            throw Problem(.unauthorized, "no-token", "a token is wanted: Authorization: Bearer TOKEN")
        }
        guard let principal = tokens.principal(of: token) else {
            try limiter.checkGuess(remote)
            throw Problem(.unauthorized, "unknown-token", "nobody has this token")
        }
        switch (access, principal) {
        case (.admin, .admin), (.requester, .admin): return principal
        case (.requester, .requester(let own)) where own == study: return principal
        case (.worker, .worker(let own, _)) where own == study: return principal
        case (.worker, .admin), (.worker, .requester):
            throw Problem(.forbidden, "not-a-worker", "this needs the token of a worker of this study")
        default: throw Problem(.forbidden, "forbidden", "this token does not open this")
        }
    }

    /// What every page and every probe asks for: not counted, since many people may stand behind one address.
    private static let uncounted: Set<String> = ["/assets/{name}", "/healthz", "/readyz"]

    private static func read(_ request: Request, limit: Int) async throws -> [UInt8] {
        let large = Problem(
            .contentTooLarge, "too-large", "the body is larger than the \(limit) bytes that are read here")
        if limit == 0 {  // a body that nobody looks at
            guard let length = request.headers[.contentLength].flatMap({ Int($0) }) else { return [] }
            if length > 65_536 { throw large }
            return []
        }
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw large }
        do {
            let buffer = try await request.body.collect(upTo: limit)
            return Array(buffer.readableBytesView)
        } catch let error as any HTTPResponseError {
            throw error.status == .contentTooLarge ? large : error as any Error
        }
    }
}

extension HTTPField.Name {
    /// `X-Request-ID`.
    static let requestID = HTTPField.Name("X-Request-ID")!
    /// `X-Content-Type-Options`.
    static let nosniff = HTTPField.Name("X-Content-Type-Options")!
    /// `X-Forwarded-For`.
    static let forwardedFor = HTTPField.Name("X-Forwarded-For")!
    /// `Sec-Fetch-Site`.
    static let secFetchSite = HTTPField.Name("Sec-Fetch-Site")!
    /// `Referrer-Policy`.
    static let referrerPolicy = HTTPField.Name("Referrer-Policy")!
    /// `X-Accel-Buffering`: nginx passes a stream on at once.
    static let accelBuffering = HTTPField.Name("X-Accel-Buffering")!
}
