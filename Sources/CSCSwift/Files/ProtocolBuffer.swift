/// A protocol buffer under construction, field by field: what ONNX files are made of. Only for writing.
struct ProtocolBuffer: Sendable, Hashable {
    /// The message so far.
    private(set) var bytes: [UInt8] = []

    /// An empty message.
    init() {}

    /// A message of these fields.
    init(_ build: (inout ProtocolBuffer) -> Void) { build(&self) }

    /// A whole number as a varint; negative ones take ten bytes. O(1).
    mutating func integer(_ field: Int, _ value: Int) {
        tag(field, kind: 0)
        varint(UInt64(bitPattern: Int64(value)))
    }

    /// A text in UTF-8. O(size).
    mutating func text(_ field: Int, _ value: String) { data(field, Array(value.utf8)) }

    /// Bytes. O(size).
    mutating func data(_ field: Int, _ value: [UInt8]) {
        tag(field, kind: 2)
        varint(UInt64(value.count))
        bytes += value
    }

    /// A message within the message. O(size).
    mutating func message(_ field: Int, _ value: ProtocolBuffer) { data(field, value.bytes) }

    private mutating func tag(_ field: Int, kind: UInt64) { varint(UInt64(field) << 3 | kind) }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// Numbers as the bytes of files, little-endian.
enum LittleEndian {
    /// A whole number. O(size).
    static func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        stride(from: 0, to: Value.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// Floats, 4 bytes each. O(count).
    static func bytes(_ values: [Float]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 * values.count)
        for value in values {
            let bits = value.bitPattern
            for shift: UInt32 in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: bits >> shift)) }
        }
        return bytes
    }
}
