internal import Foundation

/// How the C library gets memory from the system.
enum Memory {
    /// Keeps what large arrays have left for the next ones, up to 256 MiB. Arrays that are shared with a thread aside are
    /// copied at their next change, and pages that are new to the process come slowly: several times the copy's time.
    /// Without effect where the C library is not glibc.
    static func keepPages() {
        guard let found = dlsym(nil, "mallopt") else { return }
        let set = unsafeBitCast(found, to: (@convention(c) (Int32, Int32) -> Int32).self)
        _ = set(-3, 64 << 20)  // M_MMAP_THRESHOLD of malloc.h
        _ = set(-1, 256 << 20)  // M_TRIM_THRESHOLD
    }
}
