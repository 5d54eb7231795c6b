internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli label init`.
struct LabelInit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Start a live session: a folder that decides whom to ask about what, and keeps every answer.",
        discussion: """
            The tasks file has the column task and optionally context; truths in it must be classes, and are not kept. \
            Workers are given by name (--workers a,b,c, one unit a label each), by a file with the columns worker, cost \
            and family, or both; without either they join later, by label next --join.

            With --method pooled an expert may tell the classes of some tasks, now (--gold) or later (label gold), and \
            --stop-at 0.95 stops asking about a task whose posterior reaches 0.95. Nobody is asked about gold tasks but \
            in the exploration, which prefers them: --explore 2 has everyone answer two of each context first. BBTA has \
            no posterior and no use for known classes.

            --soft takes what models say of the tasks, before anybody is asked: each is one more worker who has answered \
            everything, costs nothing, and is trusted as far as the answers show. Questions go where model and workers \
            leave most doubt.

            Workers whose errors go together (models of one vendor, people who share an answer sheet) are a family: on one \
            task they count as one voice, and a second of them is asked last. --families names families of workers or of \
            models of --soft, the column family of the workers file those of workers.
            """)

    @Argument(help: "The folder to make.") var folder: String
    @Option(help: "A table task[,context] of everything to be labelled; - for standard input.") var tasks: String
    @Option(parsing: .unconditional, help: "The possible labels, separated by commas.") var classes: String
    @Option(parsing: .unconditional, help: "What all labels together may cost; never exceeded.") var budget: Double
    @Option(parsing: .unconditional, help: "The workers' names, separated by commas.") var workers = ""
    @Option(name: .customLong("workers-file"), help: "A table worker[,cost][,family]; - for standard input.")
    var workersFile: String?
    @Option(help: "Who decides: \(AssignmentMethod.list).") var method = "pooled"
    @Option(help: "How many tasks of each context everyone labels first.", transform: Limits.explore.parse)
    var explore = 0
    @Option(help: "With --method pooled: a table task,class (or truth) of known classes; - for standard input.")
    var gold: String?
    @Option(help: "With --method pooled: \(SoftOption.table)") var soft: String?
    @Option(help: "With --method pooled: a table worker,family of workers or models whose errors go together.")
    var families: String?
    @Option(name: .customLong("stop-at"), help: "With --method pooled: the posterior at which a task is settled.")
    var stopAt: Double?
    @Option(
        parsing: .unconditional,
        help: "After how long a question lapses by itself: seconds, or 10m, 2h (never if left out).",
        transform: LeaseDuration.init)
    var lease: LeaseDuration?
    @Option(name: .customLong("max-open"), help: "How many questions a worker may have open at once.") var maxOpen: Int?
    @Option(help: "Decides every draw.") var seed: UInt64 = 0
    @Flag(help: "Answer in JSON, one line.") var json = false

    func validate() throws {
        try FileOptions.checkInput([
            ("--tasks", tasks), ("--workers-file", workersFile), ("--gold", gold), ("--soft", soft),
            ("--families", families),
        ])
        for (option, path) in [("--soft", soft), ("--families", families)] where path != nil {
            guard try AssignmentMethod(option: method) == .pooled else {
                throw ValidationError("\(option): only with --method pooled.")
            }
        }
        try checkAmount(budget, "--budget")
        try checkKnown(gold: gold != nil, stopAt: stopAt, pooled: AssignmentMethod(option: method).takesGold)
        guard maxOpen ?? 1 > 0 else { throw ValidationError("--max-open is at least 1.") }
        guard lease.map({ $0.seconds > 0 }) ?? true else { throw ValidationError("--lease is above 0.") }
        let names = try nameList(classes, option: "--classes")
        guard Set(names.map(ExactName.init)).count == names.count else {
            throw ValidationError("--classes names a class twice.")
        }
        guard names.count >= 2 else { throw ValidationError("--classes needs at least two names.") }
        _ = try nameList(workers, option: "--workers")
    }

    func run() throws {
        let names = try nameList(classes, option: "--classes")
        let (list, contexts, _) = try LabelFiles().readTasks(tasks, classes: names)
        let plain = list.map { LabelingTask(id: $0.id, context: $0.context) }
        let (people, told) = try people()
        let models = try soft.map { try LabelFiles.readSoft($0, tasks: plain, classes: names, workers: people) }
        let kin = try families.map {
            try LabelFiles.readFamilies($0, workers: people, models: models?.models ?? [], after: told)
        }
        let session = try LabelSession.create(
            folder: folder, tasks: plain, contexts: contexts, classes: names, workers: people,
            options: .init(
                method: AssignmentMethod(option: method), budget: budget, explore: explore, stopAt: stopAt ?? 1,
                seed: seed, lease: lease?.seconds, maxOpen: maxOpen),
            gold: try gold.map { try LabelFiles.readGold($0, tasks: plain, classes: names) } ?? [],
            soft: models, families: kin ?? told)
        if json {
            print(
                JSON.object([
                    ("folder", .string(folder)), ("tasks", .integer(session.tasks.count)),
                    ("workers", .integer(session.workers.count)), ("budget", .number(budget)),
                    ("method", .string(method)), ("gold", .integer(session.goldCount)),
                    ("models", .array(session.models.map { .string($0.name) })),
                    ("families", .integer(session.families.count)),
                ]).line)
        } else {
            print(
                "started \(folder): \(Terminal.counted(session.tasks.count, "task")) in "
                    + "\(Terminal.counted(session.contexts.count, "context")), "
                    + "\(Terminal.counted(session.workers.count, "worker")), budget \(Terminal.amount(budget))"
                    + (session.goldCount > 0 ? ", \(session.goldCount) gold" : "")
                    + (session.models.isEmpty ? "" : ", " + Terminal.counted(session.models.count, "model"))
                    + (session.families.isEmpty
                        ? "" : ", " + Terminal.counted(session.families.count, "family", plural: "families")))
        }
    }

    /// The workers, and the families that their file tells.
    private func people() throws -> ([LabelingWorker], [LabelFamily]) {
        var people = try nameList(workers, option: "--workers").map { LabelingWorker(id: $0) }
        guard let workersFile else { return (people, []) }
        var known = Set(people.map { ExactName($0.id) })
        let table = try CSVReader(path: workersFile)
        let name = try table.column(LabelFiles.workerNames)
        let cost = try table.optionalColumn(["cost", "price", "pay"])
        let family = try table.optionalColumn(["family"])
        var families = FamilyList(models: [])
        while try table.next() {
            let id = try table.string(name)
            do { try LabelSession.checkName(id, "worker") } catch { throw table.error(name, "\(error)") }
            guard known.insert(ExactName(id)).inserted else {
                throw table.error(name, "this worker has been named before")
            }
            var price = 1.0
            if let cost {
                price = try table.double(cost)
                do { try LabelBudget.check(price, "the price") } catch { throw table.error(cost, "\(error)") }
            }
            people.append(LabelingWorker(id: id, cost: price))
            guard let family, !table.isEmpty(family) else { continue }
            guard try AssignmentMethod(option: method) == .pooled else {
                throw table.error(family, "families go with the method pooled: \(method) has no use for them")
            }
            try LabelFiles.add(family, of: table, id, to: &families)
        }
        return (people, families.families)
    }
}
