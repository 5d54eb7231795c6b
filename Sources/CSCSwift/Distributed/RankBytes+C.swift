internal import CCore

/// A message from one rank to the others: arrays one behind the other, as they lie in memory. All ranks run the same program
/// on machines of one kind, which `Ranks.requireSame` makes sure of.
struct RankWriter {
    private(set) var bytes: [UInt8] = []

    /// - Parameter capacity: of how many bytes the message will be, about.
    init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// Adds an array: its length, then its elements. O(its bytes).
    mutating func put<Value: BitwiseCopyable>(_ values: [Value]) {
        withUnsafeBytes(of: Int64(values.count)) { bytes.append(contentsOf: $0) }
        values.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }
}

/// Reads what a `RankWriter` wrote, in the same order. Traps where that is not what comes.
struct RankReader {
    private let bytes: ArraySlice<UInt8>
    private var at = 0

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// The next array replaces `values`. O(its bytes).
    mutating func take<Value: BitwiseCopyable>(into values: inout [Value]) {
        precondition(at + 8 <= bytes.count, "RankReader: the message has ended")
        let from = at
        let count = bytes.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: from, as: Int64.self)) }
        let size = count * MemoryLayout<Value>.stride
        precondition(
            count >= 0 && from + 8 + size <= bytes.count, "RankReader: \(count) elements do not fit the message")
        at = from + 8 + size
        // The initialiser below would write into the storage that all empty arrays share.
        if count == 0 { return values = [] }
        values = [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
            bytes.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: .init(rebasing: $0[from + 8..<from + 8 + size]))
            }
            initialized = count
        }
    }

    /// The next array.
    mutating func take<Value: BitwiseCopyable>(_ type: Value.Type = Value.self) -> [Value] {
        var values: [Value] = []
        take(into: &values)
        return values
    }
}

/// The vector kernels of the core.
enum Vectors {
    /// The vector kernels that this processor has: 0 for 128 bits, 1 for AVX2, 2 for AVX-512. Bits differ between them.
    static var level: Int { Int(cafe_vectors_get()) }
}
