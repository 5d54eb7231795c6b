internal import Foundation

/// Evolves the weights of the learnt coalition rule for one city, or for recorded orders: CMA-ES on the revenue of whole
/// episodes.
///
/// The objective of a candidate is the mean over settings of its revenue divided by that of the plain coalition rule
/// (constant price `startPrice`). All candidates of a generation play the same episodes (common random numbers), so
/// only differences between them count; each generation plays new ones, so nothing is fitted to particular episodes.
///
/// The same seed and options give the same bits at any number of ranks and threads, and a trainer made from `checkpoint()` continues
/// with the same bits.
public final class CoalitionTrainer {
    /// What one generation showed.
    public struct Report: Sendable, Hashable {
        /// Generations so far.
        public let generation: Int
        /// Episodes played in them so far.
        public let episodes: Int
        /// Mean over the candidates of the revenue relative to the plain rule (1 is as good).
        public let mean: Double
        /// The best candidate's.
        public let best: Double
        /// CMA-ES's step size.
        public let stepSize: Double
        /// The columns of a run's metrics, in the order of `values`.
        public static let columns = [
            "episodes", "charts/relative_revenue", "charts/best_relative_revenue", "cma/sigma",
        ]
        /// A row of a run's metrics.
        public var values: [Double] { [Double(episodes), mean, best, stepSize] }
    }

    /// The state of a run between generations. Vectors hold the weights that the features read and, with relocation, those
    /// of relocation after them.
    private struct State: Codable {
        var search: CMAES
        var averaged: [Double]
        /// What the plain rule earns in each setting, on average; empty where scenarios are random.
        var reference: [Double]
        var forecast: DemandForecast
        var rate: Double
        /// The best so far on held-out scenarios; nil where scenarios are not random.
        var best: Best?
        /// The plain rule's tuned price, of the policy that the search started from.
        var basePrice: Double?
        /// How far ahead it plans.
        var horizonAhead: Double?
        /// The weights that are not searched, where these are read.
        var fixed: CoalitionWeights?
    }
    /// Weights that were measured on held-out scenarios.
    struct Best: Codable {
        var vector: [Double]
        var generation: Int
        var worth: Double
    }

    /// The city; with `recorded`, what the orders lack is drawn from it.
    public let scenario: Scenario
    /// Which recorded orders take the generator's place, by the flags that choose them; empty: the generator.
    public let recorded: [String: String]
    /// How its policy is evolved.
    public let options: EvolutionOptions
    private let source: any InstanceSource
    private var state: State
    private let lanes: [Lane]
    /// Where training episodes come from where scenarios are random.
    private let cities: RandomCities?
    /// The weights that are searched, as places in `CoalitionWeights.vector`; the others stay as in `fixed`.
    private let searched: [Int]
    private let fixed: CoalitionWeights

    /// A game, and the results of the jobs that it has played. Each lane is used by one thread at a time.
    private final class Lane: @unchecked Sendable {
        var game: GameState
        var results: [Double] = []

        init(_ options: EvolutionOptions) {
            game = GameState(options: GameOptions(reroute: options.reroute, relocate: options.relocate != .off))
        }
    }
    /// Into how many lanes a generation's jobs are dealt, whatever the number of threads.
    private static let laneCount = 16
    /// Held-out scenarios are looked at after this many generations.
    private static let lookEvery = 10

    /// A run at its beginning: counts the forecast and measures the plain rule. O(reference episodes).
    ///
    /// - Parameters:
    ///   - scenario: the city.
    ///   - options: the search's settings and its seed.
    ///   - start: whose weights the search starts from, such as those of another city; nil for the plain rule.
    ///   - source: where episodes come from; nil for the scenario's generator.
    ///   - recorded: what tells that source from others, such as its file and days: a checkpoint of another is refused.
    /// - Throws: `CSCError.configuration` where scenario or options make no sense.
    public init(
        scenario: Scenario, options: EvolutionOptions = EvolutionOptions(), start: LearntCoalitionPolicy? = nil,
        source: (any InstanceSource)? = nil, recorded: [String: String] = [:]
    ) throws {
        try scenario.validate()
        try options.validate()
        var options = options
        options.start = start?.name
        if let start { options.features = start.features }
        self.scenario = scenario
        self.options = options
        self.recorded = recorded
        let source = source ?? scenario
        self.source = source
        lanes = (0..<Self.laneCount).map { _ in Lane(options) }
        cities = options.isRandom ? RandomCities(seed: options.seed) : nil
        let searched = Self.searched(options)
        self.searched = searched
        guard let untrained = Self.untrained(source, options) else {
            throw CSCError.invalid("\(source.name): its episodes hold no task, so there is nothing to learn from")
        }
        let weights = start?.weights ?? untrained.weights
        fixed = weights
        let moving = options.relocate != .off
        let first =
            searched.map { weights.vector[$0] } + (moving ? (start?.relocation ?? RelocationWeights()).vector : [])
        state = State(
            search: CMAES(
                start: first,
                scales: searched.map { CoalitionWeights.scales[$0] } + (moving ? RelocationWeights.scales : []),
                options: .init(population: options.population, stepSize: options.stepSize), seed: options.seed),
            averaged: first, reference: [], forecast: untrained.forecast, rate: untrained.rate)
        state.basePrice = start?.basePrice
        state.horizonAhead = start?.horizonAhead
        if options.relocate == .only { state.fixed = weights }
        if options.isRandom { return }
        let count = options.settings.count
        let revenue = play(
            [untrained], .reference, first: 0, count: options.referenceEpisodes * count)[0]
        state.reference = (0..<count).map { setting in
            let own = stride(from: setting, to: revenue.count, by: count).map { revenue[$0] }
            return own.reduce(0, +) / Double(own.count)
        }
        if let at = state.reference.firstIndex(where: { !($0 > 0 && $0.isFinite) }) {
            let size = options.settings[at]
            throw CSCError.invalid(
                "\(source.name): in episodes of \(size.tasks) tasks and \(size.workers) workers the plain rule earns "
                    + "nothing, so there is nothing to learn from: look at places, pay, speed, skills, shifts and deadlines"
            )
        }
    }

    /// The weights that are searched beside those of relocation, as places in `CoalitionWeights.vector`. O(weights).
    private static func searched(_ options: EvolutionOptions) -> [Int] {
        options.relocate == .only ? [] : CoalitionWeights.read(by: options.features)
    }

    /// The policy that a run begins with: rate and forecast counted over training episodes, nothing learnt yet; nil where
    /// no episode has a task.
    static func untrained(
        _ source: any InstanceSource, _ options: EvolutionOptions
    ) -> LearntCoalitionPolicy? {
        let largest = options.settings.max { $0.tasks < $1.tasks }!
        let counted = (0..<options.forecastEpisodes).map { number in
            source.instance(
                tasks: largest.tasks, workers: largest.workers, seed: options.seed,
                episode: EpisodeRange.forecast[number])
        }
        guard counted.contains(where: { !$0.tasks.isEmpty }) else { return nil }
        return LearntCoalitionPolicy(
            untrained: counted, price: options.startPrice, joint: options.jointTraining, features: options.features)
    }

    /// Continues a run. O(n^2) for n weights.
    ///
    /// - Throws: `CSCError.damaged` where the checkpoint is not one of this city and these options.
    public init(
        scenario: Scenario, options: EvolutionOptions, checkpoint: Checkpoint, source: (any InstanceSource)? = nil,
        recorded: [String: String] = [:]
    ) throws {
        try options.validate()
        let path = "the evolution's checkpoint"
        guard try checkpoint.text("identity") == Self.identity(scenario, options, recorded) else {
            throw CSCError.damaged(path: path, reason: "belongs to another city, other orders or other options")
        }
        guard let state = try? Self.decoder.decode(State.self, from: Data(checkpoint.text("state").utf8)),
            state.averaged.count == Self.searched(options).count
                + (options.relocate == .off ? 0 : RelocationWeights.names.count),
            state.reference.count == (options.isRandom ? 0 : options.settings.count)
        else { throw CSCError.damaged(path: path, reason: "its state cannot be read") }
        if let fault = state.search.fault(dimension: state.averaged.count) {
            throw CSCError.damaged(path: path, reason: "its search has \(fault)")
        }
        guard (state.averaged + state.reference).allSatisfy(\.isFinite), state.reference.allSatisfy({ $0 > 0 }) else {
            throw CSCError.damaged(path: path, reason: "a number of its state is not finite")
        }
        try state.forecast.validate()
        guard state.rate > 0, state.rate.isFinite else {
            throw CSCError.damaged(path: path, reason: "its rate is \(state.rate)")
        }
        self.scenario = scenario
        self.options = options
        self.recorded = recorded
        self.source = source ?? scenario
        self.state = state
        cities = options.isRandom ? RandomCities(seed: options.seed) : nil
        searched = Self.searched(options)
        // Else all that is not searched is not read either.
        fixed = state.fixed ?? .constantPrice(options.startPrice)
        lanes = (0..<Self.laneCount).map { _ in Lane(options) }
    }

    /// All that a run needs to go on. O(state).
    /// - Throws: what the encoder throws.
    public func checkpoint() throws -> Checkpoint {
        var checkpoint = Checkpoint()
        checkpoint.set("identity", text: try Self.identity(scenario, options, recorded))
        checkpoint.set("state", text: try Self.json(state))
        return checkpoint
    }

    private static func identity(
        _ scenario: Scenario, _ options: EvolutionOptions, _ recorded: [String: String]
    ) throws -> String {
        // Where the orders lie does not count; `RunIdentity` looks at what they hold.
        let chosen = recorded.filter { $0.key != "orders" && $0.key != "workers-file" }
        return try json(scenario) + "\n" + json(options) + (recorded.isEmpty ? "" : "\n" + json(chosen))
    }

    /// One line of JSON with sorted keys; numbers read back exactly, infinite ones included.
    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return decoder
    }

    /// Generations so far.
    public var generation: Int { state.search.generation }

    /// The policy as it stands: the average of the last generations' means; of random scenarios, the one that was best on
    /// held-out ones.
    public var policy: LearntCoalitionPolicy {
        var policy = candidate(state.best?.vector ?? state.averaged)
        policy.joint = options.joint
        if options.isRandom { policy.forecast = .flat }
        policy.name = "evolved-\(source.name)"
        policy.origin =
            "trained artefact: cafe-cli evolve --scenario \(scenario.name)"
            + (recorded["orders"] == nil ? "" : " on recorded orders (\(source.name))")
            + " --seed \(options.seed)\(options.flags) --generations \(generation)"
        return policy
    }

    /// Plays one generation and moves the search on. O(population * settings * episodes) episodes.
    public func step() -> Report {
        if let cities { return step(cities) }
        let index = generation
        let perCandidate = options.settings.count * options.episodes
        let candidates = state.search.ask()
        let revenue = play(
            candidates.map(candidate), .evolution, first: index * perCandidate, count: perCandidate)
        let scores = revenue.map { episodes in
            var sum = 0.0
            for (episode, value) in episodes.enumerated() {
                sum += value / state.reference[episode % state.reference.count]
            }
            return sum / Double(perCandidate)
        }
        learn(scores.enumerated().map { $1 - penalty(candidates[$0]) })
        return Report(
            generation: generation, episodes: state.search.evaluations * perCandidate,
            mean: scores.reduce(0, +) / Double(scores.count), best: scores.max()!, stepSize: state.search.stepSize)
    }

    /// Moves the search and its average on.
    private func learn(_ scores: [Double]) {
        let follow = max(options.averaging, 1 / Double(generation + 1))
        state.search.tell(scores.map { -$0 })
        for i in state.averaged.indices { state.averaged[i] += follow * (state.search.mean[i] - state.averaged[i]) }
    }

    /// What weights far from the plain rule cost: `decay` times the sum of squares, in units of the search's scales.
    private func penalty(_ vector: [Double]) -> Double {
        if options.decay == 0 { return 0 }
        let plain = CoalitionWeights.tunedPrice(else: options.startPrice).vector
        return options.decay
            * zip(searched, vector).reduce(0) { sum, weight in
                let far = (weight.1 - plain[weight.0]) / CoalitionWeights.scales[weight.0]
                return sum + far * far
            }
    }

    /// A generation on random scenarios.
    private func step(_ cities: RandomCities) -> Report {
        let candidates = state.search.ask()
        let cells = cities.cells(
            generation: generation, count: RandomCities.perGeneration * options.episodes)
        let scores = worths(candidates.map(candidate), cells)
        learn(zip(scores, candidates).map { $0 - penalty($1) })
        if generation % Self.lookEvery == 0 { look(cities) }
        return Report(
            generation: generation, episodes: state.search.evaluations * cells.count,
            mean: 1 + scores.reduce(0, +) / Double(scores.count), best: 1 + scores.max()!,
            stepSize: state.search.stepSize)
    }

    /// The mean worth of each policy over some episodes.
    private func worths(_ policies: [LearntCoalitionPolicy], _ cells: [RandomCities.Cell]) -> [Double] {
        play(policies, cells.map(\.instance), days: cells.map { ($0.forecast, $0.basePrice) }).map { revenue in
            zip(revenue, cells).reduce(0) { $0 + $1.1.worth($1.0) } / Double(cells.count)
        }
    }

    /// Measures the average on held-out scenarios, as it will be used, and keeps it if it is the best so far.
    private func look(_ cities: RandomCities) {
        var policy = candidate(state.averaged)
        policy.joint = options.joint
        let worth = worths([policy], cities.heldOutCells())[0]
        if worth > state.best?.worth ?? -.infinity {
            state.best = Best(vector: state.averaged, generation: generation, worth: worth)
        }
    }

    /// How the best so far on held-out scenarios does there: mean gain over the rule, losses counted double.
    public var heldOut: (generation: Int, worth: Double)? { state.best.map { ($0.generation, $0.worth) } }

    private func candidate(_ vector: [Double]) -> LearntCoalitionPolicy {
        var weights = fixed
        var all = weights.vector
        for (at, value) in zip(searched, vector) { all[at] = value }
        weights.vector = all
        var policy = LearntCoalitionPolicy(
            rate: state.rate, horizonAhead: state.horizonAhead ?? options.features.usualHorizon,
            joint: options.jointTraining,
            features: options.features, weights: weights, forecast: state.forecast)
        policy.basePrice = state.basePrice
        if options.relocate != .off {
            var relocation = RelocationWeights()
            relocation.vector = Array(vector[searched.count...])
            policy.relocation = relocation
        }
        return policy
    }

    /// The revenue of each policy in `count` episodes of a range from number `first` on, settings taken in turn. The
    /// jobs are dealt to the lanes by number, so the result does not depend on the threads.
    private func play(
        _ policies: [LearntCoalitionPolicy], _ range: EpisodeRange, first: Int, count episodes: Int
    ) -> [[Double]] {
        let settings = options.settings
        let seed = options.seed
        let instances = (0..<episodes).map { episode in
            let setting = settings[episode % settings.count]
            return source.instance(
                tasks: setting.tasks, workers: setting.workers, seed: seed, episode: range[first + episode])
        }
        return play(policies, instances)
    }

    /// The revenue of each policy in each of some episodes, with its own forecast and price or with those of the
    /// episode's scenario.
    private func play(
        _ policies: [LearntCoalitionPolicy], _ instances: [Instance],
        days: [(forecast: DemandForecast, basePrice: Double)]? = nil
    ) -> [[Double]] {
        let lanes = lanes
        let episodes = instances.count
        let jobs = jobs(policies.count, instances)
        Threads.parallelFor(lanes.count) { number in
            let lane = lanes[number]
            lane.results.removeAll(keepingCapacity: true)
            var engine = TeamEngine(LearntRank(policies[0]))
            for at in stride(from: number, to: jobs.own.count, by: lanes.count) {
                let job = jobs.own[at]
                engine.rank.use(policies[job / episodes])
                if let day = days?[job % episodes] { engine.rank.use(day.forecast, basePrice: day.basePrice) }
                lane.results.append(engine.play(instances[job % episodes], &lane.game))
            }
        }
        let played = jobs.own.indices.map { lanes[$0 % lanes.count].results[$0 / lanes.count] }
        let revenue = Ranks.exchange(played, owners: jobs.owners)
        return policies.indices.map { Array(revenue[$0 * episodes..<($0 + 1) * episodes]) }
    }

    /// Which rank plays which job (policy by policy, episode by episode), and those that this rank plays.
    private func jobs(_ policies: Int, _ instances: [Instance]) -> (owners: [Int], own: [Int]) {
        let group = Ranks.current
        let costs = instances.map { Double($0.tasks.count) * Double($0.workers.count) }
        let owners = Ranks.owners(costs: (0..<policies).flatMap { _ in costs }, ranks: group.size)
        return (owners, owners.indices.filter { owners[$0] == group.rank })
    }
}
