import CSCSwift
import Foundation
import Testing

@Suite("Replay of labelling methods")
struct ReplayTests {
    @Test("the authors' toy experiment, within the tolerance of another draw")
    func toy() throws {
        // Read off the authors' figure to +-0.005; another draw of the matrix moves the values by about 0.02. The mean
        // over ten draws is held against the authors' one.
        var sums: [String: [Int: Double]] = [:]
        for draw in 0..<10 {
            var replay = Replay(stage: Reproduction.toy(seed: UInt64(100 + draw)).stage)
            replay.runs = 10
            replay.seed = UInt64(draw)
            for curve in try replay.curves(Reproduction.toyTable.map(\.method)) {
                for (budget, mean) in zip(curve.budgets, curve.mean) {
                    sums[curve.method, default: [:]][budget, default: 0] += mean / 10
                }
            }
        }
        for (method, points) in Reproduction.toyTable {
            for (budget, expected) in points {
                let ours = sums[method]![budget]!
                #expect(abs(ours - expected) < 0.025, "\(method) at \(budget): \(ours), the authors' \(expected)")
            }
        }
    }

    @Test("the same bits at 1, 2 and 7 threads")
    func threads() throws {
        var replay = Replay(stage: .fixed(toyMatrix(tasks: 40, workers: 8, contexts: 2, seed: 1)))
        replay.runs = 5
        replay.budgetPerTask = 6
        defer { Threads.count = 0 }
        var seen: Set<[[Double]]> = []
        for count in [1, 2, 7] {
            Threads.count = count
            let curves = try replay.curves([
                "bbta", "random", "optkg", "optkg-multi", "iethresh", "crowdsense", "bbta-lc",
            ])
            seen.insert(curves.flatMap(\.accuracies))
        }
        #expect(seen.count == 1)
    }

    @Test("wide matrices are read, written and refused with the place of the fault")
    func wideFiles() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wide-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/m.csv"
        try "task,context,truth,ann,bob\nt1,x,1,1,0\nt2,y,0,,0\n".write(toFile: path, atomically: true, encoding: .utf8)
        let matrix = try LabelMatrix(wideCSV: path)
        #expect(matrix.workers.map(\.id) == ["ann", "bob"] && matrix.contexts == ["x", "y"])
        #expect(matrix.entries == [1, 0, -1, 0] && !matrix.isComplete && matrix.tasks[0].truth == 1)
        try matrix.wideCSV.write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try LabelMatrix(wideCSV: path) == matrix)
        // The names that other label files go by: no column of them is taken for a worker.
        try "item,topic,ground_truth,ann,bob\nt1,x,1,1,0\nt2,y,0,,0\n".write(
            toFile: path, atomically: true, encoding: .utf8)
        #expect(try LabelMatrix(wideCSV: path) == matrix)
        try "task,ann\nt1,1\nt1,0\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(throws: CSCError.self) { try LabelMatrix(wideCSV: path) }
        try "1,2,3\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(throws: CSCError.self) { try UCIDataset(path: path) }
    }

    static let shared = FileManager.default.currentDirectoryPath + "/../shared/data/uci/"

    @Test(
        "UCI's files have the published counts",
        .enabled(if: FileManager.default.fileExists(atPath: ReplayTests.shared), "needs ../shared/data, absent here"))
    func uci() throws {
        let expected = [
            ("ionosphere.data", 351, 34, 225, 0), ("breast-cancer-wisconsin.data", 683, 9, 239, 16),
            ("pima-indians-diabetes.data", 768, 8, 268, 0),
        ]
        for (file, rows, width, ones, incomplete) in expected {
            let data = try UCIDataset(path: ReplayTests.shared + file)
            #expect(data.features.count == rows && data.features[0].count == width)
            #expect(data.classes.reduce(0, +) == ones && data.incompleteRows == incomplete)
            let tasks = try data.tasks(contexts: data.setting.contexts)
            #expect(Set(tasks.map(\.context)).count == data.setting.contexts)
        }
    }

    @Test("plots are well-formed and show every series")
    func plot() throws {
        let panel = Plot.Panel(
            title: "a < b", xLabel: "x", yLabel: "y",
            series: [
                .line("one", x: [0, 1, 2], y: [0.1, 0.4, .nan], error: [0, 0.1, 0]),
                Plot.Series("bound", kind: .dashed, x: [0, 2], y: [1, 1]),
                .histogram("counts", values: [0.1, 0.1, 0.9, 1.0], from: 0, to: 1, bins: 4),
            ])
        let svg = Plot(title: "t", panels: [panel, panel]).svg
        let parser = XMLParserCheck()
        #expect(parser.balanced(svg))
        #expect(svg.contains("a &lt; b") && svg.contains(">one<") && !svg.contains("nan"))
        let bars = Plot.Series.histogram("h", values: [0, 0.25, 0.5, 1], from: 0, to: 1, bins: 4)
        #expect(bars.y == [1, 1, 1, 1] && bars.x == [0.125, 0.375, 0.625, 0.875])
    }
}

/// Counts that every opened element is closed: enough to know that a viewer will not refuse the file.
private struct XMLParserCheck {
    func balanced(_ text: String) -> Bool {
        var open: [String] = []
        for piece in text.split(separator: "<") {
            guard let end = piece.firstIndex(of: ">") else { return false }
            let tag = piece[..<end]
            if tag.hasPrefix("/") {
                guard open.popLast() == String(tag.dropFirst()) else { return false }
            } else if !tag.hasSuffix("/") {
                open.append(String(tag.prefix(while: { $0 != " " && $0 != "\n" })))
            }
        }
        return open.isEmpty
    }
}
