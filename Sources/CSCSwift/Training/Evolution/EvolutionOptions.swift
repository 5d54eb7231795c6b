/// How a coalition policy is evolved.
public struct EvolutionOptions: Sendable, Hashable, Codable {
    /// Numbers of tasks and workers.
    public struct Setting: Sendable, Hashable, Codable {
        /// Tasks of an episode.
        public var tasks: Int
        /// Workers of an episode.
        public var workers: Int

        /// So many tasks and workers.
        public init(tasks: Int, workers: Int) {
            self.tasks = tasks
            self.workers = workers
        }
    }

    /// Seed of the search and of the training episodes.
    public var seed: UInt64 = 1
    /// lambda: candidates in a generation.
    public var population = 16
    /// Episodes of each setting that every candidate of a generation plays; all candidates play the same ones, and the
    /// next generation new ones.
    public var episodes = 1
    /// The first step size, in units of `CoalitionWeights.scales`.
    public var stepSize = 0.3
    /// The constant price that the search starts from.
    public var startPrice = 0.15
    /// How much the returned weights follow each generation's mean: an average over about 1 / averaging generations
    /// takes the search's noise out of them.
    public var averaging = 0.1
    /// The settings that are mixed: one policy serves them all.
    public var settings = [
        Setting(tasks: 200, workers: 50), Setting(tasks: 200, workers: 75), Setting(tasks: 200, workers: 100),
        Setting(tasks: 200, workers: 150), Setting(tasks: 200, workers: 200), Setting(tasks: 275, workers: 200),
        Setting(tasks: 350, workers: 200),
    ]
    /// Episodes from which the forecast is counted, with the numbers of the first setting that has the most tasks.
    public var forecastEpisodes = 64
    /// Episodes of each setting over which the plain rule's revenue, the unit of the objective, is measured.
    public var referenceEpisodes = 16

    /// Re-routing (`GameOptions.reroute`), a change of the rules: workers on the road can be sent elsewhere.
    public var reroute: Bool {
        get { rerouting ?? false }
        set { rerouting = newValue ? true : nil }
    }
    /// nil in files from before there was re-routing.
    private var rerouting: Bool?

    /// Whether idle workers are sent to a place without a task (`GameOptions.relocate`), and what is then searched.
    public enum Relocation: String, Sendable, Codable, CaseIterable {
        /// They are not.
        case off = "false"
        /// They are; the weights of relocation are searched with all others.
        case on = "true"
        /// They are; the weights of relocation alone are searched, all others stay those of the start.
        case only
    }

    /// Relocation, a change of the rules.
    public var relocate: Relocation {
        get { relocating ?? .off }
        set { relocating = newValue == .off ? nil : newValue }
    }
    /// nil in files from before there was relocation.
    private var relocating: Relocation?

    /// The policy that comes out plans jointly (`LearntCoalitionPolicy.joint`).
    public var joint: Bool {
        get { plansJointly ?? false }
        set { plansJointly = newValue ? true : nil }
    }
    /// nil in files from before there was joint planning, which go on without it.
    private var plansJointly: Bool? = true
    /// The candidates plan jointly too, which takes about twice the time; otherwise they plan greedily.
    public var jointTraining: Bool {
        get { trainsJointly ?? false }
        set { trainsJointly = newValue ? true : nil }
    }
    /// nil in files from before there was joint planning.
    private var trainsJointly: Bool?

    /// What the weights are multiplied by; 1 are the features of the first artefacts.
    public var features: LearntCoalitionPolicy.Features {
        get { featureVersion ?? .minutes }
        set { featureVersion = newValue }
    }
    /// nil in files from before there were several.
    private var featureVersion: LearntCoalitionPolicy.Features? = .scaleFree

    /// Random scenarios in place of one city's settings (docs/learning.md).
    public var isRandom: Bool {
        get { random ?? false }
        set { random = newValue ? true : nil }
    }
    /// nil in files from before there were random scenarios.
    private var random: Bool?
    /// How much weights far from the plain rule cost: this times the sum of their squares in units of the search's scales.
    public var decay: Double {
        get { weightDecay ?? 0 }
        set { weightDecay = newValue == 0 ? nil : newValue }
    }
    /// nil in files from before there was decay.
    private var weightDecay: Double?

    /// The name of the policy whose weights the search starts from; nil for the plain rule. `CoalitionTrainer` sets it.
    public internal(set) var start: String?

    /// The defaults.
    public init() {}

    /// Checks every value. O(settings).
    ///
    /// - Throws: `CSCError.configuration` naming the first key that makes no sense.
    public func validate() throws {
        func check(_ key: String, _ fine: Bool, _ reason: String) throws {
            if !fine { throw CSCError.configuration(key: key, reason: reason) }
        }
        try Limits.population.check(population, key: "population")
        try Limits.heldEpisodes.check(episodes, key: "episodes")
        try check("stepSize", stepSize > 0 && stepSize <= 1e6, "\(stepSize) is not above 0 and at most 1e6")
        try check("startPrice", startPrice > 0 && startPrice <= 1e12, "\(startPrice) is not above 0 and at most 1e12")
        try check("averaging", averaging > 0 && averaging <= 1, "\(averaging) is not in (0, 1]")
        try check("decay", decay >= 0 && decay.isFinite, "\(decay) is negative or not a number")
        try check("settings", !settings.isEmpty, "there is none")
        try check("settings", settings.count <= 1000, "\(settings.count) are more than 1000")
        for setting in settings {
            for number in [setting.tasks, setting.workers] where !Limits.trainingSize.range.contains(number) {
                try check(
                    "settings", false, "\(setting.tasks)/\(setting.workers): each is \(Limits.trainingSize.words)")
            }
        }
        try Limits.heldEpisodes.check(forecastEpisodes, key: "forecastEpisodes")
        try Limits.heldEpisodes.check(referenceEpisodes, key: "referenceEpisodes")
        let largest = settings.map { $0.tasks + $0.workers }.max() ?? 0
        try Limits.checkMemory(
            [forecastEpisodes, largest], bytes: 160,
            "\(forecastEpisodes) forecastEpisodes of \(largest) tasks and workers")
        try Limits.checkMemory(
            [population, max(episodes, referenceEpisodes), settings.count], bytes: 64,
            "\(population) candidates on \(max(episodes, referenceEpisodes)) episodes of \(settings.count) settings")
    }

    /// What differs from the defaults, the seed aside, as flags of `cafe-cli evolve`; empty where nothing does.
    var flags: String {
        let plain = EvolutionOptions()
        func flag(_ key: String, _ differs: Bool, _ text: String) -> String { differs ? " --set \(key)=\(text)" : "" }
        let sizes = settings.map { "\($0.tasks)/\($0.workers)" }.joined(separator: ",")
        return flag("population", population != plain.population, "\(population)")
            + flag("episodes", episodes != plain.episodes, "\(episodes)")
            + flag("stepSize", stepSize != plain.stepSize, "\(stepSize)")
            + flag("startPrice", startPrice != plain.startPrice, "\(startPrice)")
            + flag("averaging", averaging != plain.averaging, "\(averaging)")
            + flag("settings", settings != plain.settings, sizes)
            + flag("forecastEpisodes", forecastEpisodes != plain.forecastEpisodes, "\(forecastEpisodes)")
            + flag("joint", joint != plain.joint, "\(joint)")
            + flag("jointTraining", jointTraining != plain.jointTraining, "\(jointTraining)")
            + flag("decay", decay != plain.decay, "\(decay)")
            + flag("features", features != plain.features, "\(features.rawValue)")
            + flag("reroute", reroute != plain.reroute, "\(reroute)")
            + flag("relocate", relocate != plain.relocate, relocate.rawValue)
            + (start.map { " --start \($0)" } ?? "")
            + flag("referenceEpisodes", referenceEpisodes != plain.referenceEpisodes, "\(referenceEpisodes)")
    }

    /// The keys that `set` knows.
    public static let keys = [
        "averaging", "decay", "episodes", "features", "forecastEpisodes", "joint", "jointTraining", "population",
        "referenceEpisodes",
        "relocate", "reroute", "seed", "settings", "startPrice", "stepSize",
    ]

    /// Sets one key from text; `settings` reads like `200/50,350/200` (tasks/workers). O(text).
    ///
    /// - Throws: `CSCError.configuration` for an unknown key, with the nearest known one, or an unreadable value.
    public mutating func set(_ key: String, to text: String) throws {
        func read<Value: LosslessStringConvertible>(_ type: Value.Type) throws -> Value {
            guard let value = Value(text) else {
                throw CSCError.configuration(key: key, reason: "'\(text)' is not a number of the kind that it needs")
            }
            return value
        }
        switch key {
        case "averaging": averaging = try read(Double.self)
        case "decay": decay = try read(Double.self)
        case "episodes": episodes = try read(Int.self)
        case "features":
            guard let version = LearntCoalitionPolicy.Features(rawValue: try read(Int.self)) else {
                throw CSCError.configuration(key: key, reason: "'\(text)' is neither 1 nor 2")
            }
            features = version
        case "forecastEpisodes": forecastEpisodes = try read(Int.self)
        case "joint": joint = try read(Bool.self)
        case "jointTraining": jointTraining = try read(Bool.self)
        case "population": population = try read(Int.self)
        case "referenceEpisodes": referenceEpisodes = try read(Int.self)
        case "reroute": reroute = try read(Bool.self)
        case "relocate":
            guard let value = Relocation(rawValue: text) else {
                throw CSCError.configuration(key: key, reason: "'\(text)' is none of true, false, only")
            }
            relocate = value
        case "seed": seed = try read(UInt64.self)
        case "startPrice": startPrice = try read(Double.self)
        case "stepSize": stepSize = try read(Double.self)
        case "settings":
            settings = try text.split(separator: ",").map { part in
                let numbers = part.split(separator: "/").map { Int($0) }
                guard numbers.count == 2, let tasks = numbers[0], let workers = numbers[1] else {
                    throw CSCError.configuration(key: key, reason: "'\(part)' is not TASKS/WORKERS, such as 200/50")
                }
                return Setting(tasks: tasks, workers: workers)
            }
        default:
            throw CSCError.configuration(
                key: key, reason: "is not a key of evolve" + Spelling.hint(for: key, among: Self.keys))
        }
    }
}
