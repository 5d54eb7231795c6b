/// Trained artefacts: the weights of learnt coalition rules for built-in cities. They are data, not code
/// (docs/evolve.md says how they were made and what they earn); any city's own is made by `cafe-cli evolve`.
extension LearntCoalitionPolicy {
    /// Chengdu, 203 generations from seed 1.
    private static let chengduWeights: [String: Double] = [
        "order.cost": 0.037613, "order.price": 4.21328, "order.virtualDelay": 0.660735, "price.bias": -1.99284,
        "price.density": 0.27761, "price.endScarcity": -0.0422781, "price.localNeed": 0.0552416,
        "price.pressure": -0.0494063, "price.pressureAhead": 0.189715, "price.ratio": 0.2508,
        "price.shiftLeft": 0.137998, "price.skills": 0.0989548, "price.speed": 0.060574,
        "price.supplyAhead": -0.067253, "price.taskDensity": -0.19673, "price.taskLocalNeed": 0.187907,
        "price.taskWorkload": 0.0710384, "price.time": 0.294657, "price.timeSquared": 0.554985,
        "rank.density": 0.155876, "rank.existing": -0.234546, "rank.minutesPower": 0.85397,
        "rank.patience": 0.0324117, "rank.pay": -0.311564, "rank.pressurePatience": 0.0433169,
        "rank.pressureTravel": -0.21936, "rank.slack": -0.0352484, "rank.teamSize": 0.0979615,
        "rank.threshold": 0.0284697, "rank.travel": 0.130176, "rank.urgency": -0.424847,
        "rank.virtualShare": -0.124188, "rank.workload": -0.0944193, "value.lastJob": 0.228708,
        "value.lateJob": 1.50562, "value.overtime": -0.0154529, "value.relocation": 0.0888402,
        "value.relocationNeed": 0.074102, "value.saved": 0.263143, "value.scarcity": 0.0510787,
    ]

    /// The names of the trained artefacts that come with the product.
    public static let builtInNames = ["cafe-chengdu"]

    /// The trained artefact of that name, or nil. Its forecast is counted from 64 episodes drawn from its city, so only
    /// the weights are stored. O(64 episodes) of drawing.
    public static func builtIn(_ name: String) -> LearntCoalitionPolicy? {
        guard name == "cafe-chengdu" else { return nil }
        let city = Scenario.chengdu
        var weights = CoalitionWeights()
        weights.vector = CoalitionWeights.names.map { chengduWeights[$0]! }
        let counted = (0..<64).map { city.instance(tasks: 200, workers: 100, seed: 777, index: $0) }
        return LearntCoalitionPolicy(
            name: name, origin: "trained artefact: CMA-ES, seed 1, 203 generations (docs/results/evolve.md)",
            rate: city.pay.mean / city.workload.mean, weights: weights, forecast: DemandForecast(counted))
    }
}
