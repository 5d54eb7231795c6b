internal import Foundation

/// Cuts a stream of bytes into rows and fields; the inner half of `CSVReader`.
///
/// Representation: one buffer holds the unread part of the file; a row is the list of its fields' byte ranges in that
/// buffer, valid until the next row. A row that the buffer does not hold whole is scanned again after a refill, and
/// refills double for long rows, so the work stays O(bytes). Not copyable, so that reading a field copies nothing but
/// the field. Hot call: `nextRow`.
struct CSVScanner: ~Copyable {
    private(set) var buffer: [UInt8]
    private(set) var starts: [Int] = []
    private(set) var ends: [Int] = []
    private(set) var escaped: [Bool] = []
    /// How many fields the current row has.
    private(set) var count = 0
    /// The line, from 1, on which the current row begins.
    private(set) var line = 0

    private let path: String
    private let separator: UInt8
    private let blanks: Bool
    private let comment: UInt8?
    private var position = 0
    private var nextLine = 1
    private var handle: (any ByteSource)?

    private static let quote: UInt8 = 34
    private static let chunk = 1 << 18

    /// A scanner of `text`, or of what `handle` still has after it.
    init(path: String, text: [UInt8], handle: (any ByteSource)?, separator: UInt8, blanks: Bool, comment: UInt8?) {
        self.path = path
        self.buffer = text
        self.handle = handle
        self.separator = separator
        self.blanks = blanks
        self.comment = comment
    }

    /// Steps over `count` whole lines, whatever they hold.
    mutating func skipLines(_ count: Int) throws(CSCError) {
        var left = count
        while left > 0 {
            if let newline = buffer[position...].firstIndex(of: 10) {
                position = newline + 1
                nextLine += 1
                left -= 1
            } else if try !refill() {
                position = buffer.count
                return
            }
        }
    }

    /// Steps to the next row that is neither empty nor a comment; false at the end. O(bytes of the row).
    mutating func nextRow() throws(CSCError) -> Bool {
        while true {
            guard position < buffer.count else {
                if try !refill() { return false }
                continue
            }
            count = 0
            line = nextLine
            let scanned = blanks ? scanBlankSeparated() : try scanQuoted()
            guard let scanned else {
                _ = try refill()
                continue
            }
            let first = buffer[position]
            position = scanned.next
            nextLine += scanned.lines
            if let comment, first == comment { continue }
            if count == 0 || (count == 1 && starts[0] == ends[0] && first != Self.quote) { continue }
            return true
        }
    }

    private struct Row {
        let next: Int
        let lines: Int
    }

    /// One row with a separator byte and quotes; nil where the buffer ends before the row does.
    private mutating func scanQuoted() throws(CSCError) -> Row? {
        let size = buffer.count
        let atEnd = handle == nil
        var at = position
        var lines = 0
        if let comment, buffer[at] == comment {
            while at < size && buffer[at] != 10 { at += 1 }
            if at == size { return atEnd ? Row(next: size, lines: 1) : nil }
            return Row(next: at + 1, lines: 1)
        }
        while true {
            while at < size && isBlank(buffer[at]) { at += 1 }
            if at < size && buffer[at] == Self.quote {
                var close = at + 1
                var hasEscape = false
                while true {
                    while close < size && buffer[close] != Self.quote {
                        if buffer[close] == 10 { lines += 1 }
                        close += 1
                    }
                    if close >= size {
                        if !atEnd { return nil }
                        throw .table(path: path, reason: "the quote opened in the row of line \(line) is never closed")
                    }
                    if close + 1 >= size && !atEnd { return nil }
                    guard close + 1 < size && buffer[close + 1] == Self.quote else { break }
                    hasEscape = true
                    close += 2
                }
                add(at + 1, close, hasEscape)
                at = close + 1
                while at < size && isBlank(buffer[at]) { at += 1 }
                if at + 1 < size && buffer[at] == 13 && buffer[at + 1] == 10 { at += 1 }
                if at + 1 == size && buffer[at] == 13 && atEnd { at += 1 }
                if at + 1 >= size && !atEnd { return nil }
                if at < size && buffer[at] != separator && buffer[at] != 10 {
                    var stop = at
                    while stop < size && buffer[stop] != 10 { stop += 1 }
                    if stop == size && !atEnd { return nil }
                    position = min(stop + 1, size)
                    nextLine += lines + 1
                    throw .row(
                        path: path, line: line, column: "\(count)",
                        value: String(decoding: buffer[starts[count - 1]..<close], as: UTF8.self),
                        reason: "text follows the closing quote")
                }
            } else {
                let start = at
                while at < size && buffer[at] != separator && buffer[at] != 10 { at += 1 }
                if at == size && !atEnd { return nil }
                var end = at
                if end > start && buffer[end - 1] == 13 && (at == size || buffer[at] == 10) { end -= 1 }
                while end > start && isBlank(buffer[end - 1]) { end -= 1 }
                add(start, end, false)
            }
            if at >= size { return Row(next: size, lines: lines + 1) }
            let byte = buffer[at]
            at += 1
            if byte == 10 { return Row(next: at, lines: lines + 1) }
        }
    }

    /// One row whose fields stand between runs of blanks; nil where the buffer ends before the row does.
    private mutating func scanBlankSeparated() -> Row? {
        let size = buffer.count
        var at = position
        while true {
            while at < size && (isBlank(buffer[at]) || buffer[at] == 13) { at += 1 }
            let start = at
            while at < size && !isBlank(buffer[at]) && buffer[at] != 10 && buffer[at] != 13 { at += 1 }
            if at == size {
                if handle != nil { return nil }
                if at > start { add(start, at, false) }
                return Row(next: size, lines: 1)
            }
            if at > start { add(start, at, false) }
            if buffer[at] == 10 { return Row(next: at + 1, lines: 1) }
        }
    }

    /// The field's text; nil where it is not UTF-8.
    func text(_ field: Int) -> String? {
        var at = starts[field]
        let end = ends[field]
        while at < end && buffer[at] < 128 { at += 1 }
        let bytes = buffer[starts[field]..<end]
        let text = at == end ? String(decoding: bytes, as: UTF8.self) : String(validating: bytes, as: UTF8.self)
        return escaped[field] ? text?.replacingOccurrences(of: "\"\"", with: "\"") : text
    }

    func int(_ field: Int) -> Int? { FieldParser.int(buffer, starts[field], ends[field]) }
    func double(_ field: Int) -> Double? { FieldParser.double(buffer, starts[field], ends[field]) }
    func bool(_ field: Int) -> Bool? { FieldParser.bool(buffer, starts[field], ends[field]) }
    func stamp(_ field: Int) -> TimeStamp? { FieldParser.stamp(buffer, starts[field], ends[field]) }

    private func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (byte == 9 && separator != 9) }

    private mutating func add(_ start: Int, _ end: Int, _ hasEscape: Bool) {
        if count == starts.count {
            starts.append(start)
            ends.append(end)
            escaped.append(hasEscape)
        } else {
            starts[count] = start
            ends[count] = end
            escaped[count] = hasEscape
        }
        count += 1
    }

    /// Reads more of the file after the unread bytes; false where there is no more.
    private mutating func refill() throws(CSCError) -> Bool {
        guard let handle else { return false }
        let wanted = max(Self.chunk, buffer.count - position)
        let data: Data?
        do {
            data = try handle.read(upToCount: wanted)
        } catch {
            throw error as? CSCError ?? .file(path: path, reason: "cannot be read: \(error.localizedDescription)")
        }
        guard let data, !data.isEmpty else {
            self.handle = nil
            return position < buffer.count
        }
        buffer.removeSubrange(0..<position)
        position = 0
        buffer.append(contentsOf: data)
        return true
    }
}
