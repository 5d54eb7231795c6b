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

    /// A process at work whose output and errors are read as they come, so that it never waits for a reader.
    final class Running: @unchecked Sendable {
        let process: Process
        private let output = Pipe(), errors = Pipe()
        private let group = DispatchGroup()
        private let lock = NSLock()
        private var text: [Data] = [Data(), Data()]

        /// Starts it.
        init(_ arguments: [String]) throws {
            process = try CommandLineTool.start(arguments, output: output, errors: errors)
            for (at, pipe) in [output, errors].enumerated() {
                group.enter()
                Thread.detachNewThread { [self] in
                    let data = pipe.fileHandleForReading.readDataToEndOfFile()
                    lock.withLock { text[at] = data }
                    group.leave()
                }
            }
        }

        /// Waits until it is over, for two minutes at most; then it is killed.
        func finish() -> Result {
            let deadline = Date().addingTimeInterval(120)
            while process.isRunning && Date() < deadline { usleep(2000) }
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            process.waitUntilExit()
            group.wait()
            return lock.withLock {
                Result(
                    status: process.terminationStatus, output: String(decoding: text[0], as: UTF8.self),
                    errors: String(decoding: text[1], as: UTF8.self))
            }
        }
    }

    /// Starts it; the caller waits or kills, and reads what it prints.
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

    /// Starts a process and waits for its end; the status of one that a signal ended is 128 and its number.
    static func finish(_ process: Process, input: String? = nil) throws -> Result {
        let (entry, output, errors) = (Pipe(), Pipe(), Pipe())
        process.standardInput = input == nil ? FileHandle.nullDevice : entry
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        if let input {
            DispatchQueue.global().async {
                try? entry.fileHandleForWriting.write(contentsOf: Data(input.utf8))
                try? entry.fileHandleForWriting.close()
            }
        }
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let wrong = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(
            status: process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus,
            output: String(decoding: text, as: UTF8.self), errors: String(decoding: wrong, as: UTF8.self))
    }

    /// Runs a program to its end.
    static func run(
        _ program: String, _ arguments: [String], in folder: String = ".", input: String? = nil,
        environment: [String: String] = [:]
    ) throws -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        return try finish(process, input: input)
    }

    /// Runs a command as it is printed, `cafe-cli ...`, by a shell.
    static func shell(_ command: some StringProtocol, in folder: String = ".") throws -> Result {
        try run(
            "/bin/sh", ["-c", command.replacingOccurrences(of: "cafe-cli ", with: "'\(path)' ")], in: folder)
    }

    /// Runs the tool to its end, with this on standard input.
    static func run(_ arguments: [String], input: String? = nil) throws -> Result {
        try run(path, arguments, input: input)
    }
}

/// A folder of its own for one test, removed afterwards.
final class TestFolder {
    let path = NSTemporaryDirectory() + "cafe-cli-test-" + UUID().uuidString

    init() { try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    func file(_ name: String) -> String { path + "/" + name }

    func read(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: file(name))) }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
