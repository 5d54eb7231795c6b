/// Where a live session's records are kept: append-only, in batches, each of which is there as a whole or not at all.
///
/// `LabelSession` decides what a record says, seals it and checks the chain; a storage keeps records in their order and
/// one snapshot beside them. `JournalFolder` is a folder with a text file; a database is another conformer. What is
/// asked of one:
///
/// - `append` returns when all records of the batch are durable. A storage that groups the commits of several sessions
///   may return earlier if its owner waits for the commit before it acknowledges anything.
/// - A process that dies inside `append` leaves all records of the batch or none, at the latest once the storage is
///   opened again.
/// - One session at a time uses a storage, and one thread at a time.
public protocol SessionStorage: AnyObject {
    /// Where the records end: how many there are, and the checksum of the last one. `SessionMark.start` when empty.
    var end: SessionMark { get }
    /// What was recovered on opening, in a sentence; nil where nothing had to be.
    var notice: String? { get }

    /// How errors call the record of this number, from 1: `study/journal.tsv:17`.
    func place(of number: Int) -> String
    /// Calls `body` with each record after `mark`, in order. O(size of those records).
    /// - Parameters:
    ///   - mark: `SessionMark.start`, or that of a snapshot that `snapshot()` gave.
    ///   - body: takes one record; where it throws, reading ends.
    /// - Throws: `CSCError.damaged` at the first record that does not follow from the one before (`SessionRecord.follows`),
    ///   with its place; what `body` throws.
    func read(after mark: SessionMark, _ body: (SessionRecord) throws(CSCError) -> Void) throws(CSCError)
    /// Adds records after `end`: all of them or, where it throws, none.
    func append(_ records: [SessionRecord]) throws(CSCError)
    /// The latest snapshot, if there is one, it is as it was written, and the records up to its mark are those that it
    /// was made from; nil otherwise. It is only a shortcut: nothing is lost where it is missing.
    func snapshot() -> SessionSnapshot?
    /// Keeps a snapshot in place of the one before. Need not be durable; must never be half of one.
    func keep(_ snapshot: SessionSnapshot) throws(CSCError)
}

/// A storage that also keeps what refits aside found (`Pooled.Refit.bytes`), from before they take effect. Like a snapshot that
/// is only a shortcut: where one is missing, whoever follows the records infers again.
package protocol RefitStorage: SessionStorage {
    /// What was kept of the refit of this number, if it is as it was written and the records up to the mark at which it was
    /// taken are there.
    func refit(number: Int) -> [UInt8]?
}

/// A place in a session's records: how many there are up to it, and the checksum of the last of them.
public struct SessionMark: Sendable, Hashable {
    /// How many records there are up to here.
    public var count: Int
    /// The last one's checksum; 0 before the first.
    public var checksum: UInt64

    /// A mark after `count` records.
    public init(count: Int, checksum: UInt64) {
        self.count = count
        self.checksum = checksum
    }

    /// Before the first record.
    public static let start = SessionMark(count: 0, checksum: 0)
}

/// One line of a session's history: fields separated by tabs, chained to the line before by its checksum.
///
/// The checksum is SipHash-2-4 of the text, keyed by the checksum of the record before and the record's number: a record
/// that is changed, lost, added or moved does not follow.
public struct SessionRecord: Sendable, Hashable {
    /// Its number, from 1.
    public let number: Int
    /// Its fields, separated by tabs; no line end.
    public let text: String
    /// The chained checksum.
    public let checksum: UInt64

    /// The record that follows `mark` with this text. O(bytes).
    public init(text: String, after mark: SessionMark) {
        number = mark.count + 1
        self.text = text
        checksum = ContentHash.sipHash(Array(text.utf8), k0: mark.checksum, k1: UInt64(mark.count + 1))
    }

    /// A record as it was found in a storage; `follows` says whether it can be one.
    public init(number: Int, text: String, checksum: UInt64) {
        self.number = number
        self.text = text
        self.checksum = checksum
    }

    /// Whether this is the record that was written after `mark`. O(bytes).
    public func follows(_ mark: SessionMark) -> Bool { self == SessionRecord(text: text, after: mark) }

    /// Where the records end after this one.
    public var mark: SessionMark { SessionMark(count: number, checksum: checksum) }

    /// These texts as records after `mark`. O(bytes).
    public static func chain(_ texts: [String], after mark: SessionMark) -> [SessionRecord] {
        var mark = mark
        return texts.map { text in
            let record = SessionRecord(text: text, after: mark)
            mark = record.mark
            return record
        }
    }
}

/// A session's state after some of its records, so that opening it costs what came after.
public struct SessionSnapshot: Sendable, Hashable {
    /// The records that it holds the state of.
    public let mark: SessionMark
    /// The state, in a form that only the same version of the session reads; it begins with that version.
    public let state: [UInt8]

    /// A snapshot of the state after `mark`.
    public init(mark: SessionMark, state: [UInt8]) {
        self.mark = mark
        self.state = state
    }
}
