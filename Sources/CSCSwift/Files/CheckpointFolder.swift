internal import Foundation

/// The checkpoints of a run: the last few, and the best so far.
///
/// Files are `iteration-000120.ckpt` and `best.ckpt`. Each is written atomically, so a kill at any moment leaves the
/// earlier ones whole. A damaged file is reported and skipped in favour of the one before. A file that cannot be
/// read, or is of a newer format, is neither skipped nor removed: it may hold more than this program can see.
package struct CheckpointFolder: Sendable {
    /// The folder; `save` makes it where it does not exist.
    package let path: String
    /// How many of the latest checkpoints stay; at least 1.
    package let keepLast: Int
    /// Iterations that are no multiple of it are off schedule: their checkpoints, written where a run was stopped or
    /// ended, go when a later one has been saved. So a run that was stopped leaves the files of one that was not.
    package let every: Int

    /// What `latest` found: a checkpoint, and the files that had to be skipped.
    package struct Found: Sendable {
        /// The iteration that the checkpoint was saved as; nil for the best one.
        package let iteration: Int?
        /// The checkpoint's file.
        package let path: String
        /// What the file holds, whole.
        package let checkpoint: Checkpoint
        /// One error for each newer file that is damaged.
        package let refused: [CSCError]
    }

    /// The checkpoints in the folder at `path`, which need not exist yet.
    /// - Precondition: `keepLast` and `every` are at least 1.
    package init(path: String, keepLast: Int = 3, every: Int = 1) {
        precondition(keepLast >= 1, "CheckpointFolder: keepLast \(keepLast) is less than 1")
        precondition(every >= 1, "CheckpointFolder: every \(every) is less than 1")
        self.path = path
        self.keepLast = keepLast
        self.every = every
    }

    /// The file of the best checkpoint; it need not exist.
    package var bestPath: String { AtomicFile.join(path, "best.ckpt") }

    /// The file of an iteration.
    package func file(iteration: Int) -> String {
        let digits = String(iteration)
        let zeros = String(repeating: "0", count: max(0, 6 - digits.count))
        return AtomicFile.join(path, "iteration-\(zeros)\(digits).ckpt")
    }

    /// The iterations that have a file, ascending. O(files).
    package func iterations() -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.compactMap { name -> Int? in
            guard name.hasPrefix("iteration-"), name.hasSuffix(".ckpt"),
                let iteration = Int(name.dropFirst(10).dropLast(5)), iteration >= 0
            else { return nil }
            return iteration
        }.sorted()
    }

    /// Saves a checkpoint, and deletes those that are too old or off schedule. Throws `CSCError.file`.
    package func save(_ checkpoint: Checkpoint, iteration: Int) throws(CSCError) {
        try AtomicFile.makeFolder(path)
        try checkpoint.write(to: file(iteration: iteration))
        let older = iterations().filter { $0 < iteration }
        let kept = Set((older.filter { $0 % every == 0 } + [iteration]).suffix(keepLast))
        for old in older where !kept.contains(old) {
            try? FileManager.default.removeItem(atPath: file(iteration: old))
        }
    }

    /// Saves a checkpoint as the best one. Throws `CSCError.file`.
    package func saveBest(_ checkpoint: Checkpoint) throws(CSCError) {
        try AtomicFile.makeFolder(path)
        try checkpoint.write(to: bestPath)
    }

    /// The newest checkpoint that is whole and that `accept` takes; after those of iterations comes the best one.
    ///
    /// - Parameter accept: looks at a checkpoint and its iteration (nil for the best one); where it throws
    ///   `CSCError.damaged` the file counts as damaged, any other error ends the search.
    /// - Throws: `CSCError.file` where a file cannot be read or is of a newer format, or where there is no checkpoint at
    ///   all; `CSCError.damaged` naming the newest file where none is whole; what `accept` throws.
    package func latest(accept: (Checkpoint, Int?) throws -> Void = { _, _ in }) throws -> Found {
        var refused: [CSCError] = []
        var candidates: [(iteration: Int?, path: String)] = iterations().reversed().map { ($0, file(iteration: $0)) }
        if FileManager.default.fileExists(atPath: bestPath) { candidates.append((nil, bestPath)) }
        for candidate in candidates {
            do {
                let checkpoint = try Checkpoint(contentsOf: candidate.path)
                try accept(checkpoint, candidate.iteration)
                return Found(
                    iteration: candidate.iteration, path: candidate.path, checkpoint: checkpoint, refused: refused)
            } catch CSCError.damaged(let path, let reason) {
                refused.append(.damaged(path: path, reason: reason))
            }
        }
        if let first = refused.first { throw first }
        throw CSCError.file(path: path, reason: "there is no checkpoint")
    }
}
