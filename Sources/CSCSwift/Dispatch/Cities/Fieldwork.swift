/// What a city's work is like beyond the CAFE paper's game: teams of several trades, breaks, priorities, and what goes
/// wrong. Part of a `Scenario`; without it the city has none of these.
public struct Fieldwork: Sendable, Hashable, Codable {
    /// The share of tasks that ask for a second role, of another skill.
    public var teamShare: Double
    /// Whether such a team begins together.
    public var together: Bool
    /// The share of tasks that come before all others, whatever they pay.
    public var mustShare: Double
    /// When a worker's break begins, from the beginning of its shift (min), and how long it is (min); 0: no break.
    public var breakStart: Scenario.Interval
    /// See `breakStart`.
    public var breakLength: Double
    /// The share of tasks that are cancelled before their deadline, at a moment drawn between release and deadline.
    public var cancelShare: Double
    /// The share of workers who fall ill, at a moment drawn from their shift.
    public var sickShare: Double
    /// How workers answer an offer; nil: they go.
    public var acceptance: GameExtensions.Acceptance?
    /// Travel by the straight line instead of Manhattan distance.
    public var euclidean: Bool

    /// None of it but what is given.
    public init(
        teamShare: Double = 0, together: Bool = false, mustShare: Double = 0,
        breakStart: Scenario.Interval = Scenario.Interval(0, 0), breakLength: Double = 0, cancelShare: Double = 0,
        sickShare: Double = 0, acceptance: GameExtensions.Acceptance? = nil, euclidean: Bool = false
    ) {
        self.teamShare = teamShare
        self.together = together
        self.mustShare = mustShare
        self.breakStart = breakStart
        self.breakLength = breakLength
        self.cancelShare = cancelShare
        self.sickShare = sickShare
        self.acceptance = acceptance
        self.euclidean = euclidean
    }

    /// What is not given is not there.
    /// - Throws: what the decoder throws.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func read<Value: Decodable>(_ key: CodingKeys, _ other: Value) throws -> Value {
            try container.decodeIfPresent(Value.self, forKey: key) ?? other
        }
        self.init(
            teamShare: try read(.teamShare, 0), together: try read(.together, false),
            mustShare: try read(.mustShare, 0),
            breakStart: try read(.breakStart, Scenario.Interval(0, 0)), breakLength: try read(.breakLength, 0),
            cancelShare: try read(.cancelShare, 0), sickShare: try read(.sickShare, 0),
            acceptance: try container.decodeIfPresent(GameExtensions.Acceptance.self, forKey: .acceptance),
            euclidean: try read(.euclidean, false))
    }

    /// Every key with a value: what a file is checked against.
    static let example = Fieldwork(acceptance: .init(base: 1))

    /// Draws what an instance's tasks and workers have of it. `skills` is the city's number of skills. O(tasks + workers).
    public func draw(
        tasks: [SpatialTask], workers: [Worker], skills: Int, stream: inout RandomStream
    ) -> GameExtensions {
        var drawn = GameExtensions()
        if euclidean { drawn.travel = .euclidean }
        if teamShare > 0 && skills > 1 {
            drawn.terms = tasks.map { task in
                let isTeam = stream.unit() < teamShare
                let other = (task.skill + 1 + stream.index(below: skills - 1)) % skills
                return isTeam
                    ? TeamTerms(
                        roles: [.init(skill: task.skill, count: 1), .init(skill: other, count: 1)], together: together)
                    : nil
            }
        }
        if mustShare > 0 { drawn.must = tasks.map { _ in stream.unit() < mustShare } }
        if breakLength > 0 {
            drawn.breaks = workers.map { worker in
                let start = worker.shiftStart + breakStart.draw(&stream)
                return start < worker.shiftEnd ? [.init(start, start + breakLength)] : []
            }
        }
        if cancelShare > 0 {
            drawn.cancellation = tasks.map { task in
                let (isCancelled, part) = (stream.unit() < cancelShare, stream.unit())
                return isCancelled ? task.release + part * task.deadline : .infinity
            }
        }
        if sickShare > 0 {
            drawn.sickness = workers.map { worker in
                let (isIll, part) = (stream.unit() < sickShare, stream.unit())
                return isIll ? worker.shiftStart + part * (worker.shiftEnd - worker.shiftStart) : .infinity
            }
        }
        drawn.acceptance = acceptance
        drawn.seed = stream.next()
        return drawn
    }

    /// What makes no sense in it, by key, or nil.
    var fault: (key: String, reason: String)? {
        for (key, value) in [
            ("teamShare", teamShare), ("mustShare", mustShare), ("cancelShare", cancelShare), ("sickShare", sickShare),
            ("acceptance.base", acceptance?.base ?? 1), ("acceptance.lapse", acceptance?.lapse ?? 0),
        ] where !(0...1).contains(value) {
            return (key, "\(value) is not between 0 and 1")
        }
        for (key, value) in [
            ("breakLength", breakLength), ("breakStart.low", breakStart.low), ("breakStart.high", breakStart.high),
            ("acceptance.perMinute", acceptance?.perMinute ?? 0),
            ("acceptance.lapseMinutes", acceptance?.lapseMinutes ?? 0),
        ] where !(value >= 0 && value <= 1e6) {
            return (key, "\(value) is not a number from 0 to 1000000")
        }
        if breakStart.high < breakStart.low { return ("breakStart", "ends before it begins") }
        return nil
    }
}

extension Scenario {
    /// A working day of technicians: long jobs within appointment windows, three in ten for two trades who begin together,
    /// a break at noon, some jobs that must be done, cancellations and sickness. Made up, not calibrated.
    public static let fieldService = Scenario(
        name: "field-service", side: 14, horizon: 420,
        hotSpots: [
            HotSpot(x: 7, y: 7, spread: 2.2, taskWeight: 0.4, workerWeight: 0.3),
            HotSpot(x: 3.5, y: 10, spread: 1.4, taskWeight: 0.25, workerWeight: 0.3),
            HotSpot(x: 11, y: 4, spread: 1.6, taskWeight: 0.35, workerWeight: 0.4),
        ],
        uniformShare: 0.3, workerMix: 0.7, uniformReleases: 0.7,
        peaks: [Peak(weight: 1, mean: 0.15, spread: 0.08)],
        speed: Interval(25, 40), workload: Interval(30, 120), expected: Interval(90, 180), grace: Interval(30, 60),
        pay: Interval(40, 160), payByWorkload: 0.8, penalty: 0.5, skills: 4, fewestSkills: 1, mostSkills: 2, reach: 25,
        shiftStart: Interval(0, 30), shiftLength: Interval(450, 510),
        fieldwork: Fieldwork(
            teamShare: 0.3, together: true, mustShare: 0.08, breakStart: Interval(220, 270), breakLength: 30,
            cancelShare: 0.03, sickShare: 0.02))

    /// Four hours of couriers: short jobs, offers that are refused the sooner the longer the way, or left to lapse, and
    /// cancellations; who has delivered stands where the job was. Made up, not calibrated.
    public static let courier = Scenario(
        name: "courier", side: 8, horizon: 210,
        hotSpots: [
            HotSpot(x: 4, y: 4, spread: 1.2, taskWeight: 0.5, workerWeight: 0.4),
            HotSpot(x: 2, y: 6, spread: 0.8, taskWeight: 0.2, workerWeight: 0.2),
            HotSpot(x: 6.2, y: 2.4, spread: 0.9, taskWeight: 0.3, workerWeight: 0.4),
        ],
        uniformShare: 0.25, workerMix: 0.5, uniformReleases: 0.4,
        peaks: [
            Peak(weight: 0.5, mean: 0.3, spread: 0.1), Peak(weight: 0.5, mean: 0.75, spread: 0.1),
        ],
        speed: Interval(12, 20), workload: Interval(3, 8), expected: Interval(14, 22), grace: Interval(8, 14),
        pay: Interval(3, 9), payByWorkload: 0.4, penalty: 0.6, skills: 1, fewestSkills: 1, mostSkills: 1, reach: 5,
        shiftStart: Interval(0, 60), shiftLength: Interval(100, 180),
        fieldwork: Fieldwork(
            cancelShare: 0.04,
            acceptance: .init(base: 0.95, perMinute: 0.025, lapse: 0.3, lapseMinutes: 2), euclidean: true))
}
