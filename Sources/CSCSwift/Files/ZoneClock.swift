internal import Foundation

/// The zone in which days are cut: a fixed offset or a place with its summer times.
package struct DayZone: Sendable, Hashable {
    /// What the user called it.
    package let name: String
    private let fixed: Int?
    private let zone: TimeZone?

    /// `UTC`, an offset such as `+08:00`, `+0800` or `-5`, or a name of the tz database such as `Europe/Paris`; nil where
    /// it is none of these.
    package init?(_ name: String) {
        self.name = name
        if name == "UTC" || name == "Z" || name == "GMT" {
            (fixed, zone) = (0, nil)
        } else if let sign = name.first, sign == "+" || sign == "-" {
            let digits = name.dropFirst().filter { $0 != ":" }
            guard let number = Int(digits), digits.count <= 4, digits.allSatisfy(\.isNumber) else { return nil }
            let (hours, minutes) = digits.count <= 2 ? (number, 0) : (number / 100, number % 100)
            guard hours <= 14, minutes <= 59 else { return nil }
            (fixed, zone) = ((sign == "+" ? 1 : -1) * (hours * 3600 + minutes * 60), nil)
        } else if name.contains("/"), let zone = TimeZone(identifier: name) {
            (fixed, self.zone) = (nil, zone)
        } else {
            return nil
        }
    }

    /// How many seconds its clocks are ahead of UTC at that time (seconds from 1970-01-01 00:00 UTC).
    package func offset(at seconds: Double) -> Int {
        fixed ?? zone?.secondsFromGMT(for: Date(timeIntervalSince1970: seconds)) ?? 0
    }
}

/// Reads the times of one column as one clock shows them: that of `--zone` where it is given, else the file's own. Rows
/// that do not go with the first one are refused.
struct ZoneClock {
    /// Where days are cut; nil: as the file writes its times.
    let zone: DayZone?
    private var first: (stamp: TimeStamp, line: Int)?
    private var cache: [Int: Int] = [:]

    init(zone: DayZone?) { self.zone = zone }

    /// The row's time (seconds from 1970-01-01 00:00 on that clock).
    mutating func seconds(_ row: CSVReader, _ column: Int) throws(CSCError) -> Double {
        let stamp = try row.stamp(column)
        if let first {
            if (stamp.unit == nil) != (first.stamp.unit == nil) || stamp.unit != first.stamp.unit {
                throw row.error(
                    column,
                    "\(Self.kind(stamp)), but line \(first.line) has \(Self.kind(first.stamp)): one of them is wanted")
            }
            if (stamp.offset == nil) != (first.stamp.offset == nil) {
                throw row.error(
                    column,
                    "\(Self.zoneText(stamp)), but the time of line \(first.line) has \(Self.zoneText(first.stamp)): all "
                        + "times must have a zone or none")
            }
            if zone == nil && stamp.offset != first.stamp.offset {
                throw row.error(
                    column,
                    "\(Self.zoneText(stamp)), but the time of line \(first.line) has \(Self.zoneText(first.stamp)): choose "
                        + "the zone in which days are cut by --zone, such as --zone Europe/Paris")
            }
        } else {
            first = (stamp, row.line)
        }
        guard let zone, stamp.offset != nil else { return stamp.wall }
        let hour = Int((stamp.seconds / 900).rounded(.down))
        if let offset = cache[hour] { return stamp.seconds + Double(offset) }
        let offset = zone.offset(at: stamp.seconds)
        cache[hour] = offset
        return stamp.seconds + Double(offset)
    }

    /// Which clock that is, for people; nil before the first row.
    var text: String? {
        guard let stamp = first?.stamp else { return nil }
        let written = stamp.unit.map { "\($0.rawValue) since 1970" }
        if let zone {
            return stamp.offset == nil
                ? "times as written, said to be \(zone.name)'s"
                : "local time of \(zone.name)"
                    + (written.map { " (the file has \($0))" } ?? "")
        }
        guard let offset = stamp.offset else { return "times as written (the file names no zone)" }
        return offset == 0
            ? "times in UTC" + (written.map { " (\($0))" } ?? "") + "; --zone cuts days by local time"
            : "local time of the file's \(Self.clock(offset))"
    }

    private static func kind(_ stamp: TimeStamp) -> String {
        stamp.unit.map { "\($0.rawValue) since 1970" } ?? "a date and time"
    }

    private static func zoneText(_ stamp: TimeStamp) -> String {
        stamp.offset.map { $0 == 0 ? "the zone Z" : "the zone \(clock($0))" } ?? "no zone"
    }

    private static func clock(_ offset: Int) -> String {
        let minutes = abs(offset) / 60
        return (offset < 0 ? "-" : "+") + String(format: "%02d:%02d", minutes / 60, minutes % 60)
    }
}
