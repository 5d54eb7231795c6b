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
        "trained artefact: cafe-cli evolve --scenario random --seed 1 --set decay=2e-05 --generations 600 at ce98941, then price.base=0.5 (docs/learning.md)"

    private static let cafeWeights: [String: Double] = [
        "order.cost": 0.14079076520196976, "order.price": -0.3367487699924116,
        "order.virtualDelay": -0.6572068908873225, "price.base": 0.5, "price.bias": -1.8252676673843644,
        "price.density": 0.004364033333931848, "price.endScarcity": -0.007783407636190554,
        "price.journey": -0.2982691766792377, "price.load": 0.22065365085995053,
        "price.localNeed": 0.04448325570368934, "price.pressure": -0.2731930968234506,
        "price.pressureAhead": 0.22435039653700536, "price.pressureLater": 0.0008857669681660322,
        "price.shiftLeft": -0.457737249709973, "price.skills": 0.07292990635159213,
        "price.speed": -0.05872682200877387, "price.supplyAhead": 0.503644570514323,
        "price.taskDensity": -0.002341962691909389, "price.taskLocalNeed": -0.06380637636725615,
        "price.taskWorkload": -0.24886332264561042, "price.teamwork": -0.09901150445470808,
        "price.variety": 0.020986347680824614, "rank.density": 0.004175782792641599,
        "rank.existing": 0.5280536819842305, "rank.minutesPower": 0.9839215547772345,
        "rank.patience": -0.08443034016350914, "rank.pay": -0.08611051515511196,
        "rank.pressurePatience": -0.01803074665347112, "rank.pressureTravel": -0.06363870322901215,
        "rank.slack": -0.2896951544391696, "rank.teamSize": -0.09892658565591762,
        "rank.threshold": 0.09713943391681487, "rank.travel": -0.06444920688834158,
        "rank.urgency": -0.2104916085401204, "rank.virtualShare": -0.3194533508176895,
        "rank.workload": 0.3805972887031212, "value.lastJob": -0.03305437877524515,
        "value.lateJob": 1.1827176172494547, "value.overtime": 0.18785728784722455,
        "value.relocation": 0.07166302701225408, "value.relocationNeed": 0.36943459174692267,
        "value.saved": 0.1520439773117139, "value.scarcity": 0.5046427109439501,
    ]
}
