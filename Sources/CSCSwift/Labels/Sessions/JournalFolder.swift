internal import Foundation

/// A session's records in a folder: `journal.tsv`, one line per record, on the disk before it is acknowledged.
///
/// Representation: a line is a record's text, a tab, and its checksum in 16 hexadecimal digits. Lines lost from the end
/// are found by `journal.end`, which says how many had been acknowledged. What a crash left of a batch that had not
/// been acknowledged, a line without its end or the first lines of several, is cut off on opening, and said. `snapshot`
/// holds the state after some of the lines. The folder is locked (flock on a fourth file) while it is open; a process
/// that dies gives the lock back.
public final class JournalFolder: SessionStorage {
    /// The journal's path, as errors show it.
    public let path: String
    /// Where the records end.
    public private(set) var end = SessionMark.start
    /// What was cut off on opening, or is gone, in a sentence.
    public private(set) var notice: String?

    private let folder: String
    private let usesSnapshot: Bool
    private let lock: Int32
    private var file: Int32 = -1
    private let acknowledged: JournalEnd
    /// What the file held on opening, until it has been read.
    private var content: [UInt8] = []
    /// How many bytes of the journal count.
    private var size = 0
    /// The mark of the snapshot that was found, and the bytes up to it.
    private var shortcut: (mark: SessionMark, bytes: Int)?

    // MARK: Opening

    /// A folder for a new session, which begins with the first `append`. O(1), and the file system's.
    /// - Throws: `CSCError.file` where the folder has a session already.
    public init(creating folder: String) throws(CSCError) {
        self.folder = folder
        usesSnapshot = true
        path = AtomicFile.join(folder, "journal.tsv")
        let taken = CSCError.file(path: path, reason: "there is a session in this folder already")
        if FileManager.default.fileExists(atPath: path) { throw taken }
        try AtomicFile.makeFolder(folder)
        lock = try Self.acquire(folder, wait: 0)  // of two who start at once, one is first
        acknowledged = JournalEnd(folder: folder)
        var error: CSCError?
        if FileManager.default.fileExists(atPath: path) {
            error = taken
        } else if FileManager.default.fileExists(atPath: acknowledged.path) {
            error = .file(
                path: acknowledged.path, reason: "belongs to a session whose journal is gone; take another folder")
        }
        if let error { throw error }
    }

    /// Opens and locks the session in `folder`; waits up to `wait` seconds for another process to close it.
    /// O(size of the journal).
    /// - Parameters:
    ///   - folder: the path of the session's folder.
    ///   - wait: how long to try to lock it (s); 0 tries once.
    ///   - usesSnapshot: whether `snapshot()` gives one; if not, the whole journal is followed.
    /// - Throws: `CSCError.file` where there is no session, it stays locked, or it cannot be read.
    public init(opening folder: String, wait: Double = 10, usesSnapshot: Bool = true) throws(CSCError) {
        self.folder = folder
        self.usesSnapshot = usesSnapshot
        path = AtomicFile.join(folder, "journal.tsv")
        guard FileManager.default.fileExists(atPath: path) else {
            throw .file(path: path, reason: "there is no session in this folder; start one with label init")
        }
        lock = try Self.acquire(folder, wait: wait)
        acknowledged = JournalEnd(folder: folder)
        try openFile()
        content = try AtomicFile.read(path)
    }

    deinit {
        if file >= 0 { close(file) }
        close(lock)
    }

    private func openFile() throws(CSCError) {
        file = open(path, O_RDWR | O_APPEND | O_CLOEXEC)
        guard file >= 0 else { throw .file(path: path, reason: "cannot be opened: \(Self.reason)") }
    }

    /// The descriptor of the folder's lock, once it is ours.
    private static func acquire(_ folder: String, wait: Double) throws(CSCError) -> Int32 {
        let path = AtomicFile.join(folder, "lock")
        let lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard lock >= 0 else { throw .file(path: path, reason: "cannot be opened: \(reason)") }
        let deadline = Date().timeIntervalSince1970 + wait
        while flock(lock, LOCK_EX | LOCK_NB) != 0 {
            guard Date().timeIntervalSince1970 < deadline else {
                close(lock)
                throw .file(
                    path: folder, reason: "another process has this session open; --wait SECONDS waits longer")
            }
            usleep(5000)
        }
        return lock
    }

    // MARK: Reading

    /// `study/journal.tsv:17`.
    public func place(of number: Int) -> String { "\(path):\(number)" }

    private func damaged(_ line: Int, _ reason: String) -> CSCError {
        .damaged(path: place(of: line), reason: "line \(line) \(reason)")
    }

    /// Calls `body` with each record after `mark`; what had not been acknowledged is cut off. O(bytes after the mark).
    /// - Throws: `CSCError.damaged` naming the first line that is not as it was written, or is missing.
    public func read(after mark: SessionMark, _ body: (SessionRecord) throws(CSCError) -> Void) throws(CSCError) {
        let told = try acknowledged.read()
        var scan = Scan()
        if let shortcut, shortcut.mark == mark { (scan.mark, scan.at, scan.whole) = (mark, shortcut.bytes, mark) }
        scan.wholeAt = scan.at
        if let told, told.lines == scan.mark.count, told.lines > 0 { try check(told, scan.mark) }
        var batch: [SessionRecord] = []
        while let stop = content[scan.at...].firstIndex(of: 10) {
            let record = try record(content[scan.at..<stop], after: scan.mark)
            scan.mark = record.mark
            scan.at = stop + 1
            if let told, told.lines == record.number { try check(told, record.mark) }
            let place = SessionEvent.place(ofRecord: record.text)
            guard place?.k ?? 1 == batch.count + 1 else {
                throw damaged(record.number, "does not follow in its batch")
            }
            batch.append(record)
            guard place?.n ?? 1 == batch.count else { continue }
            for record in batch where record.number > mark.count { try body(record) }
            batch.removeAll(keepingCapacity: true)
            (scan.whole, scan.wholeAt) = (scan.mark, scan.at)
        }
        guard scan.mark.count > 0 else { throw .damaged(path: path, reason: "the journal is empty") }
        try recover(scan, told)
        (end, size) = (scan.whole, scan.wholeAt)
        content = []
        if told?.lines != end.count { try acknowledged.write(end) }
    }

    /// How far a reading has come: the last line, and the end of the last whole batch.
    private struct Scan {
        var mark = SessionMark.start
        var at = 0
        var whole = SessionMark.start
        var wholeAt = 0
    }

    private func record(_ line: ArraySlice<UInt8>, after mark: SessionMark) throws(CSCError) -> SessionRecord {
        let number = mark.count + 1
        guard line.count > 17, line[line.endIndex - 17] == 9 else { throw damaged(number, "has no checksum") }
        guard let text = String(validating: line.dropLast(17), as: UTF8.self) else {
            throw damaged(number, "does not match its checksum")
        }
        let record = SessionRecord(text: text, after: mark)
        guard line.suffix(16).elementsEqual(JournalEnd.digits(record.checksum).utf8) else {
            throw damaged(number, "does not match its checksum")
        }
        return record
    }

    private func check(_ told: (lines: Int, checksum: String), _ mark: SessionMark) throws(CSCError) {
        guard told.checksum == JournalEnd.digits(mark.checksum) else {
            throw damaged(
                mark.count, "is not the line that \(acknowledged.path) tells of: one of the two files is from elsewhere"
            )
        }
    }

    /// Cuts off what was not acknowledged, or refuses a journal from which something is missing.
    private func recover(_ scan: Scan, _ told: (lines: Int, checksum: String)?) throws(CSCError) {
        let torn = scan.at < content.count
        if let told, told.lines > scan.whole.count {
            let next = scan.mark.count + 1
            throw damaged(
                next,
                (torn ? "is not whole" : "is missing") + ", yet \(Terminal.counted(told.lines, "line")) had been "
                    + "acknowledged; put the journal back, or delete \(acknowledged.path) to go on from line "
                    + "\(scan.whole.count)")
        }
        if scan.wholeAt < content.count {
            guard ftruncate(file, off_t(scan.wholeAt)) == 0, fsync(file) == 0 else {
                throw .file(path: path, reason: "its torn end cannot be cut off: \(Self.reason)")
            }
            let first = scan.whole.count + 1
            notice =
                scan.mark.count > scan.whole.count
                ? "\(path): the lines from \(first) on are the beginning of a batch that was not written whole, so it "
                    + "had not been acknowledged; they are dropped"
                : "\(path): the last line (\(first)) was not written whole, so it had not been acknowledged; it is dropped"
        } else if told == nil, SessionHead.keepsEnd(content) {
            notice =
                "\(acknowledged.path) is gone: lines cut off from the end of \(path) would not be noticed; "
                + "it goes on from line \(scan.whole.count)"
        }
    }

    // MARK: Writing

    /// Adds records in one write and returns when they are on the disk; where that fails the journal is as long as
    /// before. O(bytes).
    /// - Throws: `CSCError.file` where the disk refuses.
    public func append(_ records: [SessionRecord]) throws(CSCError) {
        guard let last = records.last else { return }
        var bytes: [UInt8] = []
        for record in records {
            bytes += record.text.utf8
            bytes.append(9)
            bytes += JournalEnd.digits(record.checksum).utf8
            bytes.append(10)
        }
        if file < 0 {
            try AtomicFile.write(bytes, to: path)  // a new session: whole or not at all
            try openFile()
        } else {
            try put(bytes)
        }
        end = last.mark
        size += bytes.count
        try acknowledged.write(end)
    }

    /// Appends in one write; where that fails the journal is as long as before.
    private func put(_ bytes: [UInt8]) throws(CSCError) {
        var done = 0
        while done < bytes.count {
            let count = write(file, done == 0 ? bytes : Array(bytes[done...]), bytes.count - done)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw failed("cannot be written") }
            done += count
        }
        guard fsync(file) == 0 else { throw failed("cannot be flushed to the disk") }
    }

    private func failed(_ what: String) -> CSCError {
        let reason = Self.reason
        guard ftruncate(file, off_t(size)) == 0 else {
            return .file(path: path, reason: "\(what): \(reason); what was written of it will be dropped on opening")
        }
        fsync(file)
        return .file(path: path, reason: "\(what): \(reason)")
    }

    private static var reason: String { String(cString: strerror(errno)) }
}

/// Snapshots: `snapshot` beside the journal, a header of eight words (magic, records, checksum of the last, bytes of the
/// journal up to there, their hash, bytes of the state, their hash, the header's hash) and the state.
extension JournalFolder {
    private static let magic: UInt64 = 0x3150_414E_5345_4643  // "CFESNAP1"
    private var snapshotPath: String { AtomicFile.join(folder, "snapshot") }

    /// The snapshot, if it is whole and the journal begins with the bytes that it was made from. O(bytes), at the speed of
    /// memory.
    public func snapshot() -> SessionSnapshot? {
        guard usesSnapshot, FileManager.default.fileExists(atPath: snapshotPath),
            let bytes = WholeFile.bytes(snapshotPath, limit: 64), bytes.count == 64,
            let state = WholeFile.bytes(snapshotPath, from: 64), !state.isEmpty
        else { return nil }
        var words: [UInt64] = []
        for word in 0..<8 {
            words.append((0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[8 * word + $1]) << UInt64(8 * $1) })
        }
        guard words[0] == Self.magic, words[7] == ContentHash.sipHash(Array(bytes[..<56])),
            words[5] == UInt64(state.count), words[6] == ContentHash.quick(state, upTo: state.count),
            let count = Int(exactly: words[1]), count > 0, let length = Int(exactly: words[3]), length <= content.count,
            words[4] == ContentHash.quick(content, upTo: length)
        else { return nil }
        let mark = SessionMark(count: count, checksum: words[2])
        shortcut = (mark, length)
        return SessionSnapshot(mark: mark, state: state)
    }

    /// Replaces the snapshot by one of the present end. O(bytes of the journal and the state).
    /// - Throws: `CSCError` where the snapshot is not of the present end, or cannot be written.
    public func keep(_ snapshot: SessionSnapshot) throws(CSCError) {
        guard snapshot.mark == end else {
            throw .invalid("a snapshot of line \(snapshot.mark.count) cannot be kept at line \(end.count)")
        }
        let journal = try AtomicFile.read(path)
        guard journal.count >= size else { throw .file(path: path, reason: "is shorter than it was written") }
        let words: [UInt64] = [
            Self.magic, UInt64(end.count), end.checksum, UInt64(size), ContentHash.quick(journal, upTo: size),
            UInt64(snapshot.state.count), ContentHash.quick(snapshot.state, upTo: snapshot.state.count),
        ]
        var header: [UInt8] = []
        func add(_ word: UInt64) { for k in 0..<8 { header.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * k))) } }
        for word in words { add(word) }
        add(ContentHash.sipHash(header))
        try AtomicFile.write(header + snapshot.state, to: snapshotPath)
    }
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
    func write(_ mark: SessionMark) throws(CSCError) {
        let number = String(mark.count)
        let text = String(repeating: "0", count: max(0, 12 - number.count)) + number + "\t" + Self.digits(mark.checksum)
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard file >= 0 else { throw failure("cannot be opened") }
        defer { close(file) }
        let bytes = Array((text + "\n").utf8)
        guard pwrite(file, bytes, bytes.count, 0) == bytes.count else { throw failure("cannot be written") }
    }

    /// A checksum in 16 hexadecimal digits.
    static func digits(_ hash: UInt64) -> String {
        let text = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    private func failure(_ what: String) -> CSCError {
        .file(path: path, reason: "\(what): \(String(cString: strerror(errno)))")
    }
}
