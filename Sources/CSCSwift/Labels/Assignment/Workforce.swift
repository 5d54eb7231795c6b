internal import Foundation

/// What is known of every worker in every context: a posterior over kinds, whose prior is learned from all of them.
///
/// A worker is either of one kind in all contexts, with probability `steadiness`, or of an independent kind in each:
/// what is known of a worker elsewhere counts as much as the whole workforce's behaviour says it should. With more than
/// two classes each cell (a worker in a context) has a confusion matrix of its own besides, of which its kind is the
/// prior's mean, `strength` labels of each class strong.
struct Workforce: Sendable, Codable {
    let kinds: WorkerKinds
    let model: CrowdModel
    private(set) var workers: Int
    private(set) var contexts: Int
    /// [worker, context, kind]: the log-likelihood of the worker's answers in the context.
    private(set) var evidence: [Double]
    /// [worker, context, kind].
    private(set) var posterior: [Double]
    /// How common each kind is.
    private(set) var population: [Double]
    private(set) var steadiness = 0.5
    /// [class, label]: how wrong answers are spread, a row's sum being 1 off the diagonal. Learned with more than two
    /// classes.
    private(set) var confusion: [Double]
    /// [worker, context, class, label]: expected numbers of answers; empty where they are not kept.
    private(set) var count: [Double]
    /// [worker, context, class].
    private(set) var row: [Double]
    /// As `evidence`, of answers on tasks whose class is known for certain; empty while there are none.
    private var certain: [Double] = []
    /// With two classes: mean and standard deviation of delta among the workers.
    private(set) var lean = Lean()
    private var shared: [Double]

    /// How many labels of a class the kind's row of the confusion matrix counts.
    static let strength = 30.0
    /// The standard deviation of delta beforehand and how many workers' worth that is, and how many workers' worth the
    /// mean 0 is. The mean's is strong: a leaning that all workers share can hardly be told from the classes' frequencies.
    static let leanDeviation = 0.3, leanWeight = 20.0, meanWeight = 200.0
    /// How many workers' worth the prior over kinds is.
    static let populationWeight = 8.0
    /// No cell keeps a confusion matrix of its own where all of them had more numbers than this.
    static let mostCounts = 50_000_000

    init(classes: Int, workers: Int, contexts: Int, model: CrowdModel = .leaning) {
        kinds = WorkerKinds(classes: classes, levels: model.levels)
        self.model = model
        lean = Lean(deviation: model.leanDeviation ?? Self.leanDeviation)
        self.workers = workers
        self.contexts = contexts
        confusion = [Double](repeating: 1 / Double(classes - 1), count: classes * classes)
        population = kinds.base
        shared = [Double](repeating: 0, count: kinds.count)
        evidence = [Double](repeating: 0, count: workers * contexts * kinds.count)
        posterior = evidence
        let (rows, tooMany) = (workers * contexts).multipliedReportingOverflow(by: classes * classes)
        let keeps = classes > 2 && !tooMany && rows <= Self.mostCounts
        count = keeps ? [Double](repeating: 0, count: rows) : []
        row = keeps ? [Double](repeating: 0, count: workers * contexts * classes) : []
        setPopulation(theta: kinds.base)
        for worker in 0..<workers { update(worker) }
    }

    func cell(worker: Int, context: Int) -> Int { worker * contexts + context }

    /// A worker of whom nothing is known. O(S (kinds + C^2)).
    mutating func addWorker() {
        workers += 1
        evidence.append(contentsOf: repeatElement(0, count: contexts * kinds.count))
        posterior.append(contentsOf: repeatElement(0, count: contexts * kinds.count))
        if !certain.isEmpty { certain.append(contentsOf: repeatElement(0, count: contexts * kinds.count)) }
        if !count.isEmpty {
            count.append(contentsOf: repeatElement(0, count: contexts * kinds.classes * kinds.classes))
            row.append(contentsOf: repeatElement(0, count: contexts * kinds.classes))
        }
        update(workers - 1)
    }

    /// Mean and standard deviation of delta among the workers.
    struct Lean: Sendable, Codable {
        var mean = 0.0
        var deviation = Workforce.leanDeviation
    }

    /// The number of a cell once there are `more` contexts.
    func cellAfterAdding(_ more: Int, worker: Int, context: Int) -> Int { worker * (contexts + more) + context }

    /// Contexts of which nothing is known, after the others. O(K S (kinds + C^2)).
    mutating func addContexts(_ more: Int) {
        guard more > 0 else { return }
        let before = contexts, classes = kinds.classes
        func widened(_ values: [Double], _ width: Int) -> [Double] {
            guard !values.isEmpty else { return values }
            var wide = [Double](repeating: 0, count: workers * (before + more) * width)
            for worker in 0..<workers {
                for k in 0..<before * width {
                    wide[worker * (before + more) * width + k] = values[worker * before * width + k]
                }
            }
            return wide
        }
        evidence = widened(evidence, kinds.count)
        posterior = widened(posterior, kinds.count)
        certain = widened(certain, kinds.count)
        count = widened(count, classes * classes)
        row = widened(row, classes)
        contexts += more
        for worker in 0..<workers { update(worker) }
    }

    // MARK: Labels

    /// Takes the labels' messages from the tasks in place of all that was known: evidence, counts, population and
    /// posteriors. O(labels (C + kinds) + K S kinds).
    mutating func take(_ labels: inout CrowdKernels.Labels, score: [Double], gold: [Int32]) {
        var sums = emptySums(counting: !count.isEmpty)
        CrowdKernels.gather(
            &labels, into: &sums, score: score, confusion: confusion, tables: kinds.tables, gold: gold)
        evidence = logs(sums)
        count = sums.count
        sumRows()
        learnConfusion(sums.spread)
        certain = []
        let known = labels.task.indices.filter { gold[Int(labels.task[$0])] >= 0 }
        if !known.isEmpty {
            var some = CrowdKernels.Labels(
                task: known.map { labels.task[$0] }, cell: known.map { labels.cell[$0] },
                label: known.map { labels.label[$0] },
                message: known.flatMap { labels.message[$0 * kinds.tables.states..<($0 + 1) * kinds.tables.states] },
                cavity: [Double](repeating: 0, count: known.count * kinds.tables.states))
            var sums = emptySums(counting: false)
            CrowdKernels.gather(
                &some, into: &sums, score: score, confusion: confusion, tables: kinds.tables, gold: gold)
            certain = logs(sums)
        }
        learn()
    }

    /// The new messages to the tasks, each without its own label's say, added to `score`. O(labels (C + kinds)).
    func send(_ labels: inout CrowdKernels.Labels, to score: inout [Double]) {
        CrowdKernels.send(
            &labels, to: &score, posterior: posterior, count: count, row: row, strength: Self.strength,
            confusion: confusion, tables: kinds.tables)
    }

    /// What one more label of a cell would say of a task's state, P(label | state), as things stand.
    /// O(levels (C + kinds)).
    func message(cell: Int, label: Int) -> [Double] {
        let n = kinds.count, classes = kinds.classes
        var message: [Double] = []
        for at in (0..<kinds.tables.levels).map({ ($0 * classes + label) * n }) {
            var own = 0.0, other = 0.0, add = 0.0
            for k in 0..<n {
                let weight = posterior[cell * n + k]
                own += weight * kinds.tables.own[at + k]
                other += weight * kinds.tables.other[at + k]
                add += weight * kinds.tables.add[at + k]
            }
            for z in 0..<classes {
                var mean = z == label ? own : other * confusion[z * classes + label] + add
                if !count.isEmpty {
                    let seen = count[(cell * classes + z) * classes + label]
                    mean = (seen + Self.strength * mean) / (row[cell * classes + z] + Self.strength)
                }
                message.append(max(mean, 1e-12))
            }
        }
        return message
    }

    /// Counts a label that arrived after `take`: `belief` is the states' probabilities without it, `message` what it
    /// said of them. O(levels (C + kinds)).
    mutating func add(cell: Int, label: Int, belief: [Double], message: [Double], isGold: Bool) {
        let n = kinds.count, classes = kinds.classes
        var likelihood = [Double](repeating: 0, count: n)
        for level in 0..<kinds.tables.levels {
            var spread = 0.0, rest = 0.0
            for z in 0..<classes where z != label {
                spread += belief[level * classes + z] * confusion[z * classes + label]
                rest += belief[level * classes + z]
            }
            let own = belief[level * classes + label]
            for k in 0..<n {
                let at = (level * classes + label) * n + k
                likelihood[k] +=
                    own * kinds.tables.own[at] + spread * kinds.tables.other[at] + rest * kinds.tables.add[at]
            }
        }
        if isGold && certain.isEmpty { certain = [Double](repeating: 0, count: evidence.count) }
        for k in 0..<n {
            let told = log(likelihood[k])
            evidence[cell * n + k] += told
            if isGold { certain[cell * n + k] += told }
        }
        guard !count.isEmpty else { return }
        let sum = (0..<classes).reduce(0) { $0 + belief[$1] * message[$1] }
        for z in 0..<classes {
            let share = belief[z] * message[z] / sum
            count[(cell * classes + z) * classes + label] += share
            row[cell * classes + z] += share
        }
    }

    private func emptySums(counting: Bool) -> CrowdKernels.Sums {
        let cells = workers * contexts, classes = kinds.classes
        return CrowdKernels.Sums(
            evidence: [Double](repeating: 1, count: cells * kinds.count), scale: [Double](repeating: 0, count: cells),
            count: counting ? [Double](repeating: 0, count: cells * classes * classes) : [],
            spread: [Double](repeating: 0, count: classes * classes))
    }

    private func logs(_ sums: CrowdKernels.Sums) -> [Double] {
        var out = sums.evidence
        for cell in sums.scale.indices {
            for k in cell * kinds.count..<(cell + 1) * kinds.count { out[k] = log(out[k]) + sums.scale[cell] }
        }
        return out
    }

    private mutating func sumRows() {
        guard !count.isEmpty else { return }
        let classes = kinds.classes
        for at in row.indices {
            var sum = 0.0
            for y in at * classes..<(at + 1) * classes { sum += count[y] }
            row[at] = sum
        }
    }

    /// How wrong answers are spread, four of each beforehand.
    private mutating func learnConfusion(_ spread: [Double]) {
        let classes = kinds.classes
        guard classes > 2, !count.isEmpty else { return }
        for z in 0..<classes {
            var total = 0.0
            for y in 0..<classes where y != z { total += spread[z * classes + y] + 4 }
            for y in 0..<classes { confusion[z * classes + y] = y == z ? 0 : (spread[z * classes + y] + 4) / total }
        }
    }

    // MARK: Workers

    /// Brings a worker's posteriors up to the evidence; the probability that the worker is steady. O(S kinds).
    @discardableResult
    mutating func update(_ worker: Int) -> Double {
        let n = kinds.count
        var apart = 0.0
        for s in 0..<contexts { apart += normalise(row: (worker * contexts + s) * n) }
        guard contexts > 1 else { return 0 }
        var top = -Double.infinity
        for k in 0..<n {
            var sum = 0.0
            for s in 0..<contexts { sum += evidence[(worker * contexts + s) * n + k] }
            shared[k] = sum
            top = max(top, sum)
        }
        var total = 0.0
        for k in 0..<n {
            shared[k] = population[k] * exp(shared[k] - top)
            total += shared[k]
        }
        let together = log(total) + top + log(steadiness)
        let steady = 1 / (1 + exp(apart + log(1 - steadiness) - together))
        for s in 0..<contexts {
            let row = (worker * contexts + s) * n
            for k in 0..<n { posterior[row + k] = steady * shared[k] / total + (1 - steady) * posterior[row + k] }
        }
        return steady
    }

    /// The posterior of one cell by itself; its log marginal likelihood.
    private mutating func normalise(row: Int) -> Double {
        var top = -Double.infinity, total = 0.0
        for k in 0..<kinds.count { top = max(top, evidence[row + k]) }
        for k in 0..<kinds.count {
            posterior[row + k] = population[k] * exp(evidence[row + k] - top)
            total += posterior[row + k]
        }
        for k in 0..<kinds.count { posterior[row + k] /= total }
        return log(total) + top
    }

    /// Updates everyone, then the population, by empirical Bayes. With two classes how common each theta is, and mean
    /// and deviation of delta, which all share: free weights of every kind would let a context of nearly one class
    /// explain itself away. O(K S kinds).
    private mutating func learn() {
        var steady = 1.0
        for worker in 0..<workers { steady += update(worker) }
        steadiness = steady / Double(workers + 2)
        let classes = kinds.classes
        var sums = kinds.base.map { Self.populationWeight * $0 }
        guard classes == 2 else {
            for at in posterior.indices { sums[at % kinds.count] += posterior[at] }
            let total = sums.reduce(0, +)
            population = sums.map { $0 / total }
            return
        }
        var byDelta = [Double](repeating: 0, count: WorkerKinds.deltas.count)
        for cell in 0..<workers * contexts {
            for k in 0..<kinds.count {
                sums[kinds.theta[k]] += posterior[cell * kinds.count + k]
                byDelta[kinds.delta[k]] += posterior[cell * kinds.count + k]
            }
        }
        let total = byDelta.reduce(0, +)
        let mean = zip(byDelta, WorkerKinds.deltas).reduce(0) { $0 + $1.0 * $1.1 } / (total + Self.meanWeight)
        let squares = zip(byDelta, WorkerKinds.deltas).reduce(0) { $0 + $1.0 * ($1.1 - mean) * ($1.1 - mean) }
        let prior = Self.leanWeight * Self.leanDeviation * Self.leanDeviation
        if model.leanDeviation == nil {
            lean = Lean(mean: mean, deviation: max(0.1, ((squares + prior) / (total + Self.leanWeight)).squareRoot()))
        }
        let all = sums.reduce(0, +)
        setPopulation(theta: sums.map { $0 / all })
    }

    /// With two classes: the weight of each kind is its theta's times a normal density of delta, one in 25 workers'
    /// delta being anything.
    private mutating func setPopulation(theta: [Double]) {
        guard kinds.classes == 2 else {
            population = theta
            return
        }
        let density = WorkerKinds.deltas.map { exp(-0.5 * pow(($0 - lean.mean) / lean.deviation, 2)) }
        let total = density.reduce(0, +)
        let delta = density.map { 0.96 * $0 / total + 0.04 / Double(density.count) }
        population = kinds.theta.indices.map { theta[kinds.theta[$0]] * delta[kinds.delta[$0]] }
    }

    /// Forgets what was learned of the population.
    mutating func resetPopulation() {
        lean = Lean(deviation: model.leanDeviation ?? Self.leanDeviation)
        setPopulation(theta: kinds.base)
    }

    /// What has been found out about the workers, in a sentence: how good they are, how far they differ, how many lean to
    /// a class, and whether a worker is the same in all contexts.
    var findings: String {
        let n = kinds.count
        var means: [Double] = []
        for worker in 0..<workers {
            for s in 0..<contexts {
                let row = (worker * contexts + s) * n
                means.append((0..<n).reduce(0) { $0 + posterior[row + $1] * accuracy(of: $1) })
            }
        }
        let mean = means.reduce(0, +) / Double(max(1, means.count))
        let spread = (means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, means.count))).squareRoot()
        var text =
            "workers right \(Terminal.decimal(mean, 2)) of the time in the mean, "
            + (spread < 0.03
                ? "hardly differing" : "differing by \(Terminal.decimal(spread, 2)) (standard deviation)")
        if kinds.classes == 2 {
            if lean.deviation > 0.45 { text += "; many lean to a class" }
        } else {
            let blind = (WorkerKinds.accuracies.count..<n).reduce(0) { $0 + population[$1] }
            if blind > 0.05 { text += "; \(Terminal.decimal(100 * blind, 0)) % answer blindly" }
        }
        if contexts > 1 {
            text += "; the same in all contexts: \(Terminal.decimal(100 * steadiness, 0)) %"
        }
        return text
    }

    /// The mean over classes of a kind's probability of being right, on tasks of the least difficult level.
    private func accuracy(of kind: Int) -> Double {
        let easy = (kinds.tables.levels - 1) * kinds.classes
        let sum = (0..<kinds.classes).reduce(0) { $0 + kinds.tables.own[(easy + $1) * kinds.count + kind] }
        return sum / Double(kinds.classes)
    }

    /// How common each kind is before any label, whoever leans whichever way.
    var beforehand: [Double] {
        var fresh = self
        fresh.resetPopulation()
        return fresh.population
    }

    /// The likelihood of the answers of a cell's kind under its mirror image where the classes change names: the answers
    /// on gold tasks must be explained by the mirrored kind itself.
    func mirrored(_ kind: Int, _ mirror: Int, _ likelihood: Double, _ top: Double) -> Double {
        certain.isEmpty
            ? likelihood : exp(min(700, evidence[kind] - top + certain[mirror] - certain[kind]))
    }

    /// A kind drawn from the posterior of a cell. O(kinds).
    func sample(worker: Int, context: Int, uniform: Double) -> Int {
        let row = (worker * contexts + context) * kinds.count
        var left = uniform, k = 0
        while k < kinds.count - 1 {
            left -= posterior[row + k]
            if left <= 0 { break }
            k += 1
        }
        return k
    }
}
