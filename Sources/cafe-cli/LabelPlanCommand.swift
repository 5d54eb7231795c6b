internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// `cafe-cli label plan`.
struct LabelPlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say by simulation what accuracy a budget buys.",
        discussion: """
            Simulates whole sessions with the engine of live sessions, from the first label on. With a session's folder, \
            its tasks and workers are taken and the workers' accuracies are drawn from what its labels say of them \
            (one-coin Dawid-Skene, by context); with --accuracy LOW-HIGH they are drawn uniformly from that range.
            """)

    @Argument(help: "A session's folder; otherwise give --tasks and --workers.") var folder: String?
    @Option(help: "How many tasks.") var tasks = 100
    @Option(help: "Into how many contexts of equal size they fall.") var contexts = 1
    @Option(help: "How many workers.") var workers = 10
    @Option(help: "How many classes.") var classes = 2
    @Option(help: "The range of the workers' accuracies, such as 0.55-0.9.") var accuracy: String?
    @Option(help: "What a label costs.") var cost = 1.0
    @Option(help: "The budgets to try, separated by commas; 1, 2, 3, 5, 8, 15 labels a task if left out.")
    var budgets = ""
    @Option(help: "How many tasks of each context everyone labels first.") var explore = 0
    @Option(help: "How many simulated sessions.") var runs = 20
    @Option(help: "Decides every draw.") var seed: UInt64 = 0
    @Flag(help: "Answer in JSON, one line.") var json = false

    func validate() throws {
        guard tasks > 0, contexts > 0, workers > 0, classes >= 2, runs > 0, explore >= 0, cost > 0 else {
            throw ValidationError(
                "--tasks, --contexts, --workers, --runs and --cost must be positive, --classes 2 or more.")
        }
        _ = try range()
        _ = try amounts(1)
    }

    private func range() throws -> ClosedRange<Double>? {
        guard let accuracy else { return nil }
        let parts = accuracy.split(separator: "-").map { Double($0) }
        guard parts.count == 2, let low = parts[0], let high = parts[1], low >= 0, low <= high, high <= 1 else {
            throw ValidationError("--accuracy '\(accuracy)' is not a range such as 0.55-0.9.")
        }
        return low...high
    }

    private func amounts(_ unit: Double) throws -> [Double] {
        if budgets.isEmpty { return [1, 2, 3, 5, 8, 15].map { $0 * unit } }
        return try budgets.split(separator: ",").map { part in
            guard let value = Double(part.trimmingCharacters(in: .whitespaces)), value >= 0, value < 9e12 else {
                throw ValidationError("--budgets: '\(part)' is not an amount.")
            }
            return value
        }
    }

    func run() throws {
        let plan: LabelPlan
        if let folder {
            let live = try LabelSession(opening: folder)
            guard !live.workers.isEmpty else { throw CSCError.invalid("nobody has joined this session yet") }
            let taskContexts = live.tasks.map(\.context)
            let table = live.table
            let store = LabelStore(table)
            var model = OneCoin()
            let fitted = model.fitPredict(store)
            let estimates = fitted.workerQualities(store, contexts: taskContexts, contextCount: live.contexts.count)
            plan = LabelPlan(
                taskContexts: taskContexts, workerCosts: live.workers.map(\.cost), classCount: live.classes.count,
                assumption: try range().map { .uniform($0) } ?? .estimated(estimates), explore: live.options.explore)
        } else {
            plan = LabelPlan(
                taskContexts: (0..<tasks).map { $0 % contexts },
                workerCosts: [Double](repeating: cost, count: workers), classCount: classes,
                assumption: .uniform(try range() ?? 0.55...0.9), explore: explore)
        }
        let mean = plan.workerCosts.reduce(0, +) / Double(plan.workerCosts.count)
        let points = plan.simulate(
            budgets: try amounts(mean * Double(plan.taskContexts.count)), runs: runs, seed: seed)
        if json {
            let rows = points.map { point in
                JSON.object([
                    ("budget", .number(point.budget)), ("accuracy", .number(point.accuracy)),
                    ("standardError", .number(point.standardError)), ("labels", .number(point.labels)),
                ])
            }
            print(JSON.object([("runs", .integer(runs)), ("points", .array(rows))]).line)
            return
        }
        print("budget      labels  accuracy  standard error (\(runs) runs)")
        for point in points {
            let budget = Terminal.decimal(point.budget, 1).padding(toLength: 10, withPad: " ", startingAt: 0)
            let labels = Terminal.decimal(point.labels, 0)
            print(
                budget + String(repeating: " ", count: max(0, 8 - labels.count)) + labels + "    "
                    + Terminal.decimal(point.accuracy, 4) + "    " + Terminal.decimal(point.standardError, 4))
        }
    }
}
