import CSCSwift
import Foundation
import Testing

/// A folder of its own for one test, removed afterwards.
final class TemporaryFolder {
    let path: String

    init() {
        path = NSTemporaryDirectory() + "cafe-test-" + UUID().uuidString
        try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func file(_ name: String) -> String { path + "/" + name }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct SupportTests {
    @Test func longListsAreCut() {
        #expect(Terminal.list(["a", "b"]) == "a, b")
        #expect(Terminal.list((1...25).map(String.init)).hasSuffix("19, 20 and 5 more"))
    }

    /// The reference vectors of the SipHash paper's program: key 00 01 .. 0f, input 00 01 .. of 0, 8 and 15 bytes.
    @Test func sipHashVectors() {
        let k0: UInt64 = 0x0706_0504_0302_0100
        let k1: UInt64 = 0x0f0e_0d0c_0b0a_0908
        #expect(ContentHash.sipHash([], k0: k0, k1: k1) == 0x726f_db47_dd0e_0e31)
        #expect(ContentHash.sipHash(Array(0..<8), k0: k0, k1: k1) == 0x93f5_f579_9a93_2462)
        #expect(ContentHash.sipHash(Array(0..<15), k0: k0, k1: k1) == 0xa129_ca61_49be_45e5)
    }

    @Test func atomicFileReplacesWhole() throws {
        let folder = TemporaryFolder()
        let path = folder.file("a.txt")
        try AtomicFile.write("first", to: path)
        try AtomicFile.write("second, longer", to: path)
        #expect(try AtomicFile.readText(path) == "second, longer")
        try AtomicFile.append("+", to: path)
        #expect(try AtomicFile.readText(path) == "second, longer+")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.txt"])
        #expect(throws: CSCError.self) { try AtomicFile.write("x", to: folder.file("no/such/folder.txt")) }
        #expect(throws: CSCError.file(path: folder.file("b"), reason: "there is no such file")) {
            try AtomicFile.read(folder.file("b"))
        }
    }

    @Test func jsonText() throws {
        let value = JSON.object([
            ("b", .array([.integer(1), .number(0.1), .number(.nan), .null])), ("a", .string("q\"\n\u{1}é")),
            ("c", .object([])), ("d", .bool(true)),
        ])
        #expect(value.line == #"{"b":[1,0.1,null,null],"a":"q\"\n\u0001é","c":{},"d":true}"#)
        let parsed = try JSONSerialization.jsonObject(with: Data(value.pretty.utf8)) as? [String: Any]
        #expect(parsed?["a"] as? String == "q\"\n\u{1}é")
    }

    @Test func metricsGoOnWhereTheyStopped() throws {
        let folder = TemporaryFolder()
        let whole = try MetricsWriter(creating: folder.file("whole"), columns: ["x", "losses/y"])
        let cut = try MetricsWriter(creating: folder.file("cut"), columns: ["x", "losses/y"])
        func row(_ k: Int) -> [Double] { [Double(k) / 3, k == 2 ? .nan : Double(k)] }
        for k in 1...5 { try whole.append(iteration: k, values: row(k)) }
        for k in 1...4 { try cut.append(iteration: k, values: row(k)) }
        try AtomicFile.append("5,0.33", to: folder.file("cut.csv"))  // torn by a kill
        try AtomicFile.append("{\"iteration\":5,\"x\":0.", to: folder.file("cut.jsonl"))
        let resumed = try MetricsWriter(resuming: folder.file("cut"), columns: ["x", "losses/y"], after: 3)
        for k in 4...5 { try resumed.append(iteration: k, values: row(k)) }
        for ending in [".csv", ".jsonl"] {
            #expect(
                try AtomicFile.readText(folder.file("whole" + ending))
                    == AtomicFile.readText(folder.file("cut" + ending)))
        }
        #expect(
            try AtomicFile.readText(folder.file("whole.csv")).hasPrefix(
                "iteration,x,losses/y\n1,0.3333333333333333,1.0\n2,0.6666666666666666,\n"))
        #expect(throws: CSCError.self) {
            try MetricsWriter(resuming: folder.file("cut"), columns: ["x", "z"], after: 3)
        }
    }

    @Test func liveDisplayRedrawsOnlyOnATerminal() {
        var terminal = ""
        let live = LiveDisplay(interactive: true) { terminal += $0 }
        live.show(lines: ["one", "two"], plain: "plain")
        live.show(lines: ["three"], plain: "plain")
        #expect(terminal == "one\ntwo\n\u{1B}[2A\u{1B}[Jthree\n")
        var file = ""
        let plain = LiveDisplay(interactive: false) { file += $0 }
        plain.show(lines: ["one"], plain: "plain")
        plain.show(lines: ["one"], plain: nil)
        plain.note("said")
        #expect(file == "plain\nsaid\n")
    }

    @Test func textForTheTerminal() {
        #expect(Terminal.duration(59.94) == "59.9 s")
        #expect(Terminal.duration(125) == "2 min 05 s")
        #expect(Terminal.duration(7260) == "2 h 01 min")
        #expect(Terminal.count(312_345) == "312 k")
        let amounts: [Double] = [60, 0.7, 0.000001, 0.30000000000000004, 1.5e12, 0]
        #expect(amounts.map(Terminal.amount) == ["60", "0.7", "0.000001", "0.3", "1500000000000", "0"])
        #expect(Terminal.counted(1, "label") == "1 label" && Terminal.counted(0, "label") == "0 labels")
        #expect(Terminal.counted(2, "class", plural: "classes") == "2 classes")
        #expect(Terminal.columns([["a", "long"], ["12", "x"]]) == " a  long\n12     x")
        #expect(Terminal.columns([]) == "")
        #expect(Terminal.bar(0.5, width: 4) == "██░░")
        #expect(Terminal.sparkline([1, 2, .nan, 3], width: 3) == "▄█" || Terminal.sparkline([1, 3], width: 2) == "▁█")
    }
}
