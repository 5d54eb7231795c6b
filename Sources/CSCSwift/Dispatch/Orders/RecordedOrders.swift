internal import Foundation

/// Orders and workers as a file records them: real places and times, and what else the file says.
public struct RecordedOrders: Sendable {
    /// One order. Places in km by `Projection`; `day` counts from the first of the file.
    public struct Order: Sendable, Hashable {
        /// The day, 0 for the first of the file.
        public var day: Int
        /// Minutes after midnight, by the clock that the overview names; 0 where the file has no times.
        public var minute: Double
        /// The place (km).
        public var x: Double
        /// See `x`.
        public var y: Double
        /// A duration (min), a fare (money) and a patience (min) where the file has them.
        public var duration: Double?
        /// The fare (money of the file).
        public var fare: Double?
        /// How long the order waits (min).
        public var patience: Double?
    }

    /// Where a worker was seen, and its reach (km) where the file says it.
    public struct Place: Sendable, Hashable {
        /// The place (km).
        public var x: Double
        /// See `x`.
        public var y: Double
        /// How far it goes (km).
        public var reach: Double?
    }

    /// The file.
    public var path: String
    /// Its layout.
    public var format: OrderFormat
    /// Whether it says when orders were placed.
    public var isTimed: Bool
    /// The orders, in the order of the file.
    public var orders: [Order]
    /// Empty where the file has no workers.
    public var workers: [Place]
    /// How many days the orders span, the first one included.
    public var days: Int
    /// How many rows were read and left out.
    public var report: CSVReader.Report
    /// What a user should be told: where workers come from, what was left out.
    public var notes: [String]
    /// What the file holds, in figures.
    package var overview: OrdersOverview
}

/// Degrees to kilometres around a point: the equirectangular projection on a sphere of 6371 km. Within 50 km of the
/// point its error is below 0.5 % at latitudes up to 45 degrees. The point itself becomes (5, 5), the middle of the
/// built-in cities' square.
public struct Projection: Sendable, Hashable {
    /// The point (degrees).
    public let latitude: Double
    /// See `latitude`.
    public let longitude: Double

    /// The projection around a point.
    public init(latitude: Double, longitude: Double) {
        self.latitude = latitude
        self.longitude = longitude
    }

    /// O(1).
    public func place(latitude: Double, longitude: Double) -> (x: Double, y: Double) {
        let degree = 6371 * Double.pi / 180
        var east = longitude - self.longitude
        if abs(east) > 180 { east -= 360 * (east / 360).rounded() }
        return (
            5 + east * degree * cos(self.latitude * .pi / 180),
            5 + (latitude - self.latitude) * degree
        )
    }

    /// The projection around the medians. Where longitudes lie on both sides of the date line, that of the eastern ones is
    /// taken a turn less. O(n log n).
    static func around(_ points: [(latitude: Double, longitude: Double)]) -> Projection {
        func median(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.sorted()[values.count / 2] }
        var longitudes = points.map(\.longitude)
        // A city on the date line: most places lie within 10 degrees of it, on both of its sides.
        let near = longitudes.count { abs($0) > 170 }
        if near > longitudes.count / 2, longitudes.contains(where: { $0 > 170 }),
            longitudes.contains(where: { $0 < -170 })
        {
            longitudes = longitudes.map { $0 < 0 ? $0 + 360 : $0 }
        }
        return Projection(latitude: median(points.map(\.latitude)), longitude: median(longitudes))
    }
}

/// The layouts of recorded orders that the product reads.
public enum OrderFormat: String, Sendable, CaseIterable {
    /// DiDi's orders of Haikou: departure_time, start_lng, start_lat, pre_total_fee, normal_time_min, ...
    case haikouOrders = "haikou-orders"
    /// DiDi's pick-up places of Chengdu: num, lat, lng; no times. Drivers in `drivers.csv` beside it.
    case chengduPickups = "chengdu-pickups"
    /// Gowalla's check-ins: task, user, time, lat, lon. Workers in `workers.csv` beside it.
    case gowalla = "gowalla-la"
    /// A day of taxi data, blank separated without header: `time t x y patience` and `time w x y patience range` (s, m)
    /// after a line with the two counts.
    case taxi = "taxi-workers-tasks"
    /// Any table with a place, and if wanted a time, a fare and a duration, in columns that `OrderColumns` names.
    case columns = "columns"
    /// What a service was asked and answered, lines of `{"request", "plan"}`: the log of `cafe-cli dispatch --log` or of a
    /// server's city.
    case log = "dispatch-log"
    /// The product's own tasks.csv, with workers.csv beside it: a whole instance.
    case instance = "instance"

    /// The format of a file by its first line. Reads the first line alone.
    ///
    /// - Throws: `CSCError.table` if no format fits, `CSCError.file` if it cannot be read.
    public static func detect(_ path: String) throws -> OrderFormat {
        if let file = FileHandle(forReadingAtPath: path), let bytes = try? file.read(upToCount: 11),
            bytes == Data("{\"request\":".utf8)
        {
            return .log
        }
        let reader = try CSVReader(path: path, format: CSVFormat(ragged: true))
        func has(_ names: String...) throws -> Bool {
            try names.allSatisfy { try reader.optionalColumn([$0]) != nil }
        }
        if try has("departure_time", "start_lng", "start_lat") { return .haikouOrders }
        if try has("release", "x", "y", "skill", "workload") { return .instance }
        if try has("task", "time", "lat", "lon") { return .gowalla }
        if try has("num", "lat", "lng") { return .chengduPickups }
        let first = reader.names.joined(separator: " ").split(separator: " ")
        if first.count == 2, first.allSatisfy({ Int($0) != nil }) { return .taxi }
        if try OrderColumns.fits(reader) { return .columns }
        throw CSCError.table(
            path: path,
            reason: "its first line fits none of the known formats ("
                + allCases.map(\.rawValue).joined(separator: ", ") + "); it has "
                + reader.names.prefix(40).map { "'\($0)'" }.joined(separator: ", ")
                + ". Say which columns hold what: --columns release=NAME,longitude=NAME,latitude=NAME (docs/data.md)")
    }
}
