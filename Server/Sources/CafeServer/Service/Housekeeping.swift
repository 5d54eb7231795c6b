internal import CSCSwift
internal import Foundation
internal import ServiceLifecycle

/// What runs beside the requests: leases, checkpoints, snapshots, figures.
struct Housekeeping: Service {
    let service: CafeService
    /// Pages of the WAL, 4 KiB each, at which it begins anew.
    private static let longLog = 2000

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !Task.isCancelled {
                        await tick()
                        try await Task.sleep(for: .seconds(1))
                    }
                }
                // Often, so that each has little to write: answers wait for the disk meanwhile.
                group.addTask {
                    while !Task.isCancelled {
                        do {
                            if try service.file.checkpoint() > Self.longLog { service.queue.restartLog() }
                        } catch {
                            service.logger.error("\(Problem(any: error).detail)")
                        }
                        try await Task.sleep(for: .milliseconds(100))
                    }
                }
                try await group.waitForAll()
            }
        }
        await service.keepSnapshots()
    }

    private func tick() async {
        do {
            _ = try await service.queue.perform { [studies = service.studies] _ in try studies.lapse() }
        } catch { service.logger.error("\(Problem(any: error).detail)") }
        await service.beginSnapshots()
        let count = try? await service.queue.perform { [studies = service.studies] _ in studies.opened.count }
        service.meters.gauge("cafe_studies", Double(count ?? 0))
        service.meters.gauge("cafe_cities", Double(service.cities.count))
        if let bytes = Self.residentBytes { service.meters.gauge("cafe_process_resident_bytes", bytes) }
    }

    private static var residentBytes: Double? {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return nil }
        let fields = text.split(separator: " ")
        return fields.count > 1 ? Double(fields[1]).map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) } : nil
    }
}

/// Snapshots of the studies' sessions.
extension CafeService {
    /// Takes a copy of each study that is due for a snapshot and has it encoded and kept by another thread. Returns at once.
    func beginSnapshots() async {
        let due = try? await queue.perform { [studies] context in
            let now = Self.uptime
            func isDue(_ study: Study) -> Bool {
                !study.isBeingKept.load(ordering: .relaxed) && study.keepsFrom.load(ordering: .relaxed) <= now
                    && study.isSnapshotDue
            }
            return studies.opened.filter(isDue).map { study in
                study.isBeingKept.store(true, ordering: .relaxed)
                context.onRollback { study.isBeingKept.store(false, ordering: .relaxed) }
                return Sent((study: study, view: StudyView(study)))
            }
        }
        for each in due ?? [] {
            behind.begin { [self] in
                let count = keep(each.value.view, gently: true)
                if count == nil {  // a full disk: to encode it again each second would help nobody
                    each.value.study.keepsFrom.store(Self.uptime + Self.pauseAfterFailure, ordering: .relaxed)
                }
                Task {
                    if let count { try? await queue.perform { _ in each.value.study.snapshotAt = count } }
                    // However that ended: where its batch failed the study is due again.
                    each.value.study.isBeingKept.store(false, ordering: .relaxed)
                }
            }
        }
    }

    /// Keeps a snapshot of each study that has changed since its last one, at once: for the end, when nobody waits for an answer.
    func keepSnapshots() async {
        let due = try? await queue.perform { [studies] _ in
            Sent(studies.opened.filter { $0.session.eventCount > $0.snapshotAt }.map(StudyView.init))
        }
        for view in due?.value ?? [] { _ = keep(view, gently: false) }
    }

    /// Seconds of the steady clock.
    private static var uptime: Int { Int(ProcessInfo.processInfo.systemUptime) }
    /// Seconds until a snapshot is tried again that could not be kept.
    private static let pauseAfterFailure = 10

    /// How many events the snapshot is of; nil where it could not be kept.
    private func keep(_ view: StudyView, gently: Bool) -> Int? {
        do {
            let snapshot = try view.session.makeSnapshot()
            try snapshots.keep(snapshot, study: view.serial, gently: gently)
            snapshots.forgetRefits(upTo: view.session.endedRefits, study: view.serial)
            return snapshot.mark.count
        } catch {
            logger.error("a snapshot was not kept: \(Problem(any: error).detail)")
            return nil
        }
    }
}
