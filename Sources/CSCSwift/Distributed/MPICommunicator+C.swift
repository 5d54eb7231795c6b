internal import Foundation

/// The ranks of `mpirun` or `srun`, by libcafe-mpi.so (Sources/CMPI, `make mpi`), which is loaded when it is needed: the
/// package itself does not depend on MPI. Works with Open MPI and MPICH, whichever the library was compiled with.
///
/// A call that does not end within the deadline names the ranks that did not come. Then, as after any other failure, the
/// handler that the program gave is called with the sentence, and all ranks end. One thread at a time calls it, the one
/// that made it; `Ranks` sees to that.
package final class MPICommunicator: Communicator, @unchecked Sendable {
    /// What this rank has exchanged so far.
    package struct Traffic: Sendable {
        /// Collectives.
        package var exchanges = 0
        /// Bytes that they brought here.
        package var bytes = 0
        /// Seconds in them, waiting for others included.
        package var seconds = 0.0
    }

    /// This process among the others.
    package let rank: Int
    /// How many there are.
    package let size: Int
    /// The engine and its version, such as `Open MPI v4.1.4, ...`.
    package let engine: String
    /// What has been exchanged so far.
    package private(set) var traffic = Traffic()
    private let library: Library
    private let failed: @Sendable (String) -> Void

    /// The functions of cafe_mpi.h.
    private struct Library {
        let start: @convention(c) (Double) -> Int32
        let rank: @convention(c) () -> Int32
        let size: @convention(c) () -> Int32
        let engine: @convention(c) () -> UnsafePointer<CChar>?
        let gather: @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<Int64>?) -> Int32
        let broadcast: @convention(c) (UnsafeMutableRawPointer?, Int64, Int32) -> Int32
        let barrier: @convention(c) () -> Int32
        let wait: @convention(c) () -> Int32
        let finish: @convention(c) () -> Int32
        let abort: @convention(c) (Int32) -> Void
        let failure: @convention(c) () -> UnsafePointer<CChar>?

        init(_ handle: UnsafeMutableRawPointer, path: String) throws(CSCError) {
            func function<F>(_ name: String, _ type: F.Type) throws(CSCError) -> F {
                guard let found = dlsym(handle, name) else {
                    throw .file(path: path, reason: "has no function \(name): make it anew with 'make mpi'")
                }
                return unsafeBitCast(found, to: type)
            }
            let interface = try function("cafe_mpi_interface", (@convention(c) () -> Int32).self)
            guard interface() == 2 else {
                throw .file(path: path, reason: "belongs to another version of CAFE: make it anew with 'make mpi'")
            }
            start = try function("cafe_mpi_start", (@convention(c) (Double) -> Int32).self)
            rank = try function("cafe_mpi_rank", (@convention(c) () -> Int32).self)
            size = try function("cafe_mpi_size", (@convention(c) () -> Int32).self)
            engine = try function("cafe_mpi_engine", (@convention(c) () -> UnsafePointer<CChar>?).self)
            gather = try function(
                "cafe_mpi_gather", (@convention(c) (UnsafeMutableRawPointer?, UnsafePointer<Int64>?) -> Int32).self)
            broadcast = try function(
                "cafe_mpi_broadcast", (@convention(c) (UnsafeMutableRawPointer?, Int64, Int32) -> Int32).self)
            barrier = try function("cafe_mpi_barrier", (@convention(c) () -> Int32).self)
            wait = try function("cafe_mpi_wait", (@convention(c) () -> Int32).self)
            finish = try function("cafe_mpi_finish", (@convention(c) () -> Int32).self)
            abort = try function("cafe_mpi_abort", (@convention(c) (Int32) -> Void).self)
            failure = try function("cafe_mpi_failure", (@convention(c) () -> UnsafePointer<CChar>?).self)
        }
    }

    /// Loads the library and joins the other ranks.
    ///
    /// - Parameters:
    ///   - paths: where the library may lie, in order; a name without a slash is looked for where the system keeps libraries.
    ///   - deadline: seconds that a collective may take, waiting for the slowest rank included.
    ///   - failed: called with a sentence when the group has failed, before all ranks are ended with status 1.
    /// - Throws: `CSCError.file` where there is no such library or it cannot be loaded, `CSCError.invalid` where MPI does not
    ///   start.
    package init(library paths: [String], deadline: Double, failed: @escaping @Sendable (String) -> Void)
        throws(CSCError)
    {
        let (handle, path) = try Self.open(paths)
        library = try Library(handle, path: path)
        self.failed = failed
        guard library.start(deadline) == 0 else {
            throw .invalid(library.failure().map { String(cString: $0) } ?? "MPI does not start")
        }
        rank = Int(library.rank())
        size = Int(library.size())
        engine = library.engine().map { String(cString: $0) } ?? ""
    }

    private static func open(_ paths: [String]) throws(CSCError) -> (UnsafeMutableRawPointer, String) {
        var reason = "there is no such file"
        for path in paths {
            if path.contains("/") && !FileManager.default.fileExists(atPath: path) { continue }
            // Open MPI's own plug-ins look for its symbols among the global ones.
            if let handle = dlopen(path, RTLD_NOW | RTLD_GLOBAL) { return (handle, path) }
            if let text = dlerror() { reason = String(cString: text) }
        }
        throw .file(
            path: "libcafe-mpi.so",
            reason: "cannot be loaded (\(reason)); install an MPI (apt-get install libopenmpi-dev openmpi-bin) and run "
                + "'make mpi'")
    }

    // MARK: Collectives

    private func check(_ code: Int32) {
        if code == 0 { return }
        failed(library.failure().map { String(cString: $0) } ?? "the ranks have lost one another")
        library.abort(1)
    }

    private func timed(bytes: Int, _ call: () -> Int32) {
        let begun = ContinuousClock.now
        check(call())
        traffic.exchanges += 1
        traffic.bytes += bytes
        traffic.seconds += (ContinuousClock.now - begun) / .seconds(1)
    }

    /// The bytes of every rank: their numbers first, then all of them.
    package func gather(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var counts = [Int64](repeating: 0, count: size)
        counts[rank] = Int64(bytes.count)
        let words = [Int64](repeating: 8, count: size)
        timed(bytes: 8 * size) { counts.withUnsafeMutableBytes { library.gather($0.baseAddress, words) } }
        let starts = counts.reduce(into: [0]) { $0.append($0[$0.count - 1] + Int($1)) }
        let all = [UInt8](unsafeUninitializedCapacity: starts[size]) { room, count in
            count = starts[size]
            let room = UnsafeMutableRawBufferPointer(room)
            bytes.withUnsafeBytes { room[starts[rank]..<starts[rank + 1]].copyBytes(from: $0) }
            timed(bytes: count) { library.gather(room.baseAddress, counts) }
        }
        return (0..<size).map { all[starts[$0]..<starts[$0 + 1]] }
    }

    /// Completes `numbers`, each rank's part in its place.
    package func gather(in numbers: inout [Float], counts: [Int]) {
        precondition(
            counts.count == size && counts.reduce(0, +) == numbers.count,
            "MPICommunicator.gather: counts \(counts) of \(numbers.count) numbers")
        let sizes = counts.map { Int64(4 * $0) }
        timed(bytes: 4 * numbers.count) { numbers.withUnsafeMutableBytes { library.gather($0.baseAddress, sizes) } }
    }

    /// The bytes of rank `root`: their number first.
    package func broadcast(_ bytes: [UInt8], from root: Int) -> [UInt8] {
        var count = Int64(bytes.count)
        timed(bytes: 8) { library.broadcast(&count, 8, Int32(root)) }
        var all = rank == root ? bytes : [UInt8](repeating: 0, count: Int(count))
        timed(bytes: all.count) { all.withUnsafeMutableBytes { library.broadcast($0.baseAddress, count, Int32(root)) } }
        return all
    }

    /// Returns when every rank has come.
    package func barrier() { timed(bytes: 0) { library.barrier() } }

    /// As `barrier`, without the deadline.
    package func wait() { timed(bytes: 0) { library.wait() } }

    // MARK: The end

    /// Leaves the group in order; nothing may be called after it. Waits for every rank.
    package func finish() { check(library.finish()) }

    /// Ends the processes of all ranks with this status.
    package func abort(status: Int) { library.abort(Int32(clamping: status)) }
}
