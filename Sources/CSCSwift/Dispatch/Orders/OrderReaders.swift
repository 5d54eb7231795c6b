internal import Foundation

/// How a file of orders is read.
public struct OrderReading: Sendable {
    /// The layout; nil finds it by the header.
    public var format: OrderFormat?
    /// The file of workers; nil looks beside the orders where the format has one.
    public var workersPath: String?
    /// What to do with a row that is wrong.
    public var badRows = CSVReader.BadRows.fail
    /// Which columns hold what; nil keeps to the format's own.
    public var columns: OrderColumns?
    /// The zone in which days are cut; nil: as the file writes its times.
    package var zone: DayZone?
    /// Whether pay and workload will come from fares and durations, so that a duration of 0 is a bad row.
    public var needsTerms = false

    /// The defaults: everything as the file says.
    public init() {}
}

extension RecordedOrders {
    /// Reads a file of orders, and the workers beside it or in `workersPath` where the format has a file of them.
    /// O(rows log rows).
    ///
    /// - Throws: `CSCError` naming file, line, column and value of the first bad row; with `.skip` bad rows are counted.
    public static func read(_ path: String, _ reading: OrderReading = OrderReading()) throws -> RecordedOrders {
        var format = try reading.format ?? (reading.columns != nil ? .columns : OrderFormat.detect(path))
        if reading.columns != nil {
            guard format != .taxi, format != .instance, format != .log else {
                throw CSCError.invalid("--columns: the columns of the layout \(format.rawValue) are fixed")
            }
            format = .columns
        }
        var raw = RawOrders(path: path, format: format, clock: ZoneClock(zone: reading.zone))
        switch format {
        case .haikouOrders: try raw.readHaikou(reading)
        case .chengduPickups: try raw.readChengdu(reading)
        case .gowalla: try raw.readGowalla(reading)
        case .taxi: try raw.readTaxi(reading)
        case .columns: try raw.readColumns(reading)
        case .log: try raw.readLog(reading)
        case .instance:
            throw CSCError.invalid("\(path) holds a whole instance: read it with Instance.read(tasks:workers:)")
        }
        if raw.orders.isEmpty { throw CSCError.table(path: path, reason: "it holds no order") }
        return raw.finish()
    }
}

/// What a reader collects: orders with latitude in y and longitude in x (or km already) and seconds in minute.
struct RawOrders {
    let path: String
    let format: OrderFormat
    var clock: ZoneClock
    var orders: [RecordedOrders.Order] = []
    var workers: [RecordedOrders.Place] = []
    var report = CSVReader.Report()
    var notes: [String] = []
    var degrees = true
    var timed = true
    var columns: String?
    /// The clock in which days are cut, where `clock` has read nothing.
    var clockText: String?

    init(path: String, format: OrderFormat, clock: ZoneClock) {
        self.path = path
        self.format = format
        self.clock = clock
    }

    mutating func merge(_ other: CSVReader.Report, what: String) {
        report.rows += other.rows
        report.skipped += other.skipped
        report.reasons = Array((report.reasons + other.reasons).prefix(5))
        if other.skipped > 0 {
            notes.append("left out \(other.skipped) bad rows of \(other.rows + other.skipped) \(what)")
        }
    }

    // MARK: The layouts

    mutating func readHaikou(_ reading: OrderReading) throws {
        let table = try CSVReader(path: path)
        let time = try table.column("departure_time")
        let longitude = try table.column("start_lng")
        let latitude = try table.column("start_lat")
        let fare = try table.optionalColumn(["pre_total_fee"])
        let duration = try table.optionalColumn(["normal_time_min"])
        let report = try table.forEachRow(badRows: reading.badRows) { row throws(CSCError) in
            orders.append(
                RecordedOrders.Order(
                    day: 0, minute: try clock.seconds(row, time), x: try row.double(longitude, in: -180...180),
                    y: try row.double(latitude, in: -90...90),
                    duration: try Self.amount(row, duration, open: reading.needsTerms),
                    fare: try Self.amount(row, fare),
                    patience: nil))
        }
        merge(report, what: "orders")
        try readWorkers(reading.workersPath, reading.badRows, "workers")
    }

    mutating func readChengdu(_ reading: OrderReading) throws {
        let table = try CSVReader(path: path)
        let (latitude, longitude) = (try table.column("lat"), try table.column("lng", "lon"))
        timed = false
        let report = try table.forEachRow(badRows: reading.badRows) { row throws(CSCError) in
            orders.append(
                RecordedOrders.Order(
                    day: 0, minute: 0, x: try row.double(longitude, in: -180...180),
                    y: try row.double(latitude, in: -90...90), duration: nil, fare: nil, patience: nil))
        }
        merge(report, what: "pick-ups")
        notes.append("the file has no times: they are drawn from the scenario")
        try readWorkers(reading.workersPath ?? beside("drivers.csv"), reading.badRows, "drivers")
    }

    mutating func readGowalla(_ reading: OrderReading) throws {
        let table = try CSVReader(path: path)
        let (latitude, longitude) = (try table.column("lat"), try table.column("lon", "lng"))
        let time = try table.column("time")
        let report = try table.forEachRow(badRows: reading.badRows) { row throws(CSCError) in
            orders.append(
                RecordedOrders.Order(
                    day: 0, minute: try clock.seconds(row, time), x: try row.double(longitude, in: -180...180),
                    y: try row.double(latitude, in: -90...90), duration: nil, fare: nil, patience: nil))
        }
        merge(report, what: "check-ins")
        try readWorkers(reading.workersPath ?? beside("workers.csv"), reading.badRows, "workers")
    }

    mutating func readTaxi(_ reading: OrderReading) throws {
        if reading.workersPath != nil {
            throw CSCError.invalid(
                "\(path): the layout \(format.rawValue) holds its workers itself; leave out --workers-file")
        }
        let layout = CSVFormat(
            separator: .blanks, header: .names(["time", "kind", "x", "y", "patience", "range"]), skippedLines: 1,
            ragged: true)
        let table = try CSVReader(path: path, format: layout)
        degrees = false
        let report = try table.forEachRow(badRows: reading.badRows) { row throws(CSCError) in
            let time = try row.double(0, in: 0...1e9)
            let (x, y) = (try row.double(2, in: -1e12...1e12) / 1000, try row.double(3, in: -1e12...1e12) / 1000)
            switch try row.string(1) {
            case "t":
                let patience = try row.double(4, in: 0...1e9) / 60
                orders.append(
                    RecordedOrders.Order(day: 0, minute: time, x: x, y: y, duration: nil, fare: nil, patience: patience)
                )
            case "w":
                workers.append(RecordedOrders.Place(x: x, y: y, reach: try row.double(5, in: 0...1e9) / 1000))
            default:
                throw row.error(1, "'t' for a task or 'w' for a worker is wanted")
            }
        }
        merge(report, what: "lines")
        notes.append("the file's patience, range and workers' times are not used, only places and the orders' times")
    }

    /// Any table, its columns chosen by name or found by their usual names.
    mutating func readColumns(_ reading: OrderReading) throws {
        let table = try CSVReader(path: path)
        let choice = reading.columns ?? OrderColumns()
        let found = try choice.find(in: table)
        let place = try Place(found, choice, table)
        degrees = place.units == .degrees
        timed = found[.release] != nil
        let (release, fare, end) = (found[.release], found[.fare], found[.end])
        let duration = found[.duration] ?? found[.seconds]
        let perMinute = found[.duration] == nil && found[.seconds] != nil ? 60.0 : 1
        let report = try table.forEachRow(badRows: reading.badRows) { row throws(CSCError) in
            let time = try release.map { column throws(CSCError) in try clock.seconds(row, column) }
            let (x, y) = try place.read(row)
            var lasts = try Self.amount(row, duration, open: reading.needsTerms).map { $0 / perMinute }
            if duration == nil, let end, let time, !row.isEmpty(end) {
                let minutes = (try clock.seconds(row, end) - time) / 60
                if minutes < 0 || minutes > 1e6 || (reading.needsTerms && minutes == 0) {
                    throw row.error(end, "an end after the row's start is wanted")
                }
                lasts = minutes
            }
            orders.append(
                RecordedOrders.Order(
                    day: 0, minute: time ?? 0, x: x, y: y, duration: lasts, fare: try Self.amount(row, fare),
                    patience: nil))
        }
        merge(report, what: "rows")
        columns = OrderColumns.Field.allCases.compactMap { field in
            guard let column = found[field], field != .end || duration == nil else { return nil }
            return "\(field.rawValue)=\(table.names[column])"
        }.joined(separator: ", ")
        if !timed { notes.append("the file has no times: they are drawn from the scenario") }
        try readWorkers(reading.workersPath, reading.badRows, "workers")
    }

    /// The columns of a place and their unit.
    private struct Place {
        let x: Int
        let y: Int
        let units: OrderColumns.Units

        init(_ found: [OrderColumns.Field: Int], _ choice: OrderColumns, _ table: CSVReader) throws(CSCError) {
            if let longitude = found[.longitude], let latitude = found[.latitude] {
                (x, y, units) = (longitude, latitude, .degrees)
            } else if let x = found[.x], let y = found[.y] {
                let name = (table.names[x] + table.names[y]).lowercased()
                (self.x, self.y) = (x, y)
                units = choice.units ?? (name.contains("lon") || name.contains("lng") ? .degrees : .km)
            } else {
                throw .table(
                    path: table.path,
                    reason: "it does not say where orders lie; the header has "
                        + table.names.prefix(40).map { "'\($0)'" }.joined(separator: ", ")
                        + ": name them by --columns longitude=NAME,latitude=NAME (or x=NAME,y=NAME)")
            }
        }

        func read(_ row: CSVReader) throws(CSCError) -> (Double, Double) {
            if units == .degrees { return (try row.double(x, in: -180...180), try row.double(y, in: -90...90)) }
            let scale = units == .m ? 1000.0 : 1
            let limit = 1e9 * scale
            return (try row.double(x, in: -limit...limit) / scale, try row.double(y, in: -limit...limit) / scale)
        }
    }

    // MARK: Parts of them

    private static func amount(_ row: CSVReader, _ column: Int?, open: Bool = false) throws(CSCError) -> Double? {
        guard let column, !row.isEmpty(column) else { return nil }
        let value = try row.double(column, in: 0...1e9)
        if open && value == 0 {
            throw row.error(column, "a number above 0 is wanted (--skip-bad-rows leaves such rows out)")
        }
        return value
    }

    private func beside(_ name: String) -> String? {
        let other = URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent(name).path
        return FileManager.default.fileExists(atPath: other) ? other : nil
    }

    /// Worker places from a file of their own, in the unit of the orders.
    private mutating func readWorkers(_ path: String?, _ badRows: CSVReader.BadRows, _ what: String) throws {
        guard let path else {
            notes.append("there is no file of \(what): workers are placed where orders start")
            return
        }
        let table = try CSVReader(path: path)
        let found = try OrderColumns(units: degrees ? .degrees : .km).find(in: table)
        guard (degrees && found[.longitude] != nil && found[.latitude] != nil) || (found[.x] != nil && found[.y] != nil)
        else {
            throw CSCError.table(
                path: path,
                reason: "columns \(degrees ? "'lat' and 'lng'" : "'x' and 'y' (km)") are wanted; the header has "
                    + table.names.prefix(40).map { "'\($0)'" }.joined(separator: ", "))
        }
        let place = try Place(found, OrderColumns(units: degrees ? .degrees : .km), table)
        var places: [RecordedOrders.Place] = []
        let report = try table.forEachRow(badRows: badRows) { row throws(CSCError) in
            let (x, y) = try place.read(row)
            places.append(RecordedOrders.Place(x: x, y: y, reach: nil))
        }
        if places.isEmpty { throw CSCError.table(path: path, reason: "it holds no worker") }
        workers = places
        merge(report, what: what)
    }

    // MARK: From degrees and seconds to kilometres and minutes

    /// Projects, and turns seconds into day and minute.
    consuming func finish() -> RecordedOrders {
        let written = orders.map { (x: $0.x, y: $0.y) }
        let seen = workers.map { (x: $0.x, y: $0.y) }
        if degrees {
            let projection = Projection.around(orders.map { ($0.y, $0.x) })
            for at in orders.indices {
                (orders[at].x, orders[at].y) = projection.place(latitude: orders[at].y, longitude: orders[at].x)
            }
            for at in workers.indices {
                (workers[at].x, workers[at].y) = projection.place(latitude: workers[at].y, longitude: workers[at].x)
            }
        }
        var days = 1
        var dates: (first: String, last: String)?
        if timed {
            let first = orders.reduce(Double.infinity) { min($0, ($1.minute / 86400).rounded(.down)) }
            for at in orders.indices {
                let day = (orders[at].minute / 86400).rounded(.down)
                orders[at].day = Int(day - first)
                orders[at].minute = (orders[at].minute - day * 86400) / 60
                days = max(days, orders[at].day + 1)
            }
            if clock.text ?? clockText != nil {
                dates = (OrdersOverview.date(first * 86400), OrdersOverview.date((first + Double(days - 1)) * 86400))
            }
        }
        func median(_ values: [Double]) -> Double? { values.isEmpty ? nil : values.sorted()[values.count / 2] }
        var overview = OrdersOverview(
            path: path, format: format, rows: orders.count, skipped: report.skipped, dates: dates, days: days,
            daysWithOrders: Set(orders.map(\.day)).count, clock: clock.text ?? clockText,
            orders: OrdersOverview.Box(
                isDegrees: degrees, written: written, places: orders.map { (x: $0.x, y: $0.y) }),
            workers: workers.isEmpty
                ? nil
                : OrdersOverview.Box(isDegrees: degrees, written: seen, places: workers.map { (x: $0.x, y: $0.y) }),
            workerCount: workers.count, medianFare: median(orders.compactMap(\.fare)),
            medianDuration: median(orders.compactMap(\.duration)), columns: columns)
        overview.isAllMidnight = timed && orders.count > 1 && orders.allSatisfy { $0.minute == 0 }
        return RecordedOrders(
            path: path, format: format, isTimed: timed, orders: orders, workers: workers, days: days, report: report,
            notes: notes, overview: overview)
    }
}
