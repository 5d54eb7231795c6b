internal import Foundation

/// Bayesian assignment with a hierarchical model of the workers; commands call it `pooled` or `bayes`.
///
/// Each task has a posterior over its class, each worker in each context a posterior over kinds of worker whose prior
/// is learned from everyone (`Workforce`). Both are brought together by belief propagation ([Liu12]: an answer's weight
/// comes from the worker's other answers only, so that nobody confirms himself), and every answer counts again as more
/// becomes known of who gave it.
///
/// Workers may be good in one context and not in another, lean to a class (two classes: sensitivity and specificity
/// apart; more: a confusion matrix per cell under the kind's), answer blindly, or lie; wrong answers fall on some
/// classes more than on others. How much of each there is, is learned; where people do not differ the posteriors are
/// narrow and the method is a vote with the right number of votes. With two classes there are
/// two models of tasks and workers (`CrowdModel`): the simple one asks, and the posteriors that are reported are those of
/// both. Workers who answer alike more often than their accuracies explain count as one voice on a task.
///
/// After a calibration, in which everyone labels a few tasks of each context, each step takes the task whose two best
/// classes are closest (uncertainty sampling) and, by Thompson sampling, the worker whose answer would tell most about
/// it: a kind is drawn from each worker's posterior, and the mutual information between the class and an answer of that
/// kind decides. So a task gets as many labels as it takes, from workers who are good in its context.
///
/// With two classes the answers of a context fit a mirrored truth as well, with experts as liars; the prior over kinds
/// decides between the two after each refresh.
///
/// Where labels have prices the worker is the one who tells most per unit of price. Tasks whose class an expert knows
/// (gold) are not asked about after the calibration, which prefers them; answers on them show the workers as they are
/// and tell the truth from its mirror. Workers may join, leave and decline; several answers may be outstanding: a task
/// with assignments outstanding comes after all those with fewer.
///
/// A step costs O((K + C) kinds), a refresh every max(N, labels) / 20 labels O((labels + K S) kinds + N C), and the models are
/// compared whenever the labels are a quarter more. `next` ends
/// when the budget is spent, every pair is asked, or every task is as certain as `stopAt` wants.
public struct Pooled: LabelAssigner {
    /// What the engine was started with; workers who join later are not in it.
    public let options: Options
    /// N: how many tasks there are.
    public var taskCount: Int { context.count }
    /// K: how many workers there are, those who have left included; `addWorker` raises it.
    public private(set) var workerCount: Int
    /// C: how many classes there are.
    public let classCount: Int
    /// What is spent, committed and free.
    public internal(set) var budget: LabelBudget

    var context: [Int]
    var contexts: Int
    var workforce: Workforce
    var pairs: PairStore
    /// Each task's class as an expert knows it, -1 where none does.
    var gold: [Int32]
    /// What models say of the tasks; nil: nothing.
    var soft: SoftVoices?
    /// The answers in the order of their arrival, a cell being a worker in a context.
    var labelled = CrowdKernels.Labels()
    /// Those that came since a refit began, after the others; empty while none is under way.
    var fresh = CrowdKernels.Labels()
    /// Whether everything is inferred aside (`setRefitsAside`), how often that has begun, and the model as it was when the
    /// one under way did, if one is.
    var refitsAside = false
    var refits = 0
    var begun: [Pooled] = []
    /// What was corrected since then, and the tasks whose places in the tournament may have changed, any number of times.
    var corrected: [Correction] = []
    var touched: [Int32] = []
    /// [task, state], a state being a level of difficulty and a class (`CrowdModel`): log posterior, up to a constant a
    /// task; gold tasks are read off `gold`.
    var score: [Double]
    /// Workers whose errors go together: those that are known beforehand, and with those that were found (`AlikeWorkers`).
    /// Without any such, no work is done for them.
    var families: WorkerFamilies
    var kin: WorkerFamilies
    /// What log posteriors are divided by where they are reported (`calibrated`).
    var temperature = 1.0
    /// [context, state]: log prior by the classes' frequencies and the levels' shares.
    var prior: [Double]
    var tournament: Tournament
    /// What breaks ties between tasks: a random order.
    var ranks: [Int32]
    var calibration: Exploration
    var outstanding: [Int32]
    private var skipped: [Int] = []
    /// Who may be asked about each task; empty where everyone may.
    var eligible: [[Int32]] = []
    // Workers.
    private(set) var costs: [Int]
    private var present: [UInt8]
    private var allowed: [UInt8]
    /// The step at which each worker was last found to have been asked about the chosen task.
    private var asked: [Int]
    private var step = 0
    let closed: Double
    var nextRefresh: Int
    /// Whether there are two models; studies begun by older programs have `CrowdModel.leaning` alone.
    private(set) var comparesModels: Bool
    /// At how many labels the models are compared again.
    var nextComparison: Int
    /// What the other model says.
    var other = OtherModel()
    /// The mean log-probability of a held-out label under the model, by the last refresh.
    var evidence = -Double.infinity
    var stream: RandomStream

    /// O(N C + K S kinds).
    /// - Parameters:
    ///   - taskContexts: the context of each task, 0-based.
    ///   - workers: K >= 1.
    ///   - classes: C >= 2.
    ///   - options: the defaults will do.
    ///   - soft: what models say of the tasks: one more worker each, who has answered everything, at weights that are
    ///     learnt (`SoftVoices`).
    public init(
        taskContexts: [Int], workers: Int, classes: Int = 2, options: Options = Options(), soft: SoftLabels? = nil
    ) {
        precondition(workers >= 1 && classes >= 2, "Pooled: \(workers) workers, \(classes) classes")
        precondition(options.calibrate ?? 0 >= 0, "Pooled: calibrate \(options.calibrate!) is negative")
        precondition(taskContexts.allSatisfy { $0 >= 0 }, "Pooled: a task has a negative context")
        precondition(options.stopAt > 0.5 && options.stopAt <= 1, "Pooled: stopAt \(options.stopAt) is not in (0.5, 1]")
        precondition(
            options.workerCosts.map { $0.count == workers } ?? true,
            "Pooled: \(options.workerCosts?.count ?? 0) costs for \(workers) workers")
        precondition(
            options.gold.allSatisfy { taskContexts.indices.contains($0.key) && (0..<classes).contains($0.value) },
            "Pooled: a gold label is of a task or class that does not exist")
        self.options = options
        workerCount = workers
        classCount = classes
        budget = LabelBudget(limit: options.budget)
        context = taskContexts
        let tasks = taskContexts.count
        contexts = (taskContexts.max() ?? 0) + 1
        families = WorkerFamilies(options.families ?? [], workers: workers)
        kin = families
        workforce = Workforce(classes: classes, workers: workers, contexts: contexts)
        pairs = PairStore(segments: [tasks])
        precondition(
            soft.map { $0.taskCount == taskContexts.count && $0.classCount == classes } ?? true,
            "Pooled: soft labels of \(soft?.taskCount ?? 0) tasks and \(soft?.classCount ?? 0) classes")
        self.soft = soft.map { SoftVoices($0, contexts: taskContexts) }
        score = [Double](repeating: 0, count: tasks * classes)
        prior = [Double](repeating: 0, count: contexts * classes)
        gold = [Int32](repeating: -1, count: tasks)
        for (task, known) in options.gold { gold[task] = Int32(known) }
        outstanding = [Int32](repeating: 0, count: tasks)
        costs = options.workerCosts?.map(LabelBudget.micros) ?? [Int](repeating: LabelBudget.micros(1), count: workers)
        present = [UInt8](repeating: 1, count: workers)
        allowed = present
        asked = [Int](repeating: -1, count: workers)
        closed = options.stopAt < 1 ? log(options.stopAt / (1 - options.stopAt)) : .infinity
        nextRefresh = Self.pause(tasks, 0)
        comparesModels = classes == 2
        nextComparison = max(40, tasks)
        stream = RandomStream(seed: options.seed, purpose: .labelAssignment)
        var members = [[Int32]](repeating: [], count: contexts)
        var isKnown = [Bool](repeating: false, count: contexts)
        for task in options.gold.keys { isKnown[taskContexts[task]] = true }
        for (task, s) in taskContexts.enumerated() where !isKnown[s] || gold[task] >= 0 {
            members[s].append(Int32(task))  // where there is gold, it is what everyone labels first
        }
        let few = contexts == 1 && options.gold.isEmpty ? 0 : min(2, tasks / (contexts * workers))
        let each = options.calibrate ?? few
        calibration = Exploration(
            contexts: members, each: each, workers: workers, classes: classes, stream: &stream)
        var order = (0..<Int32(tasks)).map { $0 }
        stream.shuffle(&order)
        ranks = order
        tournament = Tournament(order: order)
        if self.soft != nil {
            prior = firstPrior
            score = freshScore
        }
        for task in 0..<tasks { tournament.stage(task, key(task)) }
        tournament.repair(0..<tasks)
    }

    /// As studies of the first version are: one model, and nobody is looked for who answers like another. To be called
    /// before any label.
    func ofFirstVersion() -> Pooled {
        var first = self
        first.comparesModels = false
        return first
    }

    /// See `SequentialAssigner`. The calibration passes over pairs that are not eligible. O(N).
    public mutating func restrict(to eligible: [[Int32]]) {
        precondition(eligible.count == context.count, "Pooled: \(eligible.count) lists for \(context.count) tasks")
        self.eligible = eligible
        reorder()
    }

    // MARK: Deciding

    /// The next pair: the calibration's while any is left for those allowed, then the task whose two best classes are
    /// closest, with the worker, by Thompson sampling, whose answer tells most for its price; `nil` if nobody can be
    /// asked now or every task has all its labels or is certain. The probability is 1 in all cases: that of a Thompson
    /// draw is not computed. O((K + C) kinds), again as much for each task met for which nobody is left.
    public mutating func next(available: [Int]?) -> Assignment? {
        guard allow(available) else { return nil }
        while let pair = calibration.next(allowed: allowed) {
            guard eligible.isEmpty || eligible[pair.task].contains(Int32(pair.worker)) else { continue }
            let found = Assignment(task: pair.task, worker: pair.worker, probability: 1, exploration: true)
            take(found)
            return found
        }
        var found: Assignment?
        while found == nil, let chosen = tournament.least {
            if let worker = mostTelling(about: chosen) {
                found = Assignment(task: chosen, worker: worker, probability: 1)
                take(found!)
            } else {  // nobody of those allowed is left for this task: aside, for this call
                tournament.set(chosen, .infinity)
                skipped.append(chosen)
            }
        }
        while let task = skipped.popLast() { tournament.set(task, key(task)) }
        return found
    }

    /// Follows a decision made earlier (a journal) instead of making one. O(pairs of the task + log N).
    /// - Throws: `CSCError.invalid` where it cannot follow from the state: a pair that does not exist or was asked
    ///   already, a price that is not free, a pair that is not the worker's next in the calibration.
    public mutating func apply(_ assignment: Assignment) throws(CSCError) {
        let task = assignment.task, worker = assignment.worker
        guard context.indices.contains(task), (0..<workerCount).contains(worker),
            pairs.find(task, worker: worker) == nil, costs[worker] <= budget.freeMicros,
            !assignment.exploration || calibration.contains(task)
        else { throw .invalid("assigning task \(task) to worker \(worker) does not follow from what went before") }
        if assignment.exploration {
            guard calibration.follow(task: task, worker: worker) else {
                throw .invalid("task \(task) is not worker \(worker)'s next in the calibration")
            }
        } else {
            step += 1
            stream.skip(draws(task))
        }
        take(assignment)
    }

    /// Who may be asked in this call: those available, present and affordable. False if nobody. O(K).
    private mutating func allow(_ available: [Int]?) -> Bool {
        let free = budget.freeMicros
        if let available {
            for worker in 0..<workerCount { allowed[worker] = 0 }
            for worker in available {
                precondition(worker >= 0 && worker < workerCount, "Pooled: worker \(worker) of \(workerCount)")
                allowed[worker] = costs[worker] <= free ? present[worker] : 0
            }
        } else {
            for worker in 0..<workerCount { allowed[worker] = costs[worker] <= free ? present[worker] : 0 }
        }
        return allowed.contains(1)
    }

    /// Two draws for everyone who has not been asked, allowed or not: a journal can tell how many were made.
    private func draws(_ task: Int) -> UInt64 { UInt64(2 * (workerCount - Int(pairs.count[task]))) }

    /// Of those allowed who have not been asked, the one whose answer, of a kind drawn from the worker's posterior,
    /// tells most per price; nil if there is none.
    private mutating func mostTelling(about chosen: Int) -> Int? {
        step += 1
        for k in pairs.pairs(of: chosen) { asked[pairs.pair(chosen, k).worker] = step }
        let everyone = eligible.isEmpty
        let candidates = everyone ? workerCount : eligible[chosen].count
        let candidate = { [eligible] (k: Int) in everyone ? k : Int(eligible[chosen][k]) }
        guard (0..<candidates).contains(where: { asked[candidate($0)] != step && allowed[candidate($0)] != 0 }) else {
            step -= 1
            for k in pairs.pairs(of: chosen) { asked[pairs.pair(chosen, k).worker] = -1 }
            return nil
        }
        let heard = kin.isEmpty ? [] : pairs.pairs(of: chosen).map { pairs.pair(chosen, $0).worker }
        let gains = workforce.kinds.information(probabilities(of: chosen))
        var best = -1, most = -Double.infinity
        for k in 0..<candidates {
            let candidate = candidate(k)
            guard asked[candidate] != step else { continue }
            let kind = workforce.sample(worker: candidate, context: context[chosen], uniform: stream.unit())
            let gain = gains[kind] * (1 + 1e-6 * stream.unit()) * kin.newness(of: candidate, beside: heard)
            guard allowed[candidate] != 0 else { continue }
            let worth = gain / (Double(max(1, costs[candidate])) / Double(LabelBudget.micros(1)))
            if worth > most { (best, most) = (candidate, worth) }
        }
        return best
    }

    mutating func take(_ assignment: Assignment) {
        budget.commit(costs[assignment.worker])
        outstanding[assignment.task] += 1
        pairs.append(assignment.task, worker: assignment.worker, label: PairStore.pending, probability: 1)
        place(assignment.task)
    }

    /// The posterior of a task's class. O(C).
    public func probabilities(of task: Int) -> [Double] {
        if gold[task] >= 0 { return (0..<Int32(classCount)).map { $0 == gold[task] ? 1 : 0 } }
        return classes(of: softmax(task: task))
    }

    /// What the tournament minimises: the log odds between a task's two best classes, after the number of outstanding
    /// assignments. O(C).
    func key(_ task: Int) -> Double {
        let room = eligible.isEmpty ? workerCount : eligible[task].count
        guard Int(pairs.count[task]) < room, gold[task] < 0 else { return .infinity }
        guard !isCertain(task) else { return .infinity }
        return lead(task) + 1e6 * Double(outstanding[task])
    }

    mutating func reorder() {
        for task in context.indices { tournament.stage(task, key(task)) }
        tournament.repair(context.indices)
        if !begun.isEmpty { touched = context.indices.map(Int32.init) }
    }

    /// Gives a task its place in the tournament. O(log N + levels C).
    mutating func place(_ task: Int) {
        tournament.set(task, key(task))
        if !begun.isEmpty { touched.append(Int32(task)) }
    }

    // MARK: Learning

    /// Takes the answer to a pair that `next` gave. O(K + S kinds + log N), and at a refresh
    /// O((labels + K S) kinds + N C).
    /// - Throws: `CSCError.invalid` if the pair has no answer to come or the label is not a class.
    public mutating func record(task i: Int, worker j: Int, label y: Int) throws(CSCError) {
        let index = try pending(task: i, worker: j)
        guard (0..<classCount).contains(y) else { throw .invalid("label \(y) is not a class: 0 ..< \(classCount)") }
        pairs.setLabel(Int32(y), i, index)
        budget.spend(costs[j])
        outstanding[i] -= 1
        learn(task: i, worker: j, label: y, isAnswer: true)
    }

    /// Whether nothing more can be asked for: nobody's price is free, and no answer is to come. O(K).
    var isSpent: Bool { budget.committed == 0 && !costs.contains { $0 <= budget.freeMicros } }

    /// After how many more labels everything is inferred again.
    static func pause(_ tasks: Int, _ labels: Int) -> Int { max(10, tasks / 20, labels / 20) }

    /// Takes an answer that stands in `pairs` already into account, but for the worker's posterior.
    mutating func take(task i: Int, worker j: Int, label y: Int) {
        let cell = workforce.cell(worker: j, context: context[i])
        let (belief, power) = without(kinOf: j, task: i)
        let message = workforce.message(cell: cell, label: y)
        let share = kin.isEmpty ? nil : power
        if begun.isEmpty {
            labelled.append(task: i, cell: cell, label: y, message: message, cavity: belief, power: share)
        } else {
            fresh.append(task: i, cell: cell, label: y, message: message, cavity: belief, power: share)
        }
        for z in 0..<states { score[i * states + z] += power * log(message[z]) }
        if !other.logOdds.isEmpty { other.logOdds[i] += power * (log(message[1]) - log(message[0])) / temperature }
        workforce.add(cell: cell, label: y, belief: belief, message: message, isGold: gold[i] >= 0)
    }

    /// Takes an answer that stands in `pairs` already into account; everything is inferred again now and then, and at the
    /// last answer that the budget allows.
    mutating func learn(task i: Int, worker j: Int, label y: Int, isAnswer: Bool = false) {
        take(task: i, worker: j, label: y)
        workforce.update(j)
        let isLast = isAnswer && comparesModels && isSpent
        if refitsAside {
            place(i)
            guard labelCount >= nextRefresh || isLast, begun.isEmpty else { return }
            nextRefresh = labelCount + Self.pause(context.count, labelCount)
            if isLast { nextComparison = 0 }
            beginRefit()
        } else if labelled.count >= nextRefresh || isLast {
            nextRefresh = labelled.count + Self.pause(context.count, labelled.count)
            if isLast { nextComparison = 0 }
            inferAnew()
            reorder()
        } else {
            place(i)
        }
    }

    /// Withdraws an outstanding pair: its price is free again, and this worker is not asked about this task again.
    /// O(log N).
    /// - Throws: `CSCError.invalid` if the pair is not outstanding.
    public mutating func decline(task: Int, worker: Int) throws(CSCError) {
        let index = try pending(task: task, worker: worker)
        pairs.setLabel(PairStore.declined, task, index)
        budget.release(costs[worker])
        outstanding[task] -= 1
        place(task)
    }

    private func pending(task: Int, worker: Int) throws(CSCError) -> Int {
        guard context.indices.contains(task), (0..<workerCount).contains(worker),
            let index = pairs.find(task, worker: worker), pairs.pair(task, index).label == PairStore.pending
        else { throw .invalid("task \(task) is not outstanding with worker \(worker)") }
        return index
    }

    // MARK: Workers who come and go

    /// A new worker, present at once, of whom nothing is known but what the workforce is like; takes no part in the
    /// calibration. O(N + S kinds).
    public mutating func addWorker(cost: Double = 1) -> Int {
        let worker = workerCount
        workerCount += 1
        costs.append(LabelBudget.micros(cost))
        present.append(1)
        allowed.append(1)
        asked.append(-1)
        workforce.addWorker()
        families.addWorker()
        kin.addWorker()
        calibration.addWorker()
        // Tasks that everyone had been asked about are open again.
        for task in context.indices where Int(pairs.count[task]) == worker { place(task) }
        return worker
    }

    /// Lets a worker leave or come back; the labels already given keep their say. O(1).
    /// - Precondition: the worker exists.
    public mutating func setPresent(_ isPresent: Bool, worker: Int) {
        precondition(worker >= 0 && worker < workerCount, "Pooled: worker \(worker) of \(workerCount)")
        present[worker] = isPresent ? 1 : 0
    }
}
