/// A question for the best workers and teams of a task, as a document: `{"task": "t7", "count": 5, "request": {...}}`,
/// the request as for `dispatch` (docs/api.md).
package struct AdviceRequest: Sendable, Hashable {
    /// The task's id.
    package var task: String
    /// At most this many options, 1...1000; 5 where the document has no count.
    package var count: Int
    /// The moment.
    package var request: DispatchRequest

    private static let fields = JSONCursor.Fields(["task", "count", "request"])

    /// Reads a document strictly.
    ///
    /// - Throws: `JSONCursor.Fault` with the path: bad JSON, an unknown or missing field, a value of the wrong kind or out
    ///   of range. O(size).
    package init(json bytes: [UInt8]) throws(JSONCursor.Fault) {
        var cursor = try JSONCursor(bytes)
        var (name, most, moment): (String?, Int, DispatchRequest?) = (nil, 5, nil)
        try cursor.object(Self.fields) { (cursor, number) throws(JSONCursor.Fault) in
            switch number {
            case 0: name = try cursor.string()
            case 1: most = try cursor.integer(1...1000)
            default: moment = try DispatchRequest(part: &cursor)
            }
        }
        try cursor.end()
        guard let name else { throw JSONCursor.Fault(path: "task", reason: "is missing") }
        guard let moment else { throw JSONCursor.Fault(path: "request", reason: "is missing") }
        (task, count, request) = (name, most, moment)
    }
}
