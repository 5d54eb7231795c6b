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

    @Option(help: "Which recorded days take part, counted from 0: FIRST-LAST.")
    var days: String?

    @Option(help: "When the window of the day begins, HH:MM; without it, where most orders lie.")
    var from: String?

    @Option(help: "scenario draws pay and workload; file makes them from recorded fares and durations.")
    var terms = "scenario"

    @Flag(help: "Leave out bad rows and count them instead of stopping at the first.")
    var skipBadRows = false

    static let formats = OrderFormat.allCases.map(\.rawValue).joined(separator: ", ")

    /// The source, and what the user should be told about it.
    func open() throws -> (source: any InstanceSource, notes: [String]) {
        let city = try Scenario.find(scenario)
        guard let orders else { return (city, []) }
        let badRows: CSVReader.BadRows = skipBadRows ? .skip : .fail
        let layout = try format.map { try choice($0, "--format", OrderFormat.self) } ?? OrderFormat.detect(orders)
        if layout == .instance {
            let workers = workersFile ?? AtomicFile.join(folder(of: orders), "workers.csv")
            let (instance, reports) = try Instance.read(tasks: orders, workers: workers, badRows: badRows)
            let skipped = reports.reduce(0) { $0 + $1.skipped }
            return (
                FixedInstance(name: orders, instance: instance),
                skipped > 0 ? ["left out \(skipped) bad rows; the first: \(reports.flatMap(\.reasons)[0])"] : []
            )
        }
        let recorded = try RecordedOrders.read(orders, format: layout, workersPath: workersFile, badRows: badRows)
        let source = try RecordedDays(
            recorded, scenario: city, cut: choice(cut, "--cut", RecordedDays.Cut.self), days: dayRange(),
            from: startMinute(), terms: choice(terms, "--terms", RecordedDays.Terms.self))
        return (source, source.notes + recorded.report.reasons.prefix(1).map { "first bad row: \($0)" })
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

    private func dayRange() throws -> Range<Int>? {
        guard let days else { return nil }
        let parts = days.split(separator: "-").compactMap { Int($0) }
        guard let first = parts.first, let last = parts.last, parts.count <= 2, first <= last else {
            throw ValidationError("--days \(days) is not FIRST-LAST, such as 0-13")
        }
        return first..<(last + 1)
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
