/// Trained artefacts: learnt coalition rules for the built-in cities, each made by one command that anyone can run again
/// (docs/evolve.md). Only weights are stored; rate and forecast are counted from the same training episodes as then, so
/// an artefact is the command's policy.yaml to the last bit, but for its name.
extension LearntCoalitionPolicy {
    private struct Artefact {
        let name: String
        let scenario: Scenario
        let generations: Int
        /// What the command sets beyond the defaults, as `--set` takes it.
        let overrides: [(key: String, value: String)]
        let weights: [String: Double]
    }

    private static let artefacts = [
        Artefact(
            name: "cafe-chengdu", scenario: .chengdu, generations: 300, overrides: [], weights: chengduWeights),
        Artefact(
            name: "cafe-haikou", scenario: .haikou, generations: 300,
            overrides: [(key: "settings", value: "200/50,200/75,200/100,350/75,350/100,350/150,350/200")],
            weights: haikouWeights),
    ]

    /// The names of the trained artefacts that come with the product.
    public static let builtInNames = artefacts.map(\.name)

    /// The trained artefact of that name, or nil. O(64 episodes) of drawing.
    public static func builtIn(_ name: String) -> LearntCoalitionPolicy? {
        guard let artefact = artefacts.first(where: { $0.name == name }) else { return nil }
        var options = EvolutionOptions()
        for (key, value) in artefact.overrides {
            guard (try? options.set(key, to: value)) != nil else {
                preconditionFailure("LearntCoalitionPolicy.builtIn: '\(key)=\(value)' is no option of evolve")
            }
        }
        var policy = CoalitionTrainer.untrained(artefact.scenario, options)
        policy.weights.vector = CoalitionWeights.names.map { artefact.weights[$0]! }
        policy.joint = options.joint
        policy.name = name
        policy.origin =
            "trained artefact: cafe-cli evolve --scenario \(artefact.scenario.name) --seed \(options.seed)"
            + "\(options.flags) --generations \(artefact.generations)"
        return policy
    }

    private static let chengduWeights: [String: Double] = [
        "order.cost": 0.2832255923579915, "order.price": 4.995304197655626, "order.virtualDelay": 1.746341642525767,
        "price.bias": -1.5291405995358764, "price.density": 0.32030714783929476,
        "price.endScarcity": -0.24291812803081925, "price.localNeed": 0.022522546157911612,
        "price.pressure": -0.010218825835811136, "price.pressureAhead": 0.2831685430225912,
        "price.ratio": 0.23922468060910937, "price.shiftLeft": 0.402301263295561, "price.skills": 0.1934900640520558,
        "price.speed": 0.12255672113393948, "price.supplyAhead": -0.3194760981514905,
        "price.taskDensity": -0.28354706486986386, "price.taskLocalNeed": -0.040252574344643084,
        "price.taskWorkload": 0.21604797423302274, "price.time": -0.6291646432391906,
        "price.timeSquared": -0.21868460697344422, "rank.density": 0.21918169071654614,
        "rank.existing": -0.6611129890918482, "rank.minutesPower": 1.430310704528696,
        "rank.patience": 0.08176610508822446, "rank.pay": -0.27774813464473513,
        "rank.pressurePatience": 0.03802816029738471, "rank.pressureTravel": -0.31153769639928486,
        "rank.slack": 0.24165395845205861, "rank.teamSize": 0.06443219359001504, "rank.threshold": 0.04473174713439413,
        "rank.travel": 0.2555182055628924, "rank.urgency": 0.18829422617871508,
        "rank.virtualShare": -0.15178043888301374, "rank.workload": 0.1176127868975764,
        "value.lastJob": -0.9792996296241224, "value.lateJob": 1.9293155298087052,
        "value.overtime": 0.07287208008952092, "value.relocation": 0.19758384416778618,
        "value.relocationNeed": 0.10982865107835635, "value.saved": 0.7566172767795621,
        "value.scarcity": 0.3707373776524034,
    ]

    private static let haikouWeights: [String: Double] = [
        "order.cost": -0.046387202008676715, "order.price": 2.058907485835598,
        "order.virtualDelay": -2.3853422206340107, "price.bias": -1.6803122688258307,
        "price.density": 0.11896105388298497, "price.endScarcity": -0.06379209562569613,
        "price.localNeed": 0.16189212026359007, "price.pressure": -0.02484351527676709,
        "price.pressureAhead": 0.6034957671285965, "price.ratio": 0.23612686931795787,
        "price.shiftLeft": 0.01271695877337669, "price.skills": -0.31798214112549933,
        "price.speed": 0.2142900733110273, "price.supplyAhead": 0.22067315310309255,
        "price.taskDensity": -0.09003230716987273, "price.taskLocalNeed": 0.24796985596007393,
        "price.taskWorkload": -0.8388811735695901, "price.time": -0.6276184417063793,
        "price.timeSquared": -0.4508054043120276, "rank.density": -0.44842182984561196,
        "rank.existing": -0.21333753016274007, "rank.minutesPower": 1.0074053830164733,
        "rank.patience": -0.06755089459360991, "rank.pay": 0.32192633009920313,
        "rank.pressurePatience": 0.07646553912429493, "rank.pressureTravel": -0.184370094955366,
        "rank.slack": 0.2624422362079375, "rank.teamSize": -0.34116600385934354, "rank.threshold": 0.1020333137989954,
        "rank.travel": 0.2432833489746045, "rank.urgency": -1.3298456532888925,
        "rank.virtualShare": 0.040997901353505416, "rank.workload": -0.030056034387185026,
        "value.lastJob": 0.6551671956934207, "value.lateJob": 0.4026738285112107,
        "value.overtime": 0.10050928186439023, "value.relocation": 0.3084788101500262,
        "value.relocationNeed": 0.13653723128762943, "value.saved": 0.9707469889385407,
        "value.scarcity": 0.6170118726114463,
    ]
}
