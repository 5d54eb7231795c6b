/// Asking, and what comes back.
extension LabelSession {
    // MARK: Workers

    /// Lets a worker in, from now on. The name must be new. O(tasks + contexts * workers).
    /// - Parameters:
    ///   - worker: who joins.
    ///   - family: the family that the worker joins, a new one where there is none of that name; nil: alone.
    /// - Throws: as `join` of several.
    public func join(_ worker: LabelingWorker, family: String? = nil) throws(CSCError) {
        try join([worker], family: family)
    }

    /// Lets workers in, from now on, all or none. Their names must be new. O(newcomers * (tasks + contexts * workers)), and
    /// O(labels) where they join a family.
    /// - Parameters:
    ///   - newcomers: who joins.
    ///   - family: the family that they join, a new one where there is none of that name; nil: each is alone.
    /// - Throws: `CSCError.invalid`, and nobody has joined, where a name is used twice or will not do, a price
    ///   cannot be counted, the family is one of models or the method has no use for families; and what the storage throws.
    public func join(_ newcomers: [LabelingWorker], family: String? = nil) throws(CSCError) {
        try join(members: newcomers.map { ($0, family) })
    }

    /// The same, each into a family of its own choice, nil: alone.
    package func join(members: [(worker: LabelingWorker, family: String?)]) throws(CSCError) {
        try ready()
        try check(newcomers: members.map(\.worker))
        for case let family? in members.map(\.family) { try check(family: family) }
        for (worker, family) in members { try admit(worker, family: family) }
        try write(members.map { .joined(worker: $0.worker.id, cost: $0.worker.cost, family: $0.family) })
    }

    /// Whether all of these can join.
    func check(newcomers: [LabelingWorker], family: String? = nil) throws(CSCError) {
        if let family { try check(family: family) }
        try SessionHead.checkNames(newcomers.map(\.id), "worker")
        for worker in newcomers {
            try checkNoModel(worker.id)
            try LabelBudget.check(worker.cost, "the price of worker '\(worker.id)'")
            if let index = workerIndex.find(worker.id) {
                throw .invalid(
                    "worker '\(worker.id)' has joined already, at a price of \(Terminal.amount(workers[index].cost))")
            }
        }
    }

    /// Whether no model of the session has this name.
    func checkNoModel(_ name: String) throws(CSCError) {
        guard let soft, soft.models.contains(where: { ExactName.same($0, name) }) else { return }
        throw .invalid("'\(name)' is a model of this session, which has its probabilities: it would count twice")
    }

    // MARK: Asking

    /// The next question for one of `workers` (those who are there now), or nil: `reason` says why then. The price of
    /// the answer is set aside from the budget until it is recorded, declined or lapses.
    /// O(workers), and a step of the engine.
    /// - Throws: `CSCError.invalid` for a worker who has not joined, with the nearest name that has.
    public func next(workers names: [String]) throws(CSCError) -> Question? {
        try ask(workers: names, again: false).asked.first
    }

    /// Up to `count` questions for those who are there now, all on the disk in one batch.
    ///
    /// First the questions whose lease has ended lapse, and those that have been outstanding for `expiring` seconds. What a
    /// worker of `names` has not answered yet is given again, with its id. Then new questions are decided, for workers with
    /// fewer than `maxOpen` questions open; where nothing else is left for those who are there, what lapsed is offered
    /// again. Newcomers join if anything new is asked; if not, nobody has joined. O(count x workers).
    /// - Parameters:
    ///   - names: who is there now, newcomers aside; nil for everyone who has joined (nothing is given again then).
    ///   - joining: newcomers, who are there too.
    ///   - family: the family that the newcomers join, a new one where there is none of that name; nil: each is alone.
    ///   - count: the most questions to give, those that are given again included.
    ///   - seconds: questions that have been outstanding so long (s, from 0) lapse first; nil: only ended leases do.
    ///   - maxOpen: how many questions a worker may have open, in this call; the session's own cap holds too.
    ///   - again: whether outstanding questions are given again.
    /// - Throws: `CSCError.invalid`, and nothing is changed, for a worker who has not joined, with the nearest name that
    ///   has, or a newcomer whose name, price or family will not do.
    public func ask(
        workers names: [String]?, joining: [LabelingWorker] = [], family: String? = nil, count: Int = 1,
        expiring seconds: Double? = nil,
        maxOpen: Int? = nil, again: Bool = true
    ) throws(CSCError) -> Round {
        try ready()
        var present: [Int] = []
        if let names {
            for name in names { present.append(try worker(name)) }
        } else {
            present = Array(workers.indices)
        }
        try check(newcomers: joining, family: family)
        var round = Round()
        round.expired = try lapse()
        if let seconds { round.expired += try expire(olderThan: seconds) }
        if again && names != nil { takeUp(present, count, &round) }
        let before = joining.isEmpty ? nil : Saved(self)
        var draft = Draft(before: before, cap: min(maxOpen ?? .max, options.maxOpen ?? .max))
        for worker in joining {
            try admit(worker, family: family)
            present.append(workers.count - 1)
            draft.events.append(.joined(worker: worker.id, cost: worker.cost, family: family))
        }
        try decide(present, count, &round, &draft)
        if round.asked.count < count {
            (round.blockReason, round.reason) = why(
                present, isEveryone: names == nil, cap: draft.cap, sparing: round.asked.count > 0)
        }
        if round.asked.count == round.again {
            draft.before?.restore(self)
            return round
        }
        round.joined = joining
        try write(draft.events)
        return round
    }

    /// What a call of `ask` has decided and not yet written.
    private struct Draft {
        var events: [SessionEvent] = []
        /// The session before newcomers and offers, where there were any.
        var before: Saved?
        let cap: Int
    }

    /// What a call that comes to nothing goes back to. The engine is copied when it changes, so this is for rare cases.
    private struct Saved {
        let engine: (any LabelAssigner)?
        let workers: [LabelingWorker]
        let workerIndex: NameIndex
        let families: [LabelFamily]
        let barred: [Bool]
        let ledger: SessionLedger

        init(_ session: LabelSession) {
            engine = session.engine
            workers = session.workers
            workerIndex = session.workerIndex
            families = session.families
            barred = session.barred
            ledger = session.ledger
        }

        func restore(_ session: LabelSession) {
            session.engine = engine
            session.workers = workers
            session.workerIndex = workerIndex
            session.families = families
            session.barred = barred
            session.ledger = ledger
        }
    }

    /// Gives outstanding questions of those who are there again, the oldest first.
    private func takeUp(_ present: [Int], _ count: Int, _ round: inout Round) {
        let who = Set(present)
        for entry in ledger.open where round.asked.count < count && who.contains(Int(ledger.worker[Int(entry)])) {
            round.asked.append(question(Int(entry)))
            round.again += 1
        }
    }

    /// Decides new questions up to `count`.
    private func decide(_ present: [Int], _ count: Int, _ round: inout Round, _ draft: inout Draft) throws(CSCError) {
        var available = present.filter { !barred[$0] && ledger.openCount[$0] < draft.cap }
        var hasOffered = false
        while round.asked.count < count, !available.isEmpty {
            if let assignment = engine?.next(available: available) {
                let time = clock()
                let entry = ledger.ask(assignment, id: nextNumber + draft.events.count, at: time)
                round.asked.append(question(entry))
                draft.events.append(
                    .asked(
                        task: tasks[assignment.task].id, worker: workers[assignment.worker].id,
                        probability: assignment.probability, exploration: assignment.exploration, at: time))
                if ledger.openCount[assignment.worker] >= draft.cap { available.removeAll { $0 == assignment.worker } }
                continue
            }
            let free = budget.freeMicros
            let lapsed = ledger.lapsedEntries(of: Set(available)).filter {
                LabelBudget.micros(workers[Int(ledger.worker[$0])].cost) <= free
            }
            guard !hasOffered, !lapsed.isEmpty else { return }
            if draft.before == nil && round.asked.count == round.again { draft.before = Saved(self) }
            hasOffered = true
            let time = clock()
            for entry in lapsed {
                try offer(entry)
                draft.events.append(
                    .offered(
                        task: tasks[Int(ledger.task[entry])].id, worker: workers[Int(ledger.worker[entry])].id, at: time
                    ))
            }
        }
    }

    // MARK: Answers

    /// Takes the answer to an outstanding question, or a late one to a question that lapsed if its price is still free. The
    /// same answer again changes nothing. O(step of the engine), and a write to the storage.
    /// - Throws: `CSCError.invalid` where the names are unknown, the worker was not asked, the question was declined or
    ///   lapsed and its price is not free, or another answer was recorded before: the first one stands (`correct` changes
    ///   it).
    @discardableResult
    public func record(task: String, worker: String, label: String) throws(CSCError) -> Recorded {
        try ready()
        let reply: Reply
        do throws(Refusal) { reply = try self.reply(task, worker, label) } catch { throw error.error }
        if reply.outcome == .new { try record([reply]) }
        return reply.outcome
    }

    /// `record`, by the question's id. O(step of the engine), and a write to the storage.
    /// - Throws: as `record(task:worker:label:)`; `CSCError` where no question has this id.
    @discardableResult
    public func record(question id: Int, label: String) throws(CSCError) -> Recorded {
        let (task, worker) = try names(ofQuestion: id)
        return try record(task: task, worker: worker, label: label)
    }

    /// Takes answers that `reply` has found to be new, all in one batch.
    func record(_ replies: [Reply]) throws(CSCError) {
        var events: [SessionEvent] = []
        for reply in replies {
            let time = clock(), entry = reply.entry
            try answer(entry, label: reply.label, at: time)
            events.append(
                .answered(
                    task: tasks[Int(ledger.task[entry])].id, worker: workers[Int(ledger.worker[entry])].id,
                    label: classes[reply.label], at: time))
        }
        try write(events)
    }

    /// Withdraws an outstanding question because the worker will not answer; its price is free again, and this worker is
    /// not asked about this task again. A second time changes nothing.
    /// O(step of the engine), and a write to the storage.
    /// - Throws: `CSCError` where the names are unknown, the worker was not asked, or has answered; and what the
    ///   storage throws.
    @discardableResult
    public func decline(task: String, worker: String) throws(CSCError) -> Recorded {
        try ready()
        let i: Int, j: Int
        do throws(Refusal) { (i, j) = try (index(ofTask: task), index(ofWorker: worker)) } catch {
            throw error.error
        }
        guard let entry = ledger.find(i, j) else { throw .refused(code: "not-asked", reason: notAsked(task, worker)) }
        switch ledger.status(of: entry) {
        case .declined, .expired, .offered: return .known
        case .answered(let label):
            throw .invalid("worker '\(worker)' has answered '\(classes[label])' on task '\(task)' already")
        case .asked: break
        }
        try withdraw(entry, declined: true)
        try write([.declined(task: task, worker: worker, at: clock())])
        return .new
    }

    /// `decline`, by the question's id. O(step of the engine), and a write to the storage.
    /// - Throws: as `decline(task:worker:)`; `CSCError` where no question has this id.
    @discardableResult
    public func decline(question id: Int) throws(CSCError) -> Recorded {
        let (task, worker) = try names(ofQuestion: id)
        return try decline(task: task, worker: worker)
    }

    /// The question of this id; nil where there was none. O(log questions).
    public func question(id: Int) -> Question? { ledger.entry(id: id).map { question($0) } }

    private func names(ofQuestion id: Int) throws(CSCError) -> (task: String, worker: String) {
        guard let entry = ledger.entry(id: id) else {
            throw .refused(code: "unknown-question", reason: "there is no question \(id) in this session")
        }
        return (tasks[Int(ledger.task[entry])].id, workers[Int(ledger.worker[entry])].id)
    }

    // MARK: Lapsing

    /// Withdraws every question whose lease has ended (`Options.lease`); returns them, oldest first. `ask` does it
    /// first; everything that looks at a session of leases calls it. O(questions).
    /// - Throws: what the storage throws.
    @discardableResult
    public func lapse() throws(CSCError) -> [Question] {
        guard let lease = options.lease else { return [] }
        return try expire(olderThan: lease)
    }

    /// Withdraws every question that has been outstanding for at least so many seconds; returns them, oldest first.
    /// Such a worker may be asked again where nothing else is left, and a late answer is taken while its price is free.
    /// O(questions).
    /// - Throws: `CSCError.invalid` where that is no number from 0 on.
    @discardableResult
    public func expire(olderThan seconds: Double) throws(CSCError) -> [Question] {
        guard seconds >= 0 else { throw .invalid("questions cannot expire after \(seconds) seconds") }
        let time = clock()
        return try expire(ledger.open.map { Int($0) }.filter { time - ledger.askedAt[$0] >= seconds })
    }

    /// Withdraws these questions, of those that are outstanding: nobody has seen them. Returns how many.
    /// O(ids log questions).
    /// - Throws: what the storage throws.
    @discardableResult
    public func withdraw(questions ids: [Int]) throws(CSCError) -> Int {
        try expire(ids.compactMap { ledger.entry(id: $0) }.filter { ledger.status(of: $0) == .asked }).count
    }

    private func expire(_ entries: [Int]) throws(CSCError) -> [Question] {
        try ready()
        let time = clock()
        var events: [SessionEvent] = []
        let questions = entries.map { question($0) }
        for (entry, question) in zip(entries, questions) {
            try withdraw(entry, declined: false)
            events.append(.expired(task: question.task, worker: question.worker, at: time))
        }
        try write(events)
        return questions
    }

    // MARK: Parts

    private func worker(_ name: String) throws(CSCError) -> Int {
        do throws(Refusal) { return try index(ofWorker: name) } catch { throw error.error }
    }

    /// A question of the ledger.
    func question(_ entry: Int) -> Question {
        Question(
            id: ledger.number[entry], task: tasks[Int(ledger.task[entry])].id,
            worker: workers[Int(ledger.worker[entry])].id, probability: ledger.probability[entry],
            exploration: ledger.isExploration(entry), askedAt: ledger.askedAt[entry])
    }
}
