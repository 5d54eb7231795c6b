internal import ArgumentParser
internal import CSCSwift

/// What every command on a live session takes.
struct SessionOptions: ParsableArguments {
    @Argument(help: "The session's folder.") var folder: String
    @Flag(help: "Answer in JSON, one line.") var json = false
    @Option(help: "How many seconds to wait while another process has the session open.") var wait = 10.0

    func validate() throws {
        guard wait >= 0 else { throw ValidationError("--wait \(wait) is not a number of seconds from 0 on.") }
    }

    /// Opens the session, says on standard error what had to be repaired, and lets questions lapse whose lease has
    /// ended.
    func open() throws -> LabelSession {
        let session = try LabelSession(opening: folder, wait: wait)
        if let notice = session.notice { FileOptions.note(notice) }
        try session.lapse()
        return session
    }
}

/// A length of time of an option: seconds, or with s, m, h or d behind the number.
struct LeaseDuration {
    let seconds: Double

    init(_ text: String) throws {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        let unit = text.last.flatMap { units[$0] }
        guard let number = Double(unit == nil ? text : String(text.dropLast())), number >= 0, number <= 1e9 else {
            throw ValidationError("'\(text)' is not a number of seconds from 0 on, nor one such as 10m, 2h, 1d.")
        }
        seconds = number * (unit ?? 1)
    }
}

extension Terminal {
    /// A length of time in the largest unit of which there are two: `45 s`, `12 min`, `5 h`, `3 d`.
    static func age(_ seconds: Double) -> String {
        for (length, name) in [(86_400.0, "d"), (3600, "h"), (60, "min")] where seconds >= 2 * length {
            return "\(decimal((seconds / length).rounded(.down), 0)) \(name)"
        }
        return "\(decimal(seconds.rounded(.down), 0)) s"
    }
}

extension LabelSession.Question {
    /// For programs; `again`: whether it was outstanding before, where that is a question.
    func jsonValue(again: Bool? = nil, age: Double? = nil) -> JSON {
        .object(
            [
                ("id", .integer(id)), ("task", .string(task)), ("worker", .string(worker)),
                ("probability", .number(probability)), ("exploration", .bool(exploration)),
                ("askedAt", .number(askedAt)),
            ] + (again.map { [("again", .bool($0))] } ?? []) + (age.map { [("age", .number($0))] } ?? []))
    }
}

extension LabelSession {
    /// What is spent and free, for programs.
    var moneyMembers: [(String, JSON)] {
        [("spent", .number(budget.spent)), ("committed", .number(budget.committed)), ("free", .number(budget.free))]
    }

    /// Lease and cap, for people.
    var settingsSentence: String {
        let lease =
            options.lease.map { "questions lapse after \(Terminal.age($0))" } ?? "questions do not lapse by themselves"
        let cap = options.maxOpen.map { "at most \($0) open a worker" } ?? "any number open a worker"
        return lease + "; " + cap
    }

    /// What the engine's confidence is called, to tell it from a probability and from an interval.
    var confidenceName: String {
        switch options.method {
        case .bbta: options.score == .margin ? "margin" : "share"
        case .pooled: "posterior"
        case .random: "share"
        }
    }
}

extension AssignmentMethod {
    /// Each name with what it stands for.
    static var list: String { allCases.map { "\($0.rawValue) (\($0.summary))" }.joined(separator: " or ") }

    /// The method that --method names.
    init(option text: String) throws {
        let names = Self.allCases.map(\.rawValue)
        guard let method = Self(name: text) else {
            throw ValidationError(
                "--method '\(text)' is none of \(names.joined(separator: ", "))\(Spelling.hint(for: text, among: names))"
            )
        }
        self = method
    }
}

extension LabelSession.TableReport {
    /// The counts for programs, the name of the first given.
    func jsonMembers(_ done: String) -> [(String, JSON)] {
        [
            (done, .integer(new)), ("known", .integer(known)), ("skipped", .integer(badRows.skipped)),
            ("reasons", .array(badRows.reasons.map { .string("\($0)") })),
        ]
    }

    /// The counts for people, the verb of the first given.
    func summary(_ done: String) -> String {
        var parts = ["\(done) \(new)"]
        if known > 0 { parts.append("\(known) known already") }
        if badRows.skipped > 0 { parts.append("\(badRows.skipped) skipped") }
        if !joined.isEmpty { parts.append(Terminal.counted(joined.count, "worker") + " joined") }
        return parts.joined(separator: ", ")
    }

    /// Says on standard error which rows were left out.
    func noteSkipped() {
        guard badRows.skipped > 0 else { return }
        let rest = badRows.skipped - badRows.reasons.count
        FileOptions.note("skipped \(Terminal.counted(badRows.skipped, "row")):")
        for reason in badRows.reasons { FileOptions.note("  \(reason)") }
        if rest > 0 { FileOptions.note("  and \(rest) more") }
    }
}

/// `spent 3, free 57`.
func money(_ budget: LabelBudget) -> String {
    "spent \(Terminal.amount(budget.spent)), free \(Terminal.amount(budget.free))"
}

/// Names separated by commas; a name that holds a comma stands in double quotes, as in a table.
func nameList(_ text: String, option: String) throws -> [String] {
    if text.isEmpty { return [] }
    let row = try CSVReader(text: text, name: option, format: CSVFormat(separator: .comma, header: .absent))
    guard try row.next() else { return [] }
    let names = try row.names.indices.map { try row.string($0) }
    guard try !row.next(), !names.contains("") else {
        throw ValidationError("\(option) '\(text)': a name is empty.")
    }
    return names
}

/// Whether --gold and --stop-at can stand: `pooled` says whether a method that takes them is asked for.
/// - Throws: `ValidationError` where they cannot.
func checkKnown(gold: Bool, stopAt: Double?, pooled: Bool) throws {
    let given = [("--gold", gold), ("--stop-at", stopAt != nil)].filter(\.1).map(\.0)
    guard pooled || given.isEmpty else {
        throw ValidationError(
            "\(given.joined(separator: ", ")): only with the method pooled; BBTA has no posterior to stop at and no use "
                + "for a known class.")
    }
    if let stopAt, !(stopAt > 0.5 && stopAt <= 1) {
        throw ValidationError("--stop-at \(stopAt) is not a posterior above 0.5 and at most 1.")
    }
}

/// An amount of money of an option.
/// - Throws: `ValidationError` where it cannot be counted.
func checkAmount(_ amount: Double, _ option: String) throws {
    do { try LabelBudget.check(amount, option) } catch { throw ValidationError("\(error).") }
}
