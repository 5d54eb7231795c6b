internal import Foundation

/// Builds a table of text that `CSVReader`, spreadsheets and pandas read back unchanged (RFC 4180, LF line ends).
///
/// Fields are quoted only where they must be: when they hold a comma, a quote or a line end, begin or end with a blank,
/// or when a row would otherwise be an empty line.
package struct CSVWriter: Sendable {
    /// The columns' names.
    package let header: [String]
    /// The table so far, header included.
    package private(set) var text: String

    /// A table with these columns and no rows.
    package init(header: [String]) {
        precondition(!header.isEmpty, "CSVWriter: a table needs at least one column")
        self.header = header
        text = Self.line(header)
    }

    /// Adds a row; it must have as many fields as the header. O(characters).
    package mutating func append(_ fields: [String]) {
        precondition(
            fields.count == header.count,
            "CSVWriter.append: the row has \(fields.count) fields, the header \(header.count)")
        text += Self.line(fields)
    }

    /// Writes the table to a file, whole or not at all (`AtomicFile`). Throws `CSCError.file`.
    package func write(to path: String) throws(CSCError) { try AtomicFile.write(text, to: path) }

    /// One row as a line with its line end: for writers that append to a growing file.
    package static func line(_ fields: [String]) -> String {
        if fields == [""] { return "\"\"\n" }
        return fields.map(field).joined(separator: ",") + "\n"
    }

    private static func field(_ text: String) -> String {
        let bytes = text.utf8
        let special = bytes.contains { $0 == 44 || $0 == 34 || $0 == 10 || $0 == 13 || $0 == 59 || $0 == 9 }
        let blank = bytes.first == 32 || bytes.last == 32
        guard special || blank else { return text }
        return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
    }
}
