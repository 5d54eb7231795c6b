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
        "trained artefact: cafe-cli evolve --scenario random --seed 1 --set decay=2e-05 --generations 390"

    private static let cafeWeights: [String: Double] = [
        "order.cost": 0.13645393609715187, "order.price": -0.16650227373008963,
        "order.virtualDelay": 0.3982746173405579, "price.bias": -1.7154821740039765,
        "price.density": 0.03426732663891446, "price.endScarcity": -0.16574705066321288,
        "price.journey": -0.06572609800354189, "price.load": 0.08854900054572942,
        "price.localNeed": 0.007305490536112304, "price.pressure": -0.16499506835025157,
        "price.pressureAhead": 0.27490455301495675, "price.pressureLater": -0.019956711327563142,
        "price.shiftLeft": -0.18765801462129195, "price.skills": -0.2399669506695253,
        "price.speed": 0.19744338863915212, "price.supplyAhead": 0.3277837759595179,
        "price.taskDensity": -0.12024508102096208, "price.taskLocalNeed": 0.01765523024550302,
        "price.taskWorkload": -0.41325338987134036, "price.teamwork": -0.07079736117816794,
        "price.variety": -0.15570069938397055, "rank.density": -0.047826926543145465,
        "rank.existing": 0.16130682816853154, "rank.minutesPower": 1.1651958742043886,
        "rank.patience": -0.037162220462854306, "rank.pay": -0.02207686145513781,
        "rank.pressurePatience": -0.0261416850784296, "rank.pressureTravel": -0.02064430458318868,
        "rank.slack": -0.2485225516243203, "rank.teamSize": -0.06730472580331824,
        "rank.threshold": 0.04541694143932147, "rank.travel": 0.03303895784440526,
        "rank.urgency": -0.20281367625721716, "rank.virtualShare": -0.0881612744405848,
        "rank.workload": 0.266692330165825, "value.lastJob": -0.5287869069002202, "value.lateJob": 0.9530373513639177,
        "value.overtime": 0.1515081608702981, "value.relocation": -0.013538785495022751,
        "value.relocationNeed": 0.23722917067046878, "value.saved": 0.0481153885918998,
        "value.scarcity": 0.3938328382571668,
    ]
}
