import Foundation

/// The built `cafe-cli`, started as a process.
struct CommandLineTool {
    /// What a finished process left.
    struct Result {
        var status: Int32
        var output: String
        var errors: String
    }

    /// The tool lies beside the test bundle.
    static var path: String {
        let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        return bundle.deletingLastPathComponent().appendingPathComponent("cafe-cli").path
    }

    /// Starts it; the caller waits or kills.
    static func start(_ arguments: [String], output: Pipe = Pipe(), errors: Pipe = Pipe()) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Starts it with its outputs in files: nothing that it prints can stop it.
    static func begin(_ arguments: [String], in folder: TestFolder) throws -> RunningTool {
        try RunningTool(arguments, folder: folder)
    }

    /// Runs a command as it is printed, `cafe-cli ...`, by a shell.
    static func shell(_ command: some StringProtocol, in folder: String = ".") throws -> Result {
        let process = Process()
        let (output, errors) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command.replacingOccurrences(of: "cafe-cli ", with: "'\(path)' ")]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let wrong = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
            errors: String(decoding: wrong, as: UTF8.self))
    }

    /// Runs it to its end.
    static func run(_ arguments: [String]) throws -> Result {
        let (output, errors) = (Pipe(), Pipe())
        let process = try start(arguments, output: output, errors: errors)
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let wrong = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
            errors: String(decoding: wrong, as: UTF8.self))
    }

    /// Runs it to its end with this on standard input.
    static func run(_ arguments: [String], input: String) throws -> Result {
        let (entry, output, errors) = (Pipe(), Pipe(), Pipe())
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardInput = entry
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        DispatchQueue.global().async {
            try? entry.fileHandleForWriting.write(contentsOf: Data(input.utf8))
            try? entry.fileHandleForWriting.close()
        }
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let wrong = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
            errors: String(decoding: wrong, as: UTF8.self))
    }
}

/// A process of `cafe-cli` whose outputs go into files. It is killed with the value.
final class RunningTool {
    /// The process.
    let process = Process()
    private let output: String, errors: String

    fileprivate init(_ arguments: [String], folder: TestFolder) throws {
        let name = folder.file(UUID().uuidString)
        (output, errors) = (name + ".out", name + ".err")
        process.executableURL = URL(fileURLWithPath: CommandLineTool.path)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try Self.handle(output)
        process.standardError = try Self.handle(errors)
        try process.run()
    }

    private static func handle(_ path: String) throws -> FileHandle {
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    }

    /// Waits until something holds, the process has ended, or a minute is over.
    func wait(until condition: () -> Bool) {
        let deadline = Date().addingTimeInterval(60)
        while !condition() && process.isRunning && Date() < deadline { usleep(1000) }
    }

    /// What it left. One that has not ended after a minute is killed, which its status shows.
    func end() -> CommandLineTool.Result {
        wait { false }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        func text(_ path: String) -> String {
            String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
        }
        return CommandLineTool.Result(
            status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
            output: text(output), errors: text(errors))
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
}

/// A folder of its own for one test, removed afterwards.
final class TestFolder {
    let path = NSTemporaryDirectory() + "cafe-cli-test-" + UUID().uuidString

    init() { try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    func file(_ name: String) -> String { path + "/" + name }

    func read(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: file(name))) }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
