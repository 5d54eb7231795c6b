internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// Options that name files: `-` is standard input or standard output, and each can be used by one option only.
enum FileOptions {
    /// Whether one of these options takes standard output, so that the text for people is left out.
    /// - Throws: `ValidationError` where two do, `CSCError.file` where one cannot be written.
    static func takeOutput(_ options: [(name: String, path: String?)]) throws -> Bool {
        let taken = try one(options, "standard output")
        try checkOutputs(options.map(\.path))
        return taken
    }

    /// - Throws: `ValidationError` where two of these options write to standard output.
    static func checkShared(_ options: [(name: String, path: String?)]) throws {
        _ = try one(options, "standard output")
    }

    /// Whether all these files can be written: asked before the work whose results they will hold.
    /// - Throws: `CSCError.file` naming the first that cannot.
    static func checkOutputs(_ paths: [String?]) throws(CSCError) {
        for path in paths {
            if let path, path != "-" { try AtomicFile.checkWritable(path) }
        }
    }

    /// Whether a folder can be made, or written into where it is there: asked before the work whose results it will hold.
    /// - Throws: `CSCError.file` naming what is no folder, or cannot be written.
    static func checkFolder(_ path: String?) throws(CSCError) {
        guard var place = path, !place.isEmpty else { return }
        var isFolder: ObjCBool = false
        while !FileManager.default.fileExists(atPath: place, isDirectory: &isFolder) {
            let above = AtomicFile.parent(of: place)
            if above == place { return }
            place = above
        }
        guard isFolder.boolValue else {
            throw .file(path: place, reason: "is no folder, so \(path ?? place) cannot be made")
        }
        try AtomicFile.checkWritable(AtomicFile.join(place, "file"))
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
            try Output.write(text)
        } else {
            try AtomicFile.write(text, to: path)
        }
    }

    /// A line for people that is not the answer.
    static func note(_ text: String) { Output.note(text) }
}
