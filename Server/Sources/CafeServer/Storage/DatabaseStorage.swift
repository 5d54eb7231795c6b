internal import CSCSwift
internal import Foundation
internal import GRDB

/// A study's records in the server's file: the database's conformer of `SessionStorage`.
///
/// `append` returns before the records are durable: the `CommitQueue`, inside whose operations alone it is used,
/// acknowledges nothing before the commit. Where a write fails it fails the batch.
final class DatabaseStorage: RefitStorage {
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
        context.snapshots.snapshot(study: study).flatMap { isOfTheseEvents($0) ? $0 : nil }
    }

    func refit(number: Int) -> [UInt8]? {
        context.snapshots.refit(number, study: study).flatMap { isOfTheseEvents($0) ? $0.state : nil }
    }

    private func isOfTheseEvents(_ found: SessionSnapshot) -> Bool {
        let checksum = try? Int64.fetchOne(
            context.database, sql: "SELECT checksum FROM events WHERE study = ? AND number = ?",
            arguments: [study, found.mark.count])
        return checksum.map(UInt64.init(bitPattern:)) == found.mark.checksum
    }

    /// One that cannot be kept is left out: it is only a shortcut.
    func keep(_ snapshot: SessionSnapshot) throws(CSCError) {
        try? context.snapshots.keep(snapshot, study: study, gently: false)
    }

    private func failed(_ error: any Error) -> CSCError {
        context.fail(error)
        return .file(path: ServerFile.name, reason: "\(error)")
    }
}
