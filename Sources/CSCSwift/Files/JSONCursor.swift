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
        fileprivate let bytes: [[UInt8]]

        /// At most 64 names.
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

    private let bytes: [UInt8]
    private var at = 0
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

    /// The path of the value that is read.
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

    /// Nothing but blanks may follow.
    public mutating func end() throws(Fault) {
        skip()
        if at < bytes.count { throw syntax("something follows the document") }
    }

    // MARK: Values

    /// Whether the next value is null; it is read if so.
    public mutating func null() throws(Fault) -> Bool {
        guard try next() == UInt8(ascii: "n") else { return false }
        try word("null")
        return true
    }

    /// Whether the next value is a string. O(1).
    public mutating func isString() throws(Fault) -> Bool { try next() == UInt8(ascii: "\"") }

    /// `true` or `false`.
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

    /// A finite number of magnitude at most `limit`.
    public mutating func number(limit: Double = 1e15) throws(Fault) -> Double {
        let first = try next()
        guard first == UInt8(ascii: "-") || Self.isDigit(first) else { throw wrong("a number", first) }
        let value = try digits()
        if !(abs(value) <= limit) { throw fault("\(value) is beyond what is read, \(limit)") }
        return value
    }

    /// A whole number in a range.
    public mutating func integer(_ range: ClosedRange<Int>) throws(Fault) -> Int {
        let value = try number()
        guard value.rounded() == value, let number = Int(exactly: value), range.contains(number) else {
            throw fault("\(Self.plain(value)) is not a whole number in \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A string.
    public mutating func string() throws(Fault) -> String {
        let first = try next()
        guard first == UInt8(ascii: "\"") else { throw wrong("a string", first) }
        let (low, high, isPlain) = try span()
        if isPlain { return String(decoding: bytes[low..<high], as: UTF8.self) }
        return try unescape(low, high)
    }

    /// The elements of an array, one call of `element` for each.
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
    /// it were not there.
    ///
    /// - Returns: which fields are there, as bits.
    @discardableResult
    public mutating func object(
        _ fields: Fields, _ field: (inout JSONCursor, Int) throws(Fault) -> Void
    ) throws(Fault) -> UInt64 {
        let first = try next()
        guard first == UInt8(ascii: "{") else { throw wrong("an object", first) }
        try enter()
        var seen: UInt64 = 0
        if try next() == UInt8(ascii: "}") {
            at += 1
            return seen
        }
        while true {
            guard try next() == UInt8(ascii: "\"") else { throw syntax("a field's name in quotes is missing") }
            let number = try name(among: fields)
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

    private func syntax(_ reason: String) -> Fault {
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
    @inline(__always) fileprivate mutating func next() throws(Fault) -> UInt8 {
        skip()
        if at >= bytes.count { throw syntax("") }
        return bytes[at]
    }

    private mutating func enter() throws(Fault) {
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

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func plain(_ value: Double) -> String {
        value.rounded() == value && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
    }

    private static let powers: [Double] = (0...22).map { power in (0..<power).reduce(1.0) { value, _ in value * 10 } }

    /// A number by JSON's grammar; exact to the last bit.
    private mutating func digits() throws(Fault) -> Double {
        let start = at
        var mantissa: UInt64 = 0
        var count = 0
        var exponent = 0
        let isNegative = bytes[at] == UInt8(ascii: "-")
        if isNegative { at += 1 }
        guard at < bytes.count, Self.isDigit(bytes[at]) else { throw syntax("a digit is missing") }
        let leading = bytes[at] == UInt8(ascii: "0")
        func take(_ fraction: Bool) {
            while at < bytes.count, Self.isDigit(bytes[at]) {
                if count < 18 {
                    mantissa = mantissa * 10 + UInt64(bytes[at] - 0x30)
                    if fraction { exponent -= 1 }
                } else if !fraction {
                    exponent += 1
                }
                if mantissa > 0 { count += 1 }
                at += 1
            }
        }
        if leading {
            at += 1
            if at < bytes.count, Self.isDigit(bytes[at]) { throw syntax("a number begins with a needless 0") }
        } else {
            take(false)
        }
        if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
            at += 1
            guard at < bytes.count, Self.isDigit(bytes[at]) else { throw syntax("a digit is missing") }
            take(true)
        }
        if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            var sign = 1
            if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") {
                sign = bytes[at] == UInt8(ascii: "-") ? -1 : 1
                at += 1
            }
            guard at < bytes.count, Self.isDigit(bytes[at]) else { throw syntax("a digit is missing") }
            var power = 0
            while at < bytes.count, Self.isDigit(bytes[at]) {
                power = min(100_000, power * 10 + Int(bytes[at] - 0x30))
                at += 1
            }
            exponent += sign * power
        }
        if at < bytes.count, bytes[at] | 0x20 >= 0x61 && bytes[at] | 0x20 <= 0x7A || at < bytes.count && bytes[at] == 0x2E {
            throw syntax("no JSON number stands there")
        }
        if count <= 15 && abs(exponent) <= 22 {
            let value = exponent < 0 ? Double(mantissa) / Self.powers[-exponent] : Double(mantissa) * Self.powers[exponent]
            return isNegative ? -value : value
        }
        return Double(String(decoding: bytes[start..<at], as: UTF8.self)) ?? .infinity
    }

    /// The bytes of a string at the cursor, without its quotes, and whether it has no escape.
    private mutating func span() throws(Fault) -> (Int, Int, Bool) {
        at += 1
        let low = at
        var isPlain = true
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "\"") {
                at += 1
                return (low, at - 1, isPlain)
            }
            if byte < 0x20 { throw syntax("a control character stands in a string; write it as \\u") }
            if byte == UInt8(ascii: "\\") {
                isPlain = false
                at += 1
            }
            at += 1
        }
        at = bytes.count
        throw syntax("")
    }

    private func unescape(_ low: Int, _ high: Int) throws(Fault) -> String {
        var out: [UInt8] = []
        var from = low
        while from < high {
            let byte = bytes[from]
            from += 1
            if byte != UInt8(ascii: "\\") {
                out.append(byte)
                continue
            }
            let mark = bytes[from]
            from += 1
            switch mark {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(mark)
            case UInt8(ascii: "b"): out.append(8)
            case UInt8(ascii: "f"): out.append(12)
            case UInt8(ascii: "n"): out.append(10)
            case UInt8(ascii: "r"): out.append(13)
            case UInt8(ascii: "t"): out.append(9)
            case UInt8(ascii: "u"):
                var code = try unit(from, high)
                from += 4
                if (0xD800..<0xDC00).contains(code), from + 6 <= high, bytes[from] == UInt8(ascii: "\\"),
                    bytes[from + 1] == UInt8(ascii: "u")
                {
                    let low = try unit(from + 2, high)
                    if (0xDC00..<0xE000).contains(low) {
                        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                        from += 6
                    }
                }
                guard let scalar = Unicode.Scalar(code) else {
                    throw fault("half of a surrogate pair is no character")
                }
                out.append(contentsOf: String(scalar).utf8)
            default: throw fault("\\\(Character(Unicode.Scalar(mark))) is no escape of JSON")
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Four hexadecimal digits.
    private func unit(_ from: Int, _ high: Int) throws(Fault) -> UInt32 {
        var value: UInt32 = 0
        guard from + 4 <= high else { throw fault("\\u wants four hexadecimal digits") }
        for byte in bytes[from..<from + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw fault("\\u wants four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// The number of the name at the cursor.
    private mutating func name(among fields: Fields) throws(Fault) -> Int {
        let (low, high, isPlain) = try span()
        if isPlain {
            search: for (number, name) in fields.bytes.enumerated() where name.count == high - low {
                for offset in 0..<name.count where bytes[low + offset] != name[offset] { continue search }
                return number
            }
        }
        let name = try unescape(low, high)
        if let number = fields.names.firstIndex(where: { $0.utf8.elementsEqual(name.utf8) }) { return number }
        let shown = String(name.prefix(60))
        throw Fault(
            path: place.isEmpty ? shown : place + "." + shown,
            reason: "there is no such field\(Spelling.hint(for: shown, among: fields.names))")
    }

    /// Whether all bytes are UTF-8. O(n).
    private static func isUTF8(_ bytes: [UInt8]) -> Bool {
        var at = 0
        while at < bytes.count {
            if bytes[at] < 0x80 {
                at += 1
                continue
            }
            var length = 0
            var least: UInt32 = 0
            var code: UInt32 = 0
            switch bytes[at] {
            case 0xC2...0xDF: (length, least, code) = (1, 0x80, UInt32(bytes[at] & 0x1F))
            case 0xE0...0xEF: (length, least, code) = (2, 0x800, UInt32(bytes[at] & 0x0F))
            case 0xF0...0xF4: (length, least, code) = (3, 0x10000, UInt32(bytes[at] & 0x07))
            default: return false
            }
            guard at + length < bytes.count else { return false }
            for step in 1...length {
                guard bytes[at + step] & 0xC0 == 0x80 else { return false }
                code = code << 6 | UInt32(bytes[at + step] & 0x3F)
            }
            if code < least || code > 0x10FFFF || (0xD800...0xDFFF).contains(code) { return false }
            at += length + 1
        }
        return true
    }
}

/// A string that is equal to another only if its bytes are: Swift's own strings are equal up to Unicode's normal form.
public struct ByteString: Hashable, Sendable {
    /// The text.
    public let text: String

    /// The key of a text.
    public init(_ text: String) { self.text = text }

    /// By bytes. O(length).
    public static func == (a: ByteString, b: ByteString) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

    /// Of the bytes. O(length).
    public func hash(into hasher: inout Hasher) {
        var word: UInt64 = 0
        var count: UInt64 = 0
        for byte in text.utf8 {
            word = word << 8 | UInt64(byte)
            count += 1
            if count % 8 == 0 { hasher.combine(word) }
        }
        hasher.combine(word)
        hasher.combine(count)
    }
}

extension JSONCursor {
    /// Reads a value of any kind and forgets it. O(size).
    public mutating func skipValue() throws(Fault) {
        switch try next() {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "["): try array { (cursor, _) throws(Fault) in try cursor.skipValue() }
        case UInt8(ascii: "{"): try fields { (cursor, _) throws(Fault) in try cursor.skipValue() }
        case UInt8(ascii: "t"), UInt8(ascii: "f"): _ = try bool()
        case UInt8(ascii: "n"): _ = try null()
        default: _ = try number(limit: .greatestFiniteMagnitude)
        }
    }
}
