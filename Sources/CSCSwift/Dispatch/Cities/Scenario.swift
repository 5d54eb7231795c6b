/// A city: the distributions from which tasks and workers are drawn, and everything else that an instance needs.
///
/// The two built-in cities are calibrated to the tables of [CAFE] (docs/dispatch.md). A scenario is Codable; as YAML it
/// is what `cafe-cli scenarios --show chengdu` prints and what `--scenario FILE.yaml` reads.
public struct Scenario: Sendable, Hashable, Codable {
    /// A place where tasks and workers gather: a round normal distribution with a weight of its own for each.
    public struct HotSpot: Sendable, Hashable, Codable {
        /// Centre and standard deviation (km).
        public var x: Double
        /// See `x`.
        public var y: Double
        /// The standard deviation (km, or a share of the horizon for a peak).
        public var spread: Double
        /// Relative weight among the hot spots for tasks and for workers.
        public var taskWeight: Double
        /// See `taskWeight`.
        public var workerWeight: Double

        /// All values as named.
        public init(x: Double, y: Double, spread: Double, taskWeight: Double, workerWeight: Double) {
            self.x = x
            self.y = y
            self.spread = spread
            self.taskWeight = taskWeight
            self.workerWeight = workerWeight
        }
    }

    /// A busy time: release times around `mean`, both as fractions of the horizon.
    public struct Peak: Sendable, Hashable, Codable {
        /// Its relative weight among the peaks.
        public var weight: Double
        /// Its middle, as a share of the horizon.
        public var mean: Double
        /// The standard deviation (km, or a share of the horizon for a peak).
        public var spread: Double

        /// All values as named.
        public init(weight: Double, mean: Double, spread: Double) {
            self.weight = weight
            self.mean = mean
            self.spread = spread
        }
    }

    /// A uniform distribution on [low, high).
    public struct Interval: Sendable, Hashable, Codable {
        /// The lower end.
        public var low: Double
        /// The upper end.
        public var high: Double

        /// All values as named.
        public init(_ low: Double, _ high: Double) {
            self.low = low
            self.high = high
        }

        /// One draw. O(1).
        public func draw(_ stream: inout RandomStream) -> Double { stream.uniform(low, high) }
        /// The middle.
        public var mean: Double { (low + high) / 2 }
    }

    /// What tables and files call it.
    public var name: String
    /// Side of the square (km); distances are Manhattan.
    public var side: Double
    /// The length of the release period (min).
    public var horizon: Double
    /// Where tasks and workers gather.
    public var hotSpots: [HotSpot]
    /// The share of places drawn uniformly from the square rather than from a hot spot.
    public var uniformShare: Double
    /// m: a hot spot's weight for workers is `m * workerWeight + (1 - m) * taskWeight`.
    public var workerMix: Double
    /// The share of release times drawn uniformly; the peaks share the rest by their weights.
    public var uniformReleases: Double
    /// The busy times.
    public var peaks: [Peak]
    /// Worker speed (km/h).
    public var speed: Interval
    /// Workload (worker-minutes).
    public var workload: Interval
    /// e (min from release).
    public var expected: Interval
    /// d - e (min).
    public var grace: Interval
    /// rho's range (money).
    public var pay: Interval
    /// w: how much of the pay the workload decides; the rest is chance.
    public var payByWorkload: Double
    /// The penalty rate is `penalty * rho / (d - e)`.
    public var penalty: Double
    /// The number of skills; each task needs one.
    public var skills: Int
    /// A worker has between so many and so many skills.
    public var fewestSkills: Int
    /// See `fewestSkills`.
    public var mostSkills: Int
    /// A worker's reach (km).
    public var reach: Double
    /// Shift start (min) and length (min).
    public var shiftStart: Interval
    /// See `shiftStart`.
    public var shiftLength: Interval
    /// Teams of several trades, breaks, priorities, refusals and so on; nil without.
    public var fieldwork: Fieldwork?

    /// The city calibrated to the Greedy rows of Chengdu in [CAFE]; the calibration is ours (docs/dispatch.md).
    public static let chengdu = Scenario(
        name: "chengdu", side: 10, horizon: 135,
        hotSpots: [
            HotSpot(x: 5, y: 5, spread: 1.2, taskWeight: 0.30, workerWeight: 0.20),
            HotSpot(x: 3.2, y: 6.8, spread: 1.0, taskWeight: 0.20, workerWeight: 0.15),
            HotSpot(x: 7, y: 6.5, spread: 1.0, taskWeight: 0.20, workerWeight: 0.20),
            HotSpot(x: 6.5, y: 2.8, spread: 1.1, taskWeight: 0.15, workerWeight: 0.25),
            HotSpot(x: 2.5, y: 2.8, spread: 1.2, taskWeight: 0.15, workerWeight: 0.20),
        ],
        uniformShare: 0.20, workerMix: 0.85, uniformReleases: 0.4,
        peaks: [Peak(weight: 0.3, mean: 0.25, spread: 0.08), Peak(weight: 0.3, mean: 0.70, spread: 0.08)],
        speed: Interval(20.0, 33.4), workload: Interval(11.3, 30.2), expected: Interval(19.2, 27.8),
        grace: Interval(14.7, 23.3), pay: Interval(0.1019, 0.1593), payByWorkload: 0.76, penalty: 0.39,
        skills: 4, fewestSkills: 1, mostSkills: 2, reach: 11.1,
        shiftStart: Interval(0, 35), shiftLength: Interval(54, 105))

    /// The city calibrated to the Greedy rows of Haikou in [CAFE]; the calibration is ours (docs/dispatch.md).
    public static let haikou = Scenario(
        name: "haikou", side: 10, horizon: 90,
        hotSpots: [
            HotSpot(x: 3.5, y: 6.5, spread: 0.9, taskWeight: 0.40, workerWeight: 0.20),
            HotSpot(x: 6.8, y: 5.5, spread: 1.0, taskWeight: 0.30, workerWeight: 0.25),
            HotSpot(x: 5, y: 2.5, spread: 1.1, taskWeight: 0.15, workerWeight: 0.30),
            HotSpot(x: 8.2, y: 8, spread: 1.0, taskWeight: 0.15, workerWeight: 0.25),
        ],
        uniformShare: 0.20, workerMix: 0.37, uniformReleases: 0.5,
        peaks: [Peak(weight: 0.5, mean: 0.45, spread: 0.12)],
        speed: Interval(17.1, 28.6), workload: Interval(11.0, 19.5), expected: Interval(22.5, 23.0),
        grace: Interval(14.0, 14.3), pay: Interval(0.0383, 0.2042), payByWorkload: 0.43, penalty: 0.51,
        skills: 3, fewestSkills: 1, mostSkills: 1, reach: 10.5,
        shiftStart: Interval(0, 20), shiftLength: Interval(62, 105))

    /// The built-in scenarios.
    public static let all: [Scenario] = [chengdu, haikou, fieldService, courier]

    /// The built-in scenario of that name. O(1).
    ///
    /// - Throws: `CSCError.configuration` that names the nearest known one.
    public static func named(_ name: String) throws -> Scenario {
        if let scenario = all.first(where: { $0.name == name }) { return scenario }
        throw CSCError.configuration(
            key: "scenario",
            reason: "no scenario is called '\(name)'; known: \(all.map(\.name).joined(separator: ", "))")
    }

    /// Checks that every number makes sense. O(hot spots + peaks).
    ///
    /// - Throws: `CSCError.configuration` naming the first key that does not, and why.
    public func validate() throws {
        func refuse(_ key: String, _ reason: String) throws -> Never {
            throw CSCError.configuration(key: key, reason: reason)
        }
        func positive(_ key: String, _ value: Double, to most: Double) throws {
            if !(value > 0 && value <= most) { try refuse(key, "\(value) is not a number above 0 and at most \(most)") }
        }
        func share(_ key: String, _ value: Double) throws {
            if !(0...1).contains(value) { try refuse(key, "\(value) is not between 0 and 1") }
        }
        func interval(_ key: String, _ value: Interval, from least: Double, to most: Double, open: Bool = false) throws
        {
            if !(value.low.isFinite && value.high.isFinite && value.low <= value.high) {
                try refuse(key, "[\(value.low), \(value.high)] is not an interval")
            }
            if value.low < least || open && value.low == least {
                try refuse(key, "low \(value.low) is not \(open ? "above" : "at least") \(least)")
            }
            if value.high > most { try refuse(key, "high \(value.high) is above \(most)") }
        }
        try positive("side", side, to: Limits.kilometres / 10)
        try positive("horizon", horizon, to: Limits.dayMinutes / 2)
        try share("uniformShare", uniformShare)
        try share("workerMix", workerMix)
        try share("uniformReleases", uniformReleases)
        try share("payByWorkload", payByWorkload)
        if hotSpots.isEmpty && uniformShare < 1 { try refuse("hotSpots", "none, yet uniformShare is below 1") }
        if peaks.isEmpty && uniformReleases < 1 { try refuse("peaks", "none, yet uniformReleases is below 1") }
        for (index, spot) in hotSpots.enumerated() {
            if !(spot.spread >= 0 && spot.taskWeight >= 0 && spot.workerWeight >= 0) {
                try refuse("hotSpots[\(index)]", "a spread or weight is negative or not a number")
            }
            if !(-side...2 * side).contains(spot.x) || !(-side...2 * side).contains(spot.y) {
                try refuse("hotSpots[\(index)]", "lies far outside the square of side \(side)")
            }
        }
        if uniformShare < 1 && !(hotSpots.map(\.taskWeight).reduce(0, +) > 0) {
            try refuse("hotSpots", "the task weights sum to 0")
        }
        if uniformShare < 1 && !(hotSpots.map(workerWeight).reduce(0, +) > 0) {
            try refuse("hotSpots", "the worker weights sum to 0")
        }
        if uniformReleases < 1 && !(peaks.map(\.weight).reduce(0, +) > 0 && peaks.allSatisfy { $0.spread >= 0 }) {
            try refuse("peaks", "the weights sum to 0 or a spread is negative")
        }
        try interval("speed", speed, from: 0, to: 1e9, open: true)
        try interval("workload", workload, from: 0, to: 1e12, open: true)
        try interval("expected", expected, from: 0, to: Limits.dayMinutes / 4)
        try interval("grace", grace, from: 0, to: Limits.dayMinutes / 4, open: true)
        try interval("pay", pay, from: 0, to: Limits.amount)
        if !(penalty >= 0 && penalty <= 1e6) { try refuse("penalty", "\(penalty) is not between 0 and 1e6") }
        if !(1...64).contains(skills) { try refuse("skills", "\(skills) is not in 1...64") }
        if !(1...skills).contains(fewestSkills) {
            try refuse("fewestSkills", "\(fewestSkills) is not in 1...\(skills)")
        }
        if !(fewestSkills...skills).contains(mostSkills) {
            try refuse("mostSkills", "\(mostSkills) is not in \(fewestSkills)...\(skills)")
        }
        try positive("reach", reach, to: Limits.kilometres)
        try interval("shiftStart", shiftStart, from: 0, to: 1e9)
        try interval("shiftLength", shiftLength, from: 0, to: 1e9)
        if let fault = fieldwork?.fault { try refuse("fieldwork." + fault.key, fault.reason) }
    }

    /// A hot spot's weight for workers.
    func workerWeight(_ spot: HotSpot) -> Double {
        workerMix * spot.workerWeight + (1 - workerMix) * spot.taskWeight
    }
}
