/// Numbers, truth values and times from the bytes of a field, without a detour over strings or locales.
///
/// Each function reads the whole of `bytes[low..<high]` or returns nil; none allocates, except `double` for the few
/// literals that need more than exact arithmetic in one multiplication.
enum FieldParser {
    /// A whole number in decimal, with an optional sign; nil also where it does not fit in 64 bits. O(digits).
    static func int(_ bytes: [UInt8], _ low: Int, _ high: Int) -> Int? {
        var at = low
        guard at < high else { return nil }
        let negative = bytes[at] == 45
        if negative || bytes[at] == 43 { at += 1 }
        guard at < high else { return nil }
        var value = 0
        while at < high {
            let digit = Int(bytes[at]) - 48
            guard digit >= 0 && digit <= 9 else { return nil }
            let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
            let (next, carry) = tenfold.subtractingReportingOverflow(digit)
            if overflow || carry { return nil }
            value = next
            at += 1
        }
        if negative { return value }
        return value == .min ? nil : -value
    }

    /// A finite decimal number, `[+-]digits[.digits][e[+-]digits]`, correctly rounded. O(digits).
    static func double(_ bytes: [UInt8], _ low: Int, _ high: Int) -> Double? {
        var at = low
        guard at < high else { return nil }
        let negative = bytes[at] == 45
        if negative || bytes[at] == 43 { at += 1 }
        var mantissa: UInt64 = 0
        var digits = 0
        var seen = false
        var scale = 0
        var point = false
        while at < high {
            let byte = bytes[at]
            if byte == 46 {
                if point { return nil }
                point = true
            } else if byte >= 48 && byte <= 57 {
                seen = true
                if digits > 0 || byte != 48 { digits += 1 }
                if digits <= 19 { mantissa = mantissa &* 10 &+ UInt64(byte - 48) }
                if point { scale -= 1 }
            } else {
                break
            }
            at += 1
        }
        guard seen else { return nil }
        if at < high {
            guard bytes[at] | 32 == 101, let exponent = int(bytes, at + 1, high), (-9999...9999).contains(exponent)
            else {
                return nil
            }
            scale += exponent
        }
        // Both the mantissa and the power of ten are exact doubles: one rounding ([Clinger90], the fast path).
        if digits <= 19 && mantissa <= 1 << 53 && scale >= -22 && scale <= 22 {
            let value = scale < 0 ? Double(mantissa) / powers[-scale] : Double(mantissa) * powers[scale]
            return negative ? -value : value
        }
        guard let value = Double(String(decoding: bytes[low..<high], as: UTF8.self)), value.isFinite else { return nil }
        return value
    }

    private static let powers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]

    /// 0, 1, true, false, t, f, yes, no, y, n in any case.
    static func bool(_ bytes: [UInt8], _ low: Int, _ high: Int) -> Bool? {
        switch String(decoding: bytes[low..<high], as: UTF8.self).lowercased() {
        case "1", "true", "t", "yes", "y": true
        case "0", "false", "f", "no", "n": false
        default: nil
        }
    }

    /// `yyyy-MM-dd`, then optionally a blank or T and `HH:mm[:ss[.fraction]]`, then optionally Z or `[+-]HH[:]mm`, as
    /// a `TimeStamp`; or a number that counts from 1970. O(1).
    static func stamp(_ bytes: [UInt8], _ low: Int, _ high: Int) -> TimeStamp? {
        func digits(_ at: Int, _ count: Int) -> Int? {
            guard at + count <= high else { return nil }
            var value = 0
            for index in at..<at + count {
                let digit = Int(bytes[index]) - 48
                guard digit >= 0 && digit <= 9 else { return nil }
                value = value * 10 + digit
            }
            return value
        }
        func byte(_ at: Int) -> UInt8 { at < high ? bytes[at] : 0 }

        guard let year = digits(low, 4), byte(low + 4) == 45, let month = digits(low + 5, 2), byte(low + 7) == 45,
            let day = digits(low + 8, 2), (1...12).contains(month), day >= 1, day <= daysIn(month, of: year)
        else { return double(bytes, low, high).flatMap(TimeStamp.init(sinceEpoch:)) }
        let days = Double(daysSince1970(year, month, day)) * 86_400
        var at = low + 10
        if at == high { return TimeStamp(wall: days) }
        guard byte(at) == 32 || byte(at) == 84, let hour = digits(at + 1, 2), byte(at + 3) == 58,
            let minute = digits(at + 4, 2), hour <= 23, minute <= 59
        else { return nil }
        at += 6
        var seconds = 0.0
        if byte(at) == 58 {
            guard let whole = digits(at + 1, 2), whole <= 59 else { return nil }
            seconds = Double(whole)
            at += 3
            if byte(at) == 46 {
                let start = at
                at += 1
                while byte(at) >= 48 && byte(at) <= 57 { at += 1 }
                guard at > start + 1, let fraction = double(bytes, start, at) else { return nil }
                seconds += fraction
            }
        }
        if byte(at) == 32 && at + 1 < high { at += 1 }
        var zone: Int?
        if byte(at) == 90 {
            at += 1
            zone = 0
        } else if at + 3 == high && byte(at) == 85 && byte(at + 1) == 84 && byte(at + 2) == 67 {
            at += 3
            zone = 0
        } else if byte(at) == 43 || byte(at) == 45 {
            let sign = byte(at) == 43 ? 1 : -1
            let colon = byte(at + 3) == 58 ? 1 : 0
            let short = at + 3 == high
            guard let hours = digits(at + 1, 2), let minutes = short ? 0 : digits(at + 3 + colon, 2), hours <= 14,
                minutes <= 59
            else { return nil }
            zone = sign * (hours * 3600 + minutes * 60)
            at += short ? 3 : 5 + colon
        }
        guard at == high else { return nil }
        return TimeStamp(wall: days + Double(hour * 3600 + minute * 60) + seconds, offset: zone)
    }

    private static func daysIn(_ month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar, with years that begin in March.
    private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month > 2 ? year : year - 1
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
