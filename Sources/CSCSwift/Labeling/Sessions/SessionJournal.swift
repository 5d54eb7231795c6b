internal import Foundation

/// The append-only journal of a live session: one line an event, on the disk before it is acknowledged.
///
/// Representation: a line is tab-separated fields and, as its last field, 16 hexadecimal digits of SipHash over the
/// other fields, keyed by the line before and the line's number. So a line changed, lost, added or moved is found, with
/// its number. The file is locked (flock on a file beside it) while a journal is open; a process that dies gives the
/// lock back. A last line without its line end was never acknowledged: it is cut off on opening, and said.
final class SessionJournal {
    /// The journal's path, as errors show it.
    let path: String
    /// What was found and mended on opening, if anything.
    private(set) var notice: String?
    /// How many lines the journal has.
    private(set) var lineCount = 0

    private let lock: Int32
    private let file: Int32
    private var chain: UInt64 = 0

    /// Writes a new journal with these lines, whole or not at all.
    static func create(folder: String, lines: [[String]]) throws(CSCError) {
        let path = AtomicFile.join(folder, "journal.tsv")
        if FileManager.default.fileExists(atPath: path) {
            throw .file(path: path, reason: "there is a session in this folder already")
        }
        var chain: UInt64 = 0
        var text = ""
        for (index, fields) in lines.enumerated() { text += seal(fields, &chain, index + 1) }
        try AtomicFile.makeFolder(folder)
        try AtomicFile.write(text, to: path)
    }

    /// Opens and locks the journal in `folder`; waits up to `wait` seconds for another process to close it.
    init(folder: String, wait: Double) throws(CSCError) {
        path = AtomicFile.join(folder, "journal.tsv")
        guard FileManager.default.fileExists(atPath: path) else {
            throw .file(path: path, reason: "there is no session in this folder; start one with label init")
        }
        let guardPath = AtomicFile.join(folder, "lock")
        lock = open(guardPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw .file(path: guardPath, reason: "cannot be opened: \(Self.reason)") }
        let deadline = Date().timeIntervalSince1970 + wait
        while flock(lock, LOCK_EX | LOCK_NB) != 0 {
            guard Date().timeIntervalSince1970 < deadline else {
                close(lock)
                throw .file(path: path, reason: "another process has this session open")
            }
            usleep(5000)
        }
        file = open(path, O_RDWR | O_APPEND | O_CLOEXEC)
        guard file >= 0 else {
            close(lock)
            throw .file(path: path, reason: "cannot be opened: \(Self.reason)")
        }
    }

    deinit {
        close(file)
        close(lock)
    }

    /// Calls `body` with the fields of each line, in order, and its number. O(bytes).
    /// - Throws: `CSCError.damaged` naming the first line that is not as it was written.
    func replay(_ body: ([Substring], Int) throws(CSCError) -> Void) throws(CSCError) {
        let bytes = try AtomicFile.read(path)
        var at = 0
        while let end = bytes[at...].firstIndex(of: 10) {
            lineCount += 1
            let line = Array(bytes[at..<end])
            guard line.count > 17, line[line.count - 17] == 9 else { throw damaged("has no checksum") }
            let expected = Self.digits(ContentHash.sipHash(Array(line.dropLast(17)), k0: chain, k1: UInt64(lineCount)))
            guard line.suffix(16).elementsEqual(expected.utf8), let text = String(validating: line, as: UTF8.self)
            else {
                throw damaged("does not match its checksum")
            }
            chain = UInt64(expected, radix: 16) ?? 0
            try body(text.split(separator: "\t", omittingEmptySubsequences: false).dropLast(), lineCount)
            at = end + 1
        }
        guard lineCount > 0 else { throw damaged("the journal is empty") }
        if at < bytes.count {
            guard ftruncate(file, off_t(at)) == 0, fsync(file) == 0 else {
                throw .file(path: path, reason: "its torn last line cannot be cut off: \(Self.reason)")
            }
            notice =
                "\(path): the last line (\(lineCount + 1)) was not written whole, so it had not been acknowledged; "
                + "it is dropped"
        }
    }

    /// An error about the line that `replay` is at.
    func damaged(_ reason: String) -> CSCError {
        .damaged(path: "\(path):\(lineCount)", reason: "line \(lineCount) \(reason)")
    }

    /// Appends events in one write and returns when they are on the disk.
    func append(_ events: [[String]]) throws(CSCError) {
        var next = chain
        var text = ""
        for (index, fields) in events.enumerated() { text += Self.seal(fields, &next, lineCount + index + 1) }
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            let count = write(file, Array(bytes[done...]), bytes.count - done)
            guard count > 0 || errno == EINTR else {
                throw .file(path: path, reason: "cannot be written: \(Self.reason)")
            }
            done += max(0, count)
        }
        guard fsync(file) == 0 else {
            throw .file(path: path, reason: "cannot be flushed to the disk: \(Self.reason)")
        }
        chain = next
        lineCount += events.count
    }

    private static func seal(_ fields: [String], _ chain: inout UInt64, _ number: Int) -> String {
        let text = fields.joined(separator: "\t")
        chain = ContentHash.sipHash(Array(text.utf8), k0: chain, k1: UInt64(number))
        return text + "\t" + digits(chain) + "\n"
    }

    private static func digits(_ hash: UInt64) -> String {
        let text = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    private static var reason: String { String(cString: strerror(errno)) }
}
