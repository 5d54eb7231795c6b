internal import Foundation

/// The right to write into a folder, which one process has at a time: `flock` on the file `lock` in it, until the object
/// is released or the process ends, however it ends.
///
/// While the lock is held its file names the holder, so that a process that is refused can say who was first. The empty
/// file stays behind: removing it would let two processes lock two files of one name.
package final class FolderLock: Sendable {
    private let descriptor: Int32

    /// Locks a folder that exists, without waiting.
    ///
    /// - Throws: `CSCError.invalid` naming the process that holds the lock; `CSCError.file` where the folder cannot be
    ///   written.
    package init(_ folder: String) throws(CSCError) {
        let path = AtomicFile.join(folder, "lock")
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
        func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
        guard descriptor >= 0 else { throw .file(path: path, reason: "cannot be opened: \(reason(errno))") }
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            if code == EINTR { continue }
            let holder = Self.holder(descriptor)
            close(descriptor)
            guard code == EWOULDBLOCK else { throw .file(path: path, reason: "cannot be locked: \(reason(code))") }
            throw .invalid("\(folder) is being written by \(holder): wait until it ends, or stop it")
        }
        self.descriptor = descriptor
        ftruncate(descriptor, 0)
        let text = Array(Self.name.utf8)
        _ = pwrite(descriptor, text, text.count, 0)
    }

    deinit {
        ftruncate(descriptor, 0)
        close(descriptor)
    }

    /// This process in words: `cafe-cli train (process 812)`.
    private static var name: String {
        let program = CommandLine.arguments.first.map { String($0.split(separator: "/").last ?? "") } ?? "a program"
        let command = CommandLine.arguments.dropFirst().first.map { $0.hasPrefix("-") ? "" : " \($0)" } ?? ""
        return "\(program)\(command) (process \(getpid()))"
    }

    private static func holder(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 400)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : "another process"
    }
}
