internal import Foundation

/// The files that the run folder of every trainer has: configuration, checkpoints, metrics and timing.
struct RunFolder {
    /// Where the files lie.
    let path: String
    /// The run's saved states.
    let checkpoints: CheckpointFolder
    /// One row an iteration: the same bytes for the same configuration.
    let metrics: MetricsWriter
    /// What the clock says, likewise.
    let timing: MetricsWriter

    /// Opens the tables: new ones, or those of a run that goes on after `found`. Throws `CSCError`.
    init(
        _ path: String, keepLast: Int, metrics: [String], timing: [String], resuming found: CheckpointFolder.Found?
    ) throws(CSCError) {
        self.path = path
        checkpoints = CheckpointFolder(path: Self.checkpoints(of: path), keepLast: keepLast)
        let (metricsPath, timingPath) = (AtomicFile.join(path, "metrics"), AtomicFile.join(path, "timing"))
        if let found {
            self.metrics = try MetricsWriter(resuming: metricsPath, columns: metrics, after: found.iteration)
            self.timing = try MetricsWriter(resuming: timingPath, columns: timing, after: found.iteration)
        } else {
            self.metrics = try MetricsWriter(creating: metricsPath, columns: metrics)
            self.timing = try MetricsWriter(creating: timingPath, columns: timing)
        }
    }

    /// The path of one of its files.
    func file(_ name: String) -> String { AtomicFile.join(path, name) }

    /// The configuration's file.
    static func configuration(of path: String) -> String { AtomicFile.join(path, "config.yaml") }

    /// Throws `CSCError.invalid` where the folder holds a run.
    static func requireNew(_ path: String) throws(CSCError) {
        guard !FileManager.default.fileExists(atPath: configuration(of: path)) else {
            throw .invalid("\(path) holds a run already: resume it, or choose another folder")
        }
    }

    /// The newest whole checkpoint, those after it being removed; nil where the run has none. Throws `CSCError` where
    /// there are some but none is whole.
    static func newest(_ path: String, keepLast: Int) throws(CSCError) -> CheckpointFolder.Found? {
        let folder = CheckpointFolder(path: checkpoints(of: path), keepLast: keepLast)
        if folder.iterations().isEmpty { return nil }
        let found = try folder.latest()
        folder.removeAfter(iteration: found.iteration)
        return found
    }

    private static func checkpoints(of path: String) -> String { AtomicFile.join(path, "checkpoints") }
}
