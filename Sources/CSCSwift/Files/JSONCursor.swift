/// Reads JSON (RFC 8259) from its bytes straight into what it means, without a tree in between, and says where it went
/// wrong: `tasks[3].deadline: ...`.
///
/// Strict: UTF-8 only, no duplicate fields, no field that is not known (the nearest known name is suggested), nothing
/// after the document, at most `deepest` levels. Strings keep their bytes. Each call reads one value at the place where
/// the cursor stands. O(size) for a document.
public struct JSONCursor {
    /// So many levels of arrays and objects are read; deeper documents are refused.
    public static let deepest = 64
    /// Documents of more bytes are refused: 512 MiB.
    public static let largest = 1 << 29

    /// What is wrong with a document, and where.
    public struct Fault: Error, Sendable, Hashable {
        /// The path of the value, such as `tasks[3].deadline`; empty for the document as a whole.
        public var path: String
        /// What is wrong with it, without the path.
        public var reason: String
        /// The document ended too early: more of it may be to come.
        public var isUnfinished: Bool

        /// A fault.
        public init(path: String, reason: String, isUnfinished: Bool = false) {
            self.path = path
            self.reason = reason
            self.isUnfinished = isUnfinished
        }
    }

    /// The known fields of an object, in any order.
    public struct Fields: Sendable {
        /// The names.
        public let names: [String]
        let bytes: [[UInt8]]

        /// At most 64 names. O(names).
        public init(_ names: [String]) {
            precondition(names.count <= 64, "JSONCursor.Fields: \(names.count) names")
            self.names = names
            bytes = names.map { Array($0.utf8) }
        }
    }

    private enum Step {
        case field(String)
        case index(Int)
    }

    let bytes: [UInt8]
    var at = 0
    private var path: [Step] = []

    /// A cursor at the beginning of a document.
    ///
    /// - Throws: `Fault` where it is too large or not UTF-8.
    public init(_ bytes: [UInt8]) throws(Fault) {
        guard bytes.count <= Self.largest else {
            throw Fault(path: "", reason: "\(bytes.count) bytes are more than the \(Self.largest) that are read")
        }
        self.bytes = bytes
        at = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        guard Self.isUTF8(bytes) else { throw Fault(path: "", reason: "is not UTF-8 text") }
    }

    /// A fault of the value that is read. O(depth).
    public func fault(_ reason: String) -> Fault { Fault(path: place, reason: reason) }

    /// The path of the value that is read. O(depth).
    public var place: String {
        var text = ""
        for step in path {
            switch step {
            case .field(let name): text += text.isEmpty ? name : "." + name
            case .index(let number): text += "[\(number)]"
            }
        }
        return text
    }

    /// Nothing but blanks may follow. O(blanks).
    /// - Throws: `Fault` where something else does.
    public mutating func end() throws(Fault) {
        skip()
        if at < bytes.count { throw syntax("something follows the document") }
    }

    // MARK: Values

    /// Whether the next value is null; it is read if so. O(1).
    /// - Throws: `Fault` where it begins like null and is not.
    public mutating func null() throws(Fault) -> Bool {
        guard try next() == UInt8(ascii: "n") else { return false }
        try word("null")
        return true
    }

    /// Whether the next value is a string. O(1).
    /// - Throws: `Fault` at the end of the document.
    public mutating func isString() throws(Fault) -> Bool { try next() == UInt8(ascii: "\"") }

    /// `true` or `false`. O(1).
    /// - Throws: `Fault` where the value is neither.
    public mutating func bool() throws(Fault) -> Bool {
        switch try next() {
        case UInt8(ascii: "t"):
            try word("true")
            return true
        case UInt8(ascii: "f"):
            try word("false")
            return false
        case let first: throw wrong("true or false", first)
        }
    }

    /// A finite number of magnitude at most `limit`. O(digits).
    /// - Throws: `Fault` where the value is no number, or beyond the limit.
    public mutating func number(limit: Double = 1e15) throws(Fault) -> Double {
        let first = try next()
        guard first == UInt8(ascii: "-") || Self.isDigit(first) else { throw wrong("a number", first) }
        let value = try digits()
        if !(abs(value) <= limit) { throw fault("\(value) is beyond what is read, \(limit)") }
        return value
    }

    /// A whole number in a range. O(digits).
    /// - Throws: `Fault` where the value is none, or outside the range.
    public mutating func integer(_ range: ClosedRange<Int>) throws(Fault) -> Int {
        let value = try number()
        guard value.rounded() == value, let number = Int(exactly: value), range.contains(number) else {
            throw fault("\(Self.plain(value)) is not a whole number in \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A string. O(length).
    /// - Throws: `Fault` where the value is none, or holds an escape that JSON does not have.
    public mutating func string() throws(Fault) -> String {
        let first = try next()
        guard first == UInt8(ascii: "\"") else { throw wrong("a string", first) }
        let (low, high, isPlain) = try span()
        if isPlain { return String(decoding: bytes[low..<high], as: UTF8.self) }
        return try unescape(low, high)
    }

    /// The elements of an array, one call of `element` for each. O(size).
    /// - Throws: `Fault` where the value is none, and what `element` throws.
    public mutating func array(_ element: (inout JSONCursor, Int) throws(Fault) -> Void) throws(Fault) {
        let first = try next()
        guard first == UInt8(ascii: "[") else { throw wrong("an array", first) }
        try enter()
        var count = 0
        if try next() == UInt8(ascii: "]") {
            at += 1
            return
        }
        while true {
            path.append(.index(count))
            try element(&self, count)
            path.removeLast()
            count += 1
            let mark = try next()
            at += 1
            if mark == UInt8(ascii: "]") { return }
            guard mark == UInt8(ascii: ",") else {
                at -= 1
                throw syntax("',' or ']' is missing")
            }
        }
    }

    /// The fields of an object, one call of `field` with the number of its name for each. A field that is null is as if
    /// it were not there. O(size).
    ///
    /// - Returns: which fields are there, as bits.
    /// - Throws: `Fault` where the value is none, for an unknown or repeated name, and what `field` throws.
    @discardableResult
    public mutating func object(
        _ fields: Fields, _ field: (inout JSONCursor, Int) throws(Fault) -> Void
    ) throws(Fault) -> UInt64 {
        let first = try next()
        guard first == UInt8(ascii: "{") else { throw wrong("an object", first) }
        try enter()
        var seen: UInt64 = 0
        var guess = 0
        if try next() == UInt8(ascii: "}") {
            at += 1
            return seen
        }
        while true {
            guard try next() == UInt8(ascii: "\"") else { throw syntax("a field's name in quotes is missing") }
            let number = try name(among: fields, guess: guess)
            guess = number + 1
            path.append(.field(fields.names[number]))
            if seen >> UInt64(number) & 1 == 1 { throw fault("is there twice") }
            guard try next() == UInt8(ascii: ":") else { throw syntax("':' is missing") }
            at += 1
            if try !null() {
                seen |= 1 << UInt64(number)
                try field(&self, number)
            }
            path.removeLast()
            let mark = try next()
            at += 1
            if mark == UInt8(ascii: "}") { return seen }
            guard mark == UInt8(ascii: ",") else {
                at -= 1
                throw syntax("',' or '}' is missing")
            }
        }
    }

    /// The fields of an object whatever their names, one call of `field` with each name; it must read the value.
    /// O(size).
    /// - Throws: `Fault` where the value is none, and what `field` throws.
    public mutating func fields(_ field: (inout JSONCursor, String) throws(Fault) -> Void) throws(Fault) {
        let first = try next()
        guard first == UInt8(ascii: "{") else { throw wrong("an object", first) }
        try enter()
        if try next() == UInt8(ascii: "}") {
            at += 1
            return
        }
        while true {
            guard try next() == UInt8(ascii: "\"") else { throw syntax("a field's name in quotes is missing") }
            let name = try string()
            path.append(.field(name))
            guard try next() == UInt8(ascii: ":") else { throw syntax("':' is missing") }
            at += 1
            try field(&self, name)
            path.removeLast()
            let mark = try next()
            at += 1
            if mark == UInt8(ascii: "}") { return }
            guard mark == UInt8(ascii: ",") else {
                at -= 1
                throw syntax("',' or '}' is missing")
            }
        }
    }

    /// As if the field had been read: for checks of a value after its object. O(1).
    public func fault(at field: String, _ reason: String) -> Fault {
        let place = self.place
        return Fault(path: place.isEmpty ? field : place + "." + field, reason: reason)
    }

    // MARK: Bytes

    func syntax(_ reason: String) -> Fault {
        let isOver = at >= bytes.count
        var (line, column) = (1, 1)
        for byte in bytes.prefix(at) {
            if byte == UInt8(ascii: "\n") { (line, column) = (line + 1, 1) } else { column += 1 }
        }
        let spot = "line \(line), column \(column)"
        return Fault(
            path: place, reason: isOver ? "the document ends too early (\(spot))" : "\(reason) (\(spot))",
            isUnfinished: isOver)
    }

    private func wrong(_ wanted: String, _ first: UInt8) -> Fault {
        let found: String
        switch first {
        case UInt8(ascii: "{"): found = "an object"
        case UInt8(ascii: "["): found = "an array"
        case UInt8(ascii: "\""): found = "a string"
        case UInt8(ascii: "t"), UInt8(ascii: "f"): found = "true or false"
        case UInt8(ascii: "n"): found = "null"
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): found = "a number"
        default: return syntax("\(wanted) is missing")
        }
        return fault("\(wanted) is wanted, \(found) stands there")
    }

    @inline(__always) private mutating func skip() {
        while at < bytes.count {
            let byte = bytes[at]
            if byte != 0x20 && byte != 0x0A && byte != 0x0D && byte != 0x09 { return }
            at += 1
        }
    }

    /// The next byte that is not blank, not taken.
    @inline(__always) mutating func next() throws(Fault) -> UInt8 {
        skip()
        if at >= bytes.count { throw syntax("") }
        return bytes[at]
    }

    mutating func enter() throws(Fault) {
        at += 1
        if path.count >= Self.deepest { throw fault("lies deeper than \(Self.deepest) levels") }
    }

    private mutating func word(_ text: StaticString) throws(Fault) {
        let end = at + text.utf8CodeUnitCount
        let found = bytes[at..<min(end, bytes.count)]
        if found.elementsEqual(text.description.utf8) {
            at = end
            if at < bytes.count, Self.isDigit(bytes[at]) || bytes[at] | 0x20 >= 0x61 && bytes[at] | 0x20 <= 0x7A {
                throw syntax("no JSON value stands there")
            }
            return
        }
        if end > bytes.count { at = bytes.count }
        throw syntax("no JSON value stands there")
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func plain(_ value: Double) -> String {
        value.rounded() == value && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
    }
}
