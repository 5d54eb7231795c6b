internal import Foundation

/// A table of measurements that grows by one row per iteration, as CSV and as JSON lines side by side.
///
/// The columns are fixed when the table begins. Numbers are written in the shortest form that reads back exactly, so
/// two runs that compute the same bits write the same bytes. A number that does not exist (NaN, infinity) is an empty
/// field in the CSV file and null in the other. Keep what depends on the clock in a table of its own.
package struct MetricsWriter: Sendable {
    /// The path without extension: `.csv` and `.jsonl` are added.
    package let base: String
    /// The names of the columns after the leading `iteration`, for example `losses/policy_loss`.
    package let columns: [String]
    /// How many rows were found to be missing where the table was gone on with: between its first one and the last iteration,
    /// or the whole table. What is trained does not depend on them.
    package private(set) var missingRows = 0

    /// Begins a new table, replacing an old one. Throws `CSCError.file`.
    package init(creating base: String, columns: [String]) throws(CSCError) {
        precondition(Set(columns).count == columns.count, "MetricsWriter: a column is named twice in \(columns)")
        self.base = base
        self.columns = columns
        try AtomicFile.write(MetricsWriter.header(columns), to: base + ".csv")
        try AtomicFile.write("", to: base + ".jsonl")
    }

    /// Continues a table after `iteration`: later rows, and a last line that a kill has truncated, are dropped. A table
    /// that is missing is started again. Throws `CSCError.file`, and `CSCError.table` when its columns are others.
    /// O(file).
    package init(resuming base: String, columns: [String], after iteration: Int) throws(CSCError) {
        guard FileManager.default.fileExists(atPath: base + ".csv") else {
            try self.init(creating: base, columns: columns)
            missingRows = max(0, iteration)
            return
        }
        self.init(base: base, columns: columns)
        try MetricsWriter.checkColumns(base, columns)
        let lines = try MetricsWriter.wholeLines(of: base + ".csv")
        let first = MetricsWriter.header(columns).dropLast()
        func number(_ line: String) -> Int? {
            line.split(separator: ",", omittingEmptySubsequences: false).first.flatMap { Int($0) }
        }
        let kept = lines.dropFirst().filter { line in number(line).map { $0 <= iteration } ?? false }
        if let first = kept.first.flatMap(number) {
            missingRows = max(0, iteration - first + 1 - Set(kept.compactMap(number)).count)
        }
        try AtomicFile.write(([String(first)] + kept).map { $0 + "\n" }.joined(), to: base + ".csv")
        let rows =
            FileManager.default.fileExists(atPath: base + ".jsonl")
            ? try MetricsWriter.wholeLines(of: base + ".jsonl") : []
        let prefix = "{\"iteration\":"
        let keptRows = rows.filter { row in
            guard row.hasPrefix(prefix) else { return false }
            let digits = row.dropFirst(prefix.count).prefix { $0.isNumber }
            return Int(digits).map { $0 <= iteration } ?? false
        }
        try AtomicFile.write(keptRows.map { $0 + "\n" }.joined(), to: base + ".jsonl")
    }

    /// Throws `CSCError.table` where a table is there whose columns are others. O(file).
    static func checkColumns(_ base: String, _ columns: [String]) throws(CSCError) {
        guard FileManager.default.fileExists(atPath: base + ".csv") else { return }
        guard let first = try wholeLines(of: base + ".csv").first, first + "\n" == header(columns) else {
            throw .table(path: base + ".csv", reason: "its columns are not those that this program writes")
        }
    }

    private init(base: String, columns: [String]) {
        self.base = base
        self.columns = columns
    }

    /// Adds the row of an iteration; `values` are in the order of the columns. Two appends to files. Throws
    /// `CSCError.file`.
    package func append(iteration: Int, values: [Double]) throws(CSCError) {
        precondition(
            values.count == columns.count, "MetricsWriter: \(values.count) values for \(columns.count) columns")
        let fields = values.map { $0.isFinite ? $0.description : "" }
        try AtomicFile.append("\(iteration),\(fields.joined(separator: ","))\n", to: base + ".csv")
        let row = JSON.object(
            [("iteration", .integer(iteration))] + zip(columns, values).map { ($0, .number($1)) })
        try AtomicFile.append(row.line + "\n", to: base + ".jsonl")
    }

    /// Flushes both files to the disk. Throws `CSCError.file`.
    package func flush() throws(CSCError) {
        for path in [base + ".csv", base + ".jsonl"] {
            let descriptor = open(path, O_WRONLY | O_CLOEXEC)
            guard descriptor >= 0, fsync(descriptor) == 0 else {
                let reason = String(cString: strerror(errno))
                if descriptor >= 0 { close(descriptor) }
                throw .file(path: path, reason: "cannot be flushed to the disk: \(reason)")
            }
            close(descriptor)
        }
    }

    private static func header(_ columns: [String]) -> String {
        (["iteration"] + columns).joined(separator: ",") + "\n"
    }

    private static func wholeLines(of path: String) throws(CSCError) -> [String] {
        let text = try AtomicFile.readText(path)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        lines.removeLast()  // what follows the last newline: empty, or torn
        return lines
    }
}
