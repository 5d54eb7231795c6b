internal import CSCSwift
internal import Foundation
internal import Synchronization

/// A thread of its own for what takes long, one piece of work after the other. Whoever answers requests goes before it, but where
/// the processors are never idle it still gets a share of them: refits and snapshots must come to their end.
final class BackgroundThread: Sendable {
    private let waiting = Mutex<[@Sendable () -> Void]>([])
    private let signal = DispatchSemaphore(value: 0)
    private static let batch: Int32 = 3  // SCHED_BATCH of sched.h
    private static let niceness: Int32 = 10

    /// - Parameter name: as debuggers show it.
    init(name: String) {
        let thread = Thread { [weak self, signal] in
            var parameter = sched_param(sched_priority: 0)
            sched_setscheduler(0, Self.batch, &parameter)  // of this thread, on Linux
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
            while true {
                signal.wait()
                guard let self else { return }
                self.waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }?()
            }
        }
        thread.name = name
        thread.start()
    }

    deinit { signal.signal() }

    /// What `work` makes, when what came before is done.
    func run<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            begin { continuation.resume(with: Result(catching: work)) }
        }
    }

    /// Does `work` when what came before is done.
    func begin(_ work: @escaping @Sendable () -> Void) {
        waiting.withLock { $0.append(work) }
        signal.signal()
    }
}

/// Inferring aside: a study's model is inferred anew on another thread, while questions and answers go on. What comes of
/// it takes effect as an event of its own, between two requests.
extension StudyBook {
    /// Opens a study's session for that.
    func infersAside(_ study: Study, _ context: CommitContext) throws {
        study.session.finishesRefits = false
        guard study.state != .closed else { return }
        do throws(CSCError) { try study.session.inferAside(true) } catch { throw Problem(error) }
        refitIfDue(study, context)
    }

    /// Begins what is due, once this batch is on the disk.
    func refitIfDue(_ study: Study, _ context: CommitContext) {
        guard !study.isRefitting.load(ordering: .relaxed), let refits, let refit = study.session.pooledRefit else {
            return
        }
        study.isRefitting.store(true, ordering: .relaxed)
        context.onRollback { study.isRefitting.store(false, ordering: .relaxed) }
        let sent = Sent(
            DueRefit(
                study: study, refit: refit, mark: study.session.mark,
                isKept: study.session.eventCount >= Study.few))
        context.onCommit { refits(sent) }
    }

    /// Puts a refit that has been run into force, unless its session has been dropped meanwhile.
    func install(_ refit: Pooled.Refit, _ study: Study, _ context: CommitContext) throws {
        guard isOpen(study) else { return }
        study.isRefitting.store(false, ordering: .relaxed)
        context.onRollback { study.isRefitting.store(false, ordering: .relaxed) }
        do throws(CSCError) { try study.session.install(refit) } catch { throw Problem(error) }
        study.meanConfidence = refit.meanConfidence
        study.refitAt = study.session.eventCount
        refitIfDue(study, context)
    }
}

/// A refit to be run by another thread.
struct DueRefit {
    let study: Study
    var refit: Pooled.Refit
    /// Where the events ended when it was taken.
    let mark: SessionMark
    /// Whether what it finds is kept before it takes effect: where there are few events, to infer again takes no time.
    let isKept: Bool
}

extension CafeService {
    /// Has refits of the studies run on a thread of their own.
    func startRefits() {
        let thread = BackgroundThread(name: "cafe.refits")
        studies.refits = { [queue, studies, meters, snapshots] sent in
            thread.begin {
                var due = sent.value
                let began = ContinuousClock.now
                due.refit.run()
                meters.refit(seconds: (ContinuousClock.now - began).seconds)
                if due.isKept { Self.keep(due, snapshots, meters) }
                let done = Sent(due)
                Task {
                    do {
                        try await queue.perform { context in
                            try studies.install(done.value.refit, done.value.study, context)
                        }
                    } catch {
                        // The batch failed, perhaps before it came to this: the next label begins another.
                        done.value.study.isRefitting.store(false, ordering: .relaxed)
                        meters.log("a refit could not be kept: \(Problem(any: error).detail)")
                    }
                }
            }
        }
    }

    /// So many inferences of a study are kept at most; a snapshot takes their place before there are as many.
    private static let mostKept = 4

    /// Keeps what a refit found, so that whoever opens the study after it took effect need not infer again. One that cannot be
    /// kept is left out: it is only a shortcut.
    private static func keep(_ due: DueRefit, _ snapshots: SnapshotFolder, _ meters: Meters) {
        guard let bytes = due.refit.bytes else { return }
        do {
            try snapshots.keep(
                refit: due.refit.number, SessionSnapshot(mark: due.mark, state: bytes), study: due.study.serial)
            // Where no snapshot can be kept, these must not fill the disk.
            snapshots.forgetRefits(upTo: due.refit.number - mostKept, study: due.study.serial)
        } catch { meters.log("what a refit found was not kept: \(Problem(any: error).detail)") }
    }
}
