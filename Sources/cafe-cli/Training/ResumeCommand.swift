internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli resume`: continues a run of any kind.
struct ResumeCommand: RankedCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Go on with a run of train, evolve or refine from its last whole checkpoint.",
        discussion: """
            A run that was stopped, by Ctrl-C or by a crash, goes on from its last checkpoint and ends with the same \
            bits as one that was never stopped. A damaged checkpoint is named and the one before it is used. With \
            --iterations a finished run is prolonged, and ends with the bits of one that was begun with so many; its \
            learning rate has been annealed over ppo.annealIterations by then. For a run of evolve an iteration is a \
            generation.

            The run goes on only with the configuration, the scenario and the orders that it was begun with; what is not \
            as it was is named. One process at a time writes into a run's folder.

            Example: cafe-cli resume runs/first
                     cafe-cli resume runs/first --iterations 300
                     cafe-cli resume runs/evolved --minutes 10
            """)

    @OptionGroup var ranks: RankOptions

    @Argument(help: ArgumentHelp("The run's folder.", valueName: "run"))
    var folder: String

    @Option(help: "Iterations in all; the run's own number unless given.", transform: Limits.iterations.parse)
    var iterations: Int?

    @Option(help: "Stop after so many minutes (runs of evolve).")
    var minutes: Double?

    @Option(
        help: "Threads to use; 0 takes every processor. Changes nothing but the time.", transform: Limits.threads.parse)
    var threads: Int = 0

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    func validate() throws {
        if let minutes, !(minutes > 0 && minutes <= 1e9) {
            throw ValidationError("--minutes \(minutes) is not above 0 and at most 1e9.")
        }
    }

    func run() throws {
        Output.startThreads(threads)
        try Self.resume(folder, iterations: iterations, minutes: minutes, display: TrainingDisplay(quiet: quiet))
    }

    /// Continues the run in a folder, of whatever kind it is.
    static func resume(_ folder: String, iterations: Int?, minutes: Double?, display: TrainingDisplay) throws {
        if EvolutionRun.isRun(folder) {
            let run = try EvolutionRun(resuming: folder, generations: iterations) { flags, city in
                try SourceOptions(flags: flags, scenario: city.name).open(drawingFrom: city).source
            }
            guard run.method.schedule.iterations < Int.max || minutes != nil else {
                throw ValidationError(
                    "\(folder) was begun to last some minutes: say how long it goes on, by --minutes or --iterations.")
            }
            if announce(run, display) { try display.follow(run, minutes: minutes) }
            return
        }
        guard minutes == nil else { throw ValidationError("--minutes belongs to runs of evolve; use --iterations.") }
        if FixedHorizonRun.isRun(folder) {
            let run = try FixedHorizonRun.resume(folder, iterations: iterations)
            if announce(run, display) { try display.follow(run) }
        } else {
            let run = try TrainingRun.resume(folder, iterations: iterations) { settings, _ in
                try SourceOptions(settings, scenario: AtomicFile.join(folder, "scenario.yaml")).open().source
            }
            if announce(run, display) { try display.follow(run) }
        }
    }

    /// Says where the run stands. Returns whether iterations are left.
    private static func announce<Method>(_ run: Run<Method>, _ display: TrainingDisplay) -> Bool {
        for error in run.refused { display.warn("\(error); using the checkpoint before it") }
        for notice in run.notices { display.warn(notice) }
        let iterations = run.method.schedule.iterations
        if run.isComplete {
            display.note("\(run.folder): all \(iterations) iterations are done; nothing to resume")
            return false
        }
        let goal = iterations < Int.max ? " of \(iterations)" : ""
        display.note("Resuming \(run.folder) after iteration \(run.iteration)\(goal)")
        return true
    }
}
