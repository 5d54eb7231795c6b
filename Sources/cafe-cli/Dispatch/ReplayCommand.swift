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
    @Option(help: "Policies, separated by commas.")
    var policy = "coalition,cafe"
    @Option(help: "Tasks of the episode.")
    var tasks = 200
    @Option(help: "Workers of the episode.")
    var workers = 50
    @Option(help: "The seed of the episodes.")
    var seed: UInt64 = 7
    @Option(help: "Which episode of the seed.")
    var episode = 0
    @Option(help: "Show this log of `cafe-cli dispatch --log` instead of an episode.")
    var log: String?
    @Option(help: "The page; - for standard output.")
    var out = "replay.html"
    @Option(help: "Threads; 0 for one per processor. Changes nothing but the time.")
    var threads = 0

    private var names: [String] {
        policy.split(separator: ",").map(String.init).filter { !policies.contains($0) } + policies
    }

    func validate() throws {
        if tasks < 0 || workers < 0 || tasks > 100_000 || workers > 100_000 {
            throw ValidationError("--tasks and --workers are 0 to 100000")
        }
        if episode < 0 { throw ValidationError("--episode \(episode) is negative") }
        if log == nil && (names.isEmpty || names.count > 4) {
            throw ValidationError("name one to four policies, such as --policy coalition,cafe")
        }
        if Set(names).count != names.count { throw ValidationError("a policy is named twice") }
    }

    func run() throws {
        Output.startThreads(threads)
        let page = try log.map { try DispatchLog(contentsOf: $0).page(title: "Dispatch log \($0)") } ?? episodePage()
        try FileOptions.write(page.html, to: out)
        if out == "-" { return }
        for record in page.records {
            print("\(record.policy): revenue \(Terminal.decimal(record.revenue, 3)), \(record.trips.count) sent")
        }
        print("The page is \(out): open it in a browser.")
    }

    private func episodePage() throws -> ReplayPage {
        let (source, notes) = try source.open()
        for note in notes { FileOptions.note("note: \(note)") }
        let instance = source.instance(
            tasks: tasks, workers: workers, seed: seed, episode: EpisodeRange.evaluation[episode])
        let pay = instance.tasks.reduce(0) { $0 + $1.pay }
        let work = instance.tasks.reduce(0) { $0 + $1.workload }
        let records = try names.map { name in
            let (rule, options) = try DispatchDesk.dispatcher(
                name, rate: work > 0 ? pay / work : 1, runs: DispatchPolicy.load)
            return Self.record(
                rule, instance, name: name, options: options,
                stream: RandomStream(seed: seed, purpose: .dispatcher, index: EpisodeRange.evaluation[episode].stream))
        }
        return ReplayPage(
            title: "\(source.name): episode \(episode) of seed \(seed), \(instance.tasks.count) tasks, "
                + "\(instance.workers.count) workers", instance: instance, records: records)
    }

    private static func record(
        _ rule: some Dispatcher, _ instance: Instance, name: String, options: GameOptions, stream: RandomStream
    ) -> EpisodeRecord {
        EpisodeRecord(instance, by: rule, name: name, in: SpatialCrowdsourcing(options: options), stream: stream)
    }
}
