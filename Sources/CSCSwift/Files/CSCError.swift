/// What went wrong with something that a user gave: a file, a configuration, a command's argument.
///
/// Programming errors (shapes that do not fit) trap instead. Each case carries what a person needs to mend it; the
/// `description` is one sentence that names the file, the line and the field where there are any.
public enum CSCError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A file could not be opened, read or written.
    case file(path: String, reason: String)
    /// A row of a table is wrong. `line` counts from 1, the header included.
    case row(path: String, line: Int, column: String, value: String, reason: String)
    /// A table as a whole is wrong: a missing column, no rows.
    case table(path: String, reason: String)
    /// A key of the configuration is unknown or its value is out of range.
    case configuration(key: String, reason: String)
    /// A key of a file is unknown or its value is wrong; the line counts from 1, nil where it is not known.
    case entry(path: String, line: Int?, key: String, reason: String)
    /// A checkpoint or a journal is damaged or does not belong to this run.
    case damaged(path: String, reason: String)
    /// A request that makes no sense in the present state.
    case invalid(String)
    /// A request that a program may want to tell from others: `code` is a word of it, such as `unknown-task`.
    case refused(code: String, reason: String)

    /// A word for programs: `file`, `row`, `table`, `configuration`, `damaged`, `invalid`, or that of the refusal.
    public var code: String {
        switch self {
        case .file: "file"
        case .row: "row"
        case .table: "table"
        case .configuration, .entry: "configuration"
        case .damaged: "damaged"
        case .invalid: "invalid"
        case .refused(let code, _): code
        }
    }

    /// One sentence that names the file, the line and the field where there are any.
    public var description: String {
        switch self {
        case .file(let path, let reason): "\(path): \(reason)"
        case .row(let path, let line, let column, let value, let reason):
            "\(path):\(line): column '\(column)' is '\(value)': \(reason)"
        case .table(let path, let reason): "\(path): \(reason)"
        case .configuration(let key, let reason): "configuration key '\(key)': \(reason)"
        case .entry(let path, let line, let key, let reason):
            "\(path)\(line.map { ":\($0)" } ?? ""): key '\(key)': \(reason)"
        case .damaged(let path, let reason): "\(path): damaged: \(reason)"
        case .invalid(let reason), .refused(_, let reason): reason
        }
    }
}
