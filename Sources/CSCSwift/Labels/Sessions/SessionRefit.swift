/// Inferring aside: the model is inferred anew on a copy by another thread, while the session goes on.
///
/// The record of each refit that came into force stands among the events, so that whoever follows them comes to the same
/// state bit for bit, however long the thread took.
extension LabelSession {
    /// Infers aside from now on, or by the call at which it is due. A second time changes nothing; methods that do not
    /// infer anew have no use for it. O(1).
    /// - Throws: what the storage throws.
    package func inferAside(_ isAside: Bool) throws(CSCError) {
        guard options.method == .pooled, options.refitsAside != isAside else { return }
        try set(.refitsAside, to: isAside ? 1 : nil)
    }

    /// The refit that is due or under way, to be run by another thread and then installed; nil where there is none. O(1).
    package var pooledRefit: Pooled.Refit? { options.refitsAside ? (engine as? Pooled)?.refit : nil }

    /// Puts a refit that has been run into force, as an event of its own. O(labels since it began + N).
    /// - Returns: whether it did; not where the session has given the refit up meanwhile, which changes nothing.
    /// - Throws: what the storage throws.
    @discardableResult
    package func install(_ refit: Pooled.Refit) throws(CSCError) -> Bool {
        try ready()
        guard let due = pooledRefit, due.number == refit.number else { return false }
        try put(refit)
        try write([.refitted(number: refit.number, at: clock())])
        return true
    }

    /// The refit that took effect when an event was written: as it was kept then, or inferred again.
    func followed(_ refit: Pooled.Refit) -> Pooled.Refit {
        let kept = (storage as? any RefitStorage)?.refit(number: refit.number)
        if let done = kept.flatMap({ refit.done(by: $0) }) { return done }
        var refit = refit
        refit.run()
        return refit
    }

    /// Where the records end, for what is kept beside them: a refit is the same for all that have the records up to a mark
    /// at which it was due. O(1).
    package var mark: SessionMark { storage.end }

    /// The number of the last refit that took effect or was given up; 0 before the first. O(1).
    package var endedRefits: Int { (engine as? Pooled)?.endedRefits ?? 0 }

    /// The change itself.
    func put(_ refit: Pooled.Refit) throws(CSCError) {
        var error: CSCError?
        withPooled { engine in
            do throws(CSCError) { try engine.install(refit) } catch let fault { error = fault }
        }
        if let error { throw error }
    }

    /// Changes the engine, if it is that one, in place: the session lets go of it meanwhile, so that nothing is copied.
    func withPooled(_ body: (inout Pooled) -> Void) {
        guard var pooled = engine as? Pooled else { return }
        engine = nil
        body(&pooled)
        engine = pooled
    }

    /// The mean confidence of the tasks that have a label, gold counting as certain; nil where none has.
    /// O(N C + labels).
    package var meanConfidence: Double? {
        if let pooled = engine as? Pooled { return pooled.meanConfidence }
        let confidence = engine?.confidence
        var sum = 0.0, count = 0
        for task in tasks.indices where ledger.labelCounts[task] > 0 {
            count += 1
            sum += confidence?[task] ?? 0
        }
        return count > 0 ? sum / Double(count) : nil
    }
}
