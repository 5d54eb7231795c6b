internal import Foundation

/// How workers travel, where it is not by Manhattan distance at their own speed.
public struct Travel: Sendable, Hashable, Codable {
    /// Which distance counts.
    public enum Metric: String, Sendable, Codable, CaseIterable {
        /// |dx| + |dy|: the default of the game.
        case manhattan
        /// The straight line.
        case euclidean
        /// Minutes between places by a table; a worker's speed is 1 and its reach is in minutes.
        case table
    }

    /// Which distance counts.
    public var metric: Metric
    /// Minutes between places; only with `metric` table.
    public var table: TravelTable?

    /// Travel without a table.
    public static let euclidean = Travel(metric: .euclidean)
    /// See `euclidean`.
    public static let manhattan = Travel(metric: .manhattan)

    /// Travel by a table.
    public init(table: TravelTable) {
        metric = .table
        self.table = table
    }

    private init(metric: Metric) { self.metric = metric }

    /// The way between two places (km; minutes with a table), setting out at `time`. Infinite where the table has none.
    /// O(1).
    @inline(__always)
    func way(
        _ x: Double, _ y: Double, _ place: Int32, to toX: Double, _ toY: Double, _ toPlace: Int32, at time: Double
    ) -> Double {
        switch metric {
        case .manhattan: abs(x - toX) + abs(y - toY)
        case .euclidean: ((x - toX) * (x - toX) + (y - toY) * (y - toY)).squareRoot()
        case .table: table!.minutes(Int(place), Int(toPlace), at: time)
        }
    }
}

/// Travel times between places: for each pair the minutes, the same all day or by hour of the day.
public struct TravelTable: Sendable, Hashable, Codable {
    /// The most places that are taken.
    public static let mostPlaces = 20_000

    /// How many places.
    public let places: Int
    /// Minutes, [hour][from][to]; one hour or 24. Infinite: no way.
    public let minutes: [Double]
    /// The hour of the day at minute 0 of the game's clock, as minutes after midnight.
    public var dayStart: Double
    /// Where each place is (km), where that is known: a point belongs to the nearest.
    public var x: [Double]
    /// See `x`.
    public var y: [Double]

    /// A table.
    ///
    /// - Throws: `CSCError.invalid` where the numbers do not fit or one is negative or not a number.
    public init(places: Int, minutes: [Double], dayStart: Double = 0, x: [Double] = [], y: [Double] = [])
        throws(CSCError)
    {
        guard (1...Self.mostPlaces).contains(places) else {
            throw CSCError.invalid("travel: \(places) places; 1 to \(Self.mostPlaces) are taken")
        }
        let hours = minutes.count / (places * places)
        guard minutes.count == hours * places * places, hours == 1 || hours == 24 else {
            throw CSCError.invalid(
                "travel: \(minutes.count) times for \(places) places; \(places * places) or 24 times as many are wanted"
            )
        }
        if let at = minutes.firstIndex(where: { !($0 >= 0) }) {
            let (from, to) = (at / places % places, at % places)
            throw CSCError.invalid("travel: from place \(from) to \(to): \(minutes[at]) is no time")
        }
        guard x.count == y.count, x.isEmpty || x.count == places else {
            throw CSCError.invalid("travel: \(x.count) positions for \(places) places")
        }
        self.places = places
        self.minutes = minutes
        self.dayStart = dayStart
        self.x = x
        self.y = y
    }

    /// Whether times differ by hour of the day.
    public var isByHour: Bool { minutes.count > places * places }

    /// The minutes from one place to another, setting out at `time` (game's clock). O(1).
    @inline(__always) public func minutes(_ from: Int, _ to: Int, at time: Double) -> Double {
        let cell = from * places + to
        if minutes.count == places * places { return minutes[cell] }
        let hour = ((dayStart + time) / 60).rounded(.down).truncatingRemainder(dividingBy: 24)
        return minutes[Int(hour < 0 ? hour + 24 : hour) * places * places + cell]
    }

    /// The place nearest to a point (km), the first of equals; 0 where positions are not known. O(places).
    public func nearest(x px: Double, y py: Double) -> Int {
        var best = 0
        var least = Double.infinity
        for place in x.indices {
            let distance = (x[place] - px) * (x[place] - px) + (y[place] - py) * (y[place] - py)
            if distance < least { (best, least) = (place, distance) }
        }
        return best
    }
}
