internal import ArgumentParser
internal import CSCSwift

/// An error as a program reads it: with `--json` (or `--json -`) errors are one JSON object on standard output, beside the
/// sentence on standard error.
struct ErrorReport {
    /// What kind of error it is: `usage` (the command line), `file`, `table`, `row`, `configuration`, `damaged`,
    /// `invalid`, or `error` for any other.
    let code: String
    private let fields: [(String, JSON)]

    /// - Parameter message: the sentence that people are shown.
    init(_ error: any Error, message: String, exitCode: Int32) {
        var fields: [(String, JSON)] = []
        switch error as? CSCError {
        case .file(let path, _):
            code = "file"
            fields = [("file", .string(path))]
        case .table(let path, _):
            code = "table"
            fields = [("file", .string(path))]
        case .row(let path, let line, let column, let value, _):
            code = "row"
            fields = [
                ("file", .string(path)), ("line", .integer(line)), ("column", .string(column)),
                ("value", .string(value)),
            ]
        case .entry(let path, let line, let key, _):
            code = "configuration"
            fields = [("file", .string(path)), ("line", line.map(JSON.integer) ?? .null), ("key", .string(key))]
        case .configuration(let key, _):
            code = "configuration"
            fields = [("key", .string(key))]
        case .damaged(let path, _):
            code = "damaged"
            fields = [("file", .string(path))]
        case .invalid:
            code = "invalid"
        case .refused(let word, _):
            code = word
        case nil:
            code = error is ValidationError || exitCode == ExitCode.validationFailure.rawValue ? "usage" : "error"
        }
        self.fields =
            [("code", .string(code)), ("message", .string(message)), ("status", .integer(Int(exitCode)))] + fields
    }

    /// Prints the error as JSON where the command line asks for JSON on standard output; nothing for help and the like.
    static func show(_ error: any Error) {
        let exit = CafeCLI.exitCode(for: error)
        guard !exit.isSuccess, isWanted(by: Array(CommandLine.arguments.dropFirst())) else { return }
        print(ErrorReport(error, message: CafeCLI.message(for: error), exitCode: exit.rawValue).line)
    }

    /// `{"error": {"code": ..., "message": ..., "status": ..., ...}}` on one line.
    var line: String { JSON.object([("error", .object(fields))]).line }

    /// Whether a command line asks for JSON on standard output: `--json` alone or with `-`.
    static func isWanted(by arguments: [String]) -> Bool {
        for (at, argument) in arguments.enumerated() {
            if argument == "--" { return false }
            if argument == "--json=-" { return true }
            if argument == "--json" {
                let next = at + 1 < arguments.count ? arguments[at + 1] : nil
                return next == nil || next == "-" || next!.hasPrefix("--") || arguments.first == "label"
            }
        }
        return false
    }
}
