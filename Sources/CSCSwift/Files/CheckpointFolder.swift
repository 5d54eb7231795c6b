internal import Foundation

/// The checkpoints of a run: the last few, and the best so far.
///
/// Files are `iteration-000120.ckpt` and `best.ckpt`. Each is written atomically, so a kill at any moment leaves the
/// earlier ones whole. A damaged file is reported and passed over in favour of the one before.
public struct CheckpointFolder: Sendable {
    /// The folder; `save` makes it where it does not exist.
    public let path: String
    /// How many of the latest checkpoints stay; at least 1.
    public let keepLast: Int

    /// What `latest` found: a checkpoint, and the files that had to be passed over.
    public struct Found: Sendable {
        /// The iteration that the checkpoint was saved as.
        public let iteration: Int
        /// The checkpoint's file.
        public let path: String
        /// What the file holds, whole.
        public let checkpoint: Checkpoint
        /// One error for each newer file that is damaged.
        public let refused: [CSCError]
    }

    /// The checkpoints in the folder at `path`, which need not exist yet.
    /// - Precondition: `keepLast` is at least 1.
    public init(path: String, keepLast: Int = 3) {
        precondition(keepLast >= 1, "CheckpointFolder: keepLast \(keepLast) is less than 1")
        self.path = path
        self.keepLast = keepLast
    }

    /// The file of the best checkpoint; it need not exist.
    public var bestPath: String { AtomicFile.join(path, "best.ckpt") }

    /// The file of an iteration.
    public func file(iteration: Int) -> String {
        let digits = String(iteration)
        let zeros = String(repeating: "0", count: max(0, 6 - digits.count))
        return AtomicFile.join(path, "iteration-\(zeros)\(digits).ckpt")
    }

    /// The iterations that have a file, ascending. O(files).
    public func iterations() -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.compactMap { name -> Int? in
            guard name.hasPrefix("iteration-"), name.hasSuffix(".ckpt") else { return nil }
            return Int(name.dropFirst(10).dropLast(5))
        }.sorted()
    }

    /// Saves a checkpoint, also as the best one when `isBest`, and deletes those that are too old. Throws
    /// `CSCError.file`.
    public func save(_ checkpoint: Checkpoint, iteration: Int, isBest: Bool = false) throws(CSCError) {
        try AtomicFile.makeFolder(path)
        AtomicFile.removeLeftovers(in: path)
        let bytes = checkpoint.encoded()
        if isBest { try AtomicFile.write(bytes, to: bestPath) }
        try AtomicFile.write(bytes, to: file(iteration: iteration))
        for old in iterations().dropLast(keepLast) where old < iteration {
            try? FileManager.default.removeItem(atPath: file(iteration: old))
        }
    }

    /// The newest whole checkpoint. Throws `CSCError.damaged` naming the newest file when none is whole, and
    /// `CSCError.file` when there is none at all.
    public func latest() throws(CSCError) -> Found {
        var refused: [CSCError] = []
        for iteration in iterations().reversed() {
            let candidate = file(iteration: iteration)
            do throws(CSCError) {
                let checkpoint = try Checkpoint(contentsOf: candidate)
                return Found(iteration: iteration, path: candidate, checkpoint: checkpoint, refused: refused)
            } catch {
                refused.append(error)
            }
        }
        if let first = refused.first { throw first }
        throw .file(path: path, reason: "there is no checkpoint")
    }

    /// Deletes the files of later iterations: what a resumed run will write again. O(files).
    public func removeAfter(iteration: Int) {
        for later in iterations() where later > iteration {
            try? FileManager.default.removeItem(atPath: file(iteration: later))
        }
    }
}
