/// Why a request has no plan: a number, a sentence and, where there is one, the place in the document.
public struct DispatchFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// 1: the program failed; 2: the request is wrong; 3: travel times could not be had.
    public var code: Int
    /// What is wrong, without the path.
    public var reason: String
    /// The place in the document, such as `tasks[3].deadline`; empty for the document as a whole.
    public var path: String

    /// A fault.
    public init(code: Int = 2, path: String = "", reason: String) {
        self.code = code
        self.path = path
        self.reason = reason
    }

    /// The fault of a document that could not be read.
    public init(_ fault: JSONCursor.Fault) { self.init(path: fault.path, reason: fault.reason) }

    /// The path and the reason.
    public var description: String { path.isEmpty ? reason : "\(path): \(reason)" }

    /// The document that is answered in place of a plan.
    public var json: JSON {
        .object([("code", .integer(code)), ("error", .string(description)), ("path", .string(path))])
    }
}
