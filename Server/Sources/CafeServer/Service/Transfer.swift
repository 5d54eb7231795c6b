internal import CSCSwift
internal import GRDB

/// Backups, and studies that move between a server's file and a session's folder.
extension CafeService {
    /// Writes a copy of a data folder's file, as of one moment; the server may run on. O(file).
    /// - Throws: an error in a sentence where there is no file, or `target` exists.
    public static func backUp(data: String, to target: String) throws {
        try ServerFile.backUp(folder: data, to: target)
    }

    /// Writes a study's events to a new session folder, and returns how many. What tasks show is not part of a session.
    /// - Throws: an error in a sentence where there is no such study, the folder holds a session, or the data folder is
    ///   another server's.
    public static func exportStudy(data: String, study id: String, to folder: String) async throws -> Int {
        try await transfer(data) { context in
            guard
                let serial = try Int64.fetchOne(
                    context.database, sql: "SELECT serial FROM studies WHERE id = ?", arguments: [id])
            else { throw ServiceError("there is no study '\(id)' in \(data)") }
            let source = try DatabaseStorage(study: serial, context) {}
            var records: [SessionRecord] = []
            try source.read(after: .start) { records.append($0) }
            let target = try JournalFolder(creating: folder)
            try target.append(records)
            return records.count
        }
    }

    /// Takes a session's folder as a new, invited study, and returns how many events it has. All or nothing. Tasks show
    /// their names; workers get new links by `POST /v1/studies/{id}/workers/{worker}/link`.
    /// - Throws: an error in a sentence where the id is taken or the session is damaged.
    public static func importStudy(data: String, study id: String, name: String?, from folder: String) async throws
        -> Int
    {
        try await transfer(data) { context in
            let source = try JournalFolder(opening: folder, usesSnapshot: false)
            var records: [SessionRecord] = []
            try source.read(after: .start) { records.append($0) }
            let all = records
            let taken = try Int.fetchOne(context.database, sql: "SELECT 1 FROM studies WHERE id = ?", arguments: [id])
            if taken != nil { throw ServiceError("there is a study '\(id)' in \(data) already") }
            try context.atomically { database in
                try database.execute(
                    sql: """
                        INSERT INTO studies (id, name, state, join_mode, cost, instructions, completion_url, created)
                        VALUES (?, ?, 'open', 'invited', 1, '', NULL, ?)
                        """,
                    arguments: [id, name ?? id, LabelSession.now()])
                let serial = database.lastInsertedRowID
                let target = try DatabaseStorage(study: serial, context) {}
                try target.append(all)
                let session = try LabelSession(storage: target)
                for (position, task) in session.tasks.enumerated() {
                    try database.execute(
                        sql: "INSERT INTO tasks (study, id, position, context, text) VALUES (?, ?, ?, ?, ?)",
                        arguments: [serial, task.id, position, session.contexts[task.context], task.id])
                }
            }
            return all.count
        }
    }

    private static func transfer<T: Sendable>(
        _ data: String, _ body: @escaping @Sendable (CommitContext) throws -> T
    ) async throws -> T {
        let file = try ServerFile(folder: data)
        defer { file.closeFile() }
        return try await CommitQueue(file).perform(body)
    }
}
