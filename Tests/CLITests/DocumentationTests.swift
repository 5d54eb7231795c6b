import Foundation
import Testing

/// Every command of README.md and docs/*.md runs as it is printed, in the order of its page, and what a page shows of the
/// output comes out. Commands that take long run with CAFE_SLOW_TESTS=1; Tests/Fixtures/docs-commands.txt names them and
/// those that never run, with the reason.
@Suite("README and docs, as printed", .serialized)
struct DocumentationTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The pages, README first.
    static let pages: [String] = {
        let docs =
            (try? FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent("docs").path)) ?? []
        return ["README.md"] + docs.filter { $0.hasSuffix(".md") }.sorted().map { "docs/" + $0 }
    }()

    /// A command of a page, and the lines that the page shows of its output.
    struct Command {
        var page: String
        var text: String
        var shown: [String] = []
    }

    /// A line of docs-commands.txt: page, `slow` or `never`, how the command begins, the reason.
    private struct Rule {
        let page: String
        let isSlow: Bool
        let prefix: String
        let reason: String
    }

    private static func rules() throws -> [Rule] {
        let file = root.appendingPathComponent("Tests/Fixtures/docs-commands.txt")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
            let fields = $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            try #require(fields.count == 4 && ["slow", "never"].contains(fields[1]) && !fields[3].isEmpty, "\($0)")
            return Rule(page: fields[0], isSlow: fields[1] == "slow", prefix: fields[2], reason: fields[3])
        }
    }

    // MARK: Reading a page

    /// The fenced blocks of a page without a language.
    private static func blocks(_ page: String) throws -> [[String]] {
        let text = try String(contentsOf: root.appendingPathComponent(page), encoding: .utf8)
        var blocks: [[String]] = []
        var block: [String]?
        var isPlain = false
        for line in text.components(separatedBy: "\n") {
            if line.hasPrefix("```") {
                if let whole = block {
                    if isPlain { blocks.append(whole) }
                    block = nil
                } else {
                    block = []
                    isPlain = ["```", "```sh", "```bash", "```console"].contains(line)
                }
            } else {
                block?.append(line)
            }
        }
        return blocks
    }

    /// Whether bash takes this as something whole.
    private static func isWhole(_ text: String) throws -> Bool {
        if text.hasSuffix("\\") { return false }
        return try shell(["-n", "-c", text], folder: NSTemporaryDirectory()).status == 0
    }

    static func commands(_ page: String) throws -> [Command] {
        var commands: [Command] = []
        for block in try blocks(page) {
            let isConsole = block.contains { $0.hasPrefix("$ ") }
            let starts = ["cafe-cli ", "make ", "for ", "while ", "echo ", "printf ", "scripts/"]
            guard isConsole || block.contains(where: { line in starts.contains { line.hasPrefix($0) } }) else {
                continue
            }
            var open = ""
            for line in block {
                if isConsole && open.isEmpty && !line.hasPrefix("$ ") {
                    if commands.last?.page == page, !commands.isEmpty {
                        commands[commands.count - 1].shown.append(line)
                    }
                    continue
                }
                if open.isEmpty && (line.isEmpty || line.hasPrefix("#")) { continue }
                open += (open.isEmpty ? "" : "\n") + (isConsole && open.isEmpty ? String(line.dropFirst(2)) : line)
                if try isWhole(open) {
                    commands.append(Command(page: page, text: open))
                    open = ""
                }
            }
            #expect(open.isEmpty, "\(page): a command has no end: \(open)")
        }
        return commands
    }

    // MARK: Running

    private static func shell(_ arguments: [String], folder: String) throws -> (status: Int32, output: String) {
        let process = Process(), pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        var environment = ProcessInfo.processInfo.environment
        let tool = URL(fileURLWithPath: CommandLineTool.path).deletingLastPathComponent().path
        environment["PATH"] = tool + ":" + (environment["PATH"] ?? "")
        process.environment = environment
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    /// Whether a line says how far work has come: a slow machine prints some, pages show none.
    static func isProgress(_ line: String) -> Bool {
        line.range(of: #": \d+ (of \d+ [a-z]+|%)(, about .+ left)?$"#, options: .regularExpression) != nil
    }

    /// Whether the output is what the page shows: line by line, `...` standing for any text or, alone, any lines.
    static func agrees(_ output: [String], _ shown: [String]) -> Bool {
        guard let line = shown.first else { return output.isEmpty }
        if line == "..." {
            let rest = Array(shown.dropFirst())
            return rest.isEmpty || (0...output.count).contains { agrees(Array(output[$0...]), rest) }
        }
        guard let first = output.first, matches(first, line) else { return false }
        return agrees(Array(output.dropFirst()), Array(shown.dropFirst()))
    }

    private static func matches(_ line: String, _ shown: String) -> Bool {
        let parts = shown.components(separatedBy: "...")
        guard line.hasPrefix(parts[0]), line.hasSuffix(parts[parts.count - 1]) else { return false }
        var rest = line[...]
        for part in parts where !part.isEmpty {
            guard let found = rest.range(of: part) else { return false }
            rest = rest[found.upperBound...]
        }
        return parts.count > 1 || line == shown
    }

    /// The files that pages take as given.
    private static func prepare(_ folder: String) throws {
        func write(_ name: String, _ text: String) throws {
            try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
        }
        let tasks = 1...12
        try write(
            "tasks.csv", "task,context,truth\n" + tasks.map { "t\($0),\($0 % 2 == 0 ? "news" : "blog"),yes\n" }.joined()
        )
        try write("truth.csv", "task,truth\n" + tasks.map { "t\($0),yes\n" }.joined())
        try write("gold.csv", "task,class\nt3,yes\nt4,yes\n")
        try write("old.csv", "task,worker,label\nt9,ann,yes\nt9,eve,no\nt10,ann,yes\n")
        try write(
            "labels.csv",
            "task,worker,label\n"
                + tasks.flatMap { task in
                    ["ann", "bob", "eve"].map { "t\(task),\($0),\((task + $0.utf8.count) % 4 == 0 ? "no" : "yes")\n" }
                }.joined())
        for name in ["Examples", "docs", "scripts", "Makefile", "README.md"] {
            try? FileManager.default.createSymbolicLink(
                atPath: folder + "/" + name, withDestinationPath: root.appendingPathComponent(name).path)
        }
    }

    @Test("the commands run, and show what the page shows", arguments: pages)
    func runs(page: String) throws {
        let folder = TestFolder()
        try Self.prepare(folder.path)
        let rules = try Self.rules().filter { $0.page == page }
        let isSlow = ProcessInfo.processInfo.environment["CAFE_SLOW_TESTS"] == "1"
        let commands = try Self.commands(page)
        for rule in rules {
            #expect(
                commands.contains { $0.text.hasPrefix(rule.prefix) },
                "docs-commands.txt: \(page) has no command that begins with '\(rule.prefix)'")
        }
        for command in commands {
            if let rule = rules.first(where: { command.text.hasPrefix($0.prefix) }), !(rule.isSlow && isSlow) {
                continue
            }
            let (status, output) = try Self.shell(["-c", command.text], folder: folder.path)
            let lines = output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            let printed = (lines.last == "" ? Array(lines.dropLast()) : lines).filter { !Self.isProgress($0) }
            let shown = command.shown.last == "" ? Array(command.shown.dropLast()) : command.shown
            let fails = shown.contains { $0.hasPrefix("Error:") },
                ends = shown.contains { $0.hasPrefix("nothing to ask") }
            #expect(
                fails ? status != 0 : status == (ends ? 3 : 0) || (ends && status == 0),
                "\(page): '\(command.text)' ended with \(status):\n\(output.suffix(2000))")
            if !shown.isEmpty {
                #expect(
                    Self.agrees(printed, shown),
                    "\(page): '\(command.text)' shows\n\(shown.joined(separator: "\n"))\nand printed\n\(output.prefix(4000))"
                )
            }
        }
    }

    @Test("the comparison of outputs can fail")
    func compares() {
        #expect(Self.agrees(["a 1", "b", "c"], ["a ...", "..."]))
        #expect(Self.agrees(["a 1", "b", "c"], ["...", "c"]))
        #expect(!Self.agrees(["a 1", "b", "c"], ["a 1", "c"]))
        #expect(!Self.agrees(["a 1"], ["a 2"]))
        #expect(!Self.agrees(["a 1", "b"], ["a 1"]))
        #expect(!Self.agrees([], ["a"]))
        #expect(Self.isProgress("planning: 67 of 150 runs, about 12.6 s left") && Self.isProgress("cafe: 40 %"))
        #expect(!Self.isProgress("spent: 67 of 150") && !Self.isProgress("t1: 0.9"))
    }
}
