internal import Foundation
internal import GRDB

/// The one SQLite file of a data folder: WAL, synchronous FULL. The folder is locked (flock) while it is open.
final class ServerFile: Sendable {
    /// The file's name in the folder.
    static let name = "cafe.sqlite"

    /// Writes come from `CommitQueue` only; reads of exports from the pool's readers.
    let pool: DatabasePool
    /// For checkpoints, aside from the writer.
    private let maintenance: DatabaseQueue
    /// The file's path.
    let path: String
    private let lock: Int32

    /// Opens or makes the file.
    /// - Throws: `ServiceError` where another process has the folder, or the file cannot be used.
    init(folder: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw ServiceError("\(folder): the folder cannot be made: \(error.localizedDescription)") }
        lock = try Self.lock(folder)
        path = folder + "/" + Self.name
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(10)
            configuration.maximumReaderCount = 4
            pool = try DatabasePool(path: path, configuration: configuration)
            var second = Configuration()
            second.busyMode = .timeout(10)
            maintenance = try DatabaseQueue(path: path, configuration: second)
            try pool.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA synchronous = FULL")
                try database.execute(sql: "PRAGMA wal_autocheckpoint = 0")
                try database.execute(sql: "PRAGMA cache_size = -65536")
                try Schema.prepare(database)
                guard try Int.fetchOne(database, sql: "PRAGMA synchronous") == 2,
                    try String.fetchOne(database, sql: "PRAGMA journal_mode") == "wal"
                else { throw ServiceError("WAL with synchronous FULL cannot be had here") }
            }
        } catch {
            close(lock)
            throw ServiceError("\(path): \(error)")
        }
    }

    deinit { close(lock) }

    private static func lock(_ folder: String) throws -> Int32 {
        let path = folder + "/lock"
        let lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw ServiceError("\(path): cannot be opened: \(String(cString: strerror(errno)))") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw ServiceError("\(folder): another server has this folder open")
        }
        return lock
    }

    /// Moves what has been committed from the WAL to the file; writers go on meanwhile. O(pages since the last time).
    /// - Returns: how many pages the WAL has: those that are in the file, too, are used again after `restartLog` only.
    func checkpoint() throws -> Int {
        try maintenance.writeWithoutTransaction { database in
            let row = try Row.fetchOne(database, sql: "PRAGMA wal_checkpoint(PASSIVE)")
            return row?["log"] ?? 0
        }
    }

    /// Has the next write begin at the WAL's start: while writes come without a pause it would grow for ever, for a passive
    /// checkpoint never has the last of them. By the writer, between two transactions, soon after a checkpoint. Where a
    /// reader is at work it is left for the next time.
    static func restartLog(_ writer: Database) {
        try? writer.execute(sql: "PRAGMA busy_timeout = 0")
        _ = try? Row.fetchOne(writer, sql: "PRAGMA wal_checkpoint(RESTART)")
        try? writer.execute(sql: "PRAGMA busy_timeout = 10000")
    }

    /// The last checkpoint: the WAL is emptied.
    func closeFile() {
        try? maintenance.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        }
        try? maintenance.close()
        try? pool.close()
        flock(lock, LOCK_UN)
    }

    /// Writes a copy of a server's file, as of one moment, to a new file; the server may run on. O(file).
    /// - Throws: `ServiceError` where there is no server's file, or `target` exists.
    static func backUp(folder: String, to target: String) throws {
        let path = folder + "/" + name
        guard FileManager.default.fileExists(atPath: path) else {
            throw ServiceError("\(path): there is no server's file")
        }
        guard !FileManager.default.fileExists(atPath: target) else { throw ServiceError("\(target): exists already") }
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(30)
            let source = try DatabaseQueue(path: path, configuration: configuration)
            try source.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO ?", arguments: [target]) }
            let copy = try DatabaseQueue(path: target)
            let answer = try copy.read { try String.fetchOne($0, sql: "PRAGMA quick_check") }
            guard answer == "ok" else { throw ServiceError("\(target): the copy is damaged: \(answer ?? "")") }
        } catch let error as ServiceError { throw error } catch { throw ServiceError("\(target): \(error)") }
    }
}
