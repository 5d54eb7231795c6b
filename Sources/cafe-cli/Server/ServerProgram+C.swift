internal import CSCSwift
internal import Foundation

/// The program `cafe-server`, which lies beside this one.
enum ServerProgram {
    /// Where it is looked for: beside this program.
    static var path: String {
        let own = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent().path ?? "."
        return AtomicFile.join(own, "cafe-server")
    }

    /// Replaces this process by it; returns only to say why not.
    /// - Throws: `CSCError.file` where it is not there or cannot be started.
    static func become(_ arguments: [String]) throws {
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw CSCError.file(path: path, reason: "the server is not built yet: make server")
        }
        try Output.flush()
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        words.append(nil)
        execv(path, words)
        let reason = String(cString: strerror(errno))
        for word in words { free(word) }
        throw CSCError.file(path: path, reason: "cannot be started: \(reason)")
    }
}
