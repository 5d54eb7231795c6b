internal import CSCSwift
internal import Foundation

/// What a reproduction measures, cell by cell.
struct ReproduceCafePlan {
    let store: ReproduceCafeStore
    let seeds: Int
    let iterations: Int
    /// Evaluation episodes of a seed in a setting.
    let episodes: Int
    let columns: [Int]
    let cities: [String]
    /// Updates of a refinement.
    let updates: Int
    /// Generations of an evolved coalition policy.
    let generations: Int
    let boundEpisodes: Int
    let overrides: [String]
    /// Whether somebody wants it to stop.
    let interrupt = Interrupt()

    /// Somebody wants it to stop.
    struct Stopped: Error {}

    private func checkStop() throws {
        if interrupt.requested { throw Stopped() }
    }

    /// The rewards of Fig. 7.
    static let curveVariants = [
        "team", "uniform", "share", "difference", "literal", "signed", "share+difference+signed",
    ]

    /// The settings of both tables, each once.
    var settings: [EpisodeSettings.Setting] {
        var made: [EpisodeSettings.Setting] = []
        for sweep in ReproduceCafePublished.Sweep.allCases {
            for column in columns {
                let size = sweep.setting(column)
                let setting = EpisodeSettings.Setting(tasks: size.tasks, workers: size.workers)
                if !made.contains(setting) { made.append(setting) }
            }
        }
        return made
    }

    /// Evaluation episodes come from seeds of their own: no training episode is among them.
    private func evaluationSeed(_ seed: Int) -> UInt64 { 1_000_000 + UInt64(seed) }

    /// Binds the folder to what decides its cells: those of other options are not taken for these.
    /// - Throws: `CSCError.configuration` naming the option that differs, `CSCError.damaged` for a file that is none.
    func bind() throws {
        let chosen = [
            "iterations": "\(iterations)", "evaluation-episodes": "\(episodes)", "updates": "\(updates)",
            "generations": "\(generations)", "bound-episodes": "\(boundEpisodes)",
            "set": overrides.joined(separator: " "),
        ]
        try AtomicFile.makeFolder(store.folder)
        let path = AtomicFile.join(store.folder, "options.json")
        guard FileManager.default.fileExists(atPath: path) else {
            if store.isEmpty {
                let fields = chosen.sorted { $0.key < $1.key }.map { ($0.key, JSON.string($0.value)) }
                return try AtomicFile.write(JSON.object(fields).pretty, to: path)
            }
            throw CSCError.file(
                path: path,
                reason: "is missing, so nobody knows by which options the cells were measured: choose another --out")
        }
        guard let kept = try? JSONDecoder().decode([String: String].self, from: Data(AtomicFile.read(path))) else {
            throw CSCError.damaged(path: path, reason: "it does not hold the options of a reproduction")
        }
        for (key, value) in chosen.sorted(by: { $0.key < $1.key }) where kept[key] != value {
            throw CSCError.configuration(
                key: "--" + key,
                reason: "is \(value.isEmpty ? "not given" : value), but \(store.folder) was begun with "
                    + "\(kept[key].map { $0.isEmpty ? "none" : $0 } ?? "another one"): give that, or another --out")
        }
    }

    /// How many cells are not yet in the store.
    var missingCount: Int {
        var count = 0
        for seed in 1...seeds {
            for city in cities {
                for method in ReproduceCafeMethod.all
                where boundEpisodes > 0 || !["annealing", "bound"].contains(method.key) {
                    for setting in settings
                    where store.load(method.key, city, setting.tasks, setting.workers, seed) == nil { count += 1 }
                }
            }
        }
        return count
    }

    /// The settings of a method that are not yet in the store. A collective.
    private func missing(_ method: ReproduceCafeMethod, _ city: String, _ seed: Int) -> [EpisodeSettings.Setting] {
        settings.filter { store.load(method.key, city, $0.tasks, $0.workers, seed) == nil }
    }

    /// With several ranks: trains and evolves what missing cells need, and the curves', each by one rank alone.
    func prepare(curves: Bool) throws {
        if Ranks.current.size == 1 { return }
        var jobs: [(city: String, variant: String?, seed: Int)] = []
        for seed in 1...seeds {
            for city in cities {
                let wanted = ReproduceCafeMethod.all.filter { !missing($0, city, seed).isEmpty }
                let variants = Set(wanted.compactMap(\.variant) + (curves ? Self.curveVariants : []))
                jobs += variants.sorted().map { (city, $0, seed) }
                if wanted.contains(where: \.evolved) { jobs.append((city, nil, seed)) }
            }
        }
        try Ranks.divide(jobs.count) { number in
            let job = jobs[number]
            if let variant = job.variant {
                _ = try train(job.city, variant, job.seed)
            } else {
                _ = try evolve(try Scenario.named(job.city), job.seed)
            }
        }
    }

    /// Every cell of a city and a seed that is not yet in the store. Ranks measure whole cells side by side, but for those of
    /// the evolved policy, whose episodes they share.
    func measure(city: String, seed: Int, _ clock: ReproduceCafeClock) throws {
        let scenario = try Scenario.named(city)
        for method in ReproduceCafeMethod.all {
            let missing = missing(method, city, seed)
            if missing.isEmpty { continue }
            if method.evolved {
                let policy = try evolve(scenario, seed)
                for setting in missing {
                    try measure(method, city, setting, seed, clock) { (try play(policy, scenario, setting, seed), 0) }
                }
                continue
            }
            let folder = try method.variant.map { try train(city, $0, seed) }
            try Ranks.divide(missing.count) { number in
                let setting = missing[number]
                try measure(method, city, setting, seed, clock) {
                    guard let folder else { return try rule(method.key, scenario, setting, seed).map { ($0, 0) } }
                    let run = try LoadedRun(folder)
                    if method.refined { return (try refine(run, scenario, setting, seed), updates) }
                    return (try play(run, scenario, setting, seed), 0)
                }
            }
        }
    }

    /// Measures one cell and saves it: revenues, and updates for this cell alone; nothing where there are none.
    private func measure(
        _ method: ReproduceCafeMethod, _ city: String, _ setting: EpisodeSettings.Setting, _ seed: Int,
        _ clock: ReproduceCafeClock, by play: () throws -> ([Double], Int)?
    ) throws {
        try checkStop()
        let started = ContinuousClock.now
        guard let (revenues, extra) = try play() else { return }
        let elapsed = (ContinuousClock.now - started).components
        let cell = ReproduceCafeCell(
            method: method.key, city: city, tasks: setting.tasks, workers: setting.workers, seed: seed,
            revenues: revenues, extraUpdates: extra,
            seconds: Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18)
        try store.save(cell)
        print(
            "\(city) \(setting.tasks)/\(setting.workers) seed \(seed) \(method.key): "
                + Terminal.decimal(cell.mean, 3) + clock.measured())
    }

    /// Trains a policy, or continues it; returns its folder.
    func train(_ city: String, _ variant: String, _ seed: Int) throws -> String {
        let folder = AtomicFile.join(
            AtomicFile.join(store.folder, "runs"), "\(city)-\(variant.replacing("+", with: "-"))-s\(seed)")
        let run: TrainingRun
        if RankFacts.isThere(AtomicFile.join(folder, "config.yaml")) {
            run = try TrainingRun.resume(folder)
        } else {
            var configuration = TrainingConfiguration()
            try configuration.apply(
                overrides: [
                    "iterations=\(iterations)", "ppo.annealIterations=\(iterations)", "evaluateEvery=0",
                    "evaluationEpisodes=1", "episodes.scenario=\(city)", "reward.variant=\(variant)", "seed=\(seed)",
                ] + overrides)
            run = try TrainingRun.create(configuration, scenario: try Scenario.named(city), folder: folder)
        }
        try checkStop()
        guard try run.run(shouldStop: { [interrupt] in interrupt.requested }) else { throw Stopped() }
        return folder
    }

    /// Evolves a coalition policy, or continues it; returns it as a row.
    private func evolve(_ scenario: Scenario, _ seed: Int) throws -> PolicySource {
        let folder = AtomicFile.join(AtomicFile.join(store.folder, "runs"), "\(scenario.name)-evolved-s\(seed)")
        let run: EvolutionRun
        if RankFacts.isThere(AtomicFile.join(folder, "evolution.yaml")) {
            run = try EvolutionRun(resuming: folder)
        } else {
            var options = EvolutionOptions()
            options.seed = UInt64(seed)
            run = try EvolutionRun(creating: folder, scenario: scenario, options: options)
        }
        if run.trainer.generation < generations {
            while run.trainer.generation < generations {
                if interrupt.requested {
                    try run.save()
                    throw Stopped()
                }
                _ = try run.step()
            }
            try run.save()
        }
        return run.trainer.policy.source()
    }

    private func play(
        _ policy: PolicySource, _ scenario: Scenario, _ setting: EpisodeSettings.Setting, _ seed: Int
    ) throws -> [Double] {
        Evaluation.run(
            [policy], on: scenario, tasks: setting.tasks, workers: setting.workers, seed: evaluationSeed(seed),
            episodes: 0..<episodes)[0]
    }

    private func play(
        _ run: LoadedRun, _ scenario: Scenario, _ setting: EpisodeSettings.Setting, _ seed: Int
    ) throws -> [Double] {
        let policy = ActorCritic(run.configuration.design, seed: 0)
        try policy.load(from: run.checkpoint)
        let source = PolicySource(
            name: "policy", policy: policy, options: run.configuration.game, sampled: true)
        return Evaluation.run(
            [source], on: scenario, tasks: setting.tasks, workers: setting.workers, seed: evaluationSeed(seed),
            episodes: 0..<episodes)[0]
    }

    /// Refinement on training episodes of the setting: streams of the run's seed, never the evaluation's.
    private func refine(
        _ run: LoadedRun, _ scenario: Scenario, _ setting: EpisodeSettings.Setting, _ seed: Int
    ) throws -> [Double] {
        var options = Refinement.Options()
        options.updates = updates
        let evaluation = (0..<episodes).map {
            scenario.instance(
                tasks: setting.tasks, workers: setting.workers, seed: evaluationSeed(seed),
                episode: EpisodeRange.evaluation[$0])
        }
        let refinement = try RefinementRun(
            run: run, settings: EpisodeSettings([setting]), options: options, episodes: 8,
            seed: 2_000_000 + UInt64(seed), evaluation: evaluation)
        var last: [Double] = []
        _ = try refinement.refine(everyStage: false) { last = $0.revenues }
        return last
    }

    /// A rule's or a bound's revenues; nil where bounds are not asked for.
    private func rule(
        _ key: String, _ scenario: Scenario, _ setting: EpisodeSettings.Setting, _ seed: Int
    ) throws -> [Double]? {
        let base = evaluationSeed(seed)
        if key == "annealing" || key == "bound" {
            guard boundEpisodes > 0 else { return nil }
            return (0..<min(boundEpisodes, episodes)).map { episode in
                let instance = scenario.instance(
                    tasks: setting.tasks, workers: setting.workers, seed: base,
                    episode: EpisodeRange.evaluation[episode])
                if key == "bound" { return FullInformation.upperBound(instance) }
                return FullInformation.anneal(
                    instance, start: DispatcherKind.coalition.make(),
                    stream: RandomStream(seed: base, purpose: .annealing, index: UInt64(episode))
                ).best
            }
        }
        let kind = try DispatcherKind.named(key)
        let policy = kind.policy(
            tunedOn: scenario, tasks: setting.tasks, workers: setting.workers, seed: UInt64(seed))
        return Evaluation.run(
            [policy], on: scenario, tasks: setting.tasks, workers: setting.workers, seed: base,
            episodes: 0..<episodes)[0]
    }

    /// Trains what Fig. 7 needs beyond the tables.
    func trainCurves() throws {
        for seed in 1...seeds {
            for city in cities { for variant in Self.curveVariants { _ = try train(city, variant, seed) } }
        }
    }

    // MARK: - Results

    /// Writes tables and curves from what there is.
    func write() throws {
        var cells: [ReproduceCafeCell] = []
        for method in ReproduceCafeMethod.all {
            for city in cities {
                for setting in settings {
                    for seed in 1...seeds {
                        if let cell = store.load(method.key, city, setting.tasks, setting.workers, seed) {
                            cells.append(cell)
                        }
                    }
                }
            }
        }
        let report = ReproduceCafeReport(methods: ReproduceCafeMethod.all, cells: cells)
        let begun = Set(cells.map(\.seed)).count
        let head =
            "# The CAFE paper's tables, measured anew\n\n\(begun == seeds ? "\(seeds)" : "\(begun) of \(seeds)") seeds, "
            + "\(iterations) training iterations, "
            + "\(episodes) evaluation episodes a seed and setting; CAFE refined by \(updates) updates.\n\n"
        try AtomicFile.write(head + report.markdown(), to: AtomicFile.join(store.folder, "tables.md"))
        try AtomicFile.write(report.csv(), to: AtomicFile.join(store.folder, "tables.csv"))
        try AtomicFile.write(try report.json(), to: AtomicFile.join(store.folder, "tables.json"))
        let curves = trainingCurves()
        var lines = "city,reward,seed,iteration,revenue\n"
        for curve in curves {
            for (index, seed) in curve.seeds.enumerated() {
                for (i, value) in seed.enumerated() {
                    let revenue = Terminal.decimal(value, 4)
                    lines += "\(curve.city),\(curve.reward),\(index + 1),\(i + 1),\(revenue)\n"
                }
            }
        }
        try AtomicFile.write(lines, to: AtomicFile.join(store.folder, "curves.csv"))
        let plots = ReproduceCafePlots(report: report, columns: columns, cities: cities)
        try plots.tables().write(to: AtomicFile.join(store.folder, "tables.svg"))
        try plots.curves(curves)?.write(to: AtomicFile.join(store.folder, "curves.svg"))
    }

    /// Fig. 7: revenue of the training episodes, a moving mean over 13 iterations, for every run there is.
    private func trainingCurves() -> [ReproduceCafePlots.Curve] {
        var made: [ReproduceCafePlots.Curve] = []
        for city in cities {
            for variant in Self.curveVariants {
                var perSeed: [[Double]] = []
                for seed in 1...seeds {
                    let name = "\(city)-\(variant.replacing("+", with: "-"))-s\(seed)"
                    let path = AtomicFile.join(
                        AtomicFile.join(AtomicFile.join(store.folder, "runs"), name), "metrics.csv")
                    guard let text = try? AtomicFile.readText(path) else { continue }
                    let returns = Self.column("charts/episodic_return", of: text)
                    perSeed.append(
                        returns.indices.map { i in
                            let window = returns[max(0, i - 12)...i]
                            return window.reduce(0, +) / Double(window.count)
                        })
                }
                made.append(ReproduceCafePlots.Curve(city: city, reward: variant, seeds: perSeed))
            }
        }
        return made
    }

    private static func column(_ name: String, of csv: String) -> [Double] {
        let lines = csv.split(separator: "\n")
        guard let head = lines.first,
            let at = head.split(separator: ",", omittingEmptySubsequences: false).firstIndex(of: Substring(name))
        else { return [] }
        return lines.dropFirst().compactMap { line in
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            return at < fields.count ? Double(fields[at]) : nil
        }
    }
}
