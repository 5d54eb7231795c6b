internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli label status`.
struct LabelStatus: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Say what a session has spent, who is being asked, and how sure it is.",
        discussion: """
            The margin of a task is the difference between its two largest weighted votes over the weight of all \
            workers: 0 where they are balanced or there is no label, 1 where everyone was asked and agrees. Sessions with \
            --method pooled show the posterior of the label instead.
            """)

    @OptionGroup var session: SessionOptions

    func run() throws {
        let live = try session.open()
        let budget = live.budget
        let answers = live.answers
        let labelled = answers.count(where: { $0.labels > 0 })
        let mean = answers.reduce(0) { $0 + $1.confidence } / Double(answers.count)
        let name = live.confidenceName
        if session.json {
            print(
                JSON.object([
                    ("method", .string(live.options.method.rawValue)), ("tasks", .integer(answers.count)),
                    ("labelled", .integer(labelled)),
                    ("labels", .integer(live.labelCount)),
                    ("workers", .array(live.workers.map { .string($0.id) })), ("budget", .number(budget.limit)),
                    ("spent", .number(budget.spent)), ("committed", .number(budget.committed)),
                    ("free", .number(budget.free)),
                    ("mean\(name.prefix(1).uppercased())\(name.dropFirst())", .number(mean)),
                    ("gold", .integer(live.goldCount)), ("settled", .integer(live.settledCount)),
                    ("model", live.findings.map(JSON.string) ?? .null),
                    ("models", .array(live.models.map(\.jsonValue))),
                    ("families", .array(live.families.map(\.jsonValue))),
                    ("stopAt", live.options.stopAt < 1 ? .number(live.options.stopAt) : .null),
                    ("lease", live.options.lease.map(JSON.number) ?? .null),
                    ("maxOpen", live.options.maxOpen.map(JSON.integer) ?? .null),
                    ("barred", .array(live.barredWorkers.map { .string($0.id) })),
                    ("outstanding", .array(live.outstanding.map { $0.jsonValue(age: live.age(of: $0)) })),
                ]).line)
            return
        }
        print(
            "\(Terminal.counted(live.labelCount, "label")); \(labelled) of "
                + "\(Terminal.counted(answers.count, "task")) \(labelled == 1 ? "has" : "have") one; "
                + Terminal.counted(live.workers.count, "worker"))
        print(
            "budget \(Terminal.amount(budget.limit)): spent \(Terminal.amount(budget.spent)), set aside "
                + "\(Terminal.amount(budget.committed)), free \(Terminal.amount(budget.free))")
        print("method \(live.options.method.rawValue)")
        if let findings = live.findings { print("model: \(findings)") }
        for model in live.models { print(model.sentence) }
        for family in live.families { print("family \(family.name): \(family.members.joined(separator: ", "))") }
        if live.options.stopAt < 1 || live.goldCount > 0 { print(live.settledSentence) }
        print("mean \(name) \(Terminal.decimal(mean, 3))")
        if live.options.lease != nil || live.options.maxOpen != nil { print(live.settingsSentence) }
        if !live.barredWorkers.isEmpty { print("barred: " + live.barredWorkers.map(\.id).joined(separator: ", ")) }
        for question in live.outstanding {
            print(
                "outstanding: worker \(question.worker), task \(question.task) (\(Terminal.age(live.age(of: question))))"
            )
        }
    }
}

extension LabelSession.SoftModel {
    /// For people: what has been found out about a model.
    var sentence: String {
        var text = "soft labels of \(name): \(Terminal.counted(tasks, "task"))"
        if let weight { text += ", weight \(Terminal.decimal(weight, 2))" }
        if let share = quality.accuracy {
            text += ", right on \(Terminal.decimal(share, 2)) of \(quality.labels) that have an answer"
        }
        return text
    }
}
