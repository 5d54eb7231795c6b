internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// Options that name files: `-` is standard input or standard output, and each can be used by one option only.
enum FileOptions {
    /// Whether one of these options takes standard output, so that the text for people is left out.
    /// - Throws: `ValidationError` where two do.
    static func takeOutput(_ options: [(name: String, path: String?)]) throws -> Bool {
        try one(options, "standard output")
    }

    /// - Throws: `ValidationError` where two of these options read standard input.
    static func checkInput(_ options: [(name: String, path: String?)]) throws {
        _ = try one(options, "standard input")
    }

    private static func one(_ options: [(name: String, path: String?)], _ what: String) throws -> Bool {
        let taken = options.filter { $0.path == "-" }.map(\.name)
        guard taken.count < 2 else {
            throw ValidationError("\(taken.joined(separator: " and ")) cannot share \(what).")
        }
        return !taken.isEmpty
    }

    /// Writes a file, whole or not at all, or to standard output.
    static func write(_ text: String, to path: String) throws {
        if path == "-" {
            try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
        } else {
            try AtomicFile.write(text, to: path)
        }
    }

    /// A line for people that is not the answer.
    static func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
