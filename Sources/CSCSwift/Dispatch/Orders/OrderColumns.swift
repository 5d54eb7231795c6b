/// Which columns of a table of orders hold what: chosen by name (`--columns`), or found by the names that public data
/// sets use.
public struct OrderColumns: Sendable, Hashable {
    /// What a column can hold.
    public enum Field: String, Sendable, CaseIterable {
        /// When the order was placed or picked up.
        case release
        /// When the trip ended: with `release` it gives the duration.
        case end
        /// Where: degrees.
        case longitude, latitude
        /// Where: in the unit of `--units`; degrees where the column's own name says so, else km.
        case x, y
        /// Money.
        case fare
        /// Minutes, or seconds.
        case duration, seconds

        /// Names that are taken for this field where nobody chose one, the preferred one first.
        var usual: [String] {
            switch self {
            case .release:
                [
                    "release", "departure_time", "pickup_datetime", "tpep_pickup_datetime", "lpep_pickup_datetime",
                    "trip_start_timestamp", "started_at", "start_time", "pickup_time", "request_time", "datetime",
                    "timestamp", "time",
                ]
            case .longitude:
                [
                    "longitude", "start_lng", "pickup_longitude", "pickup_centroid_longitude", "start_lon",
                    "start_longitude", "pickup_lng", "pickup_lon", "lng", "lon", "long",
                ]
            case .latitude:
                [
                    "latitude", "start_lat", "pickup_latitude", "pickup_centroid_latitude", "start_latitude",
                    "pickup_lat",
                    "lat",
                ]
            case .x: ["x"]
            case .y: ["y"]
            case .fare: ["fare", "fare_amount", "pre_total_fee", "trip_total", "total_amount", "price"]
            case .duration: ["duration_min", "normal_time_min", "duration_minutes"]
            case .seconds: ["trip_seconds", "duration_seconds", "duration_s", "trip_duration_s"]
            case .end:
                [
                    "dropoff_datetime", "tpep_dropoff_datetime", "lpep_dropoff_datetime", "trip_end_timestamp",
                    "ended_at",
                    "end_time", "arrive_time",
                ]
            }
        }
    }

    /// The unit of `x` and `y`.
    public enum Units: String, Sendable, CaseIterable {
        /// Degrees of longitude and latitude.
        case degrees
        /// Kilometres.
        case km
        /// Metres.
        case m
    }

    /// The columns chosen by name.
    public var chosen: [Field: String]
    /// The unit of `x` and `y` where it was chosen.
    public var units: Units?

    /// These columns; fields without one are looked for under their usual names.
    public init(_ chosen: [Field: String] = [:], units: Units? = nil) {
        self.chosen = chosen
        self.units = units
    }

    /// Reads `release=NAME,longitude=NAME,...`. O(text).
    ///
    /// - Throws: `CSCError.invalid` saying which fields there are.
    public init(text: String, units: Units? = nil) throws(CSCError) {
        var chosen: [Field: String] = [:]
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let names = Field.allCases.map(\.rawValue)
            guard pair.count == 2, !pair[1].isEmpty else {
                throw .invalid(
                    "--columns \(text): write FIELD=NAME, FIELD=NAME, ... with the fields \(names.joined(separator: ", "))"
                )
            }
            guard let field = Field(rawValue: pair[0]) ?? Self.short[pair[0]] else {
                throw .invalid(
                    "--columns: there is no field '\(pair[0])'\(Spelling.hint(for: pair[0], among: names)); there are "
                        + names.joined(separator: ", "))
            }
            guard chosen.updateValue(pair[1], forKey: field) == nil else {
                throw .invalid("--columns: the field '\(field.rawValue)' is named twice")
            }
        }
        self.init(chosen, units: units)
    }

    private static let short: [String: Field] = [
        "lng": .longitude, "lon": .longitude, "lat": .latitude, "time": .release,
    ]

    /// The columns of a table, by field.
    ///
    /// - Throws: `CSCError.table` where a column that was chosen is not there.
    func find(in table: CSVReader) throws(CSCError) -> [Field: Int] {
        var found: [Field: Int] = [:]
        for field in Field.allCases {
            if let name = chosen[field] {
                found[field] = try table.column([name])
            } else if let column = try table.optionalColumn(field.usual) {
                found[field] = column
            }
        }
        // What was chosen goes before what merely has a usual name.
        let alternatives: [([Field], [Field])] = [
            ([.x, .y], [.longitude, .latitude]), ([.duration], [.seconds, .end]), ([.seconds], [.duration, .end]),
            ([.end], [.duration, .seconds]),
        ]
        for (fields, others) in alternatives where fields.contains(where: { chosen[$0] != nil }) {
            for other in others where chosen[other] == nil { found[other] = nil }
        }
        return found
    }

    /// Whether a table says where orders lie, so that it can be read without any choice.
    static func fits(_ table: CSVReader) throws(CSCError) -> Bool {
        let found = try OrderColumns().find(in: table)
        return found[.longitude] != nil && found[.latitude] != nil
    }
}
