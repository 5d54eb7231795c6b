internal import CSCSwift

/// `label plan --crew A --crew B`: what each crew alone and all of them together buy.
struct CrewPlan {
    let crews: [LabelCrew]
    let tasks: Int
    let classes: Int
    let budgets: [Double]?
    let stopAt: Double
    let runs: Int?
    let seed: UInt64

    /// Each crew alone, and all together where there are several.
    private var mixes: [(name: String, crews: [LabelCrew])] {
        let alone = crews.map { ($0.name, [$0]) }
        return crews.count == 1 ? alone : alone + [(crews.map(\.name).joined(separator: "+"), crews)]
    }

    /// A quarter to four labels per task at the highest price of a worker; where there are models alone, their price.
    private var usualBudgets: [Double] {
        let people = crews.filter { !$0.isModel }
        let steps = people.isEmpty ? [1] : [0.25, 0.5, 1, 2, 4]
        let price = people.map(\.price).max() ?? crews.reduce(0) { $0 + $1.price }
        return steps.map { ($0 * price * Double(tasks) * 1e6).rounded() / 1e6 }
    }

    func show(json: Bool) throws {
        let runs = runs ?? min(200, max(20, 10_000 / tasks))
        let budgets = budgets ?? usualBudgets
        for budget in budgets { try LabelBudget.check(budget, "the budget for all tasks at these prices") }
        let progress = ProgressLine("planning", total: runs * mixes.count, unit: "runs")
        defer { progress.finish() }
        let found = mixes.map { mix in
            let plan = LabelPlan(tasks: tasks, crews: mix.crews, classCount: classes, stopAt: stopAt)
            return (mix.name, plan.simulate(budgets: budgets, runs: runs, seed: seed, played: { progress.advance() }))
        }
        if json {
            let mixes = found.map { name, points in
                (
                    name,
                    JSON.array(
                        points.map {
                            .object([
                                ("budget", .number($0.budget)), ("accuracy", .number($0.accuracy)),
                                ("standardError", .number($0.standardError)), ("labels", .number($0.labels)),
                            ])
                        })
                )
            }
            print(JSON.object([("runs", .integer(runs)), ("mixes", .object(mixes))]).line)
            return
        }
        print(
            "\(Terminal.counted(tasks, "task")), \(Terminal.counted(runs, "run")); accuracy ± standard error (labels a task)"
        )
        var lines = [["budget"] + found.map(\.0)]
        for (index, budget) in budgets.sorted().enumerated() {
            lines.append(
                [Terminal.amount(budget)]
                    + found.map { _, points in
                        let point = points[index]
                        return "\(Terminal.decimal(point.accuracy, 4)) ± \(Terminal.decimal(point.standardError, 4)) "
                            + "(\(Terminal.decimal(point.labels / Double(tasks), 2)))"
                    })
        }
        print(Terminal.columns(lines))
        for model in crews where model.isModel {
            print(
                "\(model.name): \(Terminal.amount(model.price * Double(tasks))) for the probabilities of all tasks, paid first; "
                    + "left out where a budget does not reach for it")
        }
        for (index, budget) in budgets.sorted().enumerated() {
            guard let best = found.max(by: { $0.1[index].accuracy < $1.1[index].accuracy }), found.count > 1 else {
                continue
            }
            print("at \(Terminal.amount(budget)): \(best.0)")
        }
    }
}
