internal import Foundation

/// The files that the folder of every run has, and the lock on it.
struct RunFolder {
    /// Where the files lie.
    let path: String
    private let lock: FolderLock?
    /// The run's saved states.
    let checkpoints: CheckpointFolder
    private var metrics: MetricsWriter?
    private var timing: MetricsWriter?
    private var events: TensorBoardWriter?

    /// The folder of a run that the lock is held on. Nothing is written.
    ///
    /// - Parameter lock: nil on a rank that does not write.
    init(_ path: String, lock: FolderLock?, schedule: RunSchedule) {
        self.path = path
        self.lock = lock
        checkpoints = CheckpointFolder(
            path: AtomicFile.join(path, "checkpoints"), keepLast: schedule.keepLast, every: schedule.checkpointEvery)
    }

    /// The path of one of its files.
    func file(_ name: String) -> String { AtomicFile.join(path, name) }

    /// Begins the tables. Throws `CSCError.file`.
    mutating func beginTables(metrics: [String], timing: [String]) throws(CSCError) {
        self.metrics = try MetricsWriter(creating: file("metrics"), columns: metrics)
        self.timing = try MetricsWriter(creating: file("timing"), columns: timing)
        events = try TensorBoardWriter(creating: file(TensorBoardWriter.fileName))
    }

    /// Continues the tables: metrics up to the iteration before `iteration`, whose row the caller writes again,
    /// timing up to it. Throws `CSCError`.
    mutating func resumeTables(metrics: [String], timing: [String], at iteration: Int) throws(CSCError) {
        self.metrics = try MetricsWriter(resuming: file("metrics"), columns: metrics, after: iteration - 1)
        self.timing = try MetricsWriter(resuming: file("timing"), columns: timing, after: iteration)
        events = try TensorBoardWriter(resuming: file(TensorBoardWriter.fileName), after: iteration - 1)
    }

    /// How many rows of metrics were missing where the tables were gone on with.
    var missingRows: Int { metrics?.missingRows ?? 0 }

    /// Adds the row of an iteration to the metrics: the same bytes for the same configuration. Throws `CSCError.file`.
    func append(_ values: [Double], iteration: Int) throws(CSCError) {
        guard let metrics else { return }
        try metrics.append(iteration: iteration, values: values)
        try events?.append(iteration: iteration, names: metrics.columns, values: values)
    }

    /// Adds what the clock says of an iteration. Throws `CSCError.file`.
    func append(clock values: [Double], iteration: Int) throws(CSCError) {
        try timing?.append(iteration: iteration, values: values)
    }

    /// Flushes the metrics to the disk. Throws `CSCError.file`.
    func flush() throws(CSCError) { try metrics?.flush() }

    /// Throws where the tables of the folder have other columns than these.
    func checkTables(metrics: [String], timing: [String]) throws(CSCError) {
        guard lock != nil else { return }
        try MetricsWriter.checkColumns(file("metrics"), metrics)
        try MetricsWriter.checkColumns(file("timing"), timing)
    }

    /// How many rows of metrics there are; 0 where there is no table.
    var rows: Int {
        let text = (try? AtomicFile.readText(file("metrics.csv"))) ?? ""
        return max(0, text.split(separator: "\n").count - 1)
    }

    /// Writes a file unless it holds just that. Throws `CSCError.file`.
    func put(_ bytes: [UInt8], into name: String) throws(CSCError) {
        guard lock != nil else { return }
        let path = file(name)
        if FileManager.default.fileExists(atPath: path), (try? AtomicFile.read(path)) == bytes { return }
        try AtomicFile.write(bytes, to: path)
    }

    /// Removes what killed processes left half written. Only the holder of the lock may. O(files).
    func removeLeftovers() {
        for folder in [path, checkpoints.path] { AtomicFile.removeLeftovers(in: folder) }
    }

    /// The configuration's file.
    static func configuration(of path: String) -> String { AtomicFile.join(path, "config.yaml") }
}
