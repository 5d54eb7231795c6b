internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// `cafe-cli label next`.
struct LabelNext: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "next",
        abstract: "Decide which of the workers who are there now is asked about what.",
        discussion: """
            Prints task, worker and the probability of the draw. The price of each question is set aside until it is \
            recorded, declined or lapses.

            What a worker of --workers has not answered yet is given again, with the same id: asking is idempotent. \
            --new asks beyond that, --max-open caps how many questions a worker may have open. Where nothing else is left \
            for those who are there, questions that lapsed are offered again. A name of --workers that has not joined is \
            said and passed over.

            Exit status: 0 if anything is asked, 3 if there is nothing to ask now (the sentence says why; in JSON \
            "reason" is the sentence and "code" one of nobody, barred, budget-spent, budget-set-aside, max-open, all-asked, \
            settled), another one for an error. With --join, newcomers have joined if anything new is asked, otherwise not.
            """)

    /// The exit status when there is nothing to ask.
    static let nothing = ExitCode(3)

    @OptionGroup var session: SessionOptions
    @Option(
        parsing: .unconditional,
        help: "Who is there now: names separated by commas; everyone who has joined if left out.")
    var workers = ""
    @Option(help: "How many questions to ask.", transform: Limits.questions.parse) var count = 1
    @Flag(help: "Only new questions: leave out those that these workers have not answered yet.") var new = false
    @Option(name: .customLong("max-open"), help: "Ask nobody who has so many questions open already.") var maxOpen: Int?
    @Flag(help: "Let those of --workers in who have not joined yet.") var join = false
    @Option(parsing: .unconditional, help: "What a label of those who join costs (1 if left out).") var cost: Double?
    @Option(parsing: .unconditional, help: "The family of those who join: their errors go together; new or known.")
    var family: String?
    @Option(
        name: .customLong("expire-after"), parsing: .unconditional,
        help: "First withdraw questions outstanding for so long: seconds, or 10m, 2h.", transform: LeaseDuration.init)
    var expireAfter: LeaseDuration?

    func validate() throws {
        guard maxOpen ?? 1 > 0 else { throw ValidationError("--max-open must be at least 1.") }
        let names = try nameList(workers, option: "--workers")
        guard Set(names.map(ExactName.init)).count == names.count else {
            throw ValidationError("--workers names somebody twice.")
        }
        guard !join || !names.isEmpty else { throw ValidationError("--join needs --workers: who joins?") }
        guard join || family == nil else { throw ValidationError("--family goes with --join: that of those who join.") }
        if let cost {
            guard join else { throw ValidationError("--cost goes with --join: the price of those who join.") }
            try checkAmount(cost, "--cost")
        }
    }

    func run() throws {
        let live = try session.open()
        let names = try nameList(workers, option: "--workers")
        let prices = Dictionary(
            live.workers.map { (ExactName($0.id), $0.cost) }, uniquingKeysWith: { first, _ in first })
        if let cost, let other = names.first(where: { prices[ExactName($0)].map { $0 != cost } ?? false }) {
            throw CSCError.invalid(
                "worker '\(other)' has joined already, at a price of "
                    + "\(Terminal.amount(prices[ExactName(other)] ?? 0)) a label, which --cost cannot change")
        }
        if let family {
            for name in names where prices[ExactName(name)] != nil { try live.check(name, isIn: family) }
        }
        let strangers = names.filter { prices[ExactName($0)] == nil }
        let newcomers = join ? strangers.map { LabelingWorker(id: $0, cost: cost ?? 1) } : []
        if !join {
            for name in strangers {
                FileOptions.note(
                    "warning: there is no worker '\(name)' in this session"
                        + Spelling.hint(for: name, among: live.workers.lazy.prefix(10_000).map(\.id)))
            }
        }
        // A pipe that nobody reads any more is a failed write, after which the questions are withdrawn.
        signal(SIGPIPE, SIG_IGN)
        let present = names.filter { prices[ExactName($0)] != nil }
        let round = try live.ask(
            workers: names.isEmpty ? nil : present, joining: newcomers, family: family, count: count,
            expiring: expireAfter?.seconds,
            maxOpen: maxOpen, again: !new)
        show(round, newcomers, unknown: join ? [] : strangers, live)
        do { try Output.flush() } catch {
            let unseen = round.asked.dropFirst(round.again).map(\.id)
            try live.withdraw(questions: unseen)
            throw CSCError.invalid(
                "\(error)"
                    + (unseen.isEmpty
                        ? ""
                        : "; \(Terminal.counted(unseen.count, "question")) that nobody has seen "
                            + "\(unseen.count == 1 ? "is" : "are") withdrawn"))
        }
        if round.asked.isEmpty { throw Self.nothing }
    }

    private func show(
        _ round: LabelSession.Round, _ newcomers: [LabelingWorker], unknown: [String], _ live: LabelSession
    ) {
        var reason = round.reason
        if round.asked.count == round.again && !newcomers.isEmpty {
            reason = (reason.map { $0 + "; " } ?? "") + "\(newcomers.map(\.id).joined(separator: ", ")) did not join"
        }
        if session.json {
            print(
                JSON.object([
                    (
                        "questions",
                        .array(round.asked.enumerated().map { $1.jsonValue(again: $0 < round.again) })
                    ),
                    ("expired", .array(round.expired.map { $0.jsonValue() })),
                    ("joined", .array(round.joined.map { .string($0.id) })),
                    ("unknown", .array(unknown.map(JSON.string))),
                    ("code", round.blockReason.map { .string($0.rawValue) } ?? .null),
                    ("reason", reason.map(JSON.string) ?? .null),
                ]).line)
            return
        }
        for question in round.expired { print("expired: task \(question.task), worker \(question.worker)") }
        for worker in round.joined { print("joined: worker \(worker.id), at \(Terminal.amount(worker.cost)) a label") }
        for (index, question) in round.asked.enumerated() {
            let how =
                index < round.again
                ? "again: asked \(Terminal.age(live.age(of: question))) ago"
                : "probability \(Terminal.decimal(question.probability, 4))\(question.exploration ? ", exploration" : "")"
            print("ask \(question.worker) about \(question.task) (\(how))")
        }
        if let reason { print("nothing\(round.asked.isEmpty ? "" : " more") to ask: \(reason)") }
    }
}
