internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli label next`.
struct LabelNext: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "next",
        abstract: "Decide which of the workers who are there now is asked about what.",
        discussion: """
            Prints task, worker and the probability of the draw. Several questions may be outstanding; the price of \
            each is set aside until it is recorded, declined or expired.

            Exit status: 0 if anything is asked, 3 if there is nothing to ask now (the sentence says why; in JSON \
            "reason" is the sentence and "code" one of nobody, budget-spent, budget-set-aside, all-asked, settled), another one \
            for an error. With --join, newcomers have joined if anything is asked, otherwise not.
            """)

    /// The exit status when there is nothing to ask.
    static let nothing = ExitCode(3)

    @OptionGroup var session: SessionOptions
    @Option(help: "Who is there now: names separated by commas; everyone who has joined if left out.")
    var workers = ""
    @Option(help: "How many questions to ask.", transform: Limits.questions.parse) var count = 1
    @Flag(help: "Let those of --workers in who have not joined yet.") var join = false
    @Option(help: "What a label of those who join costs (1 if left out).") var cost: Double?
    @Option(name: .customLong("expire-after"), help: "First withdraw questions outstanding for so many seconds.")
    var expireAfter: Double?

    func validate() throws {
        if let expireAfter, !(expireAfter >= 0) {
            throw ValidationError("--expire-after \(expireAfter) is not a number of seconds from 0 on.")
        }
        let names = try nameList(workers, option: "--workers")
        guard Set(names).count == names.count else { throw ValidationError("--workers names somebody twice.") }
        guard !join || !names.isEmpty else { throw ValidationError("--join needs --workers: who joins?") }
        if let cost {
            guard join else { throw ValidationError("--cost goes with --join: the price of those who join.") }
            try checkAmount(cost, "--cost")
        }
    }

    func run() throws {
        let live = try session.open()
        let names = try nameList(workers, option: "--workers")
        let prices = Dictionary(live.workers.map { ($0.id, $0.cost) }, uniquingKeysWith: { first, _ in first })
        if let cost, let other = names.first(where: { prices[$0].map { $0 != cost } ?? false }) {
            throw CSCError.invalid(
                "worker '\(other)' has joined already, at a price of \(Terminal.amount(prices[other] ?? 0)) a label, "
                    + "which --cost cannot change")
        }
        let newcomers = join ? names.filter { prices[$0] == nil }.map { LabelingWorker(id: $0, cost: cost ?? 1) } : []
        let present = names.filter { name in !newcomers.contains { $0.id == name } }
        let round = try live.ask(
            workers: names.isEmpty ? nil : present, joining: newcomers, count: count, expiring: expireAfter)
        show(round, newcomers: newcomers)
        do { try Output.flush() } catch {
            guard !round.asked.isEmpty else { throw error }
            throw CSCError.invalid(
                "\(error); \(Terminal.counted(round.asked.count, "question")) nobody has seen: "
                    + "'label status \(session.folder) --json' lists what is outstanding")
        }
        if round.asked.isEmpty { throw Self.nothing }
    }

    private func show(_ round: LabelSession.Round, newcomers: [LabelingWorker]) {
        var reason = round.reason
        if round.asked.isEmpty && !newcomers.isEmpty {
            reason? += "; \(newcomers.map(\.id).joined(separator: ", ")) did not join"
        }
        if session.json {
            print(
                JSON.object([
                    ("questions", .array(round.asked.map(\.jsonValue))),
                    ("expired", .array(round.expired.map(\.jsonValue))),
                    ("joined", .array(round.joined.map { .string($0.id) })),
                    ("code", round.hindrance.map { .string($0.rawValue) } ?? .null),
                    ("reason", reason.map(JSON.string) ?? .null),
                ]).line)
            return
        }
        for question in round.expired { print("expired: task \(question.task), worker \(question.worker)") }
        for worker in round.joined { print("joined: worker \(worker.id), at \(Terminal.amount(worker.cost)) a label") }
        for question in round.asked {
            print(
                "ask \(question.worker) about \(question.task) (probability "
                    + "\(Terminal.decimal(question.probability, 4))\(question.exploration ? ", exploration" : ""))")
        }
        if let reason { print("nothing\(round.asked.isEmpty ? "" : " more") to ask: \(reason)") }
    }
}
