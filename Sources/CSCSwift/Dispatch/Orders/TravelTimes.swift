internal import Foundation

/// Travel times learnt from recorded trips: zones of a city, and the median minutes from each to each by hour of the day.
public struct TravelTimes: Sendable {
    /// A trip: from where to where (km), when (minutes after midnight; negative: not known) and how long (min).
    public struct Trip: Sendable, Hashable {
        /// Where it begins (km).
        public var fromX: Double
        /// See `fromX`.
        public var fromY: Double
        /// Where it ends (km).
        public var toX: Double
        /// See `toX`.
        public var toY: Double
        /// Minutes after midnight; negative where it is not known.
        public var minute: Double
        /// How long it took (min).
        public var minutes: Double
    }

    /// Which columns hold a trip.
    public static let columns: [(key: String, names: [String])] = [
        ("from_lon", ["start_lng", "starting_lng", "pickup_longitude", "start_lon", "from_lon"]),
        ("from_lat", ["start_lat", "starting_lat", "pickup_latitude", "from_lat"]),
        ("to_lon", ["dest_lng", "end_lng", "dropoff_longitude", "end_lon", "to_lon"]),
        ("to_lat", ["dest_lat", "end_lat", "dropoff_latitude", "to_lat"]),
        ("time", ["departure_time", "pickup_datetime", "tpep_pickup_datetime", "time"]),
        ("end", ["dropoff_datetime", "tpep_dropoff_datetime", "end_time"]),
        ("minutes", ["normal_time_min", "duration_min", "minutes"]),
    ]

    /// The trips.
    public let trips: [Trip]
    /// The point that lies at (5, 5) km (degrees).
    public let projection: Projection
    /// Rows that were left out because their trip has no length or a speed above 200 km/h, or that were bad.
    public private(set) var skipped = 0

    /// Reads trips. `named` gives columns other than the known ones, by the keys of `columns`. O(rows).
    ///
    /// - Throws: `CSCError` naming file, line, column and value, or the column that is missing.
    public init(contentsOf path: String, named: [String: String] = [:], badRows: CSVReader.BadRows = .fail) throws {
        let keys = Self.columns.map(\.key)
        for key in named.keys.sorted() where !keys.contains(key) {
            throw CSCError.configuration(
                key: key,
                reason: "is no column of a trip\(Spelling.hint(for: key, among: keys)); "
                    + "known: \(keys.joined(separator: ", "))")
        }
        let table = try CSVReader(path: path)
        func find(_ key: String) throws -> Int? {
            if let name = named[key] { return try table.column(name) }
            return try table.optionalColumn(Self.columns.first { $0.key == key }!.names)
        }
        func need(_ key: String) throws -> Int {
            if let column = try find(key) { return column }
            throw CSCError.table(
                path: path,
                reason:
                    "there is no column for \(key) (\(Self.columns.first { $0.key == key }!.names.joined(separator: ", "))): "
                    + "name it by --columns \(key)=...")
        }
        let places = try ["from_lon", "from_lat", "to_lon", "to_lat"].map(need)
        let (time, end, length) = (try find("time"), try find("end"), try find("minutes"))
        guard length != nil || time != nil && end != nil else {
            throw CSCError.table(
                path: path, reason: "there is no column for minutes, nor for time and end: name them by --columns")
        }
        var rows: [(Double, Double, Double, Double, Double, Double)] = []
        let report = try table.forEachRow(badRows: badRows) { row throws(CSCError) in
            let start = try time.map { column throws(CSCError) in try row.time(column) }
            var minutes = 0.0
            // A row whose time is empty says nothing, and is counted.
            if let length, row.isEmpty(length) {
                minutes = 0
            } else if let length {
                minutes = try row.double(length, in: 0...1e6)
            } else if let end, let start {
                minutes = (try row.time(end) - start) / 60
            }
            rows.append(
                (
                    try row.double(places[0], in: -180...180), try row.double(places[1], in: -90...90),
                    try row.double(places[2], in: -180...180), try row.double(places[3], in: -90...90),
                    start.map { ($0 - ($0 / 86400).rounded(.down) * 86400) / 60 } ?? -1, minutes
                ))
        }
        let projection = Projection.around(rows.map { ($0.1, $0.0) })
        let all = rows.map { row in
            let from = projection.place(latitude: row.1, longitude: row.0)
            let to = projection.place(latitude: row.3, longitude: row.2)
            return Trip(fromX: from.x, fromY: from.y, toX: to.x, toY: to.y, minute: row.4, minutes: row.5)
        }
        trips = all.filter { trip in
            trip.minutes > 0 && trip.minutes < 1440
                && hypot(trip.toX - trip.fromX, trip.toY - trip.fromY) / trip.minutes * 60 < 200
        }
        skipped = report.skipped + all.count - trips.count
        self.projection = projection
        if trips.isEmpty {
            throw CSCError.table(path: path, reason: "it holds no trip with a length and a speed below 200 km/h")
        }
    }

    /// The table of so many zones, all day or by hour: zones are the clusters of beginnings and ends (k-means, started at
    /// the points farthest from each other). A pair with fewer than 5 trips takes the distance of its middles at the
    /// median speed of all trips; an hour with fewer takes the pair's median times what that hour does to all trips.
    /// O(trips * zones * 20).
    public func table(zones count: Int, byHour: Bool) throws -> TravelTable {
        let points = trips.flatMap { [($0.fromX, $0.fromY), ($0.toX, $0.toY)] }
        let (centres, zone) = Self.cluster(points, min(count, points.count))
        let zones = centres.count
        var lengths: [[Double]] = Array(repeating: [], count: zones * zones)
        var hourly: [[Double]] = Array(repeating: [], count: byHour ? 24 * zones * zones : 0)
        var perHour: [[Double]] = Array(repeating: [], count: 24)
        for (at, trip) in trips.enumerated() {
            let pair = zone[2 * at] * zones + zone[2 * at + 1]
            lengths[pair].append(trip.minutes)
            if !byHour || trip.minute < 0 { continue }
            let hour = min(23, Int(trip.minute / 60))
            hourly[hour * zones * zones + pair].append(trip.minutes)
            let distance = hypot(trip.toX - trip.fromX, trip.toY - trip.fromY)
            if distance > 0.1 { perHour[hour].append(trip.minutes / distance) }
        }
        let paces = trips.map { ($0.minutes, hypot($0.toX - $0.fromX, $0.toY - $0.fromY)) }.filter { $0.1 > 0.1 }
        let pace = Self.median(paces.map { $0.0 / $0.1 }) ?? 3
        let allDay = (0..<zones * zones).map { pair -> Double in
            let (from, to) = (centres[pair / zones], centres[pair % zones])
            if lengths[pair].count >= 5 { return Self.median(lengths[pair])! }
            return from == to ? pace * 0.5 : pace * hypot(from.0 - to.0, from.1 - to.1)
        }
        var minutes = allDay
        if byHour {
            minutes = (0..<24).flatMap { hour -> [Double] in
                let factor = perHour[hour].count >= 20 ? Self.median(perHour[hour])! / pace : 1
                return (0..<zones * zones).map { pair in
                    let found = hourly[hour * zones * zones + pair]
                    return found.count >= 5 ? Self.median(found)! : allDay[pair] * factor
                }
            }
        }
        return try TravelTable(places: zones, minutes: minutes, x: centres.map(\.0), y: centres.map(\.1))
    }

    private static func median(_ values: [Double]) -> Double? {
        if values.isEmpty { return nil }
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    private static func cluster(_ points: [(Double, Double)], _ count: Int) -> ([(Double, Double)], [Int]) {
        func gap(_ a: (Double, Double), _ b: (Double, Double)) -> Double {
            (a.0 - b.0) * (a.0 - b.0) + (a.1 - b.1) * (a.1 - b.1)
        }
        // Farthest-first among points near the middle: an outlier makes no zone.
        let middle = (median(points.map(\.0))!, median(points.map(\.1))!)
        let spread = points.map { gap($0, middle) }.sorted()[points.count * 95 / 100]
        let inner = points.filter { gap($0, middle) <= spread }
        var centres = [middle]
        var least = inner.map { gap($0, middle) }
        while centres.count < count, let far = least.indices.max(by: { least[$0] < least[$1] }), least[far] > 0 {
            centres.append(inner[far])
            for at in inner.indices { least[at] = min(least[at], gap(inner[at], inner[far])) }
        }
        var zone = [Int](repeating: 0, count: points.count)
        for _ in 0..<20 {
            for at in points.indices {
                zone[at] = centres.indices.min { gap(points[at], centres[$0]) < gap(points[at], centres[$1]) }!
            }
            var sums = [(x: Double, y: Double, count: Double)](repeating: (0, 0, 0), count: centres.count)
            for at in points.indices {
                sums[zone[at]].x += points[at].0
                sums[zone[at]].y += points[at].1
                sums[zone[at]].count += 1
            }
            for at in centres.indices where sums[at].count > 0 {
                centres[at] = (sums[at].x / sums[at].count, sums[at].y / sums[at].count)
            }
        }
        return (centres, zone)
    }
}

extension TravelTable {
    private static let fields = JSONCursor.Fields([
        "zones", "durations_min", "durations_min_by_hour", "latitude", "longitude", "trips",
    ])

    /// The table as a file: `{"zones": [[x, y], ...], "durations_min": [[...], ...]}`, or by hour. Unknown ways are null.
    /// O(places^2 * hours).
    public var json: JSON {
        func matrix(_ hour: Int) -> JSON {
            .array(
                (0..<places).map { from in
                    .array(
                        (0..<places).map { to in
                            let value = minutes[(hour * places + from) * places + to]
                            return value.isFinite ? .number((value * 1000).rounded() / 1000) : .null
                        })
                })
        }
        func round(_ value: Double) -> JSON { .number((value * 1e4).rounded() / 1e4) }
        return .object([
            ("zones", .array(x.indices.map { .array([round(x[$0]), round(y[$0])]) })),
            isByHour ? ("durations_min_by_hour", .array((0..<24).map(matrix))) : ("durations_min", matrix(0)),
        ])
    }

    /// Reads a table's file. O(bytes).
    ///
    /// - Throws: `CSCError.file` with the path in the document.
    public init(contentsOf path: String) throws(CSCError) {
        var zones: [[Double]] = []
        var hours: [[[Double]]] = []
        let bytes = try AtomicFile.read(path)
        do throws(JSONCursor.Fault) {
            var cursor = try JSONCursor(bytes)
            try cursor.object(Self.fields) { (cursor, number) throws(JSONCursor.Fault) in
                switch number {
                case 0: zones = try Self.matrix(&cursor, limit: 1e6)
                case 1: hours = [try Self.matrix(&cursor, limit: 1e6)]
                case 2:
                    hours = []
                    try cursor.array { (cursor, _) throws(JSONCursor.Fault) in
                        hours.append(try Self.matrix(&cursor, limit: 1e6))
                    }
                default: try cursor.skipValue()
                }
            }
            try cursor.end()
        } catch {
            throw CSCError.file(
                path: path, reason: error.path.isEmpty ? error.reason : "\(error.path): \(error.reason)")
        }
        guard !zones.isEmpty, zones.allSatisfy({ $0.count == 2 }), !hours.isEmpty,
            hours.allSatisfy({ $0.count == zones.count && $0.allSatisfy { $0.count == zones.count } })
        else {
            throw CSCError.file(
                path: path, reason: "zones ([x, y] each) and as many rows and columns of durations_min are wanted")
        }
        do {
            try self.init(
                places: zones.count, minutes: hours.flatMap { $0.flatMap(\.self) }, x: zones.map { $0[0] },
                y: zones.map { $0[1] })
        } catch {
            throw CSCError.file(path: path, reason: "\(error)")
        }
    }

    private static func matrix(_ cursor: inout JSONCursor, limit: Double) throws(JSONCursor.Fault) -> [[Double]] {
        var rows: [[Double]] = []
        try cursor.array { (cursor, _) throws(JSONCursor.Fault) in
            var row: [Double] = []
            try cursor.array { (cursor, _) throws(JSONCursor.Fault) in
                row.append(try cursor.null() ? .infinity : try cursor.number(limit: limit))
            }
            rows.append(row)
        }
        return rows
    }
}

/// Episodes of another source whose workers travel otherwise: in a straight line, or by a table of zones.
public struct TravelSource: InstanceSource {
    /// The other source's name.
    public var name: String { base.name }
    /// As many as the other source has.
    public var episodeCount: Int? { base.episodeCount }
    /// The other source.
    public let base: any InstanceSource
    /// How workers travel.
    public let travel: Travel

    /// Episodes of `base` with other travel.
    public init(_ base: any InstanceSource, travel: Travel) {
        self.base = base
        self.travel = travel
    }

    /// Episodes of another source with the same travel.
    public func with(_ base: any InstanceSource) -> TravelSource { TravelSource(base, travel: travel) }

    /// The other source's episode. O(tasks + workers), times zones with a table.
    public func instance(tasks: Int, workers: Int, seed: UInt64, episode: EpisodeIndex) -> Instance {
        base.instance(tasks: tasks, workers: workers, seed: seed, episode: episode).travelling(by: travel)
    }
}

extension Instance {
    /// The same tasks and workers with other travel. With a table places are those of the nearest zones, a worker's speed
    /// is 1 and its reach counts in minutes: as many as it needs for it at its own speed. O(tasks + workers).
    public func travelling(by travel: Travel) -> Instance {
        var other = extensions ?? GameExtensions()
        other.travel = travel
        var people = workers
        if let table = travel.table {
            other.taskPlace = tasks.map { Int32(table.nearest(x: $0.x, y: $0.y)) }
            other.workerPlace = workers.map { Int32(table.nearest(x: $0.x, y: $0.y)) }
            for at in people.indices { (people[at].reach, people[at].speed) = (people[at].reach / people[at].speed, 1) }
        }
        return Instance(trusted: tasks, workers: people, horizon: horizon, seed: seed, side: side, extensions: other)
    }
}
