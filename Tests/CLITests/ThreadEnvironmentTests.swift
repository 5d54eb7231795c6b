import Foundation
import Testing

/// Variables that make OpenMP's runtime abort or take all memory, and systems that allow few threads.
@Suite struct ThreadEnvironmentTests {
    private func evaluate(_ environment: [String: String], _ options: [String] = []) throws -> CommandLineTool.Result {
        try CommandLineTool.run(
            "/usr/bin/timeout",
            [
                "-s", "KILL", "60", CommandLineTool.path, "evaluate", "--policy", "coalition", "--tasks", "20",
                "--workers", "9", "--episodes", "4",
            ] + options, environment: environment)
    }

    @Test(arguments: [
        ("OMP_NUM_THREADS", ""), ("OMP_NUM_THREADS", "abc"), ("OMP_NUM_THREADS", "-3"), ("OMP_NUM_THREADS", "0"),
        ("OMP_NUM_THREADS", "2,"), ("OMP_NUM_THREADS", "99999999999999999999"), ("OMP_STACKSIZE", "1k"),
        ("OMP_STACKSIZE", "64k"), ("OMP_STACKSIZE", "x"), ("OMP_STACKSIZE", "999999999g"), ("KMP_STACKSIZE", ""),
        ("OMP_THREAD_LIMIT", "-1"),
    ])
    func unusableVariablesAreLeftOut(_ name: String, _ value: String) throws {
        let plain = try evaluate([:], ["--threads", "2"])
        let result = try evaluate([name: value], ["--threads", "2"])
        #expect(result.status == 0 && result.output == plain.output, "\(result)")
        #expect(result.errors == "note: OpenMP cannot be given \(name)=\(value); it is left out\n" + plain.errors)
    }

    @Test(arguments: [
        ("OMP_NUM_THREADS", "2"), ("OMP_NUM_THREADS", "2,1"), ("OMP_STACKSIZE", "512k"), ("OMP_STACKSIZE", "4M"),
        ("OMP_STACKSIZE", " 8192 "), ("OPENBLAS_NUM_THREADS", "48"), ("OMP_THREAD_LIMIT", "4"),
    ])
    func usableVariablesAreNotMentioned(_ name: String, _ value: String) throws {
        let plain = try evaluate([:], ["--threads", "2"])
        let result = try evaluate([name: value], ["--threads", "2"])
        #expect(result.status == 0 && result.output == plain.output && result.errors == plain.errors, "\(result)")
    }

    @Test func moreThreadsThanProcessorsAreMentioned() throws {
        let result = try evaluate([:], ["--threads", "200"])
        #expect(result.status == 0 && result.errors.contains("200 threads are started on"), "\(result)")
        #expect(try evaluate([:], ["--threads", "100000"]).status == 64)
    }

    /// Only another user can be held to few processes: root is not.
    @Test func fewProcesses() throws {
        guard getuid() == 0, FileManager.default.fileExists(atPath: "/usr/bin/setpriv") else { return }
        let folder = TestFolder()
        chmod(folder.path, 0o777)
        for limit in [1, 2, 3, 4, 8] {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
            process.arguments = [
                "-s", "KILL", "60", "/usr/bin/setpriv", "--reuid=54321", "--clear-groups", "/usr/bin/prlimit",
                "--nproc=\(limit)", CommandLineTool.path, "evaluate", "--policy", "greedy", "--tasks", "9", "--workers",
                "9", "--episodes", "2", "--threads", "4",
            ]
            process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
            let (output, errors) = (Pipe(), Pipe())
            process.standardOutput = output
            process.standardError = errors
            process.standardInput = FileHandle.nullDevice
            try process.run()
            let wrong = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            // Where the program's folder is closed to other users there is nothing to try.
            if process.terminationStatus == 126 || process.terminationStatus == 127 { return }
            #expect(process.terminationReason == .exit && process.terminationStatus == 0, "\(limit): \(wrong)")
            if limit < 4 { #expect(wrong.contains("instead of 4"), "\(limit): \(wrong)") }
        }
    }
}
