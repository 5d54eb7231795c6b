internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli travel-times`
struct TravelTimesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "travel-times",
        abstract: "Learn travel times from recorded trips: zones, and the minutes between them.",
        discussion: """
            Reads trips (where and when each begins and ends) and writes a table for --travel: the median minutes from \
            each zone to each, all day or by hour. Zones are clusters of the trips' ends, in the kilometres that --orders \
            gives the same file.

            Example:
              cafe-cli travel-times ORDERS.csv --zones 30 --out zones.json
              cafe-cli evaluate --orders ORDERS.csv --travel zones.json --policy coalition,cafe
            """)

    @Argument(help: "The file of trips.")
    var file: String
    @Option(help: "How many zones.")
    var zones = 30
    @Flag(help: "A table for each hour of the day.")
    var byHour = false
    @Option(
        help:
            "Columns by other names than the known ones, KEY=NAME, separated by commas: \(TravelTimes.columns.map(\.key).joined(separator: ", "))."
    )
    var columns = ""
    @Option(help: "The table; - for standard output.")
    var out = "-"
    @Flag(help: "Leave out bad rows and count them instead of stopping at the first.")
    var skipBadRows = false

    func validate() throws {
        if !(1...500).contains(zones) { throw ValidationError("--zones \(zones) is not 1 to 500") }
    }

    func run() throws {
        try FileOptions.checkOutputs([out])
        var named: [String: String] = [:]
        for pair in columns.split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw ValidationError("--columns \(pair) is not KEY=NAME") }
            named[parts[0]] = parts[1]
        }
        let times = try TravelTimes(contentsOf: file, named: named, badRows: skipBadRows ? .skip : .fail)
        let table = try times.table(zones: zones, byHour: byHour)
        FileOptions.note(
            "\(times.trips.count) trips (\(times.skipped) left out) between \(table.places) zones, "
                + "\(Terminal.decimal(times.trips.reduce(0) { $0 + $1.minutes } / Double(times.trips.count), 1)) min on average"
        )
        try FileOptions.write(table.json.pretty, to: out)
    }
}
