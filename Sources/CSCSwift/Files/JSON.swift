internal import Foundation

/// A JSON value with keys in the order in which they were given, so that files are reproducible byte for byte.
///
/// Only for writing; Foundation's decoder reads. A number that JSON cannot hold (NaN, infinity) is written as null.
public enum JSON: Sendable {
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
        var text: [UInt8] = []
        write(to: &text, indent: nil, level: 0)
        return String(decoding: text, as: UTF8.self)
    }

    /// Indented by two spaces, with a final newline: a file for people. O(size).
    public var pretty: String {
        var text: [UInt8] = []
        write(to: &text, indent: 2, level: 0)
        text.append(UInt8(ascii: "\n"))
        return String(decoding: text, as: UTF8.self)
    }

    private func write(to text: inout [UInt8], indent: Int?, level: Int) {
        switch self {
        case .null: text += "null".utf8
        case .bool(let value): text += (value ? "true" : "false").utf8
        case .integer(let value): text += String(value).utf8
        case .number(let value): text += (value.isFinite ? value.description : "null").utf8
        case .string(let value): JSON.quote(value, to: &text)
        case .array(let values): JSON.write(values, to: &text, indent: indent, level: level)
        case .object(let members):
            text.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                JSON.newline(&text, indent, level + 1)
                JSON.quote(member.0, to: &text)
                text.append(UInt8(ascii: ":"))
                if indent != nil { text.append(UInt8(ascii: " ")) }
                member.1.write(to: &text, indent: indent, level: level + 1)
            }
            if !members.isEmpty { JSON.newline(&text, indent, level) }
            text.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ values: [JSON], to text: inout [UInt8], indent: Int?, level: Int) {
        let isFlat = indent == nil || values.allSatisfy(\.isScalar)
        text.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 {
                text.append(UInt8(ascii: ","))
                if indent != nil && isFlat { text.append(UInt8(ascii: " ")) }
            }
            if !isFlat { newline(&text, indent, level + 1) }
            value.write(to: &text, indent: indent, level: level + 1)
        }
        if !isFlat && !values.isEmpty { newline(&text, indent, level) }
        text.append(UInt8(ascii: "]"))
    }

    private static func newline(_ text: inout [UInt8], _ indent: Int?, _ level: Int) {
        guard let indent else { return }
        text.append(UInt8(ascii: "\n"))
        text += repeatElement(UInt8(ascii: " "), count: indent * level)
    }

    private var isScalar: Bool {
        switch self {
        case .array, .object: false
        default: true
        }
    }

    private static func quote(_ value: String, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        let first = text.count
        text += value.utf8
        // Nearly all texts have nothing to escape.
        var at = first
        while at < text.count && !mustEscape(text[at]) { at += 1 }
        if at < text.count {
            let rest = Array(text[at...])
            text.removeLast(rest.count)
            for byte in rest { escape(byte, to: &text) }
        }
        text.append(UInt8(ascii: "\""))
    }

    @inline(__always) private static func mustEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private static func escape(_ byte: UInt8, to text: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""): text += "\\\"".utf8
        case UInt8(ascii: "\\"): text += "\\\\".utf8
        case UInt8(ascii: "\n"): text += "\\n".utf8
        case UInt8(ascii: "\r"): text += "\\r".utf8
        case UInt8(ascii: "\t"): text += "\\t".utf8
        case 0..<0x20:
            let digits = String(byte, radix: 16)
            text += ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8
        default: text.append(byte)
        }
    }
}
