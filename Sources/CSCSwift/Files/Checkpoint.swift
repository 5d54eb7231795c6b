/// A saved state: named sections of numbers or text in one binary file, each with its own 64-bit hash.
///
/// Layout, little-endian: the magic "CAFECKPT", the format's version (u32), the number of sections (u32); for each
/// section its name (u16 length, UTF-8), its kind (u8), its size in bytes (u64) and the SipHash-2-4 of its bytes; the
/// hash of all that; then the sections' bytes in order and nothing more. So a torn, shortened, padded or edited file
/// is refused, with the name of the section that is wrong.
public struct Checkpoint: Sendable, Equatable {
    /// The version of the format that is written; others are refused.
    public static let formatVersion: UInt32 = 1

    private enum Kind: UInt8 { case floats = 1, doubles, integers, text }
    private struct Section: Sendable, Equatable {
        var name: String
        var kind: Kind
        var bytes: [UInt8]
    }
    private var sections: [Section] = []
    /// The file that it was read from, for errors.
    private(set) var path = "checkpoint"

    /// A checkpoint without sections.
    public init() {}

    /// The names of the sections in the order in which they were first set. O(sections).
    public var names: [String] { sections.map(\.name) }

    /// True when there is a section of that name. O(sections).
    public func contains(_ name: String) -> Bool { sections.contains { $0.name == name } }

    // MARK: Setting and getting sections

    /// Sets a section to floats, bit for bit; a section of that name is replaced. O(values + sections).
    public mutating func set(_ name: String, floats: [Float]) {
        var bytes = ByteWriter(capacity: 4 * floats.count)
        for value in floats { bytes.put(value.bitPattern) }
        set(name, .floats, bytes.bytes)
    }

    /// Sets a section to doubles, bit for bit; otherwise as with floats. O(values + sections).
    public mutating func set(_ name: String, doubles: [Double]) {
        var bytes = ByteWriter(capacity: 8 * doubles.count)
        for value in doubles { bytes.put(value.bitPattern) }
        set(name, .doubles, bytes.bytes)
    }

    /// Sets a section to integers, 64 bits each; otherwise as with floats. O(values + sections).
    public mutating func set(_ name: String, integers: [Int]) {
        var bytes = ByteWriter(capacity: 8 * integers.count)
        for value in integers { bytes.put(UInt64(bitPattern: Int64(value))) }
        set(name, .integers, bytes.bytes)
    }

    /// Sets a section to text, in UTF-8; otherwise as with floats. O(bytes + sections).
    public mutating func set(_ name: String, text: String) { set(name, .text, Array(text.utf8)) }

    /// The floats of a section. Throws `CSCError.damaged` when it is absent, of another kind, not of `count`, or, unless
    /// `finite` is false, holds a number that is not finite. O(sections + count).
    public func floats(_ name: String, count: Int? = nil, finite: Bool = true) throws(CSCError) -> [Float] {
        var reader = try open(name, .floats, width: 4, count: count)
        let values = (0..<reader.bytes.count / 4).map { _ in Float(bitPattern: reader.take(UInt32.self)) }
        if finite, let at = values.firstIndex(where: { !$0.isFinite }) { throw notFinite(name, at) }
        return values
    }

    /// The doubles of a section; throws as `floats` does. O(sections + count).
    public func doubles(_ name: String, count: Int? = nil, finite: Bool = true) throws(CSCError) -> [Double] {
        var reader = try open(name, .doubles, width: 8, count: count)
        let values = (0..<reader.bytes.count / 8).map { _ in Double(bitPattern: reader.take(UInt64.self)) }
        if finite, let at = values.firstIndex(where: { !$0.isFinite }) { throw notFinite(name, at) }
        return values
    }

    /// The integers of a section; throws as `floats` does, and where one lies outside `range`. O(sections + count).
    public func integers(
        _ name: String, count: Int? = nil, in range: ClosedRange<Int> = .min ... .max
    ) throws(CSCError) -> [Int] {
        var reader = try open(name, .integers, width: 8, count: count)
        let values = (0..<reader.bytes.count / 8).map { _ in Int(Int64(bitPattern: reader.take(UInt64.self))) }
        if let at = values.firstIndex(where: { !range.contains($0) }) {
            throw .damaged(
                path: path,
                reason:
                    "section '\(name)' holds \(values[at]), not a number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return values
    }

    /// A counter that continues from what a section of one integer holds: from 0 on, far from the end of 64 bits.
    /// Throws as `integers` does. O(sections).
    public func counter(_ name: String) throws(CSCError) -> Int { try integers(name, count: 1, in: Self.counters)[0] }

    /// What a counter of a saved state may have come to.
    static let counters = 0...(1 << 56)

    private func notFinite(_ name: String, _ at: Int) -> CSCError {
        .damaged(path: path, reason: "section '\(name)' holds a number that is not finite, at position \(at)")
    }

    /// The text of a section; throws as `floats` does. O(sections + length).
    public func text(_ name: String) throws(CSCError) -> String {
        let reader = try open(name, .text, width: 1, count: nil)
        return String(decoding: reader.bytes, as: UTF8.self)
    }

    private mutating func set(_ name: String, _ kind: Kind, _ bytes: [UInt8]) {
        let section = Section(name: name, kind: kind, bytes: bytes)
        if let index = sections.firstIndex(where: { $0.name == name }) {
            sections[index] = section
        } else {
            sections.append(section)
        }
    }

    private func open(_ name: String, _ kind: Kind, width: Int, count: Int?) throws(CSCError) -> ByteReader {
        guard let section = sections.first(where: { $0.name == name }) else {
            throw .damaged(path: path, reason: "section '\(name)' is missing")
        }
        guard section.kind == kind else {
            throw .damaged(path: path, reason: "section '\(name)' holds \(section.kind), not \(kind)")
        }
        let found = section.bytes.count / width
        guard count == nil || found == count else {
            throw .damaged(path: path, reason: "section '\(name)' has \(found) values, this run needs \(count!)")
        }
        return ByteReader(bytes: section.bytes)
    }

    // MARK: The file

    private static let magic = Array("CAFECKPT".utf8)

    /// The bytes of the file. O(size).
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 64 + sections.reduce(0) { $0 + $1.bytes.count + $1.name.utf8.count + 24 })
        writer.bytes += Checkpoint.magic
        writer.put(Checkpoint.formatVersion)
        writer.put(UInt32(sections.count))
        for section in sections {
            let name = Array(section.name.utf8)
            precondition(name.count <= Int(UInt16.max), "Checkpoint: a section's name of \(name.count) bytes")
            writer.put(UInt16(name.count))
            writer.bytes += name
            writer.put(section.kind.rawValue)
            writer.put(UInt64(section.bytes.count))
            writer.put(ContentHash.sipHash(section.bytes))
        }
        writer.put(ContentHash.sipHash(writer.bytes))
        for section in sections { writer.bytes += section.bytes }
        return writer.bytes
    }

    /// Reads the bytes of a file; `path` names it in errors. Throws `CSCError.damaged`. O(size).
    public init(decoding bytes: [UInt8], path: String) throws(CSCError) {
        func damaged(_ reason: String) -> CSCError { .damaged(path: path, reason: reason) }
        self.path = path
        var reader = ByteReader(bytes: bytes)
        guard reader.has(16) else { throw damaged("only \(bytes.count) bytes") }
        guard reader.take(8) == Checkpoint.magic else { throw damaged("it is not a checkpoint") }
        let version = reader.take(UInt32.self)
        guard version <= Checkpoint.formatVersion || version > 255 else {
            throw .file(
                path: path,
                reason:
                    "it is of format \(version), this program reads \(Checkpoint.formatVersion): use the newer program")
        }
        guard version == Checkpoint.formatVersion else { throw damaged("there is no format version \(version)") }
        let count = reader.take(UInt32.self)
        guard Int(count) <= bytes.count else { throw damaged("the table of sections is cut short") }
        var table: [(section: Section, size: Int, hash: UInt64)] = []
        for _ in 0..<count {
            guard reader.has(2) else { throw damaged("the table of sections is cut short") }
            let length = Int(reader.take(UInt16.self))
            guard reader.has(length + 17) else { throw damaged("the table of sections is cut short") }
            let name = String(decoding: reader.take(length), as: UTF8.self)
            guard let kind = Kind(rawValue: reader.take(UInt8.self)) else {
                throw damaged("section '\(name)' is of an unknown kind")
            }
            let size = reader.take(UInt64.self)
            let hash = reader.take(UInt64.self)
            guard size <= UInt64(bytes.count) else { throw damaged("section '\(name)' is cut short") }
            table.append((Section(name: name, kind: kind, bytes: []), Int(size), hash))
        }
        guard reader.has(8) else { throw damaged("the table of sections is cut short") }
        guard Set(table.map(\.section.name)).count == table.count else { throw damaged("a section is there twice") }
        let header = ContentHash.sipHash(Array(bytes[..<reader.position]))
        guard reader.take(UInt64.self) == header else { throw damaged("the table of sections does not match its hash") }
        for entry in table {
            var section = entry.section
            guard reader.has(entry.size) else { throw damaged("section '\(section.name)' is cut short") }
            section.bytes = reader.take(entry.size)
            guard ContentHash.sipHash(section.bytes) == entry.hash else {
                throw damaged("section '\(section.name)' does not match its hash")
            }
            sections.append(section)
        }
        guard reader.position == bytes.count else {
            throw damaged("\(bytes.count - reader.position) bytes too many")
        }
    }

    /// Writes the file atomically. Throws `CSCError.file`. O(size).
    public func write(to path: String) throws(CSCError) { try AtomicFile.write(encoded(), to: path) }

    /// Reads a file. Throws `CSCError.file` when it cannot be read, `CSCError.damaged` when it is not whole. O(size).
    public init(contentsOf path: String) throws(CSCError) {
        try self.init(decoding: try AtomicFile.read(path), path: path)
    }

    /// True when both hold the same sections in the same order, bit for bit, whatever files they came from. O(size).
    public static func == (a: Checkpoint, b: Checkpoint) -> Bool { a.sections == b.sections }
}

/// Little-endian integers appended to bytes.
private struct ByteWriter {
    var bytes: [UInt8] = []

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func put<Value: FixedWidthInteger>(_ value: Value) {
        for shift in stride(from: 0, to: Value.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}

/// Little-endian integers taken from bytes; the caller asks `has` before it takes.
private struct ByteReader {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    func has(_ count: Int) -> Bool { position + count <= bytes.count }

    mutating func take(_ count: Int) -> [UInt8] {
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    mutating func take<Value: FixedWidthInteger>(_: Value.Type) -> Value {
        var value: Value = 0
        for k in 0..<Value.bitWidth / 8 { value |= Value(truncatingIfNeeded: bytes[position + k]) << Value(8 * k) }
        position += Value.bitWidth / 8
        return value
    }
}
