internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli generate`
struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Write one episode's tasks and workers as tasks.csv and workers.csv.",
        discussion: """
            The files are the product's own format: evaluate and train read them by --orders DIR/tasks.csv. With
            --orders here, an episode of recorded orders is written, with all that was drawn for it.

            Columns: release (min), x, y (km), skill, workload (worker-min), expected, deadline (min from release), pay,
            penalty_rate (money/min); and x, y (km), skills ("0 2"), speed (km/min), reach (km), shift_start, shift_end.

            Example:
              cafe-cli generate --scenario haikou --tasks 350 --workers 200 --seed 7 --out day1
            """)

    @OptionGroup var source: SourceOptions
    @Option(parsing: .unconditional, help: "Tasks of the episode.", transform: Limits.episodeSize.parse)
    var tasks = 200
    @Option(parsing: .unconditional, help: "Workers of the episode.", transform: Limits.episodeSize.parse)
    var workers = 200
    @Option(parsing: .unconditional, help: "The seed.")
    var seed: UInt64 = 7
    @Option(parsing: .unconditional, help: "Which episode of the seed.", transform: Limits.episodeNumber.parse)
    var episode = 0
    @Option(help: "The folder to write to; made if it is not there.")
    var out: String

    func run() throws {
        let (source, notes) = try source.open()
        if let fixed = source as? FixedInstance {
            throw ValidationError("--orders: \(fixed.name) is an instance already; there is nothing to generate")
        }
        for note in notes + [SourceOptions.shortage(source, tasks: tasks)].compactMap(\.self) { print("note: \(note)") }
        let instance = source.instance(
            tasks: tasks, workers: workers, seed: seed, episode: EpisodeRange.evaluation[episode])
        for warning in ReachCheck(instance).warnings { FileOptions.note("warning: \(warning)") }
        try AtomicFile.makeFolder(out)
        let taskPath = AtomicFile.join(out, "tasks.csv")
        let workerPath = AtomicFile.join(out, "workers.csv")
        try instance.write(tasks: taskPath, workers: workerPath)
        print(
            "wrote \(Terminal.counted(instance.tasks.count, "task")) to \(taskPath) and "
                + "\(Terminal.counted(instance.workers.count, "worker")) to \(workerPath)")
    }
}
