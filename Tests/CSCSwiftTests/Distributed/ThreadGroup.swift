import CSCSwift
import Foundation

/// Ranks that are threads of this process: what `mpirun` starts as processes. A collective waits for all of them.
final class ThreadGroup: @unchecked Sendable {
    // Guarded by `condition`, on any of the ranks' threads.
    private let condition = NSCondition()
    private var given: [[UInt8]?]
    private var taken: [[UInt8]] = []
    private var round = 0
    private var left = 0

    init(_ size: Int) { given = [[UInt8]?](repeating: nil, count: size) }

    /// What each rank gives, on all of them.
    func exchange(_ bytes: [UInt8], rank: Int) -> [[UInt8]] {
        condition.lock()
        defer { condition.unlock() }
        while left > 0 { condition.wait() }  // until all have left the collective before
        given[rank] = bytes
        if given.allSatisfy({ $0 != nil }) {
            taken = given.map { $0 ?? [] }
            given = given.map { _ in nil }
            left = given.count
            round += 1
            condition.broadcast()
        } else {
            let mine = round
            while round == mine { condition.wait() }
        }
        defer {
            left -= 1
            if left == 0 { condition.broadcast() }
        }
        return taken
    }

    /// A member of the group.
    final class Member: Communicator {
        let rank: Int
        let size: Int
        private let group: ThreadGroup

        init(_ group: ThreadGroup, rank: Int, size: Int) {
            (self.group, self.rank, self.size) = (group, rank, size)
        }

        func gather(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] { group.exchange(bytes, rank: rank).map { $0[...] } }

        func gather(in numbers: inout [Float], counts: [Int]) {
            let first = counts[..<rank].reduce(0, +)
            let own = numbers[first..<first + counts[rank]].flatMap { number in
                (0..<4).map { UInt8(truncatingIfNeeded: number.bitPattern >> (8 * UInt32($0))) }
            }
            let all = group.exchange(own, rank: rank).flatMap(\.self)
            precondition(all.count == 4 * numbers.count, "ThreadGroup: \(all.count) bytes for \(numbers.count) numbers")
            for at in numbers.indices {
                let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(all[4 * at + $1]) << (8 * UInt32($1)) }
                numbers[at] = Float(bitPattern: bits)
            }
        }

        func broadcast(_ bytes: [UInt8], from root: Int) -> [UInt8] { group.exchange(bytes, rank: rank)[root] }
        func barrier() { _ = group.exchange([], rank: rank) }
        func wait() { barrier() }
    }

    /// What each of `size` ranks makes of `work`, or the first error of each. Every rank is a thread of its own.
    static func run<Value: Sendable>(
        _ size: Int, _ work: @escaping @Sendable (Int) throws -> Value
    ) -> [Result<Value, any Error>] {
        let group = ThreadGroup(size)
        let results = Results<Value>(size)
        let done = DispatchGroup()
        for rank in 0..<size {
            done.enter()
            let thread = Thread {
                let result = Ranks.with(Member(group, rank: rank, size: size)) { Result { try work(rank) } }
                results.set(rank, result)
                done.leave()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        done.wait()
        return results.all
    }

    /// Written by each rank's thread at its own place, under the lock.
    private final class Results<Value: Sendable>: @unchecked Sendable {
        private let lock = NSLock()
        private var values: [Result<Value, any Error>?]
        init(_ size: Int) { values = .init(repeating: nil, count: size) }
        func set(_ rank: Int, _ value: Result<Value, any Error>) { lock.withLock { values[rank] = value } }
        var all: [Result<Value, any Error>] { lock.withLock { values.compactMap(\.self) } }
    }
}
