/// A point in time as a table writes it: what a clock on the wall showed, and how that clock stood to UTC if the table
/// says so.
package struct TimeStamp: Sendable, Hashable {
    /// The unit of a number that counts from 1970-01-01 00:00 UTC.
    package enum Unit: String, Sendable, CaseIterable {
        /// Seconds.
        case seconds
        /// Thousandths of a second.
        case milliseconds
        /// Millionths of a second.
        case microseconds
        /// Billionths of a second.
        case nanoseconds

        /// How many make a second.
        var perSecond: Double {
            switch self {
            case .seconds: 1
            case .milliseconds: 1e3
            case .microseconds: 1e6
            case .nanoseconds: 1e9
            }
        }
    }

    /// Seconds from 1970-01-01 00:00 on that clock.
    package var wall: Double
    /// How many seconds that clock is ahead of UTC; nil where the table does not say.
    package var offset: Int?
    /// The unit where the table has numbers in place of dates.
    package var unit: Unit?

    /// All values as named.
    package init(wall: Double, offset: Int? = nil, unit: Unit? = nil) {
        self.wall = wall
        self.offset = offset
        self.unit = unit
    }

    /// A number that counts from 1970, in the unit that puts it between 1973 and 5138; nil where none does, as for the
    /// minutes of a day.
    package init?(sinceEpoch number: Double) {
        guard number >= 1e8, number < 1e20 else { return nil }
        let unit: Unit =
            number < 1e11 ? .seconds : number < 1e14 ? .milliseconds : number < 1e17 ? .microseconds : .nanoseconds
        self.init(wall: number / unit.perSecond, offset: 0, unit: unit)
    }

    /// Seconds from 1970-01-01 00:00 UTC; a clock without a zone is taken to show UTC.
    package var seconds: Double { wall - Double(offset ?? 0) }
}
