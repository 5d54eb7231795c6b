internal import Foundation

/// The append-only journal of a live session: one line an event, on the disk before it is acknowledged.
///
/// Representation: a line is tab-separated fields and, as its last field, 16 hexadecimal digits of SipHash over the
/// other fields, keyed by the line before and the line's number. So a line changed, lost, added or moved is found, with
/// its number. Lines lost from the end are found by `JournalEnd`, a file beside it. The journal is locked (flock on a
/// third file) while it is open; a process that dies gives the lock back. A last line without its line end that had not
/// been acknowledged is cut off on opening, and said.
final class SessionJournal {
    /// The journal's path, as errors show it.
    let path: String
    /// What was found and mended on opening, if anything.
    private(set) var notice: String?
    /// How many lines the journal has.
    private(set) var lineCount = 0

    private let lock: Int32
    private let file: Int32
    private let end: JournalEnd
    private var chain: UInt64 = 0

    /// Writes a new journal with these lines, whole or not at all.
    static func create(folder: String, lines: [[String]]) throws(CSCError) {
        let path = AtomicFile.join(folder, "journal.tsv")
        let taken = CSCError.file(path: path, reason: "there is a session in this folder already")
        if FileManager.default.fileExists(atPath: path) { throw taken }
        try AtomicFile.makeFolder(folder)
        let lock = try acquire(folder, wait: 0)  // of two who start at once, one is first
        defer { close(lock) }
        if FileManager.default.fileExists(atPath: path) { throw taken }
        let end = JournalEnd(folder: folder)
        if FileManager.default.fileExists(atPath: end.path) {
            throw .file(path: end.path, reason: "belongs to a session whose journal is gone; take another folder")
        }
        var chain: UInt64 = 0
        var text = ""
        for (index, fields) in lines.enumerated() { text += seal(fields, &chain, index + 1) }
        try AtomicFile.write(text, to: path)
    }

    /// Opens and locks the journal in `folder`; waits up to `wait` seconds for another process to close it.
    init(folder: String, wait: Double) throws(CSCError) {
        path = AtomicFile.join(folder, "journal.tsv")
        guard FileManager.default.fileExists(atPath: path) else {
            throw .file(path: path, reason: "there is no session in this folder; start one with label init")
        }
        lock = try Self.acquire(folder, wait: wait)
        file = open(path, O_RDWR | O_APPEND | O_CLOEXEC)
        guard file >= 0 else {
            close(lock)
            throw .file(path: path, reason: "cannot be opened: \(Self.reason)")
        }
        end = JournalEnd(folder: folder)
    }

    deinit {
        close(file)
        close(lock)
    }

    /// The descriptor of the folder's lock, once it is ours.
    private static func acquire(_ folder: String, wait: Double) throws(CSCError) -> Int32 {
        let path = AtomicFile.join(folder, "lock")
        let lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw .file(path: path, reason: "cannot be opened: \(reason)") }
        let deadline = Date().timeIntervalSince1970 + wait
        while flock(lock, LOCK_EX | LOCK_NB) != 0 {
            guard Date().timeIntervalSince1970 < deadline else {
                close(lock)
                throw .file(path: folder, reason: "another process has this session open")
            }
            usleep(5000)
        }
        return lock
    }

    /// Calls `body` with the fields of each line, in order, and its number. O(bytes).
    /// - Throws: `CSCError.damaged` naming the first line that is not as it was written, or is missing.
    func replay(_ body: ([Substring], Int) throws(CSCError) -> Void) throws(CSCError) {
        let acknowledged = try end.read()
        let bytes = try AtomicFile.read(path)
        var at = 0
        while let stop = bytes[at...].firstIndex(of: 10) {
            lineCount += 1
            let line = Array(bytes[at..<stop])
            guard line.count > 17, line[line.count - 17] == 9 else { throw damaged("has no checksum") }
            let expected = Self.digits(ContentHash.sipHash(Array(line.dropLast(17)), k0: chain, k1: UInt64(lineCount)))
            guard line.suffix(16).elementsEqual(expected.utf8), let text = String(validating: line, as: UTF8.self)
            else {
                throw damaged("does not match its checksum")
            }
            chain = UInt64(expected, radix: 16) ?? 0
            if let acknowledged, acknowledged.lines == lineCount, acknowledged.checksum != expected {
                throw damaged("is not the line that \(end.path) tells of: one of the two files is from elsewhere")
            }
            try body(text.split(separator: "\t", omittingEmptySubsequences: false).dropLast(), lineCount)
            at = stop + 1
        }
        guard lineCount > 0 else { throw damaged("the journal is empty") }
        let torn = at < bytes.count
        if let acknowledged, acknowledged.lines > lineCount {
            let whole = lineCount
            lineCount += 1
            throw damaged(
                (torn ? "is not whole" : "is missing")
                    + ", yet \(Terminal.counted(acknowledged.lines, "line")) had been "
                    + "acknowledged; put the journal back, or delete \(end.path) to go on from line \(whole)")
        }
        if torn {
            guard ftruncate(file, off_t(at)) == 0, fsync(file) == 0 else {
                throw .file(path: path, reason: "its torn last line cannot be cut off: \(Self.reason)")
            }
            notice =
                "\(path): the last line (\(lineCount + 1)) was not written whole, so it had not been acknowledged; "
                + "it is dropped"
        }
        if acknowledged?.lines != lineCount { try end.write(lines: lineCount, checksum: Self.digits(chain)) }
    }

    /// An error about the line that `replay` is at.
    func damaged(_ reason: String) -> CSCError {
        .damaged(path: "\(path):\(lineCount)", reason: "line \(lineCount) \(reason)")
    }

    /// Appends events in one write and returns when they are on the disk.
    func append(_ events: [[String]]) throws(CSCError) {
        guard !events.isEmpty else { return }
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
        try end.write(lines: lineCount, checksum: Self.digits(chain))
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

/// How far a journal had been acknowledged: `journal.end` beside it holds the number of its lines and the last one's
/// checksum.
///
/// It is written after the journal's lines are on the disk, so it never runs ahead of them; where it lags (a crash in
/// between, an older program) nothing is lost. Absent or empty it says nothing. Its size never changes, so that one
/// write replaces it.
struct JournalEnd {
    let path: String

    init(folder: String) { path = AtomicFile.join(folder, "journal.end") }

    /// What it says, nil where it says nothing.
    func read() throws(CSCError) -> (lines: Int, checksum: String)? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let text = try AtomicFile.readText(path)
        if text.utf8.allSatisfy({ $0 == 0 }) { return nil }  // made, but not yet written when the power went
        let fields = text.dropLast().split(separator: "\t")
        guard text.last == "\n", fields.count == 2, let lines = Int(fields[0]), lines > 0, fields[1].utf8.count == 16
        else {
            throw .damaged(
                path: "\(path):1",
                reason: "it should hold the number of the journal's lines and a checksum; "
                    + "delete it if the journal is whole")
        }
        return (lines, String(fields[1]))
    }

    /// Says so. Not flushed: what may be lost with the power is only that it lags.
    func write(lines: Int, checksum: String) throws(CSCError) {
        let number = String(lines)
        let text = String(repeating: "0", count: max(0, 12 - number.count)) + number + "\t" + checksum + "\n"
        let file = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw failure("cannot be opened") }
        defer { close(file) }
        let bytes = Array(text.utf8)
        guard pwrite(file, bytes, bytes.count, 0) == bytes.count else { throw failure("cannot be written") }
    }

    private func failure(_ what: String) -> CSCError {
        .file(path: path, reason: "\(what): \(String(cString: strerror(errno)))")
    }
}
