/// The trained artefact `cafe`: the learnt coalition rule for every city, day and size (docs/learning.md). Only weights are
/// stored: it has no forecast of its own, and lengths and money are measured by the day that is played.
extension LearntCoalitionPolicy {
    static let cafeName = "cafe"

    static var cafe: LearntCoalitionPolicy {
        var weights = CoalitionWeights()
        weights.vector = CoalitionWeights.names.map { cafeWeights[$0] ?? 0 }
        return LearntCoalitionPolicy(
            name: cafeName, origin: cafeOrigin, rate: 1, horizonAhead: Features.scaleFree.usualHorizon,
            features: .scaleFree, weights: weights, forecast: .flat)
    }

    private static let cafeOrigin =
        "trained artefact: cafe-cli evolve --scenario random --seed 1 --set decay=2e-05 --generations 500 at ce98941, then price.base=0.5 (docs/learning.md)"

    private static let cafeWeights: [String: Double] = [
        "order.cost": 0.08715339219894938, "order.price": -0.8211116593495907,
        "order.virtualDelay": 0.08490414542999025, "price.base": 0.5, "price.bias": -1.6519985647940076,
        "price.density": 0.02740795413302964, "price.endScarcity": -0.18354773878815484,
        "price.journey": -0.10105377142125488, "price.load": 0.04322813652697681,
        "price.localNeed": 0.06616920341449144, "price.pressure": -0.10562319431649955,
        "price.pressureAhead": 0.3406234178913205, "price.pressureLater": -0.01692841577796778,
        "price.shiftLeft": -0.39467821653757823, "price.skills": -0.24453721656943936,
        "price.speed": 0.18327767703518674, "price.supplyAhead": 0.3877978872447204,
        "price.taskDensity": -0.15893067983649395, "price.taskLocalNeed": -0.04450768388610806,
        "price.taskWorkload": -0.42226773714994936, "price.teamwork": -0.09650403972246017,
        "price.variety": -0.012251934710329107, "rank.density": -0.08161437564261545,
        "rank.existing": 0.18846322150050773, "rank.minutesPower": 0.9772430566562197,
        "rank.patience": -0.05962072162210272, "rank.pay": -0.08443495966292813,
        "rank.pressurePatience": -0.0388782232121884, "rank.pressureTravel": -0.009148060304725735,
        "rank.slack": -0.23717317330259874, "rank.teamSize": -0.05872268653925213,
        "rank.threshold": 0.056465031809424374, "rank.travel": -0.03979527933067061,
        "rank.urgency": -0.2556032606004269, "rank.virtualShare": -0.10333684953071058,
        "rank.workload": 0.3628785088724401, "value.lastJob": -0.37605683974371706,
        "value.lateJob": 1.0276865580342598, "value.overtime": 0.10233679215959855,
        "value.relocation": 0.04684269049880391, "value.relocationNeed": 0.38921094254988065,
        "value.saved": -0.0019792289384204845, "value.scarcity": 0.35116388157060857,
    ]
}
