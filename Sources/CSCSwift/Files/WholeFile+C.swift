internal import Foundation

/// A file's bytes straight into an array: no second copy of what may be many megabytes.
enum WholeFile {
    /// The bytes of a regular file from `offset` on, at most `limit` of them; nil where it is no regular file, cannot be
    /// read, says that there are none (as those of /proc do), or changes its size meanwhile. O(bytes).
    static func bytes(_ path: String, from offset: Int = 0, limit: Int = .max) -> [UInt8]? {
        var about = stat()
        // A pipe is opened once only.
        guard stat(path, &about) == 0, about.st_mode & S_IFMT == S_IFREG else { return nil }
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        guard fstat(file, &about) == 0, about.st_mode & S_IFMT == S_IFREG, Int(about.st_size) > offset else {
            return nil
        }
        let count = min(limit, Int(about.st_size) - offset)
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            while initialized < count {
                let more = pread(
                    file, buffer.baseAddress! + initialized, count - initialized, off_t(offset + initialized))
                if more < 0 && errno == EINTR { continue }
                guard more > 0 else { break }
                initialized += more
            }
        }
        return bytes.count == count ? bytes : nil
    }
}
