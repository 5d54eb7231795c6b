internal import Foundation

/// What a file of orders holds, in figures that show at once whether it was read as it was meant.
package struct OrdersOverview: Sendable {
    /// The file, and which layout it was read by.
    package var path: String
    /// See `path`.
    package var format: OrderFormat
    /// Rows that became orders, and rows that were left out.
    package var rows: Int
    /// See `rows`.
    package var skipped: Int
    /// The first and the last date; nil where the file has no times.
    package var dates: (first: String, last: String)?
    /// Days from the first to the last, and how many of these have an order.
    package var days: Int
    /// See `days`.
    package var daysWithOrders: Int
    /// Whose time it is, such as "times in UTC"; nil where the file has no times.
    package var clock: String?
    /// Whether all times are midnight, as where a column holds dates alone.
    package var isAllMidnight = false
    /// Where orders and workers lie.
    package var orders: Box
    /// See `orders`; nil where the file has no workers.
    package var workers: Box?
    /// How many workers there are.
    package var workerCount: Int
    /// Medians of what the file has: fare (its money) and duration (min).
    package var medianFare: Double?
    /// See `medianFare`.
    package var medianDuration: Double?
    /// Which columns were read, where they were chosen or found by their usual names.
    package var columns: String?

    /// The extent of places and their middle, in the file's own unit and in km.
    package struct Box: Sendable {
        /// Whether the places are degrees: x is the longitude, y the latitude; else km.
        package var isDegrees: Bool
        /// West, east, south, north.
        package var low: (x: Double, y: Double)
        /// See `low`.
        package var high: (x: Double, y: Double)
        /// The medians.
        package var median: (x: Double, y: Double)
        /// Width and height (km).
        package var size: (x: Double, y: Double)
        /// Width and height without the outermost hundredth at either end (km).
        package var core: (x: Double, y: Double)

        /// The box of places (km), with what they were before the projection. Traps where there is none. O(n log n).
        init(isDegrees: Bool, written: [(x: Double, y: Double)], places: [(x: Double, y: Double)]) {
            self.isDegrees = isDegrees
            let (x, y) = (written.map(\.x).sorted(), written.map(\.y).sorted())
            low = (x[0], y[0])
            high = (x[x.count - 1], y[y.count - 1])
            median = (x[x.count / 2], y[y.count / 2])
            let (east, north) = (places.map(\.x).sorted(), places.map(\.y).sorted())
            let cut = places.count / 100
            size = (east[east.count - 1] - east[0], north[north.count - 1] - north[0])
            core = (east[east.count - 1 - cut] - east[cut], north[north.count - 1 - cut] - north[cut])
        }

        /// One line for people.
        package var text: String {
            func number(_ value: Double) -> String { Terminal.decimal(value, isDegrees ? 4 : 2) }
            let place =
                isDegrees
                ? "longitude \(number(low.x)) to \(number(high.x)), latitude \(number(low.y)) to \(number(high.y))"
                : "x \(number(low.x)) to \(number(high.x)), y \(number(low.y)) to \(number(high.y)) km"
            let wide = size.x > 3 * max(core.x, 0.1) || size.y > 3 * max(core.y, 0.1)
            return place + ", " + Self.kilometres(size)
                + (wide ? " (98 % of them within \(Self.kilometres(core)))" : "")
                + "; median \(number(median.x)), \(number(median.y))"
        }

        static func kilometres(_ size: (x: Double, y: Double)) -> String {
            "\(Terminal.decimal(size.x, 1)) x \(Terminal.decimal(size.y, 1)) km"
        }

        /// For files.
        package var json: JSON {
            .object([
                ("unit", .string(isDegrees ? "degrees" : "km")), ("low", .array([.number(low.x), .number(low.y)])),
                ("high", .array([.number(high.x), .number(high.y)])),
                ("median", .array([.number(median.x), .number(median.y)])),
                ("size_km", .array([.number(size.x), .number(size.y)])),
            ])
        }
    }

    /// What was read, a few lines for people.
    package var lines: [String] {
        var lines = [
            "\(path): \(Terminal.counted(rows, "order")) (\(format.rawValue))"
                + (skipped > 0 ? ", \(Terminal.counted(skipped, "row")) left out" : "")
                + (dates.map { ", \($0.first) to \($0.last): \(Terminal.counted(days, "day"))" } ?? ", no times")
                + (clock.map { ", \($0)" } ?? "")
        ]
        if let columns { lines.append("columns: \(columns)") }
        lines.append("orders lie at \(orders.text)")
        if let workers { lines.append("\(Terminal.counted(workerCount, "worker")) at \(workers.text)") }
        let medians = [
            medianFare.map { "fare \(Terminal.amount($0))" },
            medianDuration.map { "duration \(Terminal.decimal($0, 1)) min" },
        ].compactMap(\.self)
        if !medians.isEmpty { lines.append("medians: \(medians.joined(separator: ", "))") }
        return lines
    }

    /// What looks wrong in it; empty where nothing does.
    package var warnings: [String] {
        var warnings: [String] = []
        if days > 100 && daysWithOrders * 20 < days {
            warnings.append(
                "the file spans \(days) days, but only \(daysWithOrders) of them have orders: is a date wrong?")
        }
        if isAllMidnight {
            warnings.append(
                "all times are 00:00: are they dates without a time of the day? All orders come at once then")
        }
        if max(orders.core.x, orders.core.y) > 1000 {
            warnings.append(
                "orders lie \(Box.kilometres(orders.core)) apart: "
                    + (orders.isDegrees ? "is this one city?" : "are the places metres? (--units m)"))
        } else if max(orders.size.x, orders.size.y) > 1000 {
            warnings.append(
                "some orders lie far from all others (\(Box.kilometres(orders.size))): are their places right?")
        }
        if let workers, workers.isDegrees == orders.isDegrees {
            let apart = max(abs(workers.median.x - orders.median.x), abs(workers.median.y - orders.median.y))
            if apart > (orders.isDegrees ? 1 : 100) {
                let swapped =
                    orders.isDegrees && abs(workers.median.x - orders.median.y) < 1
                    && abs(workers.median.y - orders.median.x) < 1
                warnings.append(
                    "workers lie far from the orders (medians \(Terminal.decimal(workers.median.x, 2)), "
                        + "\(Terminal.decimal(workers.median.y, 2)) and \(Terminal.decimal(orders.median.x, 2)), "
                        + "\(Terminal.decimal(orders.median.y, 2))): "
                        + (swapped ? "latitude and longitude are swapped in one of the files" : "is it the same city?"))
            }
        }
        return warnings
    }

    /// For files.
    package var json: JSON {
        .object([
            ("file", .string(path)), ("format", .string(format.rawValue)), ("rows", .integer(rows)),
            ("rows_left_out", .integer(skipped)), ("first_day", dates.map { .string($0.first) } ?? .null),
            ("last_day", dates.map { .string($0.last) } ?? .null), ("days", .integer(days)),
            ("days_with_orders", .integer(daysWithOrders)), ("clock", clock.map(JSON.string) ?? .null),
            ("columns", columns.map(JSON.string) ?? .null), ("orders", orders.json),
            ("workers", workers?.json ?? .null), ("worker_places", .integer(workerCount)),
            ("median_fare", medianFare.map(JSON.number) ?? .null),
            ("median_duration", medianDuration.map(JSON.number) ?? .null),
        ])
    }

    /// The date of a number of seconds from 1970-01-01 00:00, as yyyy-MM-dd. O(1).
    static func date(_ seconds: Double) -> String {
        // Civil from days: years that begin in March, eras of 400 years.
        guard abs(seconds) < 1e13 else { return "?" }
        let days = Int((seconds / 86_400).rounded(.down)) + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let day = days - era * 146_097
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
        let ofYear = day - (365 * year + year / 4 - year / 100)
        let month = (5 * ofYear + 2) / 153
        let date = ofYear - (153 * month + 2) / 5 + 1
        let civil = month < 10 ? month + 3 : month - 9
        return String(format: "%04d-%02d-%02d", year + era * 400 + (civil <= 2 ? 1 : 0), civil, date)
    }
}
