internal import Foundation

/// Files that are whole or absent: a reader never sees half of one, whatever kills the writer.
///
/// The content goes to a temporary file beside the target, is flushed to the disk, and takes the target's name by
/// `rename`, which POSIX makes atomic; then the folder is flushed, so that the name survives a loss of power. A file
/// that is replaced keeps its mode; a symbolic link stays one, and what it points to is replaced; devices, FIFOs and
/// sockets are written to and never replaced.
///
/// A temporary file is called `NAME.partial-` and 16 hexadecimal digits, drawn again each time, and is only ever
/// created (`O_EXCL`), so nobody can plant a link there. Its writer holds a lock on it: `removeLeftovers` takes away
/// those whose writer was killed.
///
/// Of several ranks (`Ranks`) the first one writes; on the others writing does nothing.
package enum AtomicFile {
    /// A way to write a long file that leaves the disk to others: each `stretch` of bytes is flushed, and a pause follows.
    package struct Pace: Sendable {
        /// Bytes written at once.
        package let stretch: Int
        /// Microseconds between two stretches.
        package let pause: UInt32

        package init(stretch: Int, pause: UInt32) {
            (self.stretch, self.pause) = (max(1, stretch), pause)
        }
    }

    /// Replaces `path` by `bytes`. O(size), two flushes of the disk; with a pace, one more for each stretch.
    /// - Parameters:
    ///   - mode: permissions of a file that is not there yet.
    ///   - pace: nil: all at once.
    /// - Throws: `CSCError.file`.
    package static func write(
        _ bytes: [UInt8], to path: String, mode: UInt32 = 0o644, pace: Pace? = nil
    ) throws(CSCError) {
        guard Ranks.isFirst else { return }
        guard let target = try target(of: path) else { return try writeThrough(bytes, to: path) }
        let (descriptor, temporary) = try createTemporary(beside: target.path, mode: mode)
        do throws(CSCError) {
            if let mode = target.mode { _ = fchmod(descriptor, mode) }
            try put(bytes, descriptor, path, pace: pace)
            guard fsync(descriptor) == 0 else { throw failure(path, "cannot be flushed to the disk") }
            guard rename(temporary, target.path) == 0 else { throw failure(path, "cannot be replaced") }
        } catch {
            unlink(temporary)
            close(descriptor)
            throw error
        }
        close(descriptor)
        try flushFolder(of: target.path)
    }

    /// Replaces `path` by `text` in UTF-8. Throws `CSCError.file`.
    package static func write(_ text: String, to path: String) throws(CSCError) {
        try write(Array(text.utf8), to: path)
    }

    /// Whether a file can be written at `path`, tried without changing anything that is there: to be asked before the
    /// work whose result the file will hold. Throws `CSCError.file`.
    package static func checkWritable(_ path: String) throws(CSCError) {
        guard Ranks.isFirst else { return }
        guard let target = try target(of: path) else {
            guard access(path, W_OK) == 0 else { throw failure(path, "cannot be written") }
            return
        }
        let (descriptor, temporary) = try createTemporary(beside: target.path)
        unlink(temporary)
        close(descriptor)
    }

    /// Deletes the temporary files in a folder that a killed writer left; those of living writers stay. O(files).
    package static func removeLeftovers(in folder: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            guard isTemporary(name) else { continue }
            let path = join(folder, name)
            let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
            close(descriptor)
        }
    }

    /// All bytes of a file. Throws `CSCError.file`.
    package static func read(_ path: String) throws(CSCError) -> [UInt8] {
        if let bytes = WholeFile.bytes(path) { return bytes }
        guard let content = FileManager.default.contents(atPath: path) else {
            let exists = FileManager.default.fileExists(atPath: path)
            throw .file(path: path, reason: exists ? "cannot be read" : "there is no such file")
        }
        return [UInt8](content)
    }

    /// All of a text file, without a byte order mark. Throws `CSCError.file` when it cannot be read or is not UTF-8.
    package static func readText(_ path: String) throws(CSCError) -> String {
        var bytes = try read(path)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .file(path: path, reason: "is not UTF-8 text")
        }
        return text
    }

    /// Adds text to the end of a file in one write, creating the file if need be. A process killed in between leaves
    /// all of it or, on a full disk, a truncated last line, which readers must drop. Throws `CSCError.file`.
    package static func append(_ text: String, to path: String) throws(CSCError) {
        try append(Array(text.utf8), to: path)
    }

    /// Adds bytes to the end of a file in one write; otherwise as above.
    package static func append(_ bytes: [UInt8], to path: String) throws(CSCError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(path, "cannot be opened") }
        defer { close(descriptor) }
        try put(bytes, descriptor, path)
    }

    /// Makes a folder with its parents; no error when it exists. Throws `CSCError.file`.
    package static func makeFolder(_ path: String) throws(CSCError) {
        guard Ranks.isFirst else { return }
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw .file(path: path, reason: "cannot be made a folder: \(error.localizedDescription)")
        }
    }

    /// The parts of a path joined by one slash.
    package static func join(_ folder: String, _ name: String) -> String {
        folder.isEmpty ? name : folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    /// The folder that holds what a path names: "." for a bare name, "/" for the root. O(length).
    package static func parent(of path: String) -> String {
        var rest = Substring(path)
        while rest.count > 1, rest.last == "/" { rest.removeLast() }
        guard let slash = rest.lastIndex(of: "/") else { return "." }
        rest = rest[..<slash]
        while rest.count > 1, rest.last == "/" { rest.removeLast() }
        return rest.isEmpty ? "/" : String(rest)
    }

    // MARK: What stands at a path

    /// The regular file that a path stands for, links followed, and its mode where it exists; nil for what is written
    /// to rather than replaced: a device, a FIFO, a socket, an open file's name such as /dev/stdout. Throws
    /// `CSCError.file` for a folder and for links that lead in a circle.
    private static func target(of path: String) throws(CSCError) -> (path: String, mode: mode_t?)? {
        guard !path.isEmpty else { throw .file(path: path, reason: "a file's name is empty") }
        var here = path
        for _ in 0..<40 {
            if here.hasPrefix("/proc/") || here.hasPrefix("/dev/fd/") { return nil }
            var status = stat()
            guard lstat(here, &status) == 0 else {
                guard errno == ENOENT else { throw failure(path, "cannot be written") }
                return (here, nil)
            }
            switch status.st_mode & S_IFMT {
            case S_IFREG: return (here, status.st_mode & 0o7777)
            case S_IFDIR: throw .file(path: path, reason: "this is a folder, not a file")
            case S_IFLNK: break
            default: return nil
            }
            guard let link = try? FileManager.default.destinationOfSymbolicLink(atPath: here) else {
                throw failure(path, "its link cannot be read")
            }
            here = link.hasPrefix("/") ? link : join(folder(of: here), link)
        }
        throw .file(path: path, reason: "its links lead in a circle")
    }

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { path[..<$0].isEmpty ? "/" : String(path[..<$0]) } ?? "."
    }

    /// A new, locked file beside `path`, open for writing.
    private static func createTemporary(
        beside path: String, mode: UInt32 = 0o644
    ) throws(CSCError) -> (Int32, String) {
        for _ in 0..<8 {
            let digits = String(UInt64.random(in: .min ... .max), radix: 16)
            let name = path + mark + String(repeating: "0", count: 16 - digits.count) + digits
            let descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
            if descriptor >= 0 {
                _ = flock(descriptor, LOCK_EX | LOCK_NB)
                return (descriptor, name)
            }
            guard errno == EEXIST else { throw failure(path, "cannot be written") }
        }
        throw .file(path: path, reason: "cannot be written: no free name for a temporary file")
    }

    private static let mark = ".partial-"

    /// Whether a file's name is that of a temporary file; those of earlier versions end in a process number.
    static func isTemporary(_ name: String) -> Bool {
        guard let at = name.range(of: mark, options: .backwards) else { return false }
        let end = name[at.upperBound...]
        return !end.isEmpty && end.utf8.count <= 16 && end.allSatisfy { $0.isHexDigit }
    }

    /// Writes to what must not be replaced.
    private static func writeThrough(_ bytes: [UInt8], to path: String) throws(CSCError) {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, "cannot be opened for writing") }
        defer { close(descriptor) }
        try put(bytes, descriptor, path)
    }

    private static func put(
        _ bytes: [UInt8], _ descriptor: Int32, _ path: String, pace: Pace? = nil
    ) throws(CSCError) {
        var done = 0
        while done < bytes.count {
            let end = min(bytes.count, done + (pace?.stretch ?? bytes.count))
            let piece = done == 0 && end == bytes.count ? bytes : Array(bytes[done..<end])
            let written = Foundation.write(descriptor, piece, piece.count)
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw failure(path, "cannot be written") }
            done += written
            guard let pace, done < bytes.count else { continue }
            guard fdatasync(descriptor) == 0 else { throw failure(path, "cannot be flushed to the disk") }
            usleep(pace.pause)
        }
    }

    private static func flushFolder(of path: String) throws(CSCError) {
        let folder = folder(of: path)
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // A folder that can be written to but not read cannot be flushed; the content itself is safe.
        if descriptor < 0 && errno == EACCES { return }
        guard descriptor >= 0 else { throw failure(folder, "cannot be opened") }
        defer { close(descriptor) }
        // Some file systems refuse to flush a folder; the content itself is already safe then.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure(folder, "cannot be flushed") }
    }

    private static func failure(_ path: String, _ what: String) -> CSCError {
        .file(path: path, reason: "\(what): \(String(cString: strerror(errno)))")
    }
}
