internal import Foundation

/// Inference aside: the model is inferred anew on a copy, while questions and answers go on.
///
/// Usually everything is inferred again inside the call that takes the label at which it is due. A program that answers
/// people turns that off (`setRefitsAside`): then a copy of the model is set aside at that label (`begun`), whoever has
/// time infers on it (`Pooled.Refit.run`), and `install` puts the result in place of the model and takes the answers that
/// came meanwhile into account as usual. The state depends on the calls alone, `install` among them, and not on who
/// inferred, where or how fast: whoever keeps the order of calls can follow them.
extension Pooled {
    /// A model to be inferred anew. O(1) to take: arrays are shared.
    package struct Refit: Sendable {
        /// Which of the engine's refits it is, from 1.
        package let number: Int
        var engine: Pooled
        /// The places of the tasks, right for those that nothing happens to until the refit is installed.
        var tournament: Tournament
        /// The mean confidence that it found; nil before `run`, and where no task has a label.
        package private(set) var meanConfidence: Double?

        /// Infers: a function of the engine at the label at which the refit was due. O((labels + K S) kinds + N (C + log N)).
        package mutating func run() {
            engine.inferAnew()
            for task in engine.context.indices { tournament.stage(task, engine.key(task)) }
            tournament.repair(engine.context.indices)
            meanConfidence = engine.meanConfidence
            // Room for the labels to come, so that none of them has to move all the others.
            engine.labelled.reserve(engine.labelled.count + 2 * Self.margin(engine))
        }

        private static func margin(_ engine: Pooled) -> Int {
            Pooled.pause(engine.context.count, engine.labelled.count)
        }
    }

    /// How many refits are over: they took effect or were given up. O(1).
    package var endedRefits: Int { refits - begun.count }

    /// The refit that is due or under way; nil where there is none.
    package var refit: Refit? {
        guard var engine = begun.first else { return nil }
        engine.outstanding = outstanding
        return Refit(number: refits, engine: engine, tournament: tournament, meanConfidence: nil)
    }

    /// How many labels have been taken into account.
    var labelCount: Int { labelled.count + fresh.count }

    /// Whether everything is inferred aside from now on. A refit that is under way is given up where it ends. O(1), or
    /// O(labels).
    package mutating func setRefitsAside(_ isAside: Bool) {
        refitsAside = isAside
        if !refitsAside { giveUpRefit() }
    }

    /// Sets a copy of the model aside, without what inference has no use for. O(1): arrays are shared until they change.
    mutating func beginRefit() {
        var model = self
        (model.begun, model.touched) = ([], [])
        model.pairs = pairs.withoutCells()
        model.tournament = Tournament(order: [])
        (model.ranks, model.outstanding) = ([], [])
        begun = [model]
        touched = []
        refits += 1
    }

    /// Forgets a refit that is under way; what arrived meanwhile stands as it was taken. O(labels since it began), or
    /// O(labels) where it is still being worked on.
    mutating func giveUpRefit() {
        begun = []
        (corrected, touched) = ([], [])
        labelled.append(fresh)
        fresh = CrowdKernels.Labels()
    }

    /// Puts a refit in place of the model and takes what came since it began into account: a program that answers people
    /// waits for that, so nothing here looks at all tasks. O((labels since it began) (C + kinds + log N)).
    /// - Throws: `CSCError.invalid` where it is not the one under way.
    package mutating func install(_ refit: Refit) throws(CSCError) {
        guard !begun.isEmpty, refit.number == refits else { throw .invalid("this refit is not the one under way") }
        let since = fresh, changed = corrected, moved = touched, joined = workerCount - refit.engine.workerCount
        (begun, corrected, touched, fresh) = ([], [], [], CrowdKernels.Labels())
        (labelled, score, prior) = (refit.engine.labelled, refit.engine.score, refit.engine.prior)
        (workforce, temperature) = (refit.engine.workforce, refit.engine.temperature)
        (nextComparison, evidence) = (refit.engine.nextComparison, refit.engine.evidence)
        (other, kin, soft) = (refit.engine.other, refit.engine.kin, refit.engine.soft)
        for _ in 0..<joined {
            workforce.addWorker()
            kin.addWorker()
        }
        for each in changed { exchange(label: each.label, at: each.index) }
        for n in 0..<since.count {
            let worker = Int(since.cell[n]) / contexts
            take(task: Int(since.task[n]), worker: worker, label: Int(since.label[n]))
            workforce.update(worker)
        }
        tournament = refit.tournament
        for task in moved { place(Int(task)) }
    }

    /// Another label in place of one, while everything is inferred aside: the task's posterior takes the new one at
    /// once, by what is known of the worker, whose own posterior follows at the next refit, which is soon. O(C + kinds +
    /// log N), and O(labels) where a refit is under way.
    mutating func correctAside(_ index: Int, task i: Int, label y: Int) {
        if index >= labelled.count {
            let n = index - labelled.count
            var labels = CrowdKernels.Labels()
            swap(&labels, &fresh)
            exchange(label: y, at: n, of: &labels)
            swap(&labels, &fresh)
        } else {
            if !begun.isEmpty { corrected.append(Correction(index: index, label: y)) }
            exchange(label: y, at: index)
        }
        nextRefresh = min(nextRefresh, labelCount + Self.pause(context.count, labelCount) / 10)
        place(i)
    }

    private mutating func exchange(label y: Int, at n: Int) {
        var labels = CrowdKernels.Labels()
        swap(&labels, &labelled)
        exchange(label: y, at: n, of: &labels)
        swap(&labels, &labelled)
    }

    private mutating func exchange(label y: Int, at n: Int, of labels: inout CrowdKernels.Labels) {
        let i = Int(labels.task[n]), message = workforce.message(cell: Int(labels.cell[n]), label: y)
        let power = labels.power.isEmpty ? 1 : labels.power[n]
        for z in 0..<states {
            score[i * states + z] += power * (log(message[z]) - log(labels.message[n * states + z]))
            labels.message[n * states + z] = message[z]
        }
        labels.label[n] = Int32(y)
    }

    /// A label of those that a refit under way has, which was corrected since it began.
    struct Correction: Sendable, Codable {
        let index: Int
        let label: Int
    }
}

/// What a refit found as bytes, to be kept before it takes effect: whoever follows the events then need not infer again.
extension Pooled.Refit {
    /// The result of `run`, without what `Pooled.install` does not take from it; only the same version of the program reads
    /// it. Nil where it cannot be encoded. O(state).
    package var bytes: [UInt8]? {
        var result = engine
        (result.context, result.gold, result.outstanding) = ([], [], [])
        result.pairs = PairStore(segments: [])
        let encoder = StateEncoder()
        do {
            try encoder.encode(SessionImage.revision)
            try encoder.encode(number)
            try encoder.encode(meanConfidence ?? .nan)
            try encoder.encode(result)
            try encoder.encode(tournament)
        } catch { return nil }
        return encoder.bytes
    }

    /// This refit as it was after `run`, by what was kept of it; nil where the bytes are another version's or of another
    /// refit. O(state).
    package func done(by bytes: [UInt8]) -> Pooled.Refit? {
        let decoder = StateDecoder(bytes)
        var done = self
        do {
            guard try decoder.decode(Int.self) == SessionImage.revision, try decoder.decode(Int.self) == number else {
                return nil
            }
            let mean = try decoder.decode(Double.self)
            done.meanConfidence = mean.isNaN ? nil : mean
            done.engine = try decoder.decode(Pooled.self)
            done.tournament = try decoder.decode(Tournament.self)
        } catch { return nil }
        guard decoder.isAtEnd, done.engine.workerCount == engine.workerCount,
            done.engine.labelled.count == engine.labelled.count
        else { return nil }
        return done
    }
}
