internal import Foundation

extension RecordedOrders {
    /// Reads a file of orders, and the workers beside it or in `workersPath` where the format has a file of them.
    /// O(rows log rows).
    ///
    /// - Parameter format: nil finds it by the header.
    /// - Throws: `CSCError` naming file, line, column and value of the first bad row; with `.skip` bad rows are counted.
    public static func read(
        _ path: String, format: OrderFormat? = nil, workersPath: String? = nil, badRows: CSVReader.BadRows = .fail
    ) throws -> RecordedOrders {
        let format = try format ?? OrderFormat.detect(path)
        var raw: Raw
        switch format {
        case .haikouOrders: raw = try readHaikou(path, badRows)
        case .chengduPickups: raw = try readChengdu(path, workersPath ?? beside(path, "drivers.csv"), badRows)
        case .gowalla: raw = try readGowalla(path, workersPath ?? beside(path, "workers.csv"), badRows)
        case .taxi: raw = try readTaxi(path, badRows)
        case .instance:
            throw CSCError.invalid("\(path) holds a whole instance: read it with Instance.read(tasks:workers:)")
        }
        if raw.orders.isEmpty { throw CSCError.table(path: path, reason: "it holds no order") }
        return raw.finish(path, format)
    }

    private static func beside(_ path: String, _ name: String) -> String? {
        let other = URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent(name).path
        return FileManager.default.fileExists(atPath: other) ? other : nil
    }

    /// What a reader collects: orders with latitude in y and longitude in x (or km already) and seconds in minute.
    private struct Raw {
        var orders: [Order] = []
        var workers: [Place] = []
        var report = CSVReader.Report()
        var notes: [String] = []
        var degrees = true

        mutating func merge(_ other: CSVReader.Report, what: String) {
            report.rows += other.rows
            report.skipped += other.skipped
            report.reasons = Array((report.reasons + other.reasons).prefix(5))
            if other.skipped > 0 {
                notes.append("left out \(other.skipped) bad rows of \(other.rows + other.skipped) \(what)")
            }
        }

        /// Projects, and turns seconds into day and minute.
        consuming func finish(_ path: String, _ format: OrderFormat) -> RecordedOrders {
            if degrees {
                let projection = Projection.around(orders.map { ($0.y, $0.x) })
                for at in orders.indices {
                    (orders[at].x, orders[at].y) = projection.place(latitude: orders[at].y, longitude: orders[at].x)
                }
                for at in workers.indices {
                    (workers[at].x, workers[at].y) = projection.place(
                        latitude: workers[at].y, longitude: workers[at].x)
                }
            }
            var days = 1
            if orders[0].minute >= 0 {
                let first = orders.reduce(Double.infinity) { min($0, ($1.minute / 86400).rounded(.down)) }
                for at in orders.indices {
                    let day = (orders[at].minute / 86400).rounded(.down)
                    orders[at].day = Int(day - first)
                    orders[at].minute = (orders[at].minute - day * 86400) / 60
                    days = max(days, orders[at].day + 1)
                }
            }
            return RecordedOrders(
                path: path, format: format, orders: orders, workers: workers, days: days, report: report, notes: notes)
        }
    }

    private static func readHaikou(_ path: String, _ badRows: CSVReader.BadRows) throws -> Raw {
        let table = try CSVReader(path: path)
        let time = try table.column("departure_time")
        let longitude = try table.column("start_lng")
        let latitude = try table.column("start_lat")
        let fare = try table.optionalColumn(["pre_total_fee"])
        let duration = try table.optionalColumn(["normal_time_min"])
        var raw = Raw()
        let report = try table.forEachRow(badRows: badRows) { row throws(CSCError) in
            raw.orders.append(
                Order(
                    day: 0, minute: try row.time(time), x: try row.double(longitude, in: -180...180),
                    y: try row.double(latitude, in: -90...90), duration: try optional(row, duration),
                    fare: try optional(row, fare), patience: nil))
        }
        raw.merge(report, what: "orders")
        raw.notes.append("the file has no workers: they are placed where orders start")
        return raw
    }

    private static func optional(_ row: CSVReader, _ column: Int?) throws(CSCError) -> Double? {
        guard let column, !row.isEmpty(column) else { return nil }
        return try row.double(column, in: 0...1e9)
    }

    private static func readChengdu(_ path: String, _ drivers: String?, _ badRows: CSVReader.BadRows) throws -> Raw {
        let table = try CSVReader(path: path)
        let (latitude, longitude) = (try table.column("lat"), try table.column("lng", "lon"))
        var raw = Raw()
        let report = try table.forEachRow(badRows: badRows) { row throws(CSCError) in
            raw.orders.append(
                Order(
                    day: 0, minute: -1, x: try row.double(longitude, in: -180...180),
                    y: try row.double(latitude, in: -90...90), duration: nil, fare: nil, patience: nil))
        }
        raw.merge(report, what: "pick-ups")
        raw.notes.append("the file has no times: they are drawn from the scenario")
        try readWorkers(drivers, badRows, &raw, "drivers")
        return raw
    }

    private static func readGowalla(_ path: String, _ workers: String?, _ badRows: CSVReader.BadRows) throws -> Raw {
        let table = try CSVReader(path: path)
        let (latitude, longitude) = (try table.column("lat"), try table.column("lon", "lng"))
        let time = try table.column("time")
        var raw = Raw()
        let report = try table.forEachRow(badRows: badRows) { row throws(CSCError) in
            raw.orders.append(
                Order(
                    day: 0, minute: try row.time(time), x: try row.double(longitude, in: -180...180),
                    y: try row.double(latitude, in: -90...90), duration: nil, fare: nil, patience: nil))
        }
        raw.merge(report, what: "check-ins")
        raw.notes.append("the file's times are UTC")
        try readWorkers(workers, badRows, &raw, "workers")
        return raw
    }

    /// Worker places in degrees from a file of their own.
    private static func readWorkers(
        _ path: String?, _ badRows: CSVReader.BadRows, _ raw: inout Raw, _ what: String
    ) throws {
        guard let path else {
            raw.notes.append("there is no file of \(what): workers are placed where orders start")
            return
        }
        let table = try CSVReader(path: path)
        let (latitude, longitude) = (try table.column("lat"), try table.column("lng", "lon"))
        var places: [Place] = []
        let report = try table.forEachRow(badRows: badRows) { row throws(CSCError) in
            places.append(
                Place(
                    x: try row.double(longitude, in: -180...180), y: try row.double(latitude, in: -90...90),
                    reach: nil))
        }
        raw.workers = places
        raw.merge(report, what: what)
    }

    private static func readTaxi(_ path: String, _ badRows: CSVReader.BadRows) throws -> Raw {
        let format = CSVFormat(
            separator: .blanks, header: .names(["time", "kind", "x", "y", "patience", "range"]), skippedLines: 1,
            ragged: true)
        let table = try CSVReader(path: path, format: format)
        var raw = Raw()
        raw.degrees = false
        let report = try table.forEachRow(badRows: badRows) { row throws(CSCError) in
            let time = try row.double(0, in: 0...1e9)
            let (x, y) = (try row.double(2) / 1000, try row.double(3) / 1000)
            switch try row.string(1) {
            case "t":
                let patience = try row.double(4, in: 0...1e9) / 60
                raw.orders.append(
                    Order(day: 0, minute: time, x: x, y: y, duration: nil, fare: nil, patience: patience))
            case "w":
                raw.workers.append(Place(x: x, y: y, reach: try row.double(5, in: 0...1e9) / 1000))
            default:
                throw row.error(1, "'t' for a task or 'w' for a worker is wanted")
            }
        }
        raw.merge(report, what: "lines")
        raw.notes.append(
            "the file's patience, range and workers' times are not used, only places and the orders' times")
        return raw
    }
}
