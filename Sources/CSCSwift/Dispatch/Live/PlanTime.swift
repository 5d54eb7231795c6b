internal import Foundation

/// A moment in a dispatch document: minutes on a clock of the sender's own, or a date and time with its zone (ISO 8601).
/// A document has one kind only.
public enum PlanTime: Sendable, Hashable, Codable {
    /// Minutes since a moment of the sender's choice.
    case minutes(Double)
    /// Minutes since 1970-01-01T00:00Z, written at so many minutes east of Greenwich.
    case moment(Double, zone: Int)

    /// Times lie within this many minutes of 0 or 1970 (about 1900 years).
    public static let limit = 1e9

    /// The number that times are compared by (minutes).
    public var value: Double {
        switch self {
        case .minutes(let value): value
        case .moment(let value, _): value
        }
    }

    /// Whether both are numbers, or both dates.
    public func isKin(of other: PlanTime) -> Bool {
        switch (self, other) {
        case (.minutes, .minutes), (.moment, .moment): true
        default: false
        }
    }

    /// Another moment of the same kind, in the same zone.
    public func at(_ value: Double) -> PlanTime {
        switch self {
        case .minutes: .minutes(value)
        case .moment(_, let zone): .moment(value, zone: zone)
        }
    }

    /// Minutes after midnight of the day, in the sender's zone; a number counts as from a midnight.
    public var minuteOfDay: Double {
        let local: Double
        switch self {
        case .minutes(let value): local = value
        case .moment(let value, let zone): local = value + Double(zone)
        }
        let rest = local.truncatingRemainder(dividingBy: 1440)
        return rest < 0 ? rest + 1440 : rest
    }

    /// What is written: a number with at most 6 decimals, or `2026-11-30T10:05:30+08:00` with milliseconds where there
    /// are any.
    public var text: String {
        switch self {
        case .minutes(let value):
            let rounded = (value * 1e6).rounded() / 1e6
            return rounded == rounded.rounded() && abs(rounded) < 1e15 ? String(Int(rounded)) : "\(rounded)"
        case .moment(let value, let zone): return Self.iso(value, zone: zone)
        }
    }

    /// The time that a text stands for: `YYYY-MM-DDTHH:MM[:SS[.fff]]` and `Z`, `+HH:MM` or `+HHMM`; nil where it is
    /// none. O(1).
    public init?(iso text: String) {
        var rest = Substring(text)
        func digits(_ count: Int) -> Int? {
            let head = rest.utf8.prefix(count)
            guard head.count == count, head.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
            rest = rest.dropFirst(count)
            return head.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        }
        func mark(_ marks: String) -> Character? {
            guard let first = rest.first, marks.contains(first) else { return nil }
            rest.removeFirst()
            return first
        }
        guard let year = digits(4), mark("-") != nil, let month = digits(2), mark("-") != nil, let day = digits(2),
            mark("Tt ") != nil, let hour = digits(2), mark(":") != nil, let minute = digits(2)
        else { return nil }
        var seconds = 0.0
        if mark(":") != nil {
            guard let whole = digits(2) else { return nil }
            seconds = Double(whole)
            if mark(".,") != nil {
                var unit = 0.1
                var count = 0
                while let digit = digits(1) {
                    seconds += Double(digit) * unit
                    unit /= 10
                    count += 1
                }
                if count == 0 { return nil }
            }
        }
        var zone = 0
        if mark("Zz") == nil {
            guard let sign = mark("+-"), let hours = digits(2) else { return nil }
            let colon = mark(":") != nil
            let minutes = digits(2)
            guard hours < 24, minutes ?? 0 < 60, !(colon && minutes == nil) else { return nil }
            zone = (sign == "-" ? -1 : 1) * (hours * 60 + (minutes ?? 0))
        }
        guard rest.isEmpty, year >= 1, (1...12).contains(month), (1...Self.days(in: month, of: year)).contains(day),
            hour < 24 || hour == 24 && minute == 0 && seconds == 0, minute < 60, seconds < 61
        else { return nil }
        let minutes = Double((Self.day(year, month, day) * 24 + hour) * 60 + minute - zone)
        self = .moment(minutes + seconds / 60, zone: zone)
    }

    /// A number or a text.
    /// - Throws: what the decoder throws, also for a text that is no time.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Double.self) {
            self = .minutes(value)
            return
        }
        let text = try container.decode(String.self)
        guard let time = PlanTime(iso: text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(text) is not a time")
        }
        self = time
    }

    /// As `text`.
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .minutes(let value): try container.encode(value)
        case .moment: try container.encode(text)
        }
    }

    private static func iso(_ value: Double, zone: Int) -> String {
        let milliseconds = ((value + Double(zone)) * 60_000).rounded()
        let whole = Int(max(-6.2e13, min(milliseconds, 2.5e14)))
        let day = whole >= 0 ? whole / 86_400_000 : (whole - 86_399_999) / 86_400_000
        let rest = whole - day * 86_400_000
        let (year, month, date) = civil(day)
        func pad(_ number: Int, _ width: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        var text = pad(year, 4) + "-" + pad(month, 2) + "-" + pad(date, 2) + "T" + pad(rest / 3_600_000, 2)
        text += ":" + pad(rest / 60_000 % 60, 2) + ":" + pad(rest / 1000 % 60, 2)
        if rest % 1000 != 0 { text += "." + pad(rest % 1000, 3) }
        if zone == 0 { return text + "Z" }
        return text + (zone < 0 ? "-" : "+") + pad(abs(zone) / 60, 2) + ":" + pad(abs(zone) % 60, 2)
    }

    private static func days(in month: Int, of year: Int) -> Int {
        if month == 2 { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28 }
        return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31
    }

    /// Days since 1970-01-01 of a Gregorian date (Hinnant, chrono-compatible low-level date algorithms).
    private static func day(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let ofEra = y - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }

    /// The inverse of `day`.
    private static func civil(_ day: Int) -> (Int, Int, Int) {
        let z = day + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let ofEra = z - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * ofYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - (153 * shifted + 2) / 5 + 1)
    }
}
