internal import Foundation

/// Files that are whole or absent: a reader never sees half of one, whatever kills the writer.
///
/// The content goes to a temporary file beside the target, is flushed to the disk, and takes the target's name by
/// `rename`, which POSIX makes atomic; then the folder is flushed, so that the name survives a loss of power.
public enum AtomicFile {
    /// Replaces `path` by `bytes`. Throws `CSCError.file`. O(size), two flushes of the disk.
    public static func write(_ bytes: [UInt8], to path: String) throws(CSCError) {
        let temporary = path + ".partial-\(getpid())"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(temporary, "cannot be created") }
        do throws(CSCError) {
            try put(bytes, descriptor, temporary)
            guard fsync(descriptor) == 0 else { throw failure(temporary, "cannot be flushed to the disk") }
        } catch {
            close(descriptor)
            unlink(temporary)
            throw error
        }
        close(descriptor)
        guard rename(temporary, path) == 0 else {
            let error = failure(path, "cannot be replaced")
            unlink(temporary)
            throw error
        }
        try flushFolder(of: path)
    }

    /// Replaces `path` by `text` in UTF-8. Throws `CSCError.file`.
    public static func write(_ text: String, to path: String) throws(CSCError) {
        try write(Array(text.utf8), to: path)
    }

    /// All bytes of a file. Throws `CSCError.file`.
    public static func read(_ path: String) throws(CSCError) -> [UInt8] {
        guard let content = FileManager.default.contents(atPath: path) else {
            let exists = FileManager.default.fileExists(atPath: path)
            throw .file(path: path, reason: exists ? "cannot be read" : "there is no such file")
        }
        return [UInt8](content)
    }

    /// All of a text file. Throws `CSCError.file` when it cannot be read or is not UTF-8.
    public static func readText(_ path: String) throws(CSCError) -> String {
        guard let text = String(validating: try read(path), as: UTF8.self) else {
            throw .file(path: path, reason: "is not UTF-8 text")
        }
        return text
    }

    /// Adds text to the end of a file in one write, creating the file if need be. A process killed in between leaves
    /// all of it or, on a full disk, a torn last line, which readers must drop. Throws `CSCError.file`.
    public static func append(_ text: String, to path: String) throws(CSCError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(path, "cannot be opened") }
        defer { close(descriptor) }
        try put(Array(text.utf8), descriptor, path)
    }

    /// Makes a folder with its parents; no error when it exists. Throws `CSCError.file`.
    public static func makeFolder(_ path: String) throws(CSCError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw .file(path: path, reason: "cannot be made a folder: \(error.localizedDescription)")
        }
    }

    /// The parts of a path joined by one slash.
    public static func join(_ folder: String, _ name: String) -> String {
        folder.isEmpty ? name : folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    private static func put(_ bytes: [UInt8], _ descriptor: Int32, _ path: String) throws(CSCError) {
        var done = 0
        while done < bytes.count {
            let piece = done == 0 ? bytes : Array(bytes[done...])
            let written = Foundation.write(descriptor, piece, piece.count)
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw failure(path, "cannot be written") }
            done += written
        }
    }

    private static func flushFolder(of path: String) throws(CSCError) {
        let folder = path.lastIndex(of: "/").map { path[..<$0].isEmpty ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(folder, "cannot be opened") }
        defer { close(descriptor) }
        // Some file systems refuse to flush a folder; the content itself is already safe then.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure(folder, "cannot be flushed") }
    }

    private static func failure(_ path: String, _ what: String) -> CSCError {
        .file(path: path, reason: "\(what): \(String(cString: strerror(errno)))")
    }
}
