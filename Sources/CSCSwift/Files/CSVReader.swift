internal import Foundation

/// How a table of text is laid out.
public struct CSVFormat: Sendable, Hashable {
    /// What stands between two fields.
    public enum Separator: Sendable, Hashable {
        /// Whichever of comma, tab and semicolon is most frequent in the first line; a comma where there is none.
        case automatic
        /// A comma.
        case comma
        /// A tab.
        case tab
        /// A semicolon.
        case semicolon
        /// Any run of blanks or tabs; quotes have no meaning then.
        case blanks
    }

    /// Where the columns' names come from.
    public enum Header: Sendable, Hashable {
        /// The first row that is neither empty nor a comment.
        case firstLine
        /// There are none: the columns are called "1", "2", ... and the first row says how many there are.
        case absent
        /// These, and the first row is data already.
        case names([String])
    }

    /// What stands between two fields.
    public var separator: Separator
    /// Where the columns' names come from.
    public var header: Header
    /// A line that begins with this byte is skipped. Off unless set.
    public var comment: UInt8?
    /// How many lines to step over before anything else.
    public var skippedLines: Int
    /// Whether rows may be shorter or longer than the header.
    public var ragged: Bool
    /// Which column is which, where a user has said so.
    package var columns = ColumnMapping()

    /// A layout; the default is a table with a header line, separated by comma, tab or semicolon.
    public init(
        separator: Separator = .automatic, header: Header = .firstLine, comment: UInt8? = nil, skippedLines: Int = 0,
        ragged: Bool = false
    ) {
        self.separator = separator
        self.header = header
        self.comment = comment
        self.skippedLines = skippedLines
        self.ragged = ragged
    }
}

/// Reads a table of text row by row: the product's one reader of CSV, tab- and blank-separated files.
///
/// ```swift
/// let table = try CSVReader(path: "labels.csv")
/// let task = try table.column("task", "item", "question")
/// let label = try table.column("label", "answer")
/// while try table.next() {
///     use(try table.string(task), try table.int(label))
/// }
/// ```
///
/// The file is streamed: memory is one buffer, however long the file. RFC 4180 quotes (a quoted field may hold
/// separators, line ends and doubled quotes), LF and CRLF, a UTF-8 byte order mark. Blanks around a field are dropped
/// unless they are quoted; a quote inside an unquoted field is an ordinary character; empty lines are skipped.
///
/// Every error names file and line, and column and value where there are any. A row with too few or too many fields is
/// an error unless the format is `ragged`. A reader is used by one thread at a time.
public final class CSVReader {
    /// The file's path, as errors show it.
    public let path: String
    /// The columns' names, in the file's order.
    public let names: [String]
    /// Whether the names come from the file or the caller rather than being numbers.
    private let isNamed: Bool
    private let ragged: Bool
    private let columns: ColumnMapping
    private var scanner: CSVScanner
    private var pending = false

    /// Opens the file and reads its header. "-" is standard input. O(first line).
    /// - Throws: `CSCError.file` where it cannot be opened, `CSCError.table` where it has no first row or a header that
    ///   cannot be meant.
    public convenience init(path: String, format: CSVFormat = CSVFormat()) throws(CSCError) {
        if path == "-" {
            try self.init(path: "standard input", text: [], handle: FileHandle.standardInput, format: format)
            return
        }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .file(path: path, reason: "there is no such file")
        }
        guard !isFolder.boolValue else { throw .file(path: path, reason: "this is a folder, not a file") }
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw .file(path: path, reason: "cannot be opened for reading")
        }
        try self.init(path: path, text: [], handle: handle, format: format)
    }

    /// Reads a table that is in memory already; errors call it `name`. O(size).
    /// - Throws: `CSCError` as for a file: no header, a name used twice.
    public convenience init(text: String, name: String = "text", format: CSVFormat = CSVFormat()) throws(CSCError) {
        try self.init(path: name, text: Array(text.utf8), handle: nil, format: format)
    }

    /// As `init(text:)`, from bytes. O(first line).
    /// - Throws: as `init(text:)`.
    public convenience init(bytes: [UInt8], name: String, format: CSVFormat = CSVFormat()) throws(CSCError) {
        try self.init(path: name, text: bytes, handle: nil, format: format)
    }

    private init(path: String, text: [UInt8], handle: (any ByteSource)?, format: CSVFormat) throws(CSCError) {
        self.path = path
        self.ragged = format.ragged
        columns = format.columns
        var head = text
        var handle = handle
        func fill() throws(CSCError) {
            do { head = try handle?.read(upToCount: 1 << 16).map { Array($0) } ?? [] } catch {
                throw error as? CSCError ?? .file(path: path, reason: "cannot be read: \(error.localizedDescription)")
            }
        }
        if handle != nil { try fill() }
        if head.starts(with: [0x1F, 0x8B]) {
            handle = GzipSource(path: path, head: head, file: handle)
            try fill()
        }
        if head.starts(with: [0xEF, 0xBB, 0xBF]) { head.removeFirst(3) }
        if let objection = FileKind.objection(head) { throw .table(path: path, reason: objection) }
        let announced = format.skippedLines == 0 ? Self.announcedSeparator(head) : nil
        var scan = CSVScanner(
            path: path, text: head, handle: handle,
            separator: format.separator == .automatic
                ? announced ?? Self.separator(format, head) : Self.separator(format, head),
            blanks: format.separator == .blanks, comment: format.comment)
        try scan.skipLines(announced == nil ? format.skippedLines : 1)
        switch format.header {
        case .firstLine:
            guard try scan.nextRow() else { throw .table(path: path, reason: "the file is empty") }
            var found: [String] = []
            for column in 0..<scan.count { found.append(scan.text(column) ?? "?") }
            if found.contains(where: { $0.contains("\r") }) {
                throw .table(path: path, reason: "lines end in a bare carriage return; save it with LF or CRLF")
            }
            names = found
            isNamed = true
        case .names(let given):
            names = given
            isNamed = true
        case .absent:
            pending = try scan.nextRow()
            guard pending else { throw .table(path: path, reason: "the file is empty") }
            names = (1...scan.count).map(String.init)
            isNamed = false
        }
        scanner = scan
    }

    /// The separator that a first line `sep=;` names, as spreadsheets write it; nil where the first line is another.
    private static func announcedSeparator(_ head: [UInt8]) -> UInt8? {
        guard head.count > 5, head.prefix(4).elementsEqual("sep=".utf8), [9, 44, 59].contains(head[4]) else {
            return nil
        }
        return head[5] == 10 || (head[5] == 13 && head.count > 6 && head[6] == 10) ? head[4] : nil
    }

    private static func separator(_ format: CSVFormat, _ head: [UInt8]) -> UInt8 {
        switch format.separator {
        case .comma: return 44
        case .tab: return 9
        case .semicolon: return 59
        case .blanks: return 32
        case .automatic: break
        }
        var lines = head.split(separator: 10, maxSplits: format.skippedLines + 64, omittingEmptySubsequences: false)[
            ...]
        lines = lines.dropFirst(format.skippedLines)
        let isRow: (ArraySlice<UInt8>) -> Bool = { !$0.isEmpty && $0 != [13] && $0.first != format.comment }
        guard let line = lines.first(where: isRow) else { return 44 }
        var best: UInt8 = 44
        var most = 0
        for candidate: UInt8 in [44, 9, 59] {
            var (count, isQuoted) = (0, false)
            for byte in line {
                if byte == 34 { isQuoted.toggle() }
                if byte == candidate && !isQuoted { count += 1 }
            }
            if count > most { (best, most) = (candidate, count) }
        }
        return best
    }

    // MARK: Columns

    /// The index of the column called `name` or one of `aliases`: case, blanks, `-` and `_` do not count. O(columns).
    /// - Throws: `CSCError.table` saying which columns there are and which names would have done.
    public func column(_ name: String, _ aliases: String...) throws(CSCError) -> Int {
        try column([name] + aliases)
    }

    /// As `column(_:_:)`, with the accepted names in an array, the preferred one first. O(columns).
    /// - Throws: `CSCError.table` where there is no such column, or several.
    public func column(_ accepted: [String]) throws(CSCError) -> Int {
        if let found = try optionalColumn(accepted) { return found }
        let wanted = accepted.map { "'\($0)'" }
        let others = wanted.count > 1 ? " (\(wanted.dropFirst().joined(separator: ", ")) would do too)" : ""
        guard isNamed else {
            throw .table(path: path, reason: "read without a header: choose the \(wanted[0]) column by its number")
        }
        let present = names.map { "'\($0)'" }.joined(separator: ", ")
        let isData = names.allSatisfy { Double($0) != nil }
        throw .table(
            path: path,
            reason: "there is no column \(wanted[0])\(others); the header has \(present)"
                + (isData ? "; the first line looks like data: has the file no header?" : ""))
    }

    /// The index of the column called one of these names, or nil. O(columns).
    /// - Throws: `CSCError.table` where several columns answer to the same name.
    public func optionalColumn(_ accepted: [String]) throws(CSCError) -> Int? {
        if let meaning = accepted.first, let given = columns.column(of: meaning) {
            return try column(given, of: meaning)
        }
        for name in accepted {
            let key = Self.normal(name)
            let found = names.indices.filter { Self.normal(names[$0]) == key }
            if found.count > 1 {
                throw .table(path: path, reason: "\(found.count) columns are called '\(names[found[0]])'")
            }
            if let index = found.first { return index }
        }
        return nil
    }

    /// The column that a user named, by its name or its number.
    private func column(_ given: String, of meaning: String) throws(CSCError) -> Int {
        let key = Self.normal(given)
        let exact = names.indices.filter { ExactName.same(names[$0], given) }
        let found = exact.isEmpty ? names.indices.filter { Self.normal(names[$0]) == key } : exact
        if found.count == 1 { return found[0] }
        if found.isEmpty, let number = Int(given), number >= 1, number <= names.count { return number - 1 }
        throw .table(
            path: path,
            reason: "the column of '\(meaning)' is said to be '\(given)', "
                + (found.isEmpty ? "but there is none of that name" : "but \(found.count) are called so")
                + "; the header has \(names.map { "'\($0)'" }.joined(separator: ", "))"
                + Spelling.hint(for: given, among: names))
    }

    /// The index of the column with this number, from 1. O(1).
    /// - Throws: `CSCError.table` where there is no such column.
    public func column(number: Int) throws(CSCError) -> Int {
        guard number >= 1 && (number <= names.count || ragged) else {
            throw .table(path: path, reason: "there is no column number \(number); there are \(names.count)")
        }
        return number - 1
    }

    private static func normal(_ name: String) -> String {
        String(name.lowercased().filter { $0 != "_" && $0 != "-" && $0 != " " })
    }

    // MARK: Rows

    /// The line, from 1, on which the current row begins.
    public var line: Int { scanner.line }
    /// How many fields the current row has.
    public var fieldCount: Int { scanner.count }

    /// Steps to the next row; false at the end of the file. O(bytes of the row), no allocation.
    /// - Throws: `CSCError.row` where the row has too few or too many fields; the next call continues after it.
    public func next() throws(CSCError) -> Bool {
        if pending {
            pending = false
            return true
        }
        guard try scanner.nextRow() else { return false }
        if scanner.count != names.count && !ragged {
            if scanner.count < names.count {
                throw .row(
                    path: path, line: line, column: names[scanner.count], value: "",
                    reason: "the row ends after \(scanner.count) of \(names.count) fields")
            }
            throw .row(
                path: path, line: line, column: "\(names.count + 1)", value: scanner.text(names.count) ?? "?",
                reason: "the row has \(scanner.count) fields, the header \(names.count)")
        }
        return true
    }

    /// What to do with a row that is wrong.
    public enum BadRows: Sendable, Hashable {
        /// Throw its error.
        case fail
        /// Go on with the next one, count it and keep the first few errors.
        case skip
    }

    /// What `forEachRow` saw.
    public struct Report: Sendable, Equatable {
        /// How many rows went through.
        public var rows = 0
        /// How many were left out.
        public var skipped = 0
        /// The errors of the first five left out.
        public var reasons: [CSCError] = []
    }

    /// Calls `body` once per row. With `.skip`, rows whose reading throws `CSCError.row` are left out and counted;
    /// `body` should read all fields that it needs before it changes anything. Damage of the table as a whole, such as
    /// a quote that is never closed, is thrown in any case. O(size), and the calls.
    @discardableResult
    public func forEachRow(badRows: BadRows = .fail, _ body: (CSVReader) throws(CSCError) -> Void) throws(CSCError)
        -> Report
    {
        var report = Report()
        while true {
            do throws(CSCError) {
                guard try next() else { return report }
                try body(self)
                report.rows += 1
            } catch {
                guard badRows == .skip, case .row = error else { throw error }
                report.skipped += 1
                if report.reasons.count < 5 { report.reasons.append(error) }
            }
        }
    }

    // MARK: Fields of the current row

    /// Whether the field is empty, or absent from a ragged row.
    public func isEmpty(_ column: Int) -> Bool {
        column >= scanner.count || scanner.starts[column] == scanner.ends[column]
    }

    /// The field's text, its quotes taken off. Throws where it is not UTF-8. O(length).
    public func string(_ column: Int) throws(CSCError) -> String {
        guard column < scanner.count, let text = scanner.text(column) else {
            throw error(column, "this is not UTF-8")
        }
        return text
    }

    /// The field as a whole number. O(length).
    /// - Throws: `CSCError.row` where it is none.
    public func int(_ column: Int) throws(CSCError) -> Int {
        guard column < scanner.count, let value = scanner.int(column) else {
            throw error(column, "a whole number is wanted")
        }
        return value
    }

    /// The field as a whole number of a range. O(length).
    /// - Throws: `CSCError.row` where it is none, or outside the range.
    public func int(_ column: Int, in range: ClosedRange<Int>) throws(CSCError) -> Int {
        let value = try int(column)
        guard range.contains(value) else {
            throw error(column, "a whole number from \(range.lowerBound) to \(range.upperBound) is wanted")
        }
        return value
    }

    /// The field as a finite number, correctly rounded. O(length).
    /// - Throws: `CSCError.row` where it is none.
    public func double(_ column: Int) throws(CSCError) -> Double {
        guard column < scanner.count, let value = scanner.double(column) else {
            throw error(column, "a finite number is wanted")
        }
        return value
    }

    /// The field as a finite number of a range. O(length).
    /// - Throws: `CSCError.row` where it is none, or outside the range.
    public func double(_ column: Int, in range: ClosedRange<Double>) throws(CSCError) -> Double {
        let value = try double(column)
        guard range.contains(value) else {
            throw error(column, "a number from \(range.lowerBound) to \(range.upperBound) is wanted")
        }
        return value
    }

    /// The field as a truth value: 0, 1, true, false, t, f, yes, no, y, n in any case. O(length).
    /// - Throws: `CSCError.row` where it is none of these.
    public func bool(_ column: Int) throws(CSCError) -> Bool {
        guard column < scanner.count, let value = scanner.bool(column) else {
            throw error(column, "true or false is wanted")
        }
        return value
    }

    /// The field as a point in time, in seconds since 1970-01-01 00:00: `2017-04-30 23:39:31`, `2010-06-29T05:07:41Z`,
    /// `2017-04-30`, with fractions of a second and a zone `+08:00` if wanted. A time without a zone is taken as is.
    /// O(length).
    /// - Throws: `CSCError.row` where it is no time.
    public func time(_ column: Int) throws(CSCError) -> Double { try stamp(column).seconds }

    /// The field as a point in time with its zone: as `time`, or a number of seconds, milli-, micro- or nanoseconds since
    /// 1970, whichever its size says.
    package func stamp(_ column: Int) throws(CSCError) -> TimeStamp {
        guard column < scanner.count, let value = scanner.stamp(column) else {
            throw error(
                column, "a date and time such as 2017-04-30 23:39:31, or a number of seconds since 1970, is wanted")
        }
        return value
    }

    /// An error about this field of the current row, for a caller who finds fault with its value.
    public func error(_ column: Int, _ reason: String) -> CSCError {
        let name = column < names.count ? names[column] : "\(column + 1)"
        guard column < scanner.count else {
            return .row(path: path, line: line, column: name, value: "", reason: "the row has no such field")
        }
        let bytes = scanner.buffer[scanner.starts[column]..<scanner.ends[column]]
        let value = bytes.count > 60 ? String(decoding: bytes.prefix(57), as: UTF8.self) + "..." : nil
        return .row(
            path: path, line: line, column: name, value: value ?? String(decoding: bytes, as: UTF8.self),
            reason: bytes.isEmpty ? "the field is empty; \(reason)" : reason)
    }

}
