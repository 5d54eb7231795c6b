internal import Dispatch
internal import GRDB
internal import Synchronization

/// What an operation of the `CommitQueue` works on. Used by one thread, while the operation runs.
final class CommitContext: @unchecked Sendable {  // confined to the queue's thread
    private var current: Database?
    /// Where sessions keep their snapshots.
    let snapshots: SnapshotFolder
    /// The first failure of the storage in this batch; it fails the batch.
    fileprivate(set) var failure: (any Error)?
    /// What is undone in memory if the batch fails.
    private var undo: [() -> Void] = []
    /// What is done in memory once the batch is on the disk.
    private var after: [() -> Void] = []

    fileprivate init(_ snapshots: SnapshotFolder) { self.snapshots = snapshots }

    /// The connection that writes.
    /// - Throws: outside an operation.
    var database: Database {
        get throws {
            guard let current else { throw ServiceError("the storage was used outside an operation") }
            return current
        }
    }

    /// Says that the storage failed: the whole batch is rolled back.
    func fail(_ error: any Error) { if failure == nil { failure = error } }

    /// To be undone in memory if the batch cannot be committed; the last first.
    func onRollback(_ body: @escaping () -> Void) { undo.append(body) }

    /// To be done once the batch is on the disk.
    func onCommit(_ body: @escaping () -> Void) { after.append(body) }

    /// Several writes as one: all of them, or none where `body` throws.
    func atomically<T>(_ body: (Database) throws -> T) throws -> T {
        let database = try database
        var result: T?
        try database.inSavepoint {
            result = try body(database)
            return .commit
        }
        guard let result else { throw ServiceError("a savepoint was lost") }
        return result
    }

    fileprivate func begin(_ database: Database) {
        current = database
        failure = nil
    }

    fileprivate func end(failed: Bool) {
        current = nil
        if failed { for body in undo.reversed() { body() } } else { for body in after { body() } }
        undo = []
        after = []
    }
}

/// Runs operations one after the other, many in one transaction, and answers each when the transaction is on the disk.
///
/// The only writer of a server's file, and the only user of what is confined to it (sessions, cities): two requests never
/// see each other's half. While one transaction is flushed the next batch gathers, so that the disk's speed bounds the
/// number of commits and not of answers. Where a commit fails, every operation of its batch fails, what they did in
/// memory is undone, and the next batch begins from what is on the disk.
final class CommitQueue: Sendable {
    /// So many operations at most share a transaction.
    private static let largestBatch = 512

    private struct Operation: Sendable {
        /// Does the work; what it returns answers the caller once the commit is done or has failed.
        let run: @Sendable (CommitContext) -> @Sendable (Problem?) -> Void
        let refuse: @Sendable (Problem) -> Void
    }
    private struct State {
        var waiting: [Operation] = []
        var isRunning = false
        var restartsLog = false
    }

    private let pool: DatabasePool
    private let thread = DispatchQueue(label: "cafe.commit", qos: .userInitiated)
    private let state = Mutex(State())
    private let context: CommitContext
    private let meters: Meters?

    init(_ file: ServerFile, meters: Meters? = nil) {
        pool = file.pool
        context = CommitContext(SnapshotFolder(beside: file.path))
        self.meters = meters
    }

    /// Runs `body` in the next transaction and returns when it is on the disk. An error of `body` undoes nothing of what
    /// it wrote before: it writes last, or by `CommitContext.atomically`.
    /// - Throws: what `body` throws; `Problem.storage` where the commit failed.
    func perform<T: Sendable>(_ body: @escaping @Sendable (CommitContext) throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<T, any Error>) in
            let operation = Operation(
                run: { context in
                    let result = Result { try body(context) }
                    if case .failure(let error) = result, error is DatabaseError { context.fail(error) }
                    return { failure in
                        if let failure {
                            continuation.resume(throwing: failure)
                        } else {
                            continuation.resume(with: result)
                        }
                    }
                },
                refuse: { continuation.resume(throwing: $0) })
            let starts = state.withLock { state in
                state.waiting.append(operation)
                if state.isRunning { return false }
                state.isRunning = true
                return true
            }
            if starts { thread.async { self.drain() } }
        }
    }

    /// Has the WAL begin anew before the next batch.
    func restartLog() {
        let starts = state.withLock { state in
            state.restartsLog = true
            if state.isRunning { return false }
            state.isRunning = true
            return true
        }
        if starts { thread.async { self.drain() } }
    }

    private func take() -> [Operation]? {
        state.withLock { state in
            if state.waiting.isEmpty && !state.restartsLog {
                state.isRunning = false
                return nil
            }
            let batch = Array(state.waiting.prefix(Self.largestBatch))
            state.waiting.removeFirst(batch.count)
            return batch
        }
    }

    private func drain() {
        while let batch = take() {
            let restarts = state.withLock { state in
                defer { state.restartsLog = false }
                return state.restartsLog
            }
            if restarts { pool.writeWithoutTransaction { ServerFile.restartLog($0) } }
            if batch.isEmpty { continue }
            let began = ContinuousClock.now
            let (answers, failure) = pool.writeWithoutTransaction { commit(batch, $0) }
            context.end(failed: failure != nil)
            if let failure { meters?.log("commit failed: \(failure.detail)") }
            for answer in answers { answer(failure) }
            let problem = failure ?? .storage("the storage failed")
            for operation in batch.dropFirst(answers.count) { operation.refuse(problem) }
            meters?.commit(operations: batch.count, seconds: (ContinuousClock.now - began).seconds)
        }
    }

    private func commit(_ batch: [Operation], _ database: Database) -> ([@Sendable (Problem?) -> Void], Problem?) {
        var answers: [@Sendable (Problem?) -> Void] = []
        do {
            context.begin(database)
            try database.beginTransaction(.immediate)
            for operation in batch {
                answers.append(operation.run(context))
                if let failure = context.failure { throw failure }
            }
            try database.commit()
            return (answers, nil)
        } catch {
            if database.isInsideTransaction { try? database.rollback() }
            return (answers, .storage("\(error)"))
        }
    }
}

extension Duration {
    /// In seconds.
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
