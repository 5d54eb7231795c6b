/// Trained artefacts: learnt coalition rules for the built-in cities, made by commands that anyone can run again
/// (docs/results/evolve.md). Only weights are stored; rate and forecast are counted from the same training episodes as
/// then, so an artefact is the last command's policy.yaml to the last bit, but for its name and where it says it is from.
extension LearntCoalitionPolicy {
    struct Artefact {
        let name: String
        let scenario: Scenario
        let generations: Int
        /// What the command sets beyond the defaults, as `--set` takes it.
        let overrides: [(key: String, value: String)]
        /// The command that made the policy which the search started from; nil for the plain rule.
        let before: String?
        let weights: [String: Double]
    }

    static let artefacts = [
        Artefact(
            name: "cafe-chengdu", scenario: .chengdu, generations: 300, overrides: [(key: "features", value: "1")],
            before: nil,
            weights: chengduWeights),
        Artefact(
            name: "cafe-haikou", scenario: .haikou, generations: 100,
            overrides: [
                (key: "features", value: "1"), (key: "seed", value: "2"), (key: "stepSize", value: "0.12"),
                (key: "jointTraining", value: "true"),
                (key: "settings", value: "200/50,200/50,200/50,200/100,200/50,350/100"),
            ],
            before: "cafe-cli evolve --scenario haikou --seed 1 --generations 300 --set features=1 --set joint=false "
                + "--set settings=200/50,200/75,200/100,350/75,350/100,350/150,350/200 --out BEFORE",
            weights: haikouWeights),
    ]

    /// The names of the trained artefacts that come with the product.
    public static let builtInNames = [cafeName] + artefacts.map(\.name)

    /// The trained artefact of that name, or nil. O(64 episodes) of drawing.
    public static func builtIn(_ name: String) -> LearntCoalitionPolicy? {
        if name == cafeName { return cafe }
        guard let artefact = artefacts.first(where: { $0.name == name }) else { return nil }
        var options = EvolutionOptions()
        for (key, value) in artefact.overrides {
            guard (try? options.set(key, to: value)) != nil else {
                preconditionFailure("LearntCoalitionPolicy.builtIn: '\(key)=\(value)' is no option of evolve")
            }
        }
        guard var policy = CoalitionTrainer.untrained(artefact.scenario, options) else { return nil }
        policy.weights.vector = CoalitionWeights.names.map { artefact.weights[$0] ?? 0 }
        policy.joint = options.joint
        policy.name = name
        policy.origin =
            "trained artefact: cafe-cli evolve --scenario \(artefact.scenario.name) --seed \(options.seed)"
            + "\(options.flags) --generations \(artefact.generations)"
            + (artefact.before.map { " --start BEFORE, where BEFORE is of \($0)" } ?? "")
        return policy
    }

    /// The policy as it should be played on `source`: with a forecast of that source's days where it has none of its own,
    /// and where the source is a generator, whose other days can be counted without looking at those that are played.
    ///
    /// An artefact in its own city keeps the forecast that it was trained with. Where the source is one fixed episode,
    /// nothing can be counted but that episode itself: an artefact has no forecast then. O(48 episodes) of drawing.
    ///
    /// - Parameters:
    ///   - source: what is to be played.
    ///   - past: days of the same kind as those of `source`, none of which is played; nil where there are none.
    ///   - tasks: how many tasks an episode has.
    ///   - workers: how many workers it has.
    ///   - rulePrice: the plain rule's price tuned on such days (money per worker-minute), from which the prices of a
    ///     policy for every day start; nil where nobody has tuned it.
    ///   - seed: of the tuning episode whose mean pay per unit of work `rulePrice` is divided by.
    public func adapted(
        to source: some InstanceSource, past: (any InstanceSource)? = nil, tasks: Int, workers: Int,
        rulePrice: Double? = nil, seed: UInt64 = 1
    ) -> LearntCoalitionPolicy {
        var policy = forecasting(source, past: past, tasks: tasks, workers: workers)
        guard let rulePrice, isGeneral else { return policy }
        let sample = source.instance(tasks: tasks, workers: workers, seed: seed, episode: EpisodeRange.tuning[0])
        policy.basePrice = rulePrice / max(1e-300, sample.rate)
        return policy
    }

    /// Whether it was learnt for days of every kind: scale-free features and no forecast of its own.
    public var isGeneral: Bool { features == .scaleFree && forecast.isFlat && constantPrice == nil }

    private func forecasting(
        _ source: some InstanceSource, past: (any InstanceSource)?, tasks: Int, workers: Int
    ) -> LearntCoalitionPolicy {
        let artefact = Self.artefacts.first { $0.name == name }
        let scenario = source as? Scenario
        if let artefact, let scenario, artefact.scenario == scenario { return self }
        var policy = self
        if let scenario {
            policy.forecast = .counted(on: scenario, tasks: tasks, workers: workers)
        } else if let past, past.episodeCount != 1, artefact != nil || forecast.isFlat {
            policy.forecast = .counted(on: past, tasks: tasks, workers: workers)
        } else if artefact != nil {
            policy.forecast = .flat
        }
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
        "order.cost": 0.045220927598494935, "order.price": 2.9949482560559817,
        "order.virtualDelay": -1.8880633909532711, "price.bias": -1.5365529256362336,
        "price.density": 0.23199844073391596, "price.endScarcity": -0.06335303402266917,
        "price.localNeed": 0.25449200237903036, "price.pressure": -0.08694903062356765,
        "price.pressureAhead": 0.38611779533062307, "price.ratio": 0.2607754313595793,
        "price.shiftLeft": -0.03067049151548387, "price.skills": -0.42842776106051117,
        "price.speed": 0.15046839138425272, "price.supplyAhead": 0.2255878302229403,
        "price.taskDensity": -0.13881655682085592, "price.taskLocalNeed": 0.16903723682943436,
        "price.taskWorkload": -0.6835898212827239, "price.time": -0.4496766744942322,
        "price.timeSquared": -0.3737149345781722, "rank.density": -0.38375471579959164,
        "rank.existing": -0.32744133435362954, "rank.minutesPower": 1.0040357104227877,
        "rank.patience": -0.03525421720563866, "rank.pay": 0.22051956672963313,
        "rank.pressurePatience": 0.09168143664885746, "rank.pressureTravel": -0.18682814900645184,
        "rank.slack": 0.2618242480892247, "rank.teamSize": -0.27132828717560037, "rank.threshold": 0.09404174807900872,
        "rank.travel": 0.21851673877269562, "rank.urgency": -1.2858603145190362,
        "rank.virtualShare": -0.133569312338443, "rank.workload": -0.02289570166809282,
        "value.lastJob": 0.34790109785121315, "value.lateJob": 0.26887287219900113,
        "value.overtime": 0.11458574983116848, "value.relocation": 0.10774470882350944,
        "value.relocationNeed": 0.14501741322837572, "value.saved": 1.0326619315070826,
        "value.scarcity": 0.7255862114607878,
    ]
}
