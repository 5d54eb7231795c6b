/// Several processes (ranks) that do one piece of work together: each plays some of the episodes, all hold the same state.
///
/// Every function is a collective: all ranks call the same ones in the same order, each from one thread, or all wait.
/// What is gathered comes in the order of the ranks, so a sum over it has the same bits whoever computed which part, as
/// long as the parts do not depend on how many ranks there are. The model is that of MPI (MPI 4.0, chapter 6).
///
/// There are no errors to catch: when a rank is gone, or does not come in time, the work of all has failed, and a
/// conformer ends the process (see `MPICommunicator`).
package protocol Communicator: AnyObject, Sendable {
    /// This process among the others: 0 ..< size. Rank 0 alone prints and writes files.
    var rank: Int { get }
    /// How many there are.
    var size: Int { get }
    /// The bytes of every rank, by rank; any number each. They may share memory. O(all bytes).
    func gather(_ bytes: [UInt8]) -> [ArraySlice<UInt8>]
    /// Completes an array of which each rank has filled a part: rank r the `counts[r]` numbers behind those of the ranks
    /// before it. `counts` is the same on every rank and adds up to `numbers.count`. O(numbers).
    func gather(in numbers: inout [Float], counts: [Int])
    /// The bytes that rank `root` gives, on every rank; what others give is not looked at. O(bytes).
    func broadcast(_ bytes: [UInt8], from root: Int) -> [UInt8]
    /// Returns when every rank has come.
    func barrier()
    /// As `barrier`, however long it takes: after work whose length nobody knows.
    func wait()
}

/// One process alone: what a program has unless it joins others.
package final class SingleRank: Communicator {
    /// Alone.
    package init() {}
    /// 0.
    package var rank: Int { 0 }
    /// 1.
    package var size: Int { 1 }
    /// The bytes themselves.
    package func gather(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] { [bytes[...]] }
    /// Nothing is missing.
    package func gather(in numbers: inout [Float], counts: [Int]) {}
    /// The bytes themselves.
    package func broadcast(_ bytes: [UInt8], from root: Int) -> [UInt8] { bytes }
    /// Nobody to wait for.
    package func barrier() {}
    /// Nobody to wait for.
    package func wait() {}
}
