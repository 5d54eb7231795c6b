/// The session as it is now, aside from the one that goes on.
extension LabelSession {
    /// A copy that another thread may read, or take a snapshot of, while this session goes on. Whatever would be an event is
    /// refused by the copy; its clock stands still. O(1): arrays are shared until the session's next change, which copies
    /// them.
    public func copy() -> LabelSession {
        let time = clock()
        return LabelSession(copying: self, StillStorage(end: storage.end), clock: { time })
    }

    /// The state as a snapshot, for a storage to keep. O(state).
    /// - Throws: `CSCError.invalid` where it cannot be encoded, or a write had failed.
    public func makeSnapshot() throws(CSCError) -> SessionSnapshot {
        try ready()
        guard let bytes = SessionImage(self).bytes else { throw .invalid("the session's state cannot be written") }
        return SessionSnapshot(mark: storage.end, state: bytes)
    }
}

/// The storage of a copy: it ends where the session's did, and takes nothing.
private final class StillStorage: SessionStorage {
    let end: SessionMark
    let notice: String? = nil

    init(end: SessionMark) { self.end = end }

    func place(of number: Int) -> String { "copy:\(number)" }
    func read(after mark: SessionMark, _ body: (SessionRecord) throws(CSCError) -> Void) throws(CSCError) {
        throw .invalid("a copy of a session has no events")
    }
    func append(_ records: [SessionRecord]) throws(CSCError) {
        throw .invalid("a copy of a session takes no events")
    }
    func snapshot() -> SessionSnapshot? { nil }
    func keep(_ snapshot: SessionSnapshot) throws(CSCError) {}
}
