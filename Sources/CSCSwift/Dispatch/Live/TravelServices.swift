/// Travel times by a service that answers OSRM's `table` request (project-osrm.org, docs/http.md): the minutes between
/// all places of a moment. The answers of the last places are kept, so that a stream of moments asks for new ones only.
final class TravelServices {
    private struct Place: Hashable {
        var longitude: Double
        var latitude: Double
    }
    private struct Key: Hashable {
        var address: String
        var profile: String
        var from: Place
        var to: Place
    }
    private var known: [Key: Double] = [:]
    /// So many pairs are kept.
    private static let most = 4_000_000
    /// At most this many places stand in one request's address.
    private static let places = 100

    /// The minutes between places, given as longitude and latitude. O(places^2).
    ///
    /// - Throws: `CSCError.invalid` that says what the service did.
    func table(address: String, profile: String, places: [[Double]]) throws(CSCError) -> TravelTable {
        let points = places.map {
            Place(longitude: ($0[0] * 1e6).rounded() / 1e6, latitude: ($0[1] * 1e6).rounded() / 1e6)
        }
        var distinct: [Place] = []
        var number: [Place: Int] = [:]
        for point in points where number[point] == nil {
            number[point] = distinct.count
            distinct.append(point)
        }
        if known.count > Self.most { known.removeAll() }
        try ask(address, profile, distinct)
        var minutes: [Double] = []
        minutes.reserveCapacity(points.count * points.count)
        for from in points {
            for to in points {
                minutes.append(known[Key(address: address, profile: profile, from: from, to: to)] ?? .infinity)
            }
        }
        return try TravelTable(places: points.count, minutes: minutes)
    }

    /// Asks for every block of places of which a pair is not known.
    private func ask(_ address: String, _ profile: String, _ places: [Place]) throws(CSCError) {
        let blocks = stride(from: 0, to: places.count, by: Self.places / 2).map {
            $0..<min(places.count, $0 + Self.places / 2)
        }
        for rows in blocks {
            for columns in blocks {
                let isKnown = rows.allSatisfy { row in
                    columns.allSatisfy { column in
                        known[Key(address: address, profile: profile, from: places[row], to: places[column])] != nil
                    }
                }
                if !isKnown { try ask(address, profile, places, rows, columns) }
            }
        }
    }

    private func ask(
        _ address: String, _ profile: String, _ places: [Place], _ rows: Range<Int>, _ columns: Range<Int>
    ) throws(CSCError) {
        let (host, port, prefix) = try Self.split(address)
        let isSquare = rows == columns
        let listed = Array(rows) + (isSquare ? [] : Array(columns))
        let text = listed.map { "\(places[$0].longitude),\(places[$0].latitude)" }.joined(separator: ";")
        func list(_ range: Range<Int>) -> String { range.map(String.init).joined(separator: ";") }
        var path = "\(prefix)/table/v1/\(profile)/\(text)?annotations=duration"
        if !isSquare {
            path += "&sources=\(list(0..<rows.count))&destinations=\(list(rows.count..<listed.count))"
        }
        let bytes = try HTTPClient.get(host: host, port: port, path: path)
        let durations: [[Double?]]
        do {
            durations = try Self.read(bytes)
        } catch {
            throw CSCError.invalid("\(address) answers no table: \(error.path) \(error.reason)")
        }
        guard durations.count == rows.count, durations.allSatisfy({ $0.count == columns.count }) else {
            throw CSCError.invalid(
                "\(address) answers \(durations.count) rows of \(durations.first?.count ?? 0); \(rows.count) of "
                    + "\(columns.count) were asked for")
        }
        for (i, row) in rows.enumerated() {
            for (j, column) in columns.enumerated() {
                known[Key(address: address, profile: profile, from: places[row], to: places[column])] =
                    durations[i][j].map { $0 / 60 } ?? .infinity
            }
        }
    }

    /// The durations (s) of OSRM's answer: `{"code": "Ok", "durations": [[...]], ...}`.
    private static func read(_ bytes: [UInt8]) throws(JSONCursor.Fault) -> [[Double?]] {
        var cursor = try JSONCursor(bytes)
        var rows: [[Double?]] = []
        var code = ""
        var isThere = false
        try cursor.fields { (cursor, name) throws(JSONCursor.Fault) in
            switch name {
            case "code": code = try cursor.string()
            case "durations":
                isThere = true
                try cursor.array { (cursor, _) throws(JSONCursor.Fault) in
                    var row: [Double?] = []
                    try cursor.array { (cursor, _) throws(JSONCursor.Fault) in
                        if try cursor.null() {
                            row.append(nil)
                        } else {
                            let seconds = try cursor.number()
                            if seconds < 0 { throw cursor.fault("\(seconds) s is no duration") }
                            row.append(seconds)
                        }
                    }
                    rows.append(row)
                }
            default: try cursor.skipValue()
            }
        }
        if code != "Ok" { throw JSONCursor.Fault(path: "code", reason: "is '\(code)'") }
        if !isThere { throw JSONCursor.Fault(path: "durations", reason: "is missing") }
        return rows
    }

    /// Host, port and the path before /table of http://HOST[:PORT][/PATH].
    private static func split(_ address: String) throws(CSCError) -> (String, Int, String) {
        guard address.hasPrefix("http://") else {
            throw CSCError.invalid(
                "'\(address.prefix(80))' is no address such as http://127.0.0.1:5000 (https is not spoken)")
        }
        let rest = address.dropFirst(7)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let parts = rest[..<slash].split(separator: ":", omittingEmptySubsequences: false)
        let port = parts.count == 2 ? Int(parts[1]) : 80
        guard (1...2).contains(parts.count), !parts[0].isEmpty, let port, (1...65_535).contains(port),
            address.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
        else {
            throw CSCError.invalid("'\(address.prefix(80))' is no address such as http://127.0.0.1:5000")
        }
        var path = String(rest[slash...])
        while path.hasSuffix("/") { path.removeLast() }
        return (String(parts[0]), port, path)
    }
}
