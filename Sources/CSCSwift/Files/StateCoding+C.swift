internal import Foundation

/// Writes values as bytes, fast for arrays of numbers and of names: for snapshots that the same program reads again.
///
/// The layout follows `Codable`'s calls one after the other: each value of a keyed container after a hash of its key,
/// so that a program whose types have other fields notices and refuses; numbers as they lie in memory. Arrays of plain
/// numbers and strings are one block each.
final class StateEncoder: Encoder {
    private(set) var bytes: [UInt8] = []
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(Keyed<Key>(encoder: self))
    }
    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        put(UInt64(0))
        return Unkeyed(encoder: self, at: bytes.count - 8)
    }
    func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self) }

    /// Adds a plain value's bytes.
    func put<T: BitwiseCopyable>(_ value: T) { withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) } }

    private func block<T: BitwiseCopyable>(_ values: [T]) {
        put(UInt64(values.count))
        values.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }

    fileprivate func setCount(_ count: Int, at place: Int) {
        withUnsafeBytes(of: UInt64(count)) { for (k, byte) in $0.enumerated() { bytes[place + k] = byte } }
    }

    /// The value if that is its type: a cast alone would take an empty array for one of any elements.
    private func exactly<A, B>(_ value: A, _ type: B.Type) -> B? { A.self == type ? value as? B : nil }

    /// Adds any value.
    func encode<T: Encodable>(_ value: T) throws {
        if let value = exactly(value, Int.self) {
            put(value)
        } else if let value = exactly(value, Double.self) {
            put(value)
        } else if let value = exactly(value, Bool.self) {
            put(value)
        } else if let value = exactly(value, Int32.self) {
            put(value)
        } else if let value = exactly(value, UInt64.self) {
            put(value)
        } else if let value = exactly(value, String.self) {
            block(Array(value.utf8))
        } else if let values = exactly(value, [Double].self) {
            block(values)
        } else if let values = exactly(value, [Int].self) {
            block(values)
        } else if let values = exactly(value, [Int32].self) {
            block(values)
        } else if let values = exactly(value, [UInt8].self) {
            block(values)
        } else if let values = exactly(value, [Bool].self) {
            block(values)
        } else if let values = exactly(value, [UInt64].self) {
            block(values)
        } else if let values = exactly(value, [String].self) {
            block(values.map { Int32($0.utf8.count) })
            var all: [UInt8] = []
            for value in values { all.append(contentsOf: value.utf8) }
            block(all)
        } else {
            try value.encode(to: self)
        }
    }

    private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let encoder: StateEncoder
        var codingPath: [any CodingKey] { [] }
        mutating func encodeNil(forKey key: Key) { encoder.put(StateDecoder.mark(key)) }
        mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
            encoder.put(StateDecoder.mark(key))
            try encoder.encode(value)
        }
        mutating func nestedContainer<Nested: CodingKey>(keyedBy: Nested.Type, forKey key: Key)
            -> KeyedEncodingContainer<Nested>
        {
            encoder.put(StateDecoder.mark(key))
            return encoder.container(keyedBy: keyedBy)
        }
        mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            encoder.put(StateDecoder.mark(key))
            return encoder.unkeyedContainer()
        }
        mutating func superEncoder() -> any Encoder { encoder }
        mutating func superEncoder(forKey key: Key) -> any Encoder { encoder }
    }

    private struct Unkeyed: UnkeyedEncodingContainer {
        let encoder: StateEncoder
        let at: Int
        var count = 0
        var codingPath: [any CodingKey] { [] }
        init(encoder: StateEncoder, at: Int) { (self.encoder, self.at) = (encoder, at) }
        private mutating func one() {
            count += 1
            encoder.setCount(count, at: at)
        }
        mutating func encodeNil() { one() }
        mutating func encode<T: Encodable>(_ value: T) throws {
            one()
            try encoder.encode(value)
        }
        mutating func nestedContainer<Nested: CodingKey>(keyedBy: Nested.Type) -> KeyedEncodingContainer<Nested> {
            one()
            return encoder.container(keyedBy: keyedBy)
        }
        mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
            one()
            return encoder.unkeyedContainer()
        }
        mutating func superEncoder() -> any Encoder { encoder }
    }

    private struct Single: SingleValueEncodingContainer {
        let encoder: StateEncoder
        var codingPath: [any CodingKey] { [] }
        // Plain values come here from their own `encode(to:)`; those that have no case above go by their description.
        mutating func encodeNil() {}
        mutating func encode(_ value: Bool) { encoder.put(value) }
        mutating func encode(_ value: String) throws { try encoder.encode(value) }
        mutating func encode(_ value: Double) { encoder.put(value) }
        mutating func encode(_ value: Float) { encoder.put(value) }
        mutating func encode(_ value: Int) { encoder.put(value) }
        mutating func encode(_ value: Int8) { encoder.put(value) }
        mutating func encode(_ value: Int16) { encoder.put(value) }
        mutating func encode(_ value: Int32) { encoder.put(value) }
        mutating func encode(_ value: Int64) { encoder.put(value) }
        mutating func encode(_ value: UInt) { encoder.put(value) }
        mutating func encode(_ value: UInt8) { encoder.put(value) }
        mutating func encode(_ value: UInt16) { encoder.put(value) }
        mutating func encode(_ value: UInt32) { encoder.put(value) }
        mutating func encode(_ value: UInt64) { encoder.put(value) }
        mutating func encode<T: Encodable>(_ value: T) throws { try encoder.encode(value) }
    }
}

/// Reads what `StateEncoder` wrote.
final class StateDecoder: Decoder {
    /// What was wrong: the bytes are of other types, or not whole.
    struct Mismatch: Error {}

    private let bytes: [UInt8]
    private var at: Int
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        at = 0
    }

    /// Whether everything has been read.
    var isAtEnd: Bool { at == bytes.count }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Keyed<Key>(decoder: self))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        let count = try take(UInt64.self)
        guard count <= UInt64(Int32.max) else { throw Mismatch() }
        return Unkeyed(decoder: self, count: Int(count))
    }
    func singleValueContainer() -> any SingleValueDecodingContainer { Single(decoder: self) }

    /// What stands before the value of a key.
    static func mark(_ key: any CodingKey) -> UInt32 {
        key.stringValue.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    }

    fileprivate func next(is key: any CodingKey) -> Bool {
        guard at + 4 <= bytes.count else { return false }
        let mark = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: UInt32.self) }
        return mark == Self.mark(key)
    }

    fileprivate func pass(_ key: any CodingKey) throws {
        guard next(is: key) else { throw Mismatch() }
        at += 4
    }

    /// The next plain value.
    func take<T: BitwiseCopyable>(_ type: T.Type) throws -> T {
        guard bytes.count - at >= MemoryLayout<T>.size else { throw Mismatch() }
        defer { at += MemoryLayout<T>.size }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: T.self) }
    }

    private func block<T: BitwiseCopyable>(_ type: T.Type) throws -> [T] {
        let stored = try take(UInt64.self), size = MemoryLayout<T>.stride
        guard stored <= UInt64((bytes.count - at) / size) else { throw Mismatch() }
        let count = Int(stored)
        let values = [T](unsafeUninitializedCapacity: count) { buffer, initialized in
            bytes.withUnsafeBytes { from in
                if count > 0 { memcpy(buffer.baseAddress!, from.baseAddress! + at, count * size) }
            }
            initialized = count
        }
        at += count * size
        return values
    }

    private func text(_ bytes: ArraySlice<UInt8>) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Mismatch() }
        return text
    }

    private func strings() throws -> [String] {
        let lengths = try block(Int32.self), all = try block(UInt8.self)
        var from = 0
        return try lengths.map { length in
            guard length >= 0, Int(length) <= all.count - from else { throw Mismatch() }
            defer { from += Int(length) }
            return try text(all[from..<from + Int(length)])
        }
    }

    private func flag() throws -> Bool {
        let byte = try take(UInt8.self)
        guard byte < 2 else { throw Mismatch() }
        return byte == 1
    }

    /// The next value of any type.
    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let value: Any
        if type == Int.self {
            value = try take(Int.self)
        } else if type == Double.self {
            value = try take(Double.self)
        } else if type == Bool.self {
            value = try flag()
        } else if type == Int32.self {
            value = try take(Int32.self)
        } else if type == UInt64.self {
            value = try take(UInt64.self)
        } else if type == String.self {
            value = try text(block(UInt8.self)[...])
        } else if type == [Double].self {
            value = try block(Double.self)
        } else if type == [Int].self {
            value = try block(Int.self)
        } else if type == [Int32].self {
            value = try block(Int32.self)
        } else if type == [UInt8].self {
            value = try block(UInt8.self)
        } else if type == [Bool].self {
            value = try block(UInt8.self).map { $0 != 0 }
        } else if type == [UInt64].self {
            value = try block(UInt64.self)
        } else if type == [String].self {
            value = try strings()
        } else {
            return try T(from: self)
        }
        guard let result = value as? T else { throw Mismatch() }
        return result
    }

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let decoder: StateDecoder
        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { [] }
        func contains(_ key: Key) -> Bool { decoder.next(is: key) }
        func decodeNil(forKey key: Key) -> Bool { false }
        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
            try decoder.pass(key)
            return try decoder.decode(type)
        }
        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
            -> KeyedDecodingContainer<Nested>
        {
            try decoder.pass(key)
            return decoder.container(keyedBy: type)
        }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try decoder.pass(key)
            return try decoder.unkeyedContainer()
        }
        func superDecoder() -> any Decoder { decoder }
        func superDecoder(forKey key: Key) -> any Decoder { decoder }
    }

    private struct Unkeyed: UnkeyedDecodingContainer {
        let decoder: StateDecoder
        let count: Int?
        var currentIndex = 0
        var isAtEnd: Bool { currentIndex >= count ?? 0 }
        var codingPath: [any CodingKey] { [] }
        init(decoder: StateDecoder, count: Int) { (self.decoder, self.count) = (decoder, count) }
        private mutating func one() throws {
            guard !isAtEnd else { throw Mismatch() }
            currentIndex += 1
        }
        mutating func decodeNil() -> Bool { false }
        mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
            try one()
            return try decoder.decode(type)
        }
        mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws
            -> KeyedDecodingContainer<Nested>
        {
            try one()
            return decoder.container(keyedBy: type)
        }
        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            try one()
            return try decoder.unkeyedContainer()
        }
        mutating func superDecoder() -> any Decoder { decoder }
    }

    private struct Single: SingleValueDecodingContainer {
        let decoder: StateDecoder
        var codingPath: [any CodingKey] { [] }
        func decodeNil() -> Bool { false }
        func decode(_ type: Bool.Type) throws -> Bool { try decoder.flag() }
        func decode(_ type: String.Type) throws -> String { try decoder.decode(type) }
        func decode(_ type: Double.Type) throws -> Double { try decoder.take(type) }
        func decode(_ type: Float.Type) throws -> Float { try decoder.take(type) }
        func decode(_ type: Int.Type) throws -> Int { try decoder.take(type) }
        func decode(_ type: Int8.Type) throws -> Int8 { try decoder.take(type) }
        func decode(_ type: Int16.Type) throws -> Int16 { try decoder.take(type) }
        func decode(_ type: Int32.Type) throws -> Int32 { try decoder.take(type) }
        func decode(_ type: Int64.Type) throws -> Int64 { try decoder.take(type) }
        func decode(_ type: UInt.Type) throws -> UInt { try decoder.take(type) }
        func decode(_ type: UInt8.Type) throws -> UInt8 { try decoder.take(type) }
        func decode(_ type: UInt16.Type) throws -> UInt16 { try decoder.take(type) }
        func decode(_ type: UInt32.Type) throws -> UInt32 { try decoder.take(type) }
        func decode(_ type: UInt64.Type) throws -> UInt64 { try decoder.take(type) }
        func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.decode(type) }
    }
}
