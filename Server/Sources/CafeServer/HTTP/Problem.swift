internal import CSCSwift
internal import HTTPTypes
internal import Hummingbird

/// Why a request has no answer: RFC 9457's problem document, with a sentence and, where there is one, the place in the
/// body or the query.
struct Problem: Error, Sendable, Equatable {
    var status: HTTPResponse.Status
    /// One sentence.
    var detail: String
    /// Such as `tasks[3].id`; empty for the request as a whole.
    var path = ""
    /// A word for programs.
    var code: String
    /// After how many seconds another attempt makes sense.
    var retryAfter: Int?
    /// The methods that the route knows, with 405.
    var allow: String?

    init(_ status: HTTPResponse.Status, _ code: String, _ detail: String, path: String = "", retryAfter: Int? = nil) {
        self.status = status
        self.code = code
        self.detail = detail
        self.path = path
        self.retryAfter = retryAfter
    }

    /// A body that is not what it should be.
    static func body(_ path: String, _ reason: String) -> Problem {
        Problem(.badRequest, "body", path.isEmpty ? "the body \(reason)" : "\(path): \(reason)", path: path)
    }

    /// A body that could not be read.
    init(_ fault: JSONCursor.Fault) { self = .body(fault.path, fault.reason) }

    /// A parameter of the query that is not what it should be.
    static func query(_ name: String, _ reason: String) -> Problem {
        Problem(.badRequest, "query", "\(name): \(reason)", path: name)
    }

    /// Something that is not there.
    static func missing(_ detail: String, code: String = "not-found") -> Problem { Problem(.notFound, code, detail) }

    /// Something that contradicts the present state.
    static func conflict(_ code: String, _ detail: String, path: String = "") -> Problem {
        Problem(.conflict, code, detail, path: path)
    }

    /// The storage failed: nothing of the request was kept.
    static func storage(_ reason: String) -> Problem {
        Problem(
            .serviceUnavailable, "storage", "nothing was kept, because the storage failed: \(reason)", retryAfter: 2)
    }

    /// What a session or a reader of tables refused.
    /// - Parameter path: the field of the body that holds what was refused.
    init(_ error: CSCError, path: String = "") {
        switch error {
        case .refused(let code, let reason):
            let status: HTTPResponse.Status =
                switch code {
                case "unknown-question", "not-asked": .notFound
                case "answered", "expired", "declined", "outstanding": .conflict
                default: .badRequest
                }
            self.init(status, code, reason, path: path)
        case .file, .damaged: self.init(.internalServerError, error.code, error.description)
        case .row(_, let line, let column, _, _):
            self.init(.badRequest, "row", error.description, path: "line \(line), \(column)")
        case .table, .configuration, .entry, .invalid:
            self.init(.badRequest, error.code, error.description, path: path)
        }
    }

    /// Any error as a problem; what is not one of ours is not told.
    init(any error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as CSCError: self.init(error)
        case let fault as JSONCursor.Fault: self.init(fault)
        case let fault as DispatchFault: self.init(.badRequest, "dispatch", fault.description, path: fault.path)
        case let error as any HTTPResponseError:
            self.init(error.status, "http", error.status.reasonPhrase)
            if error.status == .contentTooLarge { (code, detail) = ("too-large", "the body is larger than is read") }
        default: self.init(.internalServerError, "internal", "the request could not be answered")
        }
    }

    /// The document.
    func json(requestID: String) -> JSON {
        .object([
            ("type", .string("about:blank")), ("title", .string(status.reasonPhrase)),
            ("status", .integer(status.code)), ("detail", .string(detail)), ("path", .string(path)),
            ("code", .string(code)), ("request_id", .string(requestID)),
        ])
    }

    /// The answer.
    func response(requestID: String) -> Response {
        var response = Response(json: json(requestID: requestID), status: status)
        response.headers[.contentType] = "application/problem+json"
        if let retryAfter { response.headers[.retryAfter] = "\(retryAfter)" }
        if let allow { response.headers[.allow] = allow }
        if status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        return response
    }
}

extension Response {
    /// A JSON document.
    init(json: JSON, status: HTTPResponse.Status = .ok) {
        self.init(text: json.line + "\n", type: "application/json", status: status)
    }

    /// A text of a media type.
    init(text: String, type: String, status: HTTPResponse.Status = .ok) {
        self.init(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
