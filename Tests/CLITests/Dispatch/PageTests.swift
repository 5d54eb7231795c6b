import Foundation
import Testing

@Suite("Pages: replay and report")
struct PageTests {
    /// A browser, where there is one.
    static let browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    /// Opens a page without a network; the document as it stands after its script has run.
    static func open(_ path: String, _ folder: TestFolder) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(browser))
        process.arguments = [
            "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + folder.file("profile"),
            "--virtual-time-budget=3000", "--dump-dom", "file://" + path,
        ]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: text, as: UTF8.self)
    }

    /// Nothing in a page asks the network for anything.
    static func isAlone(_ page: String) -> Bool {
        !["src=\"http", "href=\"http", "url(http", "@import", "fetch(", "XMLHttpRequest", "<link", "import("].contains {
            page.contains($0)
        }
    }

    static func replay(_ folder: TestFolder) throws -> String {
        let page = folder.file("replay.html")
        let result = try CommandLineTool.run([
            "replay", "--tasks", "40", "--workers", "10", "--policy", "coalition,nearest", "--out", page,
        ])
        #expect(result.status == 0, "\(result)")
        return page
    }

    static func report(_ folder: TestFolder) throws -> String {
        let run = folder.file("run")
        try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
        try "iteration,charts/revenue,losses/policy_loss\n1,2.5,0.5\n2,3.5,\n3,4,0.25\n4,".write(
            toFile: run + "/metrics.csv", atomically: true, encoding: .utf8)
        try "seed: 1\nname: <b>\n".write(toFile: run + "/config.yaml", atomically: true, encoding: .utf8)
        let result = try CommandLineTool.run([
            "evaluate", "--tasks", "20", "--workers", "8", "--episodes", "3", "--policy", "nearest,greedy", "--json",
            run + "/result.json",
        ])
        #expect(result.status == 0)
        let made = try CommandLineTool.run(["report", run])
        #expect(made.status == 0, "\(made)")
        return run + "/report.html"
    }

    @Test("they hold what happened and ask no network")
    func contents() throws {
        let folder = TestFolder()
        let replay = try String(contentsOfFile: try Self.replay(folder), encoding: .utf8)
        #expect(Self.isAlone(replay))
        for part in ["\"name\":\"coalition\"", "\"name\":\"nearest\"", "\"ends\":[[", "prefers-color-scheme: dark"] {
            #expect(replay.contains(part), "\(part)")
        }
        let report = try String(contentsOfFile: try Self.report(folder), encoding: .utf8)
        #expect(Self.isAlone(report))
        for part in ["charts/revenue", "losses/policy_loss", "name: &lt;b&gt;", "nearest", "greedy", "<polyline"] {
            #expect(report.contains(part), "\(part)")
        }
        let none = try CommandLineTool.run(["report", folder.file("nothing")])
        #expect(none.status == 1 && none.errors.contains("is not the folder of a run"))
    }

    @Test("a browser opens them, runs the replay and finds no fault", .enabled(if: browser != nil))
    func opened() throws {
        let folder = TestFolder()
        let page = try Self.open(try Self.replay(folder), folder)
        #expect(page.contains("data-ready=\"yes\""))
        #expect(page.contains("revenue ") && page.contains("on the way <b>"))
        let report = try Self.open(try Self.report(folder), folder)
        #expect(report.contains("charts/revenue") && report.contains("<svg"))
    }
}
