internal import ArgumentParser
internal import CSCSwift

/// The flags that say where episodes come from, shared by all commands that play.
struct SourceOptions: ParsableArguments {
    @Option(help: "A built-in city (see `cafe-cli scenarios`) or a FILE.yaml of your own.")
    var scenario = "chengdu"

    @Option(help: "Recorded orders, or a tasks.csv of your own, to take the place of the scenario's generator.")
    var orders: String?

    @Option(help: "The file of workers that belongs to --orders, if it does not lie beside it.")
    var workersFile: String?

    @Option(help: "The layout of --orders, where its first line does not say: \(SourceOptions.formats).")
    var format: String?

    @Option(help: "pooled lays the recorded days over each other; by-day makes each a separate episode.")
    var cut = "pooled"

    @Option(help: "Which recorded days take part, counted from 0: FIRST-LAST, or FIRST- to the last.")
    var days: String?

    @Option(help: "When the window of the day begins, HH:MM; without it, where most orders lie.")
    var from: String?

    @Option(help: "Which part of the rows takes part, K/N: 1/2 to train on, 2/2 to hold out where there is one day.")
    var part: String?

    @Option(help: "scenario draws pay and workload; file makes them from recorded fares and durations.")
    var terms = "scenario"

    @Flag(help: "Leave out bad rows and count them instead of stopping at the first.")
    var skipBadRows = false

    @Option(help: "How workers travel: manhattan, euclidean, or a FILE.json of `cafe-cli travel-times`.")
    var travel = "manhattan"

    static let formats = OrderFormat.allCases.map(\.rawValue).joined(separator: ", ")

    init() {}

    /// The options that flags by name stand for, as `recordedFlags` gives them; empty ones count as not given.
    init(flags: [String: String], scenario: String) throws {
        var arguments = ["--scenario", scenario]
        for (flag, value) in flags.sorted(by: { $0.key < $1.key }) where !value.isEmpty {
            arguments += flag == "skip-bad-rows" ? ["--skip-bad-rows"] : ["--" + flag, value]
        }
        self = try SourceOptions.parse(arguments)
    }

    /// How recorded orders are read, by flag: what a run must keep to open them again. Empty without --orders.
    var recordedFlags: [String: String] {
        guard let orders else { return [:] }
        var flags = ["orders": orders, "cut": cut, "terms": terms]
        for (flag, value) in [
            ("travel", travel == "manhattan" ? nil : travel), ("workers-file", workersFile), ("format", format),
            ("days", days), ("from", from), ("part", part),
        ] {
            if let value { flags[flag] = value }
        }
        if skipBadRows { flags["skip-bad-rows"] = "true" }
        return flags
    }

    /// The source, and what the user should be told about it.
    func open() throws -> (source: any InstanceSource, notes: [String]) {
        try open(drawingFrom: Scenario.find(scenario))
    }

    /// A source with the travel of --travel; `dayStart` is the minute of the day at which episodes begin.
    func travelling(_ source: any InstanceSource, dayStart: Double = 0) throws -> any InstanceSource {
        switch travel {
        case "manhattan": return source
        case "euclidean": return TravelSource(source, travel: .euclidean)
        default:
            guard travel.hasSuffix(".json") else {
                throw ValidationError("--travel \(travel) is none of manhattan, euclidean, FILE.json")
            }
            var table = try TravelTable(contentsOf: travel)
            table.dayStart = dayStart
            return TravelSource(source, travel: Travel(table: table))
        }
    }

    /// As above; what the orders lack is drawn from a city that is at hand already.
    func open(drawingFrom city: Scenario) throws -> (source: any InstanceSource, notes: [String]) {
        guard let orders else { return (try travelling(city), []) }
        let badRows: CSVReader.BadRows = skipBadRows ? .skip : .fail
        let layout = try format.map { try choice($0, "--format", OrderFormat.self) } ?? OrderFormat.detect(orders)
        if layout == .instance {
            let workers = workersFile ?? AtomicFile.join(folder(of: orders), "workers.csv")
            let (instance, reports) = try Instance.read(tasks: orders, workers: workers, badRows: badRows)
            let skipped = reports.reduce(0) { $0 + $1.skipped }
            return (
                try travelling(FixedInstance(name: orders, instance: instance)),
                skipped > 0 ? ["left out \(skipped) bad rows; the first: \(reports.flatMap(\.reasons)[0])"] : []
            )
        }
        let recorded = try RecordedOrders.read(orders, format: layout, workersPath: workersFile, badRows: badRows)
        let source = try RecordedDays(
            recorded, scenario: city, cut: choice(cut, "--cut", RecordedDays.Cut.self),
            days: dayRange(of: recorded.days),
            from: startMinute(), part: partOfRows(), terms: choice(terms, "--terms", RecordedDays.Terms.self))
        let travelled = try travelling(source, dayStart: source.from)
        return (travelled, source.notes + recorded.report.reasons.prefix(1).map { "first bad row: \($0)" })
    }

    /// What to say where episodes of so many tasks are asked for and fewer orders are there.
    static func shortage(_ source: any InstanceSource, tasks: Int) -> String? {
        guard let recorded = (source as? TravelSource)?.base as? RecordedDays ?? source as? RecordedDays,
            recorded.available < tasks
        else { return nil }
        return "\(tasks) tasks were asked for, but only \(recorded.available) orders lie in the chosen days and hours: "
            + "larger episodes hold those"
    }

    private func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    private func choice<Value: RawRepresentable & CaseIterable>(
        _ text: String, _ flag: String, _: Value.Type
    ) throws -> Value where Value.RawValue == String {
        if let value = Value(rawValue: text) { return value }
        let names = Value.allCases.map(\.rawValue)
        throw ValidationError(
            "\(flag) \(text) is none of \(names.joined(separator: ", "))\(Spelling.hint(for: text, among: names))")
    }

    /// The days of a file that has `count` of them.
    private func dayRange(of count: Int) throws -> Range<Int>? {
        guard let days = try dayNumbers() else { return nil }
        return days.first..<(days.last ?? max(count - 1, days.first)) + 1
    }

    /// --days as numbers; no last one: to the end of the file.
    private func dayNumbers() throws -> (first: Int, last: Int?)? {
        guard let days else { return nil }
        let parts = days.split(separator: "-", omittingEmptySubsequences: false)
        let numbers = parts.map { try? Limits.day.parse(String($0)) }
        let isOpen = parts.count == 2 && parts[1].isEmpty
        guard parts.count <= 2, let first = numbers[0], isOpen || numbers[parts.count - 1] ?? -1 >= first else {
            throw ValidationError("--days \(days) is not FIRST-LAST, such as 0-13, or FIRST-, such as 14-")
        }
        return (first, isOpen ? nil : numbers[parts.count - 1])
    }

    /// Whether none of the recorded orders takes part in both: other days, or other parts of as many.
    func isApart(from other: SourceOptions) throws -> Bool {
        if let mine = try dayNumbers(), let theirs = try other.dayNumbers() {
            let (early, late) = mine.first < theirs.first ? (mine, theirs) : (theirs, mine)
            if let last = early.last, last < late.first { return true }
        }
        if let mine = try partOfRows(), let theirs = try other.partOfRows() {
            return mine.count == theirs.count && mine.number != theirs.number
        }
        return false
    }

    private func partOfRows() throws -> RecordedDays.Part? {
        guard let part else { return nil }
        let numbers = part.split(separator: "/", omittingEmptySubsequences: false).map {
            try? Limits.day.parse(String($0))
        }
        guard numbers.count == 2, let number = numbers[0], let count = numbers[1],
            let rows = RecordedDays.Part(number, of: count)
        else { throw ValidationError("--part \(part) is not K/N, such as 1/2 (the first of two parts)") }
        return rows
    }

    private func startMinute() throws -> Double? {
        guard let from else { return nil }
        let parts = from.split(separator: ":").compactMap { Int($0) }
        guard parts.count == 2, (0..<24).contains(parts[0]), (0..<60).contains(parts[1]) else {
            throw ValidationError("--from \(from) is not a time of the day, such as 17:30")
        }
        return Double(parts[0] * 60 + parts[1])
    }
}
