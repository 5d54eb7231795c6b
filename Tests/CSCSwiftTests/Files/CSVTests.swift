import CSCSwift
import Foundation
import Testing

@Suite("CSV")
struct CSVTests {
    private func rows(_ text: String, _ format: CSVFormat = CSVFormat()) throws -> [[String]] {
        let table = try CSVReader(text: text, format: format)
        var rows: [[String]] = []
        while try table.next() {
            var row: [String] = []
            for column in 0..<table.fieldCount { row.append(try table.string(column)) }
            rows.append(row)
        }
        return rows
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    @Test("RFC 4180: quotes, doubled quotes, separators and line ends inside quotes, CRLF, a byte order mark")
    func rfc4180() throws {
        let text = "\u{FEFF}a,b,c\r\n1,\"x, \"\"y\"\"\",3\r\n\"two\r\nlines\",,\"\"\r\n\r\n7, 8 ,\" 9 \""
        let table = try CSVReader(text: text)
        #expect(table.names == ["a", "b", "c"])
        #expect(
            try rows(text) == [["1", "x, \"y\"", "3"], ["two\r\nlines", "", ""], ["7", "8", " 9 "]])
        var lines: [Int] = []
        while try table.next() { lines.append(table.line) }
        #expect(lines == [2, 3, 6])
    }

    @Test("quotes inside an unquoted field are characters; blanks before a quoted field do not count")
    func looseQuotes() throws {
        #expect(try rows("size,n\n5\" pipe,  \"a,b\" \n") == [["5\" pipe", "a,b"]])
        #expect(try rows("a\n\"\"\n\"\"\"\"\n") == [[""], ["\""]])
    }

    @Test("separators are found by themselves; comments are off unless asked for")
    func separators() throws {
        #expect(try rows("a\tb\n1,5\t2\n") == [["1,5", "2"]])
        #expect(try rows("a;b\n1,5;2\n") == [["1,5", "2"]])
        #expect(try rows("a\n#1\n") == [["#1"]])
        // As spreadsheets announce it, and with commas in quotes.
        #expect(try rows("sep=;\r\na;b\r\n1,5;2\r\n") == [["1,5", "2"]])
        #expect(try rows("\"a, or, so\";b\n1;2\n") == [["1", "2"]])
        #expect(try CSVReader(text: "sep=;\na;b\n1;x\n").names == ["a", "b"])
        #expect(
            message {
                let table = try CSVReader(text: "sep=;\na;b\n1;x\n")
                _ = try table.next()
                _ = try table.int(1)
            }.hasPrefix("text:3: column 'b'"))
        #expect(try rows("# made by hand; 3\n\na,b\n#1,2\n3,4\n", CSVFormat(comment: 35)) == [["3", "4"]])
        #expect(
            try rows("2 2\n0  t 38\n  1 w 2 9  \n", CSVFormat(separator: .blanks, header: .absent, ragged: true))
                == [["2", "2"], ["0", "t", "38"], ["1", "w", "2", "9"]])
        #expect(
            try rows("2 2\n0 1\n", CSVFormat(separator: .blanks, header: .absent, skippedLines: 1)) == [["0", "1"]])
    }

    @Test("columns by name, alias and number")
    func columns() throws {
        let table = try CSVReader(text: "Worker-ID,question , Answer\n1,2,3\n")
        #expect(try table.column("task", "item", "question") == 1)
        #expect(try table.column("worker_id") == 0)
        #expect(try table.optionalColumn(["gold"]) == nil)
        #expect(try table.column(number: 3) == 2)
        #expect(
            message { _ = try table.column("truth", "gold") }
                == "text: there is no column 'truth' ('gold' would do too); "
                + "the header has 'Worker-ID', 'question', 'Answer'")
        #expect(message { _ = try table.column(number: 4) }.contains("no column number 4; there are 3"))
        let bare = try CSVReader(text: "0,145,1\n")
        #expect(message { _ = try bare.column("task") }.contains("has the file no header?"))
        let double = try CSVReader(text: "a,A\n")
        #expect(message { _ = try double.column("a") }.contains("2 columns are called"))
        let numbered = try CSVReader(text: "5,6\n", format: CSVFormat(header: .absent))
        #expect(numbered.names == ["1", "2"])
        #expect(try numbered.next() && numbered.int(1) == 6)
        #expect(message { _ = try numbered.column("x") }.contains("by its number"))
    }

    @Test("numbers are exact or refused, naming file, line, column and value")
    func numbers() throws {
        let good = [
            "0", "-0.5", "3.14159", "1e-3", "+7.", ".25", "123456789012345678", "1.7976931348623157e308",
            "4.9e-324", "0.1", "30.65705", "9007199254740993", "6e23", "00012.50",
        ]
        let table = try CSVReader(text: "x\n" + good.joined(separator: "\n"))
        for text in good {
            #expect(try table.next())
            #expect(try table.double(0) == Double(text))
        }
        let bad = ["", ".", "1,5", "nan", "inf", "0x10", "1e", "--1", "1e400", "1.2.3", "5 6"]
        for text in bad {
            let table = try CSVReader(text: "k,x\n1,\"\(text)\"\n", name: "f.csv")
            #expect(try table.next())
            #expect(throws: CSCError.self) { try table.double(1) }
            #expect(throws: CSCError.self) { try table.int(1) }
        }
        let ints = try CSVReader(
            text: "x\n9223372036854775807\n-9223372036854775808\n9223372036854775808\n", name: "f.csv")
        #expect(try ints.next() && ints.int(0) == .max)
        #expect(try ints.next() && ints.int(0) == .min)
        #expect(try ints.next())
        #expect(
            throws: CSCError.row(
                path: "f.csv", line: 4, column: "x", value: "9223372036854775808", reason: "a whole number is wanted")
        ) {
            try ints.int(0)
        }
        let range = try CSVReader(text: "p\n1.5\n")
        #expect(try range.next())
        #expect(message { _ = try range.double(0, in: 0...1) }.contains("from 0.0 to 1.0"))
        let flags = try CSVReader(text: "a,b,c\nYes,0,maybe\n")
        #expect(try flags.next())
        #expect(try flags.bool(0) && !flags.bool(1))
        #expect(throws: CSCError.self) { try flags.bool(2) }
    }

    @Test("random numbers read back to the same bits as the standard library's")
    func randomNumbers() throws {
        var stream = RandomStream(seed: 3, purpose: .test)
        var text = "x\n"
        var values: [Double] = []
        for _ in 0..<5000 {
            let value =
                (stream.unit() - 0.5) * Double(sign: .plus, exponent: stream.index(below: 200) - 100, significand: 1)
            values.append(value)
            text += "\(value)\n"
        }
        let table = try CSVReader(text: text)
        for value in values {
            #expect(try table.next() && table.double(0) == value)
        }
    }

    @Test(
        "times",
        arguments: [
            ("1970-01-01", 0.0), ("2017-04-30 23:39:31", 1_493_595_571), ("2010-06-29T05:07:41Z", 1_277_788_061),
            ("2000-02-29T00:00:00.25", 951_782_400.25), ("2010-06-29T05:07:41+08:00", 1_277_759_261),
            ("2010-06-29 05:07-0130", 1_277_793_420), ("1969-12-31 23:59:59", -1),
        ])
    func times(text: String, seconds: Double) throws {
        let table = try CSVReader(text: "t\n\(text)\n")
        #expect(try table.next() && table.time(0) == seconds)
    }

    @Test(
        "impossible times are refused",
        arguments: [
            "2017-13-01", "2017-02-29", "1900-02-29", "2017-04-31", "2017-4-30", "2017-04-30 24:00",
            "2017-04-30 23:60:00",
            "2017-04-30 23:39:31 PM", "30/04/2017", "", "2017-04-30T", "2017-04-30 1:00", "2017-04-30 10:00:00.",
            "１９７０-01-01",
        ])
    func badTimes(text: String) throws {
        let table = try CSVReader(text: "t,u\n\"\(text)\",1\n")
        #expect(try table.next())
        #expect(throws: CSCError.self) { try table.time(0) }
    }

    @Test("rows of the wrong length name their line; skipping counts them and keeps the first five reasons")
    func badRows() throws {
        let text = "task,label\na,1\nb\nc,2,3\nd,x\ne,4\n\"f\" g,1\n" + String(repeating: "z\n", count: 4) + "h,5\n"
        #expect(message { _ = try rows(text) } == "text:3: column 'label' is '': the row ends after 1 of 2 fields")
        #expect(
            message { _ = try rows("a,b\n1,2,9\n") } == "text:2: column '3' is '9': the row has 3 fields, the header 2")
        let table = try CSVReader(text: text)
        var sum = 0
        let report = try table.forEachRow(badRows: .skip) { row throws(CSCError) in sum += try row.int(1) }
        #expect(sum == 10)
        #expect(report.rows == 3)
        #expect(report.skipped == 8)
        #expect(report.reasons.count == 5)
        #expect("\(report.reasons[2])" == "text:5: column 'label' is 'x': a whole number is wanted")
        #expect("\(report.reasons[3])" == "text:7: column '1' is 'f': text follows the closing quote")
    }

    @Test("damage of the whole table is never skipped")
    func damage() throws {
        let open = try CSVReader(text: "a,b\n1,2\n3,\"4\n5,6\n", name: "f.csv")
        #expect(
            message { _ = try open.forEachRow(badRows: .skip) { _ in } }
                == "f.csv: the quote opened in the row of line 3 is never closed")
        #expect(message { _ = try CSVReader(text: "") } == "text: the file is empty")
        #expect(message { _ = try CSVReader(text: "\n\n", name: "e") } == "e: the file is empty")
        #expect(message { _ = try CSVReader(bytes: [0xFF, 0xFE, 97, 0], name: "u") }.contains("UTF-16"))
        #expect(message { _ = try CSVReader(bytes: [0x1F, 0x8B, 8], name: "g") }.contains("cut off"))
        #expect(message { _ = try CSVReader(text: "a,b\r1,2\r") }.contains("carriage return"))
        #expect(message { _ = try CSVReader(path: "/nonexistent/x.csv") }.contains("no such file"))
        #expect(message { _ = try CSVReader(path: NSTemporaryDirectory()) }.contains("a folder"))
        let latin = try CSVReader(bytes: Array("a\n".utf8) + [0xE9, 10], name: "l")
        #expect(try latin.next())
        #expect(message { _ = try latin.string(0) }.contains("l:2: column 'a'"))
    }

    @Test("a file longer than the buffer, with rows longer than it, reads as the text does in memory")
    func streaming() throws {
        var stream = RandomStream(seed: 1, purpose: .test)
        var writer = CSVWriter(header: ["n", "text"])
        var expected: [[String]] = []
        for index in 0..<4000 {
            let length = index % 1000 == 7 ? 400_000 : stream.index(below: 60)
            let pool: [Character] = ["a", "\"", ",", "\n", "é", " "]
            var text = ""
            for _ in 0..<length { text.append(pool[stream.index(below: pool.count)]) }
            expected.append(["\(index)", text])
            writer.append(expected[index])
        }
        let path = NSTemporaryDirectory() + "cafe-csv-\(UUID().uuidString).csv"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try writer.write(to: path)
        let table = try CSVReader(path: path)
        var index = 0
        while try table.next() {
            let same = try table.int(0) == index && table.string(1) == expected[index][1]
            #expect(same, "row \(index)")
            index += 1
        }
        #expect(index == 4000)
    }

    @Test("whatever is written is read back")
    func writer() throws {
        let fields = [["", "a"], [" b", "c\r\n"], ["\"", "\"\""], ["é;\t", ","]]
        var writer = CSVWriter(header: ["x", "y"])
        fields.forEach { writer.append($0) }
        #expect(try rows(writer.text) == fields)
        #expect(CSVWriter.line([""]) == "\"\"\n")
        #expect(CSVWriter.line(["a", "b c"]) == "a,b c\n")
    }

    @Test("the nearest name is suggested only where one is near")
    func spelling() {
        #expect(Spelling.nearest(to: "wrker", among: ["task", "worker", "works"]) == "worker")
        #expect(Spelling.nearest(to: "w002", among: ["w001", "w012"]) == "w001")
        #expect(Spelling.nearest(to: "label", among: ["budget", "seed"]) == nil)
        #expect(Spelling.nearest(to: "crowd", among: ["random", "crowdsense"]) == "crowdsense")
        #expect(Spelling.nearest(to: "opt", among: ["optkg", "optkg-multi"]) == nil)
        #expect(Spelling.nearest(to: "cr", among: ["random", "crowdsense"]) == nil)
        #expect(Spelling.hint(for: "Sede", among: ["seed"]) == "")
        #expect(Spelling.hint(for: "sed", among: ["seed"]) == "; did you mean 'seed'?")
    }

    @Test(
        "a million rows arrive whole and in order",
        .enabled(if: ProcessInfo.processInfo.environment["CAFE_SLOW_TESTS"] == "1"))
    func manyRows() throws {
        var text = "task,worker,label,x\n"
        for index in 0..<1_000_000 { text += "task\(index / 10),w\(index % 997),\(index % 3),\(Double(index) / 8)\n" }
        let table = try CSVReader(text: text)
        var rows = 0
        var wrong = 0
        while try table.next() {
            let right =
                try table.string(0) == "task\(rows / 10)" && table.string(1) == "w\(rows % 997)"
                && table.int(2) == rows % 3 && table.double(3) == Double(rows) / 8
            wrong += right ? 0 : 1
            rows += 1
        }
        #expect(rows == 1_000_000 && wrong == 0)
    }
}
