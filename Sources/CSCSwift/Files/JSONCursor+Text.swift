/// The characters of JSON: numbers, strings, UTF-8.
extension JSONCursor {
    private static let powers: [Double] = (0...22).map { power in (0..<power).reduce(1.0) { value, _ in value * 10 } }

    /// A number by JSON's grammar; exact to the last bit.
    mutating func digits() throws(Fault) -> Double {
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
        if at < bytes.count,
            bytes[at] | 0x20 >= 0x61 && bytes[at] | 0x20 <= 0x7A || at < bytes.count && bytes[at] == 0x2E
        {
            throw syntax("no JSON number stands there")
        }
        if count <= 15 && abs(exponent) <= 22 {
            let value =
                exponent < 0 ? Double(mantissa) / Self.powers[-exponent] : Double(mantissa) * Self.powers[exponent]
            return isNegative ? -value : value
        }
        if count <= 18, mantissa > 0, (-19 ... -1).contains(exponent) {
            let value = Self.quotient(mantissa, Self.wholePowers[-exponent])
            return isNegative ? -value : value
        }
        return Double(String(decoding: bytes[start..<at], as: UTF8.self)) ?? .infinity
    }

    private static let wholePowers: [UInt64] = (0...19).map { power in (0..<power).reduce(1) { value, _ in value * 10 }
    }

    /// The number nearest to the quotient of two positive whole numbers (to the even one of two as near). Both are shifted
    /// to 64 bits, so that their quotient has at least 63 of them; what the division leaves over makes its last bit odd,
    /// and rounding to 53 bits then sees on which side of the middle it lies.
    private static func quotient(_ dividend: UInt64, _ divisor: UInt64) -> Double {
        let (up, down) = (dividend.leadingZeroBitCount, divisor.leadingZeroBitCount)
        let wide = dividend << UInt64(up)
        let (whole, rest) = (divisor << UInt64(down)).dividingFullWidth((wide >> 1, wide << 63))
        return Double(sign: .plus, exponent: down - up - 63, significand: Double(rest == 0 ? whole : whole | 1))
    }

    /// The bytes of a string at the cursor, without its quotes, and whether it has no escape.
    mutating func span() throws(Fault) -> (Int, Int, Bool) {
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

    func unescape(_ low: Int, _ high: Int) throws(Fault) -> String {
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
    func unit(_ from: Int, _ high: Int) throws(Fault) -> UInt32 {
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

    /// The number of the name at the cursor; `guess` is looked at first.
    mutating func name(among fields: Fields, guess: Int) throws(Fault) -> Int {
        let (low, high, isPlain) = try span()
        if isPlain {
            // Fields mostly come in the order of the object before.
            let names = fields.bytes
            var number = guess < names.count ? guess : 0
            search: for _ in names.indices {
                defer { number = number + 1 < names.count ? number + 1 : 0 }
                if names[number].count != high - low { continue }
                for offset in 0..<high - low where bytes[low + offset] != names[number][offset] { continue search }
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
    static func isUTF8(_ bytes: [UInt8]) -> Bool {
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

extension JSONCursor {
    /// Reads a value of any kind and forgets it. O(size).
    /// - Throws: `Fault` where it is no JSON.
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
