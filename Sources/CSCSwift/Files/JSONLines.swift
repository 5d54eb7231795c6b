internal import Foundation

/// Tables that are JSON: one object per line, or one array of objects. The keys are the columns; those of objects
/// within objects are joined by a point (`data.text`).
package enum JSONLines {
    /// Opens a table: of text, or of JSON where the first bytes are JSON's. Errors in the rows of JSON name its lines (of
    /// an array: the numbers of its objects). O(1); O(bytes) for JSON and for standard input.
    /// - Throws: `CSCError` naming file and line where JSON cannot be read, and what `CSVReader` throws.
    package static func table(_ path: String, format: CSVFormat = CSVFormat()) throws(CSCError) -> CSVReader {
        if path == "-" {
            let bytes: [UInt8]
            do { bytes = try FileHandle.standardInput.readToEnd().map { Array($0) } ?? [] } catch {
                throw .file(path: "standard input", reason: "cannot be read: \(error.localizedDescription)")
            }
            return FileKind.isJSON(bytes)
                ? try table(bytes, name: "standard input", format)
                : try CSVReader(bytes: bytes, name: "standard input", format: format)
        }
        guard let handle = FileHandle(forReadingAtPath: path),
            let head = try? handle.read(upToCount: 4096), FileKind.isJSON(Array(head))
        else { return try CSVReader(path: path, format: format) }
        try? handle.close()
        return try table(try AtomicFile.read(path), name: path, format)
    }

    private static func table(_ bytes: [UInt8], name: String, _ format: CSVFormat) throws(CSCError) -> CSVReader {
        var rows: [[String: String]?] = []
        if bytes.first(where: { ![9, 10, 13, 32].contains($0) }) == 91 {
            guard let list = (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [Any] else {
                throw .table(path: name, reason: "this is not whole JSON, an array of objects")
            }
            for (index, value) in list.enumerated() { rows.append(try row(value, name, index + 1)) }
        } else {
            let lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
            for (index, line) in lines.enumerated() {
                if line.allSatisfy({ [9, 13, 32].contains($0) }) {
                    rows.append(nil)
                } else {
                    rows.append(try row(try? JSONSerialization.jsonObject(with: Data(line)), name, index + 1))
                }
            }
        }
        var names: [String] = []
        var known: Set<ExactName> = []
        for row in rows {
            for key in (row ?? [:]).keys.sorted() where known.insert(ExactName(key)).inserted { names.append(key) }
        }
        guard !names.isEmpty else { throw .table(path: name, reason: "there is no object in it") }
        var text = ""
        for row in rows {
            guard let row else {
                text += "\n"
                continue
            }
            let line = CSVWriter.line(names.map { row[$0] ?? "" })
            text += names.count == 1 && line == "\n" ? "\"\"\n" : line
        }
        var format = format
        format.separator = .comma
        format.header = .names(names)
        format.comment = nil
        format.skippedLines = 0
        return try CSVReader(bytes: Array(text.utf8), name: name, format: format)
    }

    private static func row(_ value: Any?, _ name: String, _ line: Int) throws(CSCError) -> [String: String] {
        guard let object = value as? [String: Any] else {
            throw .table(path: "\(name):\(line)", reason: "this is not a whole JSON object in one line")
        }
        var row: [String: String] = [:]
        flatten(object, "", &row)
        return row
    }

    private static func flatten(_ object: [String: Any], _ prefix: String, _ row: inout [String: String]) {
        for (key, value) in object {
            let name = prefix + key
            switch value {
            case let text as String: row[name] = text
            case let inner as [String: Any]: flatten(inner, name + ".", &row)
            case let number as NSNumber: row[name] = text(number)
            case is NSNull: break
            default:
                let data = try? JSONSerialization.data(withJSONObject: value, options: [.sortedKeys])
                row[name] = data.map { String(decoding: $0, as: UTF8.self) } ?? ""
            }
        }
    }

    private static func text(_ number: NSNumber) -> String {
        if isTruth(number) { return number.boolValue ? "true" : "false" }
        let value = number.doubleValue
        if let whole = Int(exactly: value) { return String(whole) }
        return number.stringValue
    }

    /// Whether a number was `true` or `false`: its type is that of a character, which no number of JSON has.
    private static func isTruth(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }
}
