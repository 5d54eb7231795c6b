internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli replay`
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Show an episode: one HTML file with the city, its workers and tasks moving.",
        discussion: """
            Plays one episode by each policy and writes a page that any browser shows, without a network: the city with \
            workers on the way and at work, the tasks and what is left of their time, a slider, the revenue so far, and a \
            lane for each worker and task. Policies are those of 'dispatch': a rule, a learnt rule, the folder of a run; \
            they stand side by side on the same episode. Prices of rules are not tuned: 0.3 of the mean pay per worker-minute.

            --log shows what `cafe-cli dispatch --log` has written instead.

            Example:
              cafe-cli replay --scenario chengdu --tasks 200 --workers 50 --policy coalition,cafe --out episode.html
              cafe-cli replay --log dispatch.jsonl --out day.html
            """)

    @OptionGroup var source: SourceOptions
    @Argument(help: "Further policies.")
    var policies: [String] = []
    @Option(help: "Policies, separated by commas (default: coalition,cafe).")
    var policy: String?
    @Option(
        parsing: .unconditional, help: "Tasks of the episode, at most 100000 (default: 200).",
        transform: Limits.trainingSize.parse)
    var tasks: Int?
    @Option(
        parsing: .unconditional, help: "Workers of the episode, at most 100000 (default: 50).",
        transform: Limits.trainingSize.parse)
    var workers: Int?
    @Option(parsing: .unconditional, help: "The seed of the episodes (default: 7).")
    var seed: UInt64?
    @Option(
        parsing: .unconditional, help: "Which episode of the seed (default: 0).", transform: Limits.episodeNumber.parse)
    var episode: Int?
    @Option(help: "Show this log of `cafe-cli dispatch --log` instead of an episode.")
    var log: String?
    @Option(help: "The page; - for standard output.")
    var out = "replay.html"
    @Option(
        parsing: .unconditional, help: "Threads; 0 for one per processor. Changes nothing but the time.",
        transform: Limits.threads.parse)
    var threads = 0

    private var names: [String] {
        let named = policy ?? (policies.isEmpty ? "coalition,cafe" : "")
        return named.split(separator: ",").map(String.init).filter { !policies.contains($0) } + policies
    }

    func validate() throws {
        if max(tasks ?? 1, workers ?? 1) > 100_000 { throw ValidationError("--tasks and --workers are 1 to 100000") }
        if log != nil {
            let given =
                source.given.first
                ?? [
                    ("--tasks", tasks != nil), ("--workers", workers != nil),
                    ("--seed", seed != nil), ("--episode", episode != nil),
                    ("--policy", policy != nil || !policies.isEmpty),
                ].first(where: \.1)?.0
            if let given {
                throw ValidationError("\(given) chooses an episode to play, and --log shows one that was played")
            }
        }
        if log == nil && (names.isEmpty || names.count > 4) {
            throw ValidationError("name one to four policies, such as --policy coalition,cafe")
        }
        if Set(names).count != names.count { throw ValidationError("a policy is named twice") }
    }

    func run() throws {
        try FileOptions.checkOutputs([out])
        Output.startThreads(threads, quiet: out == "-")
        let page = try log.map { try DispatchLog(contentsOf: $0).page(title: "Dispatch log \($0)") } ?? episodePage()
        try FileOptions.write(page.html, to: out)
        if out == "-" { return }
        for record in page.records {
            print("\(record.policy): revenue \(Terminal.decimal(record.revenue, 3)), \(record.trips.count) sent")
        }
        print("The page is \(out): open it in a browser.")
    }

    private func episodePage() throws -> ReplayPage {
        let rules = try PolicyNames.rules(of: names, reroute: nil)
        let (source, notes) = try source.open()
        for note in notes { FileOptions.note("note: \(note)") }
        if let fixed = SourceOptions.base(of: source) as? FixedInstance {
            try SourceOptions.refuse(
                [("--tasks", tasks != nil), ("--workers", workers != nil), ("--episode", episode ?? 0 != 0)], for: fixed
            )
        }
        let (seed, number) = (seed ?? 7, episode ?? 0)
        let instance = source.instance(
            tasks: tasks ?? 200, workers: workers ?? 50, seed: seed, episode: EpisodeRange.evaluation[number])
        SourceOptions.warnOfReach(source, tasks: tasks ?? 200, workers: workers ?? 50, seed: seed)
        let pay = instance.tasks.reduce(0) { $0 + $1.pay }
        let work = instance.tasks.reduce(0) { $0 + $1.workload }
        let records = try names.map { name in
            let (rule, options) = try DispatchDesk.dispatcher(
                name, rate: work > 0 ? pay / work : 1, runs: DispatchPolicy.load)
            // A run brings its own options, and its rules are those of all.
            return Self.record(
                rule, instance, name: name, options: DispatchPolicy.isRun(name) ? options : rules.options,
                stream: RandomStream(seed: seed, purpose: .dispatcher, index: EpisodeRange.evaluation[number].stream))
        }
        EvaluationSetting.warnOfNothing(records.map(\.revenue))
        return ReplayPage(
            title: "\(source.name): "
                + (source.episodeCount == 1 ? "" : "episode \(number) of seed \(seed), ")
                + "\(Terminal.counted(instance.tasks.count, "task")), \(Terminal.counted(instance.workers.count, "worker"))"
                + (rules.text.map { ", rules \($0)" } ?? ""), instance: instance, records: records)
    }

    private static func record(
        _ rule: some Dispatcher, _ instance: Instance, name: String, options: GameOptions, stream: RandomStream
    ) -> EpisodeRecord {
        EpisodeRecord(instance, by: rule, name: name, in: SpatialCrowdsourcing(options: options), stream: stream)
    }
}
