internal import ArgumentParser
internal import CSCSwift

/// Errors for programs: with `--json` an error is one JSON object too, with a code and a sentence.
enum ErrorReport {
    /// `{"error": {"code": ..., "message": ...}}`. The code is `CSCError.code`, or `usage` for misused options.
    static func json(_ error: any Error, message: String) -> JSON {
        let code = (error as? CSCError)?.code ?? "usage"
        return .object([("error", .object([("code", .string(code)), ("message", .string(message))]))])
    }

    /// Whether the answer of this command line goes to standard output as JSON: `--json` as a flag of `label`'s commands
    /// on sessions, `--json -` elsewhere.
    static func isWanted(_ arguments: [String]) -> Bool {
        guard let at = arguments.firstIndex(where: { $0 == "--json" || $0 == "--json=-" }) else { return false }
        if arguments[at] == "--json=-" { return true }
        let next = at + 1 < arguments.count ? arguments[at + 1] : nil
        return next == "-" || isFlag(arguments)
    }

    /// The commands in which `--json` takes no value.
    private static func isFlag(_ arguments: [String]) -> Bool {
        guard let label = arguments.firstIndex(of: "label"), label + 1 < arguments.count else { return false }
        return !["aggregate", "replay"].contains(arguments[label + 1])
    }
}
