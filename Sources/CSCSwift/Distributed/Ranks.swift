/// The ranks that the present work is divided among, and how it is divided.
///
/// A program that joins others calls `Ranks.with(communicator)` once around its work; evaluation, evolution and training
/// divide what they play and compute among `Ranks.current`, and give the same bits at any number of ranks. Work that is
/// handed to threads sees one rank alone, so only the thread that the work was begun on takes part in collectives.
package enum Ranks {
    private static let local = TaskLocal<any Communicator>(wrappedValue: SingleRank())

    /// The ranks that this thread works with; one alone unless `with` says otherwise. O(1).
    package static var current: any Communicator { local.get() }

    /// Whether this process is the one that prints and writes files.
    package static var isFirst: Bool { current.rank == 0 }

    /// Does some work together with other ranks, which do the same. Rethrows.
    package static func with<Result>(
        _ communicator: any Communicator, _ body: () throws -> Result
    ) rethrows -> Result {
        try local.withValue(communicator, operation: body)
    }

    /// Does some work alone: what happens inside is not divided. Rethrows.
    static func alone<Result>(_ body: () throws -> Result) rethrows -> Result {
        if current.size == 1 { return try body() }
        return try local.withValue(SingleRank(), operation: body)
    }

    /// Which rank does each job, so that none has much more to do than another: the most expensive job first, each to the
    /// rank with the least so far, the lowest of them where several have. The same on every rank. O(jobs (ranks + log jobs)).
    ///
    /// - Parameter costs: about how long each job takes, in any unit.
    static func owners(costs: [Double], ranks: Int) -> [Int] {
        var owners = [Int](repeating: 0, count: costs.count)
        guard ranks > 1 else { return owners }
        var load = [Double](repeating: 0, count: ranks)
        for job in costs.indices.sorted(by: { (costs[$1], $0) < (costs[$0], $1) }) {
            var least = 0
            for rank in 1..<ranks where load[rank] < load[least] { least = rank }
            owners[job] = least
            load[least] += costs[job]
        }
        return owners
    }

    /// `body(job)` for each job in `0..<count`, in their order: each computed by one rank, on its threads, and given to all.
    /// `body` must depend on the job alone. O(count) calls over all ranks.
    ///
    /// - Parameter costs: about how long each job takes; nil where all take as long.
    static func map<Value: BitwiseCopyable & Sendable>(
        _ count: Int, costs: [Double]? = nil, _ body: @Sendable (Int) -> [Value]
    ) -> [[Value]] {
        let group = current
        if group.size == 1 { return Threads.map(count, body) }
        let owners = owners(costs: costs ?? [Double](repeating: 1, count: count), ranks: group.size)
        let own = owners.indices.filter { owners[$0] == group.rank }
        let done = alone { Threads.map(own.count) { body(own[$0]) } }
        var message = RankWriter()
        for values in done { message.put(values) }
        var parts = group.gather(message.bytes).map { RankReader($0) }
        return owners.map { owner in
            var values: [Value] = []
            parts[owner].take(into: &values)
            return values
        }
    }

    /// Does whole jobs side by side, each by one rank alone, as if there were no others: it may write files of its own. Returns
    /// when all jobs are done, however long they take. Throws the first error of this rank's jobs.
    package static func divide(_ count: Int, _ job: (Int) throws -> Void) rethrows {
        let group = current
        for number in 0..<count where number % group.size == group.rank { try alone { try job(number) } }
        group.wait()
    }

    /// Calls `run(part)` once for each part in `0..<count`, on one of the ranks and one of its threads; each part's results lie
    /// in an object of its own, on every rank. `put` sends them, `take` takes them over where another rank did the part.
    static func share(
        _ count: Int, run: @Sendable (Int) -> Void, put: (Int, inout RankWriter) -> Void,
        take: (Int, inout RankReader) -> Void
    ) {
        let group = current
        if group.size == 1 { return Threads.parallelFor(count, run) }
        func parts(of rank: Int) -> Range<Int> { rank * count / group.size..<(rank + 1) * count / group.size }
        let own = parts(of: group.rank)
        alone { Threads.parallelFor(own.count) { run(own.lowerBound + $0) } }
        var message = RankWriter()
        for part in own { put(part, &message) }
        for (rank, bytes) in group.gather(message.bytes).enumerated() where rank != group.rank {
            var reader = RankReader(bytes)
            for part in parts(of: rank) { take(part, &reader) }
        }
    }

    /// The results of jobs that were divided by `owners`, in the order of the jobs, from those that this rank computed, in the
    /// same order. O(jobs).
    static func exchange<Value: BitwiseCopyable>(_ own: [Value], owners: [Int]) -> [Value] {
        let group = current
        if group.size == 1 { return own }
        var message = RankWriter()
        message.put(own)
        let parts = group.gather(message.bytes).map { bytes in
            var reader = RankReader(bytes)
            return reader.take(Value.self)
        }
        var next = [Int](repeating: 0, count: group.size)
        return owners.map { owner in
            defer { next[owner] += 1 }
            return parts[owner][next[owner]]
        }
    }

    /// Whether any rank says yes: what only one of them knows, such as that somebody wants the work to stop.
    package static func any(_ wish: Bool) -> Bool {
        let group = current
        return group.size == 1 ? wish : group.gather([wish ? 1 : 0]).contains { $0.first == 1 }
    }

    /// What rank 0 says, on every rank; `make` is called on rank 0 only. Rethrows there.
    package static func first(_ make: () throws -> [UInt8]) rethrows -> [UInt8] {
        let group = current
        return group.broadcast(group.rank == 0 ? try make() : [], from: 0)
    }
}
