/// Episodes from recorded orders: real places and times become tasks, real or sampled positions become workers, and
/// what the file lacks is drawn from a scenario.
///
/// An episode is a window of the day as long as the scenario's horizon. Tasks are drawn from the orders of that window
/// without replacement, workers from the recorded places with replacement.
public struct RecordedDays: InstanceSource {
    /// How days make episodes.
    public enum Cut: String, Sendable, CaseIterable {
        /// The days are laid over each other by time of day: a dense stream from a thin sample.
        case pooled
        /// Each episode takes one day, one after the other.
        case byDay = "by-day"
    }

    /// One of several parts of a file, such as the first of two: what training and held-out episodes are drawn from
    /// where a file has one day only. Part k of n holds the orders and the workers in rows k, k + n, k + 2n, ...
    public struct Part: Sendable, Hashable {
        /// Which part, from 1.
        public let number: Int
        /// How many parts there are.
        public let count: Int

        /// Part `number` of `count`; nil unless 1 <= number <= count.
        public init?(_ number: Int, of count: Int) {
            guard number >= 1, number <= count else { return nil }
            self.number = number
            self.count = count
        }

        /// The rows of this part. O(rows).
        func of<Row>(_ rows: [Row]) -> [Row] { stride(from: number - 1, to: rows.count, by: count).map { rows[$0] } }

        /// The rows of the other parts. O(rows).
        func notOf<Row>(_ rows: [Row]) -> [Row] { rows.indices.filter { $0 % count != number - 1 }.map { rows[$0] } }
    }

    /// Where pay and workload come from.
    public enum Terms: String, Sendable, CaseIterable {
        /// Drawn from the scenario.
        case scenario
        /// Pay is the file's fare, in its money; workload is its duration, scaled so that its mean is the scenario's.
        case file
    }

    /// The format's name.
    public let name: String
    /// What the file lacks is drawn from it.
    public let scenario: Scenario
    /// The first minute of the window of the day.
    public let from: Double
    /// What a user should be told: what was drawn and from where.
    public let notes: [String]
    /// How many orders lie in the windows: the most tasks that an episode can have (by day: of the fullest day).
    public let available: Int
    private let terms: Terms
    private var orders: [[RecordedOrders.Order]]
    /// The file's orders of the same hours that take no part: other days, or other parts of the rows.
    private let elsewhere: [RecordedOrders.Order]
    private let places: [RecordedOrders.Place]
    /// The file's clock, boxes and medians.
    package let overview: OrdersOverview
    /// How days make episodes, which of them take part, and which rows.
    public let selection: Selection
    private let timed: Bool
    private let meanFare: Double
    private let meanDuration: Double

    /// What was chosen of a file.
    public struct Selection: Sendable {
        /// How days make episodes.
        public var cut: Cut
        /// The days that take part; nil: all.
        public var days: Range<Int>?
        /// The part of the rows; nil: all.
        public var part: Part?
        /// Where pay and workload come from.
        public var terms: Terms
        /// The window of the day (min after midnight; min); nil where the file has no times.
        public var window: (from: Double, length: Double)?
    }

    /// O(n log n) for n orders.
    /// - Parameters:
    ///   - recorded: the orders of the file.
    ///   - scenario: what the file lacks is drawn from it; its horizon (min) is the length of the window of the day.
    ///   - cut: how days make episodes; `byDay` needs a file with times.
    ///   - days: which days of the file take part, counted from 0; nil for all.
    ///   - from: the first minute of the window of the day; nil for the window with most orders of the whole file, so
    ///     that training days and held-out days show the same hours.
    ///   - part: which of the file's rows take part; nil for all.
    ///   - terms: where pay and workload come from.
    /// - Throws: `CSCError.invalid` if the file has no such days, no times although days or hours are chosen, no order
    ///   is left, or it has no fare and duration and `terms` wants them.
    public init(
        _ recorded: RecordedOrders, scenario: Scenario, cut: Cut = .pooled, days: Range<Int>? = nil,
        from: Double? = nil, part: Part? = nil, terms: Terms = .scenario
    ) throws {
        let timed = recorded.isTimed
        if !timed && (days != nil || from != nil || cut == .byDay) {
            throw CSCError.invalid(
                "\(recorded.path): it has no times, so neither days nor hours can be chosen; hold out a part of its rows"
            )
        }
        if let days, days.upperBound > recorded.days || days.lowerBound < 0 {
            throw CSCError.invalid(
                "\(recorded.path): days \(days.lowerBound)-\(days.upperBound - 1) were asked for, it has "
                    + (recorded.days == 1
                        ? "one day, 0; hold out a part of its rows" : "days 0-\(recorded.days - 1)"))
        }
        let start = timed ? from ?? Self.busiest(recorded.orders, length: scenario.horizon) : 0
        let chosen = (part?.of(recorded.orders) ?? recorded.orders).filter { days?.contains($0.day) ?? true }
        func lies(_ order: RecordedOrders.Order) -> Bool {
            !timed || (order.minute - start + 1440).truncatingRemainder(dividingBy: 1440) < scenario.horizon
        }
        let inside = chosen.filter(lies)
        if inside.isEmpty { throw CSCError.invalid("\(recorded.path): no order lies in the chosen days and hours") }
        var groups: [[RecordedOrders.Order]] = [inside]
        if cut == .byDay {
            groups = Dictionary(grouping: inside, by: \.day).sorted { $0.key < $1.key }.map(\.value)
        }
        // Means of the whole file, so that days for training and for evaluation have the same terms.
        let fares = recorded.orders.compactMap(\.fare)
        let durations = recorded.orders.compactMap(\.duration)
        if terms == .file && (fares.isEmpty || durations.isEmpty) {
            throw CSCError.invalid(
                "\(recorded.path): --terms file needs a fare and a duration; it has no "
                    + (fares.isEmpty ? durations.isEmpty ? "fare and no duration" : "fare" : "duration"))
        }
        if terms == .file, !(durations.contains { $0 > 0 }) {
            throw CSCError.invalid("\(recorded.path): --terms file needs durations above 0; all of them are 0")
        }
        self.name = recorded.format.rawValue
        self.scenario = scenario
        self.from = start
        self.terms = terms
        self.timed = timed
        self.orders = groups
        self.overview = recorded.overview
        self.selection = Selection(
            cut: cut, days: days, part: part, terms: terms, window: timed ? (start, scenario.horizon) : nil)
        let unchosen =
            part.map { $0.notOf(recorded.orders) } ?? recorded.orders.filter { !(days?.contains($0.day) ?? true) }
        elsewhere = unchosen.filter(lies)
        self.places = part?.of(recorded.workers) ?? recorded.workers
        if places.isEmpty && !recorded.workers.isEmpty {
            throw CSCError.invalid("\(recorded.path): the part of its rows that was chosen has no worker")
        }
        self.available = groups.map(\.count).max() ?? 0
        self.meanFare = fares.isEmpty ? 1 : max(fares.reduce(0, +) / Double(fares.count), 1e-9)
        self.meanDuration = durations.isEmpty ? 1 : max(durations.reduce(0, +) / Double(durations.count), 1e-9)
        let drawn = terms == .file ? "skills and deadlines" : "skills, workload, deadlines and pay"
        var notes = recorded.notes
        if terms == .file {
            notes.append(
                "pay is the recorded fare, in the file's money; workload is the recorded duration times "
                    + "\(Terminal.decimal(scenario.workload.mean / meanDuration, 3)), so that its mean is the "
                    + "\(Terminal.decimal(scenario.workload.mean, 1)) worker-minutes of '\(scenario.name)'")
            let lacking = inside.count { $0.fare == nil || $0.duration == nil }
            if lacking > 0 { notes.append("\(lacking) orders lack a fare or a duration: they get the file's mean") }
        }
        notes.append(
            "\(drawn) of tasks and skills, speed, reach and shifts of workers are drawn from '\(scenario.name)'")
        if let part { notes.append("part \(part.number) of \(part.count): one row of every \(part.count) of the file") }
        if timed {
            let span = days.map { "days \($0.lowerBound)-\($0.upperBound - 1)" } ?? "all days"
            notes.append(
                "the window begins at \(Self.clock(start)) (\(recorded.overview.clock ?? "the file's own time")) and lasts "
                    + "\(Int(scenario.horizon)) min: \(inside.count) orders of \(span) (the file has "
                    + "\(recorded.days == 1 ? "one day" : "days 0-\(recorded.days - 1)")), "
                    + (cut == .pooled ? "laid over each other" : "\(groups.count) days one by one"))
        }
        self.notes = notes
    }

    /// The days or rows of the file that take no part in these, at the same hours; nil where there are none. What can be
    /// known of a day before it comes is counted there. O(orders).
    public var others: RecordedDays? {
        if elsewhere.isEmpty { return nil }
        var other = self
        other.orders = [elsewhere]
        return other
    }

    /// An episode. Where fewer orders than `tasks` are there, all are taken. O(orders + tasks log tasks + workers).
    public func instance(tasks: Int, workers: Int, seed: UInt64, episode: EpisodeIndex) -> Instance {
        var stream = RandomStream(seed: seed, purpose: .instance, index: episode.stream)
        var taskStream = RandomStream(seed: stream.next(), stream: 0)
        var workerStream = RandomStream(seed: stream.next(), stream: 1)
        let group = orders[Int(episode.stream % UInt64(orders.count))]
        var index = Array(group.indices)
        let count = min(tasks, index.count)
        for at in 0..<count { index.swapAt(at, at + taskStream.index(below: index.count - at)) }
        let drawn = index.prefix(count).map { task(group[$0], &taskStream) }
        let people = (0..<workers).map { _ in worker(group, &workerStream) }
        return scenario.instance(drawn, people, seed: stream.next())
    }

    /// Places are projected around (5, 5), the middle of a square of 10 km: by so much the scenario's is elsewhere (km).
    private var shift: Double { scenario.side / 2 - 5 }

    /// Which part of its orders an episode of so many tasks shares with any other on average; 1 where each episode
    /// holds all orders. O(1).
    public func sharedOrders(tasks: Int) -> Double { min(1, Double(tasks) / Double(max(1, available))) }

    private func task(_ order: RecordedOrders.Order, _ stream: inout RandomStream) -> SpatialTask {
        let release =
            timed
            ? (order.minute - from + 1440).truncatingRemainder(dividingBy: 1440) : scenario.drawTask(&stream).release
        var task = scenario.drawTerms(
            release: release, x: order.x + shift, y: order.y + shift, stream: &stream)
        if terms == .file {
            task.workload = max(1, (order.duration ?? meanDuration) / meanDuration * scenario.workload.mean)
            task.pay = order.fare ?? meanFare
            task.penaltyRate = scenario.penalty * task.pay / max(task.deadline - task.expected, 1e-9)
        }
        return task
    }

    private func worker(_ group: [RecordedOrders.Order], _ stream: inout RandomStream) -> Worker {
        if places.isEmpty {
            let order = group[stream.index(below: group.count)]
            return scenario.drawWorker(x: order.x + shift, y: order.y + shift, stream: &stream)
        }
        let place = places[stream.index(below: places.count)]
        return scenario.drawWorker(x: place.x + shift, y: place.y + shift, stream: &stream)
    }

    /// The start, on five minutes, of the window of the day with most orders. O(orders * 288).
    private static func busiest(_ orders: [RecordedOrders.Order], length: Double) -> Double {
        var perSlot = [Int](repeating: 0, count: 288)
        for order in orders { perSlot[Int(order.minute / 5) % 288] += 1 }
        let width = max(1, min(288, Int((length / 5).rounded())))
        let totals = (0..<288).map { start in (0..<width).reduce(0) { $0 + perSlot[(start + $1) % 288] } }
        let first = totals.indices.max { totals[$0] < totals[$1] }!
        // With few orders many windows hold the same: then the one in the middle, not the one that ends with them.
        let ties = (0..<288).prefix { totals[(first + $0) % 288] == totals[first] }.count
        return Double(5 * ((first + (ties > width / 2 ? ties / 2 : 0)) % 288))
    }

    /// A minute of the day as HH:MM.
    public static func clock(_ minute: Double) -> String {
        let (hours, minutes) = (Int(minute) / 60, Int(minute) % 60)
        return "\(hours < 10 ? "0" : "")\(hours):\(minutes < 10 ? "0" : "")\(minutes)"
    }
}
