internal import CCore

/// The thread policy of the numeric core: OpenMP owns the cores, BLAS stays at one thread.
///
/// Results never depend on it: the same seed and configuration give the same bits at any thread count.
public enum Threads {
    /// The number of threads that the next parallel kernel uses. Set 0 for one per available processor. Fewer than were
    /// set where the system does not let the process have so many, and at most 1024.
    public static var count: Int {
        get { Int(cafe_threads_get()) }
        set { cafe_threads_set(Int32(clamping: newValue)) }
    }

    /// How many processors this process may use.
    public static var available: Int { Int(cafe_threads_available()) }

    /// Calls `body(index)` once for each index in `0..<count`, on up to `Threads.count` threads, and returns when
    /// all are done. Kernels called inside run on their own thread only.
    ///
    /// The iterations must be independent: write to separate objects or separate elements. O(count) calls.
    public static func parallelFor(_ count: Int, _ body: @Sendable (Int) -> Void) {
        withoutActuallyEscaping(body) { escaping in
            var box = Body(call: escaping)
            withUnsafeMutablePointer(to: &box) { pointer in
                cafe_parallel_for(
                    Int64(count),
                    { context, index in
                        context!.assumingMemoryBound(to: Body.self).pointee.call(Int(index))
                    }, pointer)
            }
        }
    }

    /// `body(index)` for each index in `0..<count`, in their order, computed on up to `Threads.count` threads; otherwise as
    /// `parallelFor`. O(count) calls.
    public static func map<Value: Sendable>(_ count: Int, _ body: @Sendable (Int) -> Value) -> [Value] {
        if count == 0 { return [] }  // the initialiser below writes into the storage that all empty arrays share
        return [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
            guard let base = buffer.baseAddress else { return }
            let slots = Slots(base: base)
            parallelFor(count) { index in (slots.base + index).initialize(to: body(index)) }
            initialized = count
        }
    }

    /// Each slot is written by one iteration only, and read when all are done.
    private struct Slots<Value>: @unchecked Sendable { let base: UnsafeMutablePointer<Value> }

    /// Calls `job.run(part:)` once for each index in `0..<count`, as above, without a closure: nothing is allocated, so
    /// it serves what runs once per minibatch.
    static func parallelFor(_ count: Int, of job: any ParallelJob) {
        var box = Job(job: job)
        withUnsafeMutablePointer(to: &box) { pointer in
            cafe_parallel_for(
                Int64(count),
                { context, index in
                    context!.assumingMemoryBound(to: Job.self).pointee.job.run(part: Int(index))
                }, pointer)
        }
    }

    private struct Job { let job: any ParallelJob }
    private struct Body { let call: @Sendable (Int) -> Void }
}

/// Work whose parts can be done in any order and at the same time; what they read and write lies in the object.
protocol ParallelJob: AnyObject, Sendable {
    /// Does one part.
    func run(part: Int)
}
