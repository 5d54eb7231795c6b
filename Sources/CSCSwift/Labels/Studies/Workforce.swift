internal import Foundation

/// The kinds of worker that `Pooled` reckons with: how likely each answer is, given the truth.
///
/// The even kinds have one accuracy for all classes. With two classes there may also be kinds with an accuracy a class,
/// on a grid. A wrong answer is uniform over the other classes.
struct WorkerKinds: Sendable {
    let count: Int
    let classes: Int
    /// [class, kind]: P(answer is this class | truth is it).
    let hit: [Double]
    /// [class, kind]: P(answer is this class | truth is a given other class).
    let miss: [Double]
    /// [class, kind]: the entropy of the answer, given that the truth is this class.
    let entropy: [Double]
    let isEven: [Bool]
    /// With two classes: the kind that behaves like this one if the classes change names.
    let mirror: [Int]
    /// The prior weight of each kind: Beta(3, 3/2) over accuracies, so that most workers are better than a coin. That
    /// is what tells the truth from its mirror image.
    let base: [Double]
    /// The share of `base` on uneven kinds.
    static let unevenShare = 0.02

    init(classes: Int, uneven: Bool) {
        precondition(!uneven || classes == 2, "WorkerKinds: uneven kinds are for two classes, not \(classes)")
        let grid =
            uneven
            ? [0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.98]
            : [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
        var rates: [[Double]] = [], even: [Bool] = [], mirror: [Int] = []
        for (i, first) in grid.enumerated() {
            if uneven {
                for (j, second) in grid.enumerated() {
                    rates.append([first, second])
                    even.append(i == j)
                    mirror.append((grid.count - 1 - j) * grid.count + grid.count - 1 - i)
                }
            } else {
                rates.append([Double](repeating: first, count: classes))
                even.append(true)
                mirror.append(grid.count - 1 - i)
            }
        }
        let count = rates.count
        var hit = [Double](repeating: 0, count: classes * count), miss = hit, entropy = hit
        for c in 0..<classes {
            for k in 0..<count {
                hit[c * count + k] = rates[k][c]
                miss[c * count + k] = classes == 2 ? 1 - rates[k][1 - c] : (1 - rates[k][c]) / Double(classes - 1)
                let right = rates[k][c], wrong = (1 - right) / Double(classes - 1)
                entropy[c * count + k] = -right * log(right) - (1 - right) * log(wrong)
            }
        }
        var base = rates.map { rate in
            let mean = rate.reduce(0, +) / Double(classes)
            return mean * mean * (1 - mean).squareRoot()
        }
        let evenMass = (0..<count).reduce(0) { $0 + (even[$1] ? base[$1] : 0) }
        let otherMass = (0..<count).reduce(0) { $0 + (even[$1] ? 0 : base[$1]) }
        for k in 0..<count {
            base[k] *=
                even[k] ? (uneven ? 1 - WorkerKinds.unevenShare : 1) / evenMass : WorkerKinds.unevenShare / otherMass
        }
        self.count = count
        self.classes = classes
        self.hit = hit
        self.miss = miss
        self.entropy = entropy
        self.isEven = even
        self.mirror = mirror
        self.base = base
    }
}

/// What is known of every worker in every context: a posterior over kinds, whose prior is learned from all of them.
///
/// A worker is either of one kind in all contexts, with probability `steadiness`, or of an independent kind in each:
/// what is known of a worker elsewhere counts as much as the whole workforce's behaviour says it should.
struct Workforce: Sendable {
    let kinds: WorkerKinds
    private(set) var workers: Int
    let contexts: Int
    /// [worker, context, kind]: the log-likelihood of the worker's answers in the context.
    private(set) var evidence: [Double]
    /// [worker, context, kind].
    private(set) var posterior: [Double]
    /// How common each kind is.
    private var population: [Double]
    private var steadiness = 0.5
    /// As `evidence`, of answers on tasks whose class is known for certain; empty while there are none.
    private var certain: [Double] = []
    private var shared: [Double]

    init(kinds: WorkerKinds, workers: Int, contexts: Int) {
        self.kinds = kinds
        self.workers = workers
        self.contexts = contexts
        population = kinds.base
        shared = kinds.base
        evidence = [Double](repeating: 0, count: workers * contexts * kinds.count)
        posterior = evidence
        for worker in 0..<workers { update(worker) }
    }

    /// Forgets the answers, keeps the population.
    mutating func clear() {
        for index in evidence.indices { evidence[index] = 0 }
        certain = []
    }

    /// A worker of whom nothing is known. O(S kinds).
    mutating func addWorker() {
        workers += 1
        let more = repeatElement(0.0, count: contexts * kinds.count)
        evidence.append(contentsOf: more)
        posterior.append(contentsOf: more)
        if !certain.isEmpty { certain.append(contentsOf: more) }
        update(workers - 1)
    }

    /// Forgets what was learned of the population.
    mutating func resetPopulation() { population = kinds.base }

    /// Counts an answer that is right with probability `right`, as far as others tell; `isGold`: the task's class is
    /// known for certain. O(kinds).
    mutating func add(worker: Int, context: Int, label: Int, right: Double, isGold: Bool = false) {
        let row = (worker * contexts + context) * kinds.count, column = label * kinds.count
        if isGold && certain.isEmpty { certain = [Double](repeating: 0, count: evidence.count) }
        for k in 0..<kinds.count {
            let told = log(right * kinds.hit[column + k] + (1 - right) * kinds.miss[column + k])
            evidence[row + k] += told
            if isGold { certain[row + k] += told }
        }
    }

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

    /// Updates everyone, then the population: empirical Bayes, eight workers' worth of the prior. Among uneven kinds only
    /// their common share is learned: free weights let a context of nearly one class explain itself away. O(K S kinds).
    mutating func learn() {
        var steady = 1.0
        for worker in 0..<workers { steady += update(worker) }
        steadiness = steady / Double(workers + 2)
        let cells = Double(workers * contexts)
        var sums = kinds.base.map { 8 * $0 }
        for row in stride(from: 0, to: posterior.count, by: kinds.count) {
            for k in 0..<kinds.count { sums[k] += posterior[row + k] }
        }
        var even = 0.0, uneven = -8 * WorkerKinds.unevenShare
        for k in 0..<kinds.count { if kinds.isEven[k] { even += sums[k] } else { uneven += sums[k] } }
        let hasUneven = kinds.isEven.contains(false)
        let share = hasUneven ? (uneven + 20 * WorkerKinds.unevenShare) / (cells + 20) : 0
        for k in 0..<kinds.count {
            population[k] =
                kinds.isEven[k] ? (1 - share) * sums[k] / even : share * kinds.base[k] / WorkerKinds.unevenShare
        }
    }

    /// The log odds that an answer speaks for its class, without what the answer itself (`right`) taught of the worker;
    /// `nil` for an answer that has not been counted. O(kinds).
    func odds(worker: Int, context: Int, label: Int, right: Double?) -> Double {
        let row = (worker * contexts + context) * kinds.count, column = label * kinds.count
        var hit = 0.0, miss = 0.0
        for k in 0..<kinds.count {
            var weight = posterior[row + k]
            let a = kinds.hit[column + k], b = kinds.miss[column + k]
            if let right { weight /= right * a + (1 - right) * b }
            hit += weight * a
            miss += weight * b
        }
        return log(hit / miss)
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

    /// With two classes, for each context: how much more likely its answers are if the classes of all but the gold tasks
    /// change names; the log of the ratio. What decides is how common each even kind is in the other contexts, where the
    /// truth and its mirror image need not be confused at the same time: experts as liars is a bad bargain where the other
    /// contexts have hardly any liars like that. In a single context it is the prior. O(S K S kinds).
    func mirrorAdvantages() -> [Double] {
        let n = kinds.count, even = (0..<n).filter { kinds.isEven[$0] }
        var likelihood = [Double](repeating: 0, count: evidence.count)
        var tops = [Double](repeating: -.infinity, count: workers * contexts)
        for number in tops.indices {
            let row = number * n
            for k in 0..<n { tops[number] = max(tops[number], evidence[row + k]) }
            for k in 0..<n { likelihood[row + k] = exp(evidence[row + k] - tops[number]) }
        }
        return (0..<contexts).map { context in
            let common = contexts == 1 ? kinds.base : population(elsewhere: context, likelihood, even)
            var sum = 0.0
            for worker in 0..<workers {
                let row = (worker * contexts + context) * n, top = tops[worker * contexts + context]
                var here = 0.0, there = 0.0
                for k in even {
                    here += common[k] * likelihood[row + k]
                    // The mirrored kind explains all other answers as well; for those on gold it must answer itself.
                    let mirror = kinds.mirror[k]
                    let mirrored =
                        certain.isEmpty
                        ? likelihood[row + k]
                        : exp(min(700, evidence[row + k] - top + certain[row + mirror] - certain[row + k]))
                    there += common[mirror] * mirrored
                }
                sum += log(max(there, 1e-300) / max(here, 1e-300))
            }
            return sum
        }
    }

    /// How common each even kind is in the other contexts, up to a constant: five sweeps of empirical Bayes from the base,
    /// with eight workers' worth of it, as in `learn`, over workers' answers there alone. O(K S kinds).
    private func population(elsewhere context: Int, _ likelihood: [Double], _ even: [Int]) -> [Double] {
        var common = kinds.base
        for _ in 0..<5 {
            var sums = kinds.base.map { 8 * $0 }
            for worker in 0..<workers {
                for s in 0..<contexts where s != context {
                    let row = (worker * contexts + s) * kinds.count
                    var total = 0.0
                    for k in even { total += common[k] * likelihood[row + k] }
                    guard total > 0 else { continue }
                    for k in even { sums[k] += common[k] * likelihood[row + k] / total }
                }
            }
            common = sums
        }
        return common
    }

    /// The mean probability, over workers and contexts, that accuracies differ by class, one in ten doing so beforehand;
    /// `other` holds the same answers over uneven kinds. O(K S kinds).
    func unevenness(_ other: Workforce) -> Double {
        var sum = 0.0
        for cell in 0..<workers * contexts {
            let own = cell * kinds.count, theirs = cell * other.kinds.count
            let top = other.evidence[theirs..<theirs + other.kinds.count].max()!
            var even = 0.0, uneven = 0.0
            for k in 0..<kinds.count { even += population[k] * exp(evidence[own + k] - top) }
            for k in 0..<other.kinds.count where !other.kinds.isEven[k] {
                uneven += other.kinds.base[k] / WorkerKinds.unevenShare * exp(other.evidence[theirs + k] - top)
            }
            sum += 0.1 * uneven / (0.1 * uneven + 0.9 * even)
        }
        return sum / Double(workers * contexts)
    }
}
