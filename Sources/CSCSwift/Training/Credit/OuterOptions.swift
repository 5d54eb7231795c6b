/// The outer level of the bi-level optimisation of [CAFE]: when and how phi is moved (docs/cafe.md).
public struct OuterOptions: Sendable, Hashable, Codable {
    /// What phi is to raise.
    public enum Objective: String, Sendable, Codable, CaseIterable {
        /// The platform's revenue between an agent's decisions.
        case revenue
        /// The agent's own share of the payments by work done; over all agents it sums to the revenue.
        case share
        /// The inner objective itself: the paper read literally.
        case same
    }

    /// Iterations between steps of phi; 0 leaves phi as it is.
    public var every = 0
    /// Iterations before the first step.
    public var warmup = 10
    /// The outer J; with `same` the implicit term vanishes at an exact inner optimum.
    public var objective = Objective.revenue
    /// Step size of phi; a step is cut off at +-1 in every weight.
    public var learningRate = 0.1
    /// Decisions of the iteration on which derivatives are taken.
    public var decisions = 1024
    /// Weight of L_Lambda.
    public var regularization = 1.0
    /// eta: the share of the money that the credit of an agent's episode should sum to.
    public var revenueScale = 0.1
    /// How dF/dphi is taken through the inner level.
    public var gradient = ImplicitGradientOptions()

    /// An outer level that is switched off: `every` is 0.
    public init() {}

    /// Throws `CSCError.configuration` for the first field out of range; keys carry the prefix `outer.`.
    public func validate() throws(CSCError) {
        func require(_ holds: Bool, _ key: String, _ reason: String) throws(CSCError) {
            if !holds { throw CSCError.configuration(key: "outer." + key, reason: reason) }
        }
        try require(every >= 0, "every", "is \(every), must not be negative")
        try require(warmup >= 0, "warmup", "is \(warmup), must not be negative")
        try require(learningRate > 0, "learningRate", "is \(learningRate), must be positive")
        try require(decisions > 0, "decisions", "is \(decisions), must be positive")
        try require(regularization >= 0, "regularization", "is \(regularization), must not be negative")
        try require(revenueScale > 0, "revenueScale", "is \(revenueScale), must be positive")
        try gradient.validate()
    }
}
