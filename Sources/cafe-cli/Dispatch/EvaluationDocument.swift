internal import ArgumentParser
package import CSCSwift

/// `cafe-cli evaluate` for a program that has it in its own process: the C ABI (docs/python.md).
package enum EvaluationDocument {
    /// Plays policies, and returns the document that `cafe-cli evaluate --json` writes, with what was said for people as
    /// field `warnings`. Nothing is printed. O(policies * episodes) episodes.
    ///
    /// - Parameters:
    ///   - policies: as on the command line: names of rules, learnt rules, folders of runs, NAME=RUN+RUN.
    ///   - options: words of the command line, such as `--tasks=200`; none that writes a file or sets threads.
    /// - Throws: `CSCError` with the sentence that the command would end with.
    package static func evaluate(_ policies: [String], options: [String]) throws -> JSON {
        let notes = NoteList()
        return try Output.listener.withValue(notes) {
            do {
                let command = try EvaluateCommand.parse(options + ["--json=-", "--"] + policies)
                guard case .object(let fields) = try command.played() else { return .null }
                return .object(fields + [("warnings", .array(notes.lines.map(JSON.string)))])
            } catch let error as CSCError {
                throw error
            } catch {
                throw CSCError.invalid(EvaluateCommand.message(for: error))
            }
        }
    }
}
