internal import Foundation

/// A JSON value with keys in the order in which they were given, so that files are reproducible byte for byte.
///
/// Only for writing; Foundation's decoder reads. A number that JSON cannot hold (NaN, infinity) is written as null.
public indirect enum JSON: Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A whole number.
    case integer(Int)
    /// A number; NaN and infinities are written as null.
    case number(Double)
    /// A string, escaped as needed.
    case string(String)
    /// Values in order.
    case array([JSON])
    /// Fields in the order given; keys are not checked for repetition.
    case object([(String, JSON)])

    /// On one line, without spaces: a line of a .jsonl file. O(size).
    public var line: String {
        var text = ""
        write(to: &text, indent: nil, level: 0)
        return text
    }

    /// Indented by two spaces, with a final newline: a file for people. O(size).
    public var pretty: String {
        var text = ""
        write(to: &text, indent: 2, level: 0)
        return text + "\n"
    }

    private func write(to text: inout String, indent: Int?, level: Int) {
        func newline(_ level: Int) {
            if let indent { text += "\n" + String(repeating: " ", count: indent * level) }
        }
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .number(let value): text += value.isFinite ? value.description : "null"
        case .string(let value): JSON.quote(value, to: &text)
        case .array(let values):
            let flat = values.allSatisfy(\.isScalar)
            text += "["
            for (index, value) in values.enumerated() {
                if index > 0 { text += indent != nil && flat ? ", " : "," }
                if !flat { newline(level + 1) }
                value.write(to: &text, indent: indent, level: level + 1)
            }
            if !flat && !values.isEmpty { newline(level) }
            text += "]"
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += "," }
                newline(level + 1)
                JSON.quote(member.0, to: &text)
                text += indent != nil ? ": " : ":"
                member.1.write(to: &text, indent: indent, level: level + 1)
            }
            if !members.isEmpty { newline(level) }
            text += "}"
        }
    }

    private var isScalar: Bool {
        switch self {
        case .array, .object: false
        default: true
        }
    }

    private static func quote(_ value: String, to text: inout String) {
        text += "\""
        // Nearly all texts have nothing to escape.
        if value.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
            text += value
            text += "\""
            return
        }
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
