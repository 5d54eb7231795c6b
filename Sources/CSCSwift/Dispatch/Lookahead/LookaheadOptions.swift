/// How the learnt coalition rule looks ahead (docs/lookahead.md).
public struct LookaheadOptions: KeyedConfiguration, Hashable {
    /// The most futures that are drawn in a window, at least 2; all plans of the window are played into the same ones.
    public var futures = 32
    /// How many further plans a window has beside the policy's own, each by weights drawn around the policy's; those
    /// that send nobody elsewhere are one.
    public var variants = 12
    /// The standard deviation of the drawn weights, in units of `CoalitionWeights.scales`.
    public var spread = 0.3
    /// How far a future is played (min).
    public var horizon = 25.0
    /// What a minute that a worker is still bound at the end of a future costs, in prices of a minute.
    public var terminalPrice = 1.0
    /// What each of the first minutes of that costs besides, up to three quarters of a job, in mean pays per unit of work:
    /// who is soon free takes what has just been asked for near its place.
    public var nearPrice = 0.0
    /// What a worker is worth who will be free before its shift ends, in mean pays: it can begin one more job.
    public var lastJob = 0.0
    /// The part of what tasks in progress will pay that counts at the end of a future.
    public var coursePart = 1.0
    /// Futures are planned jointly where the policy is (`LearntCoalitionPolicy.joint`), not greedily: slower.
    public var joint = false
    /// By how many standard errors another plan must be ahead of the policy's own to take its place.
    public var confidence = 1.0

    /// The defaults.
    public init() {}

    /// The keys of `--lookahead key=value`.
    public static let fields: [ConfigurationField<LookaheadOptions>] = [
        .integer("futures", \.futures, 2...1_000_000, "most futures drawn in a window"),
        .integer("variants", \.variants, 0...10_000, "plans beside the policy's own"),
        .number(
            "spread", \.spread, 0...10, "standard deviation of the plans' weights, in units of the search's scales"),
        .number("horizon", \.horizon, 1...100_000, "minutes that a future is played"),
        .number("terminalPrice", \.terminalPrice, 0...100, "price of a minute still bound at a future's end"),
        .number("nearPrice", \.nearPrice, 0...100, "the same for the first minutes, in mean pays per unit of work"),
        .number("lastJob", \.lastJob, 0...100, "worth of a worker free before its shift ends, in mean pays"),
        .number("coursePart", \.coursePart, 0...1, "part of what tasks in progress will pay that counts at the end"),
        .truth("joint", \.joint, "futures are planned jointly where the policy is"),
        .number("confidence", \.confidence, 0...100, "standard errors by which another plan must be ahead"),
    ]
    /// Where they are explained.
    public static let page = "docs/lookahead.md"

    /// Nothing that no single key can check.
    public func validate() throws(CSCError) {}
}
