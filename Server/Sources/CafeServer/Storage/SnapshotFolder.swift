internal import CSCSwift
internal import Foundation

/// Snapshots of the studies' sessions: a file each, in a folder beside the server's file.
///
/// They only spare reading all events when a study is opened, and are no part of what is promised: one that is missing,
/// damaged, or of events that never came to the disk is not used. So they need no transaction and hold nobody up.
struct SnapshotFolder: Sendable {
    private static let form = "cafe-snapshot 1"
    /// So many bytes are written at once, and a pause follows: answers wait for the same disk.
    private static let stretch = 1 << 17
    private static let pause: UInt32 = 4000  // us
    private let path: String

    /// The folder beside the server's file, made by the first snapshot.
    init(beside file: String) {
        path = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent("snapshots").path
    }

    private func file(_ study: Int64) -> String { "\(path)/study-\(study)" }

    /// Puts a snapshot in place of the study's last one, once it is on the disk. O(state).
    /// - Parameter gently: in stretches with pauses between them.
    /// - Throws: `ServiceError` where it cannot be written; the last one stays then.
    func keep(_ snapshot: SessionSnapshot, study: Int64, gently: Bool) throws {
        let mark = snapshot.mark, state = snapshot.state
        let hash = ContentHash.quick(state, upTo: state.count)
        let head = Array("\(Self.form) \(mark.count) \(mark.checksum) \(hash) \(state.count)\n".utf8)
        let target = file(study), draft = target + ".partial"
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try write(head, state, to: draft, gently: gently)
            guard rename(draft, target) == 0 else { throw Self.failure(target) }
        } catch {
            unlink(draft)
            throw error is ServiceError ? error : ServiceError("\(path): \(error.localizedDescription)")
        }
    }

    private func write(_ head: [UInt8], _ state: [UInt8], to draft: String, gently: Bool) throws {
        unlink(draft)
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw Self.failure(draft) }
        defer { close(file) }
        for bytes in [head, state] {
            var from = 0
            while from < bytes.count {
                let size = min(gently ? Self.stretch : bytes.count, bytes.count - from)
                let done = bytes.withUnsafeBytes { Foundation.write(file, $0.baseAddress! + from, size) }
                guard done > 0 || errno == EINTR else { throw Self.failure(draft) }
                from += max(0, done)
                if gently {
                    guard fdatasync(file) == 0 else { throw Self.failure(draft) }
                    usleep(Self.pause)
                }
            }
        }
        guard fsync(file) == 0 else { throw Self.failure(draft) }
    }

    /// The study's snapshot; nil where there is none that can be used. O(state).
    func snapshot(study: Int64) -> SessionSnapshot? {
        guard let bytes = FileManager.default.contents(atPath: file(study)),
            let (head, count) = Self.head(bytes), bytes.count - count == head.length
        else { return nil }
        let state = Array(bytes[count...])
        guard ContentHash.quick(state, upTo: state.count) == head.hash else { return nil }
        return SessionSnapshot(mark: head.mark, state: state)
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

    private static func failure(_ path: String) -> ServiceError {
        ServiceError("\(path): cannot be written: \(String(cString: strerror(errno)))")
    }
}
