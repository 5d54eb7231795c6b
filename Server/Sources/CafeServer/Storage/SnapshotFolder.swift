internal import CSCSwift
internal import Foundation

/// Snapshots of the studies' sessions, and what refits found that are not in a snapshot yet: a file each, in a folder beside
/// the server's file.
///
/// They only spare reading all events when a study is opened, and are no part of what is promised: one that is missing,
/// damaged, or of events that never came to the disk is not used. So they need no transaction and hold nobody up.
struct SnapshotFolder: Sendable {
    private static let form = "cafe-snapshot 1"
    /// Answers wait for the same disk.
    private static let gentle = AtomicFile.Pace(stretch: 1 << 17, pause: 4000)
    private let path: String

    /// The folder beside the server's file, made by the first snapshot; what a killed writer left there is deleted.
    init(beside file: String) {
        path = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent("snapshots").path
        AtomicFile.removeLeftovers(in: path)
    }

    private func file(_ study: Int64) -> String { "\(path)/study-\(study)" }
    private func file(_ study: Int64, refit number: Int) -> String { "\(file(study)).refit-\(number)" }

    /// Puts a snapshot in place of the study's last one, once it is on the disk. O(state).
    /// - Parameter gently: in stretches with pauses between them.
    /// - Throws: `ServiceError` where it cannot be written; the last one stays then.
    func keep(_ snapshot: SessionSnapshot, study: Int64, gently: Bool) throws {
        try write(snapshot, to: file(study), gently: gently)
    }

    /// Keeps what a refit found, before it takes effect. O(state).
    /// - Parameter result: its bytes, and where the events ended when it was taken.
    /// - Throws: `ServiceError` where it cannot be written.
    func keep(refit number: Int, _ result: SessionSnapshot, study: Int64) throws {
        try write(result, to: file(study, refit: number), gently: true)
    }

    private func write(_ content: SessionSnapshot, to file: String, gently: Bool) throws {
        let mark = content.mark, state = content.state
        let hash = ContentHash.quick(state, upTo: state.count)
        let head = Array("\(Self.form) \(mark.count) \(mark.checksum) \(hash) \(state.count)\n".utf8)
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try AtomicFile.write(head + state, to: file, mode: 0o600, pace: gently ? Self.gentle : nil)
        } catch let error as CSCError {
            throw ServiceError(error.description)
        } catch {
            throw ServiceError("\(path): \(error.localizedDescription)")
        }
    }

    /// The study's snapshot; nil where there is none that can be used. O(state).
    func snapshot(study: Int64) -> SessionSnapshot? { read(file(study)) }

    /// What a refit of the study found, and where the events ended when it was taken; nil where it was not kept. O(state).
    func refit(_ number: Int, study: Int64) -> SessionSnapshot? { read(file(study, refit: number)) }

    private func read(_ file: String) -> SessionSnapshot? {
        guard var state = try? AtomicFile.read(file), let (head, count) = Self.head(Data(state.prefix(200))),
            state.count - count == head.length
        else { return nil }
        state.removeSubrange(..<count)  // in place: a copy of so many bytes takes longer than the rest
        guard ContentHash.quick(state, upTo: state.count) == head.hash else { return nil }
        return SessionSnapshot(mark: head.mark, state: state)
    }

    /// Deletes what was kept of the study's refits up to a number: a snapshot has them. O(files).
    func forgetRefits(upTo number: Int, study: Int64) {
        let start = "study-\(study).refit-"
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
            guard name.hasPrefix(start), let its = Int(name.dropFirst(start.count)), its <= number else { continue }
            unlink("\(path)/\(name)")
        }
    }

    /// How many events the study's snapshot is of; 0 where there is none. O(1).
    func count(study: Int64) -> Int {
        guard let handle = FileHandle(forReadingAtPath: file(study)) else { return 0 }
        defer { try? handle.close() }
        guard let start = try? handle.read(upToCount: 200), let (head, _) = Self.head(start) else { return 0 }
        return head.mark.count
    }

    /// The first line: what it is of, the state's hash and length; and how many bytes it has.
    private static func head(_ bytes: Data) -> (head: (mark: SessionMark, hash: UInt64, length: Int), bytes: Int)? {
        guard let end = bytes.prefix(200).firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let words = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ")
        guard words.count == 6, words[0] + " " + words[1] == form, let count = Int(words[2]), count >= 0,
            let checksum = UInt64(words[3]), let hash = UInt64(words[4]), let length = Int(words[5]), length >= 0
        else { return nil }
        return ((SessionMark(count: count, checksum: checksum), hash, length), end + 1)
    }
}
