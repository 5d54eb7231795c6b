internal import CSCSwift
internal import Foundation
internal import GRDB

/// A study's records in the server's file: the database's conformer of `SessionStorage`.
///
/// `append` returns before the records are durable: the `CommitQueue`, inside whose operations alone it is used,
/// acknowledges nothing before the commit. Where a write fails it fails the batch.
final class DatabaseStorage: SessionStorage {
    private let study: Int64
    private let context: CommitContext
    private let touched: () -> Void
    private(set) var end = SessionMark.start
    let notice: String? = nil

    /// The storage of a study by its serial number.
    /// - Parameter touched: called before each write, so that the session can be dropped if the batch fails.
    init(study: Int64, _ context: CommitContext, touched: @escaping () -> Void) throws {
        self.study = study
        self.context = context
        self.touched = touched
        let row = try Row.fetchOne(
            context.database, sql: "SELECT number, checksum FROM events WHERE study = ? ORDER BY number DESC LIMIT 1",
            arguments: [study])
        if let row { end = SessionMark(count: row[0], checksum: UInt64(bitPattern: row[1])) }
    }

    func place(of number: Int) -> String { "\(ServerFile.name), study \(study), event \(number)" }

    func read(after mark: SessionMark, _ body: (SessionRecord) throws(CSCError) -> Void) throws(CSCError) {
        var mark = mark
        do {
            let rows = try Row.fetchCursor(
                context.database,
                sql: "SELECT number, text, checksum FROM events WHERE study = ? AND number > ? ORDER BY number",
                arguments: [study, mark.count])
            while let row = try rows.next() {
                let record = SessionRecord(number: row[0], text: row[1], checksum: UInt64(bitPattern: row[2]))
                guard record.follows(mark) else {
                    throw CSCError.damaged(
                        path: place(of: mark.count + 1), reason: "event \(mark.count + 1) is missing or was changed")
                }
                try body(record)
                mark = record.mark
            }
        } catch let error as CSCError { throw error } catch { throw failed(error) }
        guard mark == end else {
            throw .damaged(path: place(of: mark.count + 1), reason: "event \(mark.count + 1) is missing")
        }
    }

    func append(_ records: [SessionRecord]) throws(CSCError) {
        guard let last = records.last else { return }
        touched()
        do {
            let statement = try context.database.cachedStatement(
                sql: "INSERT INTO events (study, number, text, checksum) VALUES (?, ?, ?, ?)")
            for record in records {
                try statement.execute(
                    arguments: [study, record.number, record.text, Int64(bitPattern: record.checksum)])
            }
        } catch { throw failed(error) }
        end = last.mark
    }

    func snapshot() -> SessionSnapshot? {
        guard
            let row = try? Row.fetchOne(
                context.database, sql: "SELECT count, checksum, hash, state FROM snapshots WHERE study = ?",
                arguments: [study])
        else { return nil }
        let count: Int = row[0], checksum: Int64 = row[1], hash: Int64 = row[2]
        guard let blob = row[3] as Data? else { return nil }
        guard let state = blob.isEmpty ? parts(of: count) : Array(blob) else { return nil }
        let found = try? Int64.fetchOne(
            context.database, sql: "SELECT checksum FROM events WHERE study = ? AND number = ?",
            arguments: [study, count])
        guard found == checksum, ContentHash.quick(state, upTo: state.count) == UInt64(bitPattern: hash) else {
            return nil
        }
        return SessionSnapshot(mark: SessionMark(count: count, checksum: UInt64(bitPattern: checksum)), state: state)
    }

    func keep(_ snapshot: SessionSnapshot) throws(CSCError) {
        let stored = StoredSnapshot(snapshot, study: study)
        do {
            for part in 0..<stored.parts { try stored.keep(part: part, context.database) }
            try stored.finish(context.database)
            while try stored.forgetOthers(context.database) {}
        } catch { throw failed(error) }
    }

    private func parts(of count: Int) -> [UInt8]? {
        guard
            let parts = try? Data.fetchAll(
                context.database,
                sql: "SELECT bytes FROM snapshot_parts WHERE study = ? AND count = ? ORDER BY part",
                arguments: [study, count])
        else { return nil }
        var state: [UInt8] = []
        state.reserveCapacity(parts.reduce(0) { $0 + $1.count })
        for part in parts { state += part }
        return state
    }

    private func failed(_ error: any Error) -> CSCError {
        context.fail(error)
        return .file(path: ServerFile.name, reason: "\(error)")
    }
}

/// A snapshot on its way into the server's file, in parts: each takes little of a transaction's time, so that nobody waits
/// for all of it. Until `finish` the snapshot before it counts.
struct StoredSnapshot: Sendable {
    private static let partBytes = 1 << 18
    private let study: Int64
    private let snapshot: SessionSnapshot
    private let hash: Int64

    /// How many records it holds the state of.
    var count: Int { snapshot.mark.count }
    /// In how many parts it is kept.
    var parts: Int { (snapshot.state.count + Self.partBytes - 1) / Self.partBytes }

    /// O(state).
    init(_ snapshot: SessionSnapshot, study: Int64) {
        self.study = study
        self.snapshot = snapshot
        hash = Int64(bitPattern: ContentHash.quick(snapshot.state, upTo: snapshot.state.count))
    }

    /// Keeps one part. O(part).
    func keep(part: Int, _ database: Database) throws {
        let from = part * Self.partBytes, to = min(from + Self.partBytes, snapshot.state.count)
        try database.execute(
            sql: "INSERT OR REPLACE INTO snapshot_parts (study, count, part, bytes) VALUES (?, ?, ?, ?)",
            arguments: [study, count, part, Data(snapshot.state[from..<to])])
    }

    /// Puts it in place of the one before, once all its parts are kept. O(1).
    func finish(_ database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO snapshots (study, count, checksum, hash, state) VALUES (?, ?, ?, ?, ?)",
            arguments: [study, count, Int64(bitPattern: snapshot.mark.checksum), hash, Data()])
    }

    /// Takes one part of another snapshot of the study away; returns whether there was one. O(part).
    func forgetOthers(_ database: Database) throws -> Bool {
        try database.execute(
            sql: """
                DELETE FROM snapshot_parts WHERE (study, count, part) IN
                (SELECT study, count, part FROM snapshot_parts WHERE study = ? AND count != ? LIMIT 1)
                """, arguments: [study, count])
        return database.changesCount > 0
    }
}
