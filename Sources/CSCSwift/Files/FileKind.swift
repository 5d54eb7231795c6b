/// What a file is that was given where a table of text is wanted.
enum FileKind {
    /// Why these first bytes are not a table's, in a sentence that says what to do; nil where they may be one's.
    static func objection(_ head: [UInt8]) -> String? {
        func begins(_ text: String) -> Bool { head.starts(with: text.utf8) }
        if head.starts(with: [0xFF, 0xFE]) || head.starts(with: [0xFE, 0xFF]) {
            return "the file is UTF-16; save it as UTF-8"
        }
        if head.starts(with: [0x50, 0x4B, 3, 4]) {
            let isWorkbook = contains(head, "xl/") || contains(head, "[Content_Types].xml")
            return isWorkbook
                ? "this is a workbook (xlsx), not a table of text; save the sheet as CSV"
                : "the file is compressed; unpack it first"
        }
        if head.starts(with: [0x1F, 0x8B]) || begins("BZh") || head.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
            return "the file is compressed; unpack it first"
        }
        if begins("PAR1") { return "this is a Parquet file, not a table of text; write it as CSV" }
        if begins("SQLite format 3") { return "this is a database, not a table of text; write the table as CSV" }
        if head.starts(with: [0xD0, 0xCF, 0x11, 0xE0]) {
            return "this is a workbook (xls), not a table of text; save the sheet as CSV"
        }
        return isJSON(head) ? "this is JSON, not a table; write it as CSV" : nil
    }

    /// Whether the first bytes are those of JSON objects, or of an array of them.
    static func isJSON(_ head: [UInt8]) -> Bool {
        let marks = head.prefix(4096).filter { ![9, 10, 13, 32].contains($0) }.prefix(3).map { $0 }
        if marks.first == 123 { return marks.count > 1 && (marks[1] == 34 || marks[1] == 125) }  // {" or {}
        if marks.first == 91 { return marks.count > 1 && (marks[1] == 123 || marks[1] == 93) }  // [{ or []
        return false
    }

    private static func contains(_ head: [UInt8], _ text: String) -> Bool {
        let wanted = Array(text.utf8)
        guard head.count >= wanted.count else { return false }
        return (0...head.count - wanted.count).contains { head[$0..<$0 + wanted.count].elementsEqual(wanted) }
    }
}
