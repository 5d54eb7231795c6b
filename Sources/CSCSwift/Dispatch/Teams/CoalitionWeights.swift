internal import Foundation

/// What a learnt coalition rule has learnt: the weights of its price, of its rank and a few scalars.
///
/// All are dimensionless. With `constantPrice` the rule is the plain coalition rule: each minute of a worker costs the
/// same, and the team with the best payment a minute goes first. `vector` lists the weights in the order of `names`,
/// for the optimiser.
public struct CoalitionWeights: Sendable, Hashable {
    // MARK: The price of a worker's minute: rate * exp(weights . features)

    /// The constant part.
    public var bias = 0.0
    /// Time as a part of the horizon, less a half; `timeSquared` and `ratio` too are of the first version of the features.
    public var time = 0.0
    /// The square of that, times 4.
    public var timeSquared = 0.0
    /// Shift left (h; scale-free: 2.5 jobs), at most 1.5, less 0.75.
    public var shiftLeft = 0.0
    /// log (work asked for / work on offer) over the whole area now.
    public var pressure = 0.0
    /// The same for the tasks expected in the next 25 minutes (scale-free: one job) and the workers expected then.
    public var pressureAhead = 0.0
    /// log (workers expected on shift in that time / workers expected on shift now).
    public var supplyAhead = 0.0
    /// log (work asked for / work on offer) near the worker, mean over its skills.
    public var localNeed = 0.0
    /// log relative density of tasks where the worker is.
    public var density = 0.0
    /// log (tasks / workers) of the episode.
    public var ratio = 0.0
    /// How many skills of open tasks the worker has, less 1.5; scale-free: log (that number / its mean over workers).
    public var skills = 0.0
    /// Three times the worker's speed relative to the mean, less 1.
    public var speed = 0.0
    /// log (demand / supply) expected around the end of the worker's shift; scale-free: fading over four jobs.
    public var endScarcity = 0.0
    /// log (work asked for / work on offer) near the task, in its skill.
    public var taskLocalNeed = 0.0
    /// log relative density of tasks where the task is.
    public var taskDensity = 0.0
    /// The task's workload relative to the mean, less 1; scale-free: its logarithm.
    public var taskWorkload = 0.0

    // MARK: The same, in the scale-free features only (`LearntCoalitionPolicy.Features.scaleFree`)

    /// log (work and ways of the whole day / worker-minutes on shift).
    public var load = 0.0
    /// log (mean workload / mean time in which a task pays): whether tasks need teams.
    public var teamwork = 0.0
    /// log (typical way / minutes of a job), plus 1.5.
    public var journey = 0.0
    /// -log (chance that a worker on shift has a task's skill), less 1.
    public var variety = 0.0
    /// As `pressureAhead`, from one job ahead to four.
    public var pressureLater = 0.0
    /// log (the plain rule's best constant price on such days / .15), where it is known
    /// (`LearntCoalitionPolicy.basePrice`).
    public var base = 0.0

    // MARK: The value of a worker's time, as the price counts it

    /// How much a minute is worth more where demand exceeds supply: exponent of expected demand over supply.
    public var scarcity = 0.0
    /// What a job that runs past the end of the shift costs beyond its minutes, in units of 20 minutes: the last job is
    /// free labour after the shift, so it should not be given away early. Fades with the time still left, over 6
    /// minutes. Negative counts as 0.
    public var lastJob = 0.0
    /// The same, fading over 2.5 minutes.
    public var lateJob = 0.0
    /// How much of the time past the end of the shift is left out of a team's minutes; held to [0, 1].
    public var overtime = 0.0
    /// The worth of freeing a task's present team earlier, as a part of the constant price.
    public var saved = 0.0
    /// What it is worth to end up where tasks are denser, and where more work is asked for than on offer, than where
    /// the worker was: 10 minutes for a unit of the logarithm. Counts only where some of the shift is left.
    public var relocation = 0.0
    /// The same for the need.
    public var relocationNeed = 0.0

    // MARK: The rank of a team: log profit - power * log minutes + weights . features

    /// The part of the payment that a team must leave over.
    public var threshold = 0.0
    /// How much more a team must leave over the longer its task could wait (per 10 min that it finishes before
    /// `expected`), and the same times `pressure`.
    public var patience = 0.0
    /// The part of it that is multiplied by `pressure`.
    public var pressurePatience = 0.0
    /// The power of the team's minutes: 1 ranks by profit a minute, 0 by profit.
    public var minutesPower = 1.0
    /// How long before `expected` the team finishes (10 min, at most 2 either way).
    public var slack = 0.0
    /// How long before its deadline the task is now (20 min).
    public var urgency = 0.0
    /// log relative pay.
    public var pay = 0.0
    /// Members sent beyond the first.
    public var teamSize = 0.0
    /// Mean travel (10 min).
    public var travel = 0.0
    /// Mean travel times `pressure`.
    public var pressureTravel = 0.0
    /// The part of the members that are virtual.
    public var virtualShare = 0.0
    /// 1 where the task has a team already.
    public var existing = 0.0
    /// log relative workload.
    public var workload = 0.0
    /// log relative density of tasks where the task is.
    public var rankDensity = 0.0

    // MARK: The order of candidates: arrival + priceOrder * log price + virtualDelay if virtual

    /// Minutes that one unit of log price is worth.
    public var priceOrder = 0.0
    /// Minutes that a minute's worth of a worker's time (at the rate) in this job counts.
    public var costOrder = 0.0
    /// Minutes that a virtual member is put back by.
    public var virtualDelay = 1.0

    /// The defaults: price 1, profit a minute, nothing learnt.
    public init() {}

    /// The weights of the plain coalition rule: a minute costs `price` times the rate.
    public static func constantPrice(_ price: Double) -> CoalitionWeights {
        precondition(price > 0, "CoalitionWeights.constantPrice: \(price) is not positive")
        var weights = CoalitionWeights()
        weights.bias = log(price)
        return weights
    }

    /// The weights of the plain rule that take its tuned price where that is known, and else `price`.
    static func tunedPrice(else price: Double) -> CoalitionWeights {
        var weights = constantPrice(price)
        weights.base = 1
        return weights
    }

    // MARK: As a vector

    private typealias Entry = WeightTable<CoalitionWeights>.Entry

    /// Name, place and the search's first standard deviation (to be multiplied by its step size).
    private static let table = WeightTable<CoalitionWeights>(entries: entries, owner: "a coalition", key: "weights")
    private static let entries: [Entry] = [
        Entry("price.bias", \.bias, 0.4), Entry("price.time", \.time, 0.4),
        Entry("price.timeSquared", \.timeSquared, 0.4), Entry("price.shiftLeft", \.shiftLeft, 0.4),
        Entry("price.pressure", \.pressure, 0.4), Entry("price.pressureAhead", \.pressureAhead, 0.4),
        Entry("price.supplyAhead", \.supplyAhead, 0.4), Entry("price.localNeed", \.localNeed, 0.4),
        Entry("price.density", \.density, 0.4), Entry("price.ratio", \.ratio, 0.4),
        Entry("price.skills", \.skills, 0.4), Entry("price.speed", \.speed, 0.4),
        Entry("price.endScarcity", \.endScarcity, 0.4), Entry("price.taskLocalNeed", \.taskLocalNeed, 0.4),
        Entry("price.taskDensity", \.taskDensity, 0.4), Entry("price.taskWorkload", \.taskWorkload, 0.4),
        Entry("value.scarcity", \.scarcity, 0.3), Entry("value.lastJob", \.lastJob, 0.5),
        Entry("value.lateJob", \.lateJob, 0.5), Entry("value.overtime", \.overtime, 0.3),
        Entry("value.saved", \.saved, 0.3),
        Entry("value.relocation", \.relocation, 0.3), Entry("value.relocationNeed", \.relocationNeed, 0.3),
        Entry("rank.threshold", \.threshold, 0.1), Entry("rank.patience", \.patience, 0.1),
        Entry("rank.pressurePatience", \.pressurePatience, 0.1), Entry("rank.minutesPower", \.minutesPower, 0.3),
        Entry("rank.slack", \.slack, 0.25), Entry("rank.urgency", \.urgency, 0.25), Entry("rank.pay", \.pay, 0.25),
        Entry("rank.teamSize", \.teamSize, 0.25), Entry("rank.travel", \.travel, 0.25),
        Entry("rank.pressureTravel", \.pressureTravel, 0.25), Entry("rank.virtualShare", \.virtualShare, 0.25),
        Entry("rank.existing", \.existing, 0.25), Entry("rank.workload", \.workload, 0.25),
        Entry("rank.density", \.rankDensity, 0.25),
        Entry("order.price", \.priceOrder, 2), Entry("order.cost", \.costOrder, 0.15),
        Entry("order.virtualDelay", \.virtualDelay, 1.5),
        Entry("price.load", \.load, 0.4), Entry("price.teamwork", \.teamwork, 0.4),
        Entry("price.journey", \.journey, 0.4), Entry("price.variety", \.variety, 0.4),
        Entry("price.pressureLater", \.pressureLater, 0.4), Entry("price.base", \.base, 0.3),
    ]
    /// The weights that only one version of the features reads.
    private static let onlyInMinutes = ["price.time", "price.timeSquared", "price.ratio"]
    private static let onlyScaleFree = [
        "price.load", "price.teamwork", "price.journey", "price.variety", "price.pressureLater",
        "price.base",
    ]

    /// The places in `vector` of the weights that a version of the features reads, in rising order. O(weights).
    static func read(by features: LearntCoalitionPolicy.Features) -> [Int] {
        let unread = features == .scaleFree ? onlyInMinutes : onlyScaleFree
        return names.indices.filter { !unread.contains(names[$0]) }
    }

    /// The weights' names, in the order of `vector`. O(weights).
    public static var names: [String] { table.names }
    /// How far the search moves each weight at first, relative to the others. O(weights).
    public static var scales: [Double] { table.scales }

    /// The weights in the order of `names`. O(weights).
    public var vector: [Double] {
        get { Self.table.vector(of: self) }
        set { Self.table.set(&self, to: newValue) }
    }
}

extension CoalitionWeights: Codable {
    /// Reads a mapping of names to numbers, which must name every weight. O(weights^2).
    ///
    /// - Throws: `CSCError.configuration` that names an unknown or a missing weight, or a value that is not finite.
    public init(from decoder: any Decoder) throws {
        self.init()
        try Self.table.read(&self, from: decoder)
    }

    /// Writes every weight under its name. O(weights).
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        try Self.table.write(self, to: encoder)
    }
}
