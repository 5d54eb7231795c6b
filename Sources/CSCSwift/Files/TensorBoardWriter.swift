internal import Foundation

/// Scalars as TensorBoard reads them: a file of events, one for each iteration, that grows beside `metrics.csv`.
///
/// The file is a sequence of records: length (u64), masked CRC-32C of the length, data, masked CRC-32C of the data, all
/// little-endian. The data is a protocol buffer `Event`: wall time (field 1), step (2), file version (3) or summary (5);
/// a summary's values (1) have a tag (1) and a simple value (2). The wall time is the iteration, in seconds, so that two
/// runs that compute the same bits write the same bytes: choose "step" as the horizontal axis.
package struct TensorBoardWriter: Sendable {
    /// The name of the file in a run's folder; TensorBoard looks for `tfevents`.
    package static let fileName = "events.out.tfevents.0.cafe"
    /// The file.
    package let path: String

    /// Begins a new file, replacing an old one. Throws `CSCError.file`.
    package init(creating path: String) throws(CSCError) {
        self.path = path
        try AtomicFile.write(Self.header, to: path)
    }

    /// Continues a file after `iteration`: later events, and what a kill has truncated, are dropped. A file that is
    /// missing or is none is started again. Throws `CSCError.file`. O(file).
    package init(resuming path: String, after iteration: Int) throws(CSCError) {
        self.path = path
        let bytes = FileManager.default.fileExists(atPath: path) ? try AtomicFile.read(path) : []
        var kept = Self.header
        if bytes.starts(with: kept) {
            var position = kept.count
            while let record = Self.record(in: bytes, at: position), record.step <= iteration {
                kept += bytes[position..<record.end]
                position = record.end
            }
        }
        if kept != bytes { try AtomicFile.write(kept, to: path) }
    }

    /// Adds the scalars of an iteration; those that are not finite are left out. One append. Throws `CSCError.file`.
    package func append(iteration: Int, names: [String], values: [Double]) throws(CSCError) {
        var summary: [UInt8] = []
        for (name, value) in zip(names, values) where value.isFinite {
            let tag = Array(name.utf8)
            var scalar = [0x0A] + Self.varint(UInt64(tag.count)) + tag
            scalar += [0x15] + Self.bytes(Float(value).bitPattern)
            summary += [0x0A] + Self.varint(UInt64(scalar.count)) + scalar
        }
        var event = [0x09] + Self.bytes(Double(iteration).bitPattern)
        event += [0x10] + Self.varint(UInt64(iteration))
        event += [0x2A] + Self.varint(UInt64(summary.count)) + summary
        try AtomicFile.append(Self.framed(event), to: path)
    }

    // MARK: Records

    private static let header: [UInt8] = {
        let version = Array("brain.Event:2".utf8)
        return framed([0x1A] + varint(UInt64(version.count)) + version)
    }()

    private static func framed(_ data: [UInt8]) -> [UInt8] {
        let length = bytes(UInt64(data.count))
        return length + bytes(masked(length)) + data + bytes(masked(data))
    }

    /// The whole record at a position: its step and where it ends; nil where there is none.
    private static func record(in bytes: [UInt8], at start: Int) -> (step: Int, end: Int)? {
        guard start + 12 <= bytes.count else { return nil }
        let length = Array(bytes[start..<start + 8])
        let size = (0..<8).reduce(UInt64(0)) { $0 | UInt64(length[$1]) << UInt64(8 * $1) }
        guard Array(bytes[start + 8..<start + 12]) == Self.bytes(masked(length)), size >= 10,
            size <= UInt64(bytes.count - start)
        else { return nil }
        let end = start + 16 + Int(size)
        guard end <= bytes.count else { return nil }
        let data = Array(bytes[start + 12..<end - 4])
        guard Array(bytes[end - 4..<end]) == Self.bytes(masked(data)), data[0] == 0x09, data[9] == 0x10 else {
            return nil
        }
        var (step, shift, position) = (UInt64(0), UInt64(0), 10)
        while position < data.count && shift < 63 {
            step |= UInt64(data[position] & 0x7F) << shift
            if data[position] < 0x80 { return (Int(clamping: step), end) }
            position += 1
            shift += 7
        }
        return nil
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        var (rest, result) = (value, [UInt8]())
        while rest >= 0x80 {
            result.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return result + [UInt8(rest)]
    }

    private static func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        stride(from: 0, to: Value.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    // MARK: CRC-32C (Castagnoli), reflected

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
    }

    private static func masked(_ bytes: [UInt8]) -> UInt32 {
        var crc = ~UInt32(0)
        for byte in bytes { crc = crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
        crc = ~crc
        return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
    }
}
