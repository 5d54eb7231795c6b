internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// `cafe-cli dispatch`
struct DispatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dispatch",
        abstract: "Answer a moment of a service with a plan: JSON in, JSON out.",
        discussion: """
            Reads who is where, what is open and who has promised what from standard input, and writes who goes where, and \
            why not, to standard output. docs/api.md shows both documents on one page.

            One document is answered by one document. Where each line is a document, each is answered by a line at once: \
            a service keeps the program running and its policies warm.

            What cannot be answered is a document too: {"code": 2, "error": "tasks[3].deadline: ...", "path": \
            "tasks[3].deadline"}; the exit status is then 1.

            --check takes a plan of any origin, as a file or as field "plan" of the request, and lists the rules that it \
            breaks; the exit status is 1 if there are any.

            Example:
              cafe-cli dispatch < moment.json > plan.json
              cafe-cli dispatch --check plan.json < moment.json
              cafe-cli dispatch --recommend t7 --k 3 < moment.json
            """)

    @Argument(help: "The plan to check; only with --check.")
    var plan: String?
    @Flag(help: "Check a plan against the moment instead of making one.")
    var check = false
    @Option(help: "Name the best workers and teams for this task instead of making a plan.")
    var recommend: String?
    @Option(name: .customLong("k"), help: "How many of them.")
    var count = 5
    @Flag(help: "Say why, even where the request says \"explain\": false.")
    var explain = false
    @Option(help: "The policy that decides, whatever the request says.")
    var policy: String?
    @Option(help: "Read the moment from this file instead of standard input.")
    var input: String?
    @Option(help: "Append each moment and its plan to this file, a line each: what `cafe-cli replay --log` shows.")
    var log: String?
    @Option(
        parsing: .unconditional, help: "Threads; 0 for one per processor. Changes nothing but the time.",
        transform: Limits.threads.parse)
    var threads = 1

    func validate() throws {
        if check && recommend != nil { throw ValidationError("--check and --recommend are two questions") }
        if plan != nil && !check { throw ValidationError("a plan is given, but not --check") }
        if count < 1 || count > 1000 { throw ValidationError("--k \(count) is not 1 to 1000") }
    }

    func run() throws {
        Output.startThreads(threads)
        let desk = DispatchDesk(runs: DispatchPolicy.load)
        let checked = try planFile()
        var isGood = true
        if let input {
            let bytes = try AtomicFile.read(input)
            isGood = try answer(bytes, desk, checked, isLine: !bytes.contains(UInt8(ascii: "\n")))
        } else {
            try DispatchInput.documents { bytes, isLine in
                if try !answer(bytes, desk, checked, isLine: isLine) { isGood = false }
            }
        }
        if !isGood { throw ExitCode(1) }
    }

    /// The plan of --check, if it stands in a file of its own.
    private func planFile() throws -> DispatchPlan? {
        guard let plan else { return nil }
        do {
            return try DispatchPlan(json: try AtomicFile.read(plan))
        } catch let fault as JSONCursor.Fault {
            try write(DispatchFault(path: fault.path, reason: "\(plan): \(fault.reason)").json, pretty: false)
            throw ExitCode(1)
        }
    }

    /// Answers one document, that of one line by a line; false where it was refused or breaks a rule.
    private func answer(
        _ bytes: [UInt8], _ desk: DispatchDesk, _ checked: DispatchPlan?, isLine: Bool
    ) throws -> Bool {
        let pretty = !isLine
        do {
            return try answer(bytes, desk, checked, pretty: pretty)
        } catch let fault as JSONCursor.Fault {
            try write(DispatchFault(fault).json, pretty: pretty)
        } catch let fault as DispatchFault {
            try write(fault.json, pretty: pretty)
        }
        return false
    }

    private func answer(
        _ bytes: [UInt8], _ desk: DispatchDesk, _ checked: DispatchPlan?, pretty: Bool
    ) throws -> Bool {
        if check {
            let (request, inside) = try DispatchRequest.withPlan(json: bytes)
            guard let plan = checked ?? inside else {
                throw DispatchFault(path: "plan", reason: "is missing: give it as a file or in the request")
            }
            let violations = try desk.check(plan, against: request)
            try write(
                .object([
                    ("code", .integer(0)), ("valid", .bool(violations.isEmpty)),
                    ("violations", .array(violations.map(\.json))),
                ]), pretty: pretty)
            return violations.isEmpty
        }
        var request = try DispatchRequest(json: bytes)
        if let policy { request.policy = policy }
        if explain { request.explain = true }
        if let recommend {
            try write(try desk.recommend(recommend, count: count, in: request).json, pretty: pretty)
        } else {
            let plan = try desk.plan(request)
            if let log { try AtomicFile.append(DispatchLog.line(request: bytes, plan: plan), to: log) }
            try write(plan.json, pretty: pretty)
        }
        return true
    }

    private func write(_ document: JSON, pretty: Bool) throws {
        try FileOptions.write(pretty ? document.pretty : document.line + "\n", to: "-")
    }
}

/// Standard input as documents: one, over as many lines as it likes, or one per line.
enum DispatchInput {
    /// Calls `body` with each document as soon as it is there, and with whether it is one line. The first line decides: if
    /// it is a whole value, so is each line after it.
    static func documents(_ body: (_ bytes: [UInt8], _ isLine: Bool) throws -> Void) throws {
        var rest: [UInt8] = []
        var isStream: Bool?
        let newline = UInt8(ascii: "\n")
        while true {
            let data = FileHandle.standardInput.availableData
            if data.isEmpty { break }
            var from = rest.count
            rest += [UInt8](data)
            var start = 0
            while isStream != false, let end = rest[from...].firstIndex(of: newline) {
                let line = Array(rest[start..<end])
                from = end + 1
                if isBlank(line) {
                    start = from
                    continue
                }
                if isStream == nil { isStream = isWhole(line) }
                if isStream == false { break }
                try body(line, true)
                start = from
            }
            if start > 0 { rest.removeFirst(start) }
        }
        if isBlank(rest) && isStream != nil { return }
        let document = isStream == true ? rest : trimmed(rest)
        try body(document, !document.contains(newline))
    }

    /// One document without the line's end after it is one line.
    private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        while let last = bytes.last, last == 10 || last == 13 { bytes.removeLast() }
        return bytes
    }

    private static func isBlank(_ bytes: [UInt8]) -> Bool {
        bytes.allSatisfy { $0 == 32 || $0 == 9 || $0 == 13 || $0 == 10 }
    }

    /// Whether a line is not the beginning of a longer document.
    private static func isWhole(_ line: [UInt8]) -> Bool {
        do {
            var cursor = try JSONCursor(line)
            try cursor.skipValue()
            try cursor.end()
            return true
        } catch {
            return !error.isUnfinished
        }
    }
}
