internal import ArgumentParser
internal import CSCSwift

/// `--columns`: which column of a table is which, where the names of its header do not say so.
struct ColumnOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: "Which column is which, such as task=HITId,worker=WorkerId,label=Answer.x; a number counts from 1.",
        transform: { text in
            do { return try ColumnMapping(text) } catch { throw ValidationError("\(error)") }
        })
    var columns: ColumnMapping?

    /// What was said, each of these meanings at most once; nothing where --columns is left out.
    func mapping(for meanings: [String]) throws(CSCError) -> ColumnMapping {
        try columns?.check(for: meanings)
        return columns ?? ColumnMapping()
    }

    /// Opens a table whose columns of these meanings may be named by `--columns`. Lines of JSON are a table too.
    func table(_ path: String, for meanings: [String], format: CSVFormat = CSVFormat()) throws(CSCError) -> CSVReader {
        var format = format
        format.columns = try mapping(for: meanings)
        return try JSONLines.table(path, format: format)
    }
}
