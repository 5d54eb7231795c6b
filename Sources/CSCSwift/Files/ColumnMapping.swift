/// Which column of a table is which, as a user says it: `task=HITId,worker=WorkerId,label=Answer.x`.
///
/// Left the meaning, by the first of its accepted names; right the column's name in the header or its number, from 1. An
/// item that holds a comma stands in double quotes: `"label=yes, no"`. The one syntax of all `--columns` options.
package struct ColumnMapping: Sendable, Hashable {
    private let columns: [String: String]

    /// No mapping: the header's names decide.
    package init() { columns = [:] }

    /// Reads what a user wrote.
    /// - Throws: `CSCError.invalid` where an item is not `meaning=column` or a meaning stands twice.
    package init(_ text: String) throws(CSCError) {
        let row = try CSVReader(
            text: text, name: "columns", format: CSVFormat(separator: .comma, header: .absent))
        guard try row.next() else { throw .invalid("no column is named") }
        var columns: [String: String] = [:]
        for field in row.names.indices {
            let item = try row.string(field)
            guard let sign = item.firstIndex(of: "=") else {
                throw .invalid("'\(item)' is not of the form meaning=column, such as task=HITId")
            }
            let meaning = String(item[..<sign]).filter { $0 != " " }, column = String(item[item.index(after: sign)...])
            guard !meaning.isEmpty, !column.isEmpty else {
                throw .invalid("'\(item)' is not of the form meaning=column, such as task=HITId")
            }
            guard columns.updateValue(column, forKey: meaning) == nil else {
                throw .invalid("the column of '\(meaning)' is named twice")
            }
        }
        self.columns = columns
    }

    /// Whether all meanings are among these.
    /// - Throws: `CSCError.invalid` naming one that is not, and the nearest that is.
    package func check(for meanings: [String]) throws(CSCError) {
        for meaning in columns.keys.sorted() where !meanings.contains(meaning) {
            throw .invalid(
                "--columns names '\(meaning)', which is none of \(meanings.joined(separator: ", "))"
                    + Spelling.hint(for: meaning, among: meanings))
        }
    }

    /// The column that a meaning was given; nil where none was. O(1).
    package func column(of meaning: String) -> String? { columns[meaning] }

    /// Whether nothing was said.
    package var isEmpty: Bool { columns.isEmpty }
}
