internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// The flags that say where episodes come from, shared by all commands that play.
struct SourceOptions: ParsableArguments {
    @Option(
        name: .customLong("scenario"),
        help: "A built-in city (see `cafe-cli scenarios`) or a FILE.yaml of your own (default: chengdu).")
    var scenarioName: String?

    @Option(
        help: "Recorded orders, or a tasks.csv of your own, to take the place of the scenario's generator; .gz too.")
    var orders: String?

    @Option(help: "The file of workers that belongs to --orders, if it does not lie beside it.")
    var workersFile: String?

    @Option(help: "The layout of --orders, where its first line does not say: \(SourceOptions.formats).")
    var format: String?

    @Option(
        help:
            "Which columns of --orders hold what: \(OrderColumns.Field.allCases.map { $0.rawValue + "=NAME" }.joined(separator: ","))."
    )
    var columns: String?

    @Option(help: "The unit of columns x and y: degrees, km or m.")
    var units: String?

    @Option(
        parsing: .unconditional,
        help: "The zone in which days are cut: UTC, an offset (+08:00) or a place (Europe/Paris). Default: as written.")
    var zone: String?

    @Option(help: "pooled lays the recorded days over each other (the default); by-day makes each a separate episode.")
    var cut: String?

    @Option(
        parsing: .unconditional,
        help: "Which recorded days take part, counted from 0: FIRST-LAST, or FIRST- to the last.")
    var days: String?

    @Option(
        parsing: .unconditional, help: "When the window of the day begins, HH:MM; without it, where most orders lie.")
    var from: String?

    @Option(
        parsing: .unconditional,
        help: "Which part of the rows takes part, K/N: 1/2 to train on, 2/2 to hold out where there is one day.")
    var part: String?

    @Option(
        help: "scenario draws pay and workload (the default); file takes recorded fares as pay, durations as workload.")
    var terms: String?

    @Flag(help: "Leave out bad rows and count them instead of stopping at the first.")
    var skipBadRows = false

    @Option(help: "How workers travel: manhattan, euclidean, or a FILE.json of `cafe-cli travel-times`.")
    var travel = "manhattan"

    static let formats = OrderFormat.allCases.map(\.rawValue).joined(separator: ", ")

    /// The scenario's name or file.
    var scenario: String { scenarioName ?? "chengdu" }

    init() {}

    /// The options that flags by name stand for, as `recordedFlags` gives them; empty ones count as not given.
    init(flags: [String: String], scenario: String) throws {
        var arguments = ["--scenario", scenario]
        for (flag, value) in flags.sorted(by: { $0.key < $1.key }) where !value.isEmpty {
            arguments += flag == "skip-bad-rows" ? ["--skip-bad-rows"] : ["--" + flag + "=" + value]
        }
        self = try SourceOptions.parse(arguments)
    }

    /// The flags that choose among --orders, with what was given.
    private var chosen: [(flag: String, value: String?)] {
        [
            ("workers-file", workersFile), ("format", format), ("columns", columns), ("units", units), ("zone", zone),
            ("cut", cut), ("days", days), ("from", from), ("part", part), ("terms", terms),
            ("skip-bad-rows", skipBadRows ? "true" : nil),
        ]
    }

    /// Names of all flags that were given, as they are written.
    var given: [String] {
        [("scenario", scenarioName), ("orders", orders)].filter { $0.1 != nil }.map { "--" + $0.0 }
            + chosen.filter { $0.value != nil }.map { "--" + $0.flag } + (travel == "manhattan" ? [] : ["--travel"])
    }

    /// How recorded orders are read and how workers travel, by flag: what a run must keep to open its episodes again. Empty
    /// without --orders and --travel.
    var recordedFlags: [String: String] {
        guard let orders else { return travel == "manhattan" ? [:] : ["travel": travel] }
        var flags = ["orders": orders, "cut": cut ?? "pooled", "terms": terms ?? "scenario"]
        for (flag, value) in chosen { if let value { flags[flag] = value } }
        if travel != "manhattan" { flags["travel"] = travel }
        return flags
    }

    /// The flags as words of a command line, the scenario first.
    var words: [String] {
        ["--scenario", scenario] + (orders.map { ["--orders", $0] } ?? [])
            + chosen.flatMap { flag, value in
                value.map { flag == "skip-bad-rows" ? ["--skip-bad-rows"] : ["--\(flag)", $0] } ?? []
            } + (travel == "manhattan" ? [] : ["--travel", travel])
    }

    /// Whether --orders is the product's own pair of tables, one episode. Throws `CSCError` where it cannot be read.
    func isInstance() throws -> Bool { try orders.map { try layout(of: $0) == .instance } ?? false }

    // MARK: Opening

    /// The source, and what the user should be told about it; warnings go to standard error.
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
        let (source, notes, warnings) = try opened(drawingFrom: city)
        for warning in warnings { FileOptions.note("warning: \(warning)") }
        return (source, notes)
    }

    /// As above, in silence.
    func opened(
        drawingFrom city: Scenario
    ) throws -> (source: any InstanceSource, notes: [String], warnings: [String]) {
        guard let orders else {
            if let flag = chosen.first(where: { $0.value != nil })?.flag {
                throw ValidationError(
                    "--\(flag) says how --orders are read, and there are none: give --orders or leave it out")
            }
            return (try travelling(city), [], city.warnings)
        }
        try Self.requireFile(orders)
        let layout = try layout(of: orders)
        if layout == .instance { return try openInstance(orders, side: city.side) }
        var reading = OrderReading()
        reading.format = layout
        reading.workersPath = workersFile
        reading.badRows = skipBadRows ? .skip : .fail
        reading.columns = try orderColumns(layout)
        reading.zone = try dayZone()
        let terms = try choice(terms ?? "scenario", "--terms", RecordedDays.Terms.self)
        reading.needsTerms = terms == .file
        let recorded = try RecordedOrders.read(orders, reading)
        let source = try RecordedDays(
            recorded, scenario: city, cut: choice(cut ?? "pooled", "--cut", RecordedDays.Cut.self),
            days: dayRange(of: recorded.days), from: startMinute(), part: partOfRows(), terms: terms)
        return (
            try travelling(source, dayStart: source.from),
            recorded.overview.lines + source.notes + recorded.report.reasons.prefix(1).map { "first bad row: \($0)" },
            recorded.overview.warnings + city.warnings
        )
    }

    private func layout(of orders: String) throws -> OrderFormat {
        if let format { return try choice(format, "--format", OrderFormat.self) }
        return columns == nil ? try OrderFormat.detect(orders) : .columns
    }

    private func orderColumns(_ layout: OrderFormat) throws -> OrderColumns? {
        let units = try units.map { try choice($0, "--units", OrderColumns.Units.self) }
        if units != nil && layout != .columns {
            throw ValidationError(
                "--units belongs to columns x and y, which the layout \(layout.rawValue) does not have")
        }
        if let columns { return try OrderColumns(text: columns, units: units) }
        return layout == .columns ? OrderColumns(units: units) : nil
    }

    private func dayZone() throws -> DayZone? {
        guard let zone else { return nil }
        guard let known = DayZone(zone) else {
            throw ValidationError(
                "--zone \(zone) is no zone: write UTC, an offset such as +08:00 or a place such as Europe/Paris")
        }
        return known
    }

    /// The product's own pair of tables: one episode, in which nothing can be chosen.
    private func openInstance(
        _ orders: String, side: Double
    ) throws -> (source: any InstanceSource, notes: [String], warnings: [String]) {
        let free: Set<String> = ["workers-file", "format", "skip-bad-rows"]
        for (flag, value) in chosen where value != nil && !free.contains(flag) {
            // What earlier runs keep of options that were not given.
            if flag == "cut" && value == "pooled" || flag == "terms" && value == "scenario" { continue }
            throw ValidationError(
                "--\(flag): \(orders) is one episode of its own, in which there is nothing to choose; leave it out")
        }
        let workers = workersFile ?? AtomicFile.join(folder(of: orders), "workers.csv")
        let (instance, reports) = try Instance.read(
            tasks: orders, workers: workers, badRows: skipBadRows ? .skip : .fail, side: side)
        if instance.tasks.isEmpty { throw CSCError.table(path: orders, reason: "it holds no task") }
        if instance.workers.isEmpty { throw CSCError.table(path: workers, reason: "it holds no worker") }
        let skipped = reports.reduce(0) { $0 + $1.skipped }
        return (
            try travelling(FixedInstance(name: orders, instance: instance)),
            instance.overview.enumerated().map { ($0 == 0 ? orders : workers) + ": " + $1 }
                + ["it is one episode: whatever is learnt or tuned on it is not held out"]
                + (skipped > 0 ? ["left out \(skipped) bad rows; the first: \(reports.flatMap(\.reasons)[0])"] : []),
            ReachCheck(instance).warnings
        )
    }

    /// Orders are read more than once (their layout, their rows, by a resumed run): a pipe will not do.
    private static func requireFile(_ path: String) throws {
        var info = stat()
        let isOther = stat(path, &info) == 0 && (info.st_mode & S_IFMT) != S_IFREG && (info.st_mode & S_IFMT) != S_IFDIR
        if path == "-" || isOther {
            throw ValidationError(
                "--orders \(path): orders are read more than once, so a pipe will not do; save them to a file")
        }
    }

    /// The source itself, without the travel that was chosen for it.
    static func base(of source: any InstanceSource) -> any InstanceSource { (source as? TravelSource)?.base ?? source }

    /// Refuses options that choose numbers where the numbers are those of a file.
    /// - Throws: `ValidationError` naming the first that is given.
    static func refuse(_ options: [(name: String, given: Bool)], for fixed: FixedInstance) throws {
        guard let option = options.first(where: \.given)?.name else { return }
        throw ValidationError(
            "\(option): \(fixed.name) is one episode of \(Terminal.counted(fixed.instance.tasks.count, "task")) and "
                + "\(Terminal.counted(fixed.instance.workers.count, "worker")); leave it out")
    }

    /// Says on standard error what is wrong with a source's first episode, such as workers out of reach of all tasks;
    /// nothing where it is one episode, of which that was said when it was opened.
    static func warnOfReach(_ source: any InstanceSource, tasks: Int, workers: Int, seed: UInt64) {
        let plain = base(of: source)
        if plain is FixedInstance { return }
        let first = plain.instance(tasks: tasks, workers: workers, seed: seed, episode: EpisodeRange.evaluation[0])
        for warning in ReachCheck(first).warnings { FileOptions.note("warning: \(warning)") }
    }

    /// What to tell a user who asks for more tasks than there are orders in the window, or nil.
    static func shortage(_ source: any InstanceSource, tasks: Int) -> String? {
        guard let recorded = base(of: source) as? RecordedDays else { return nil }
        if recorded.available < tasks {
            return
                "there are only \(recorded.available) orders\(recorded.selection.cut == .byDay ? " in the fullest day" : ""): "
                + "larger episodes hold those, and all episodes hold the same"
        }
        let shared = recorded.sharedOrders(tasks: tasks)
        return shared > 0.25 && recorded.selection.cut == .pooled
            ? "an episode draws \(tasks) of \(recorded.available) orders: any two share some \(Terminal.decimal(100 * shared, 0)) % "
                + "of theirs, so intervals say little about other days"
            : nil
    }

    private func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return String(path[...slash])
    }

    private func choice<Value: RawRepresentable & CaseIterable>(
        _ text: String, _ flag: String, _ type: Value.Type
    ) throws -> Value where Value.RawValue == String {
        if let value = Value(rawValue: text) { return value }
        let names = Value.allCases.map(\.rawValue)
        throw ValidationError(
            "\(flag) \(text) is none of \(names.joined(separator: ", "))\(Spelling.hint(for: text, among: names))")
    }

    // MARK: Days and rows

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
        let parts = from.split(separator: ":", omittingEmptySubsequences: false).compactMap { Int($0) }
        guard parts.count == 2, (0..<24).contains(parts[0]), (0..<60).contains(parts[1]) else {
            throw ValidationError("--from \(from) is not a time of the day, such as 17:30")
        }
        return Double(parts[0] * 60 + parts[1])
    }
}
