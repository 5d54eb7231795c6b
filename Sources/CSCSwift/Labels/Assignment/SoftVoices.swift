internal import Foundation

/// What the models of `SoftLabels` say, and how much of it counts: a logarithmic opinion pool whose weights are learnt.
///
/// A voice g, a model or a family of them, says of the classes of task i
/// `f_g(i, z) = mean over its models of (ln q(i, z) - ln qbar(z))`: what the task's probabilities q are beside the model's mean in the
/// task's context, so that a model which overrates a class everywhere says nothing by it. The classes' prior probabilities are
/// multiplied with `exp(sum_g w_g f_g(i, z))`: w = 1 takes a model at its word, 1/w is the temperature of an overconfident
/// one, and w = 0 leaves it out. The weights maximise the marginal likelihood of what the workers say,
/// `sum_i ln sum_z P(z | models) P(answers of i | z)`, under a normal prior; tasks without answers say nothing about them.
/// A weight is never negative and at most 2. Weights are learnt together, so what two models say in common counts once.
struct SoftVoices: Sendable, Codable {
    let classes: Int
    /// How many voices there are.
    let voices: Int
    /// The voice of each model.
    private(set) var voice: [Int]
    /// [N, voices, classes]: f; zeros where a voice says nothing.
    private(set) var says: [Double]
    /// [contexts, voices, classes]: ln qbar.
    private(set) var usual: [Double]
    /// [voices].
    private(set) var weight: [Double]
    /// [classes]: b.
    private(set) var bias: [Double]
    /// [N, classes]: what is added to the log prior of the classes.
    private(set) var told: [Double]
    /// [N, classes]: whether a class is some model's most probable one.
    private(set) var favourite: [Bool]

    /// So much of every row is spread evenly: no model is certain.
    static let lapse = 0.01
    /// Mean and standard deviation of the sum of the weights beforehand, and how large one may be.
    static let mean = 0.5, deviation = 0.5, most = 2.0
    /// How many tasks the overall mean counts beside those of a context.
    static let contextStrength = 20.0
    /// How many tasks of each class say that there is no bias.
    static let biasStrength = 5.0

    /// - Precondition: as many contexts as tasks of `soft`.
    init(_ soft: SoftLabels, contexts: [Int]) {
        let n = soft.taskCount, c = soft.classCount, kinds = (contexts.max() ?? 0) + 1
        precondition(contexts.count == n, "SoftVoices: \(contexts.count) contexts for \(n) tasks")
        classes = c
        var number: [Int: Int] = [:]
        voice = soft.models.indices.map { m in
            guard !soft.families.isEmpty else { return m }
            let family = soft.families[m]
            if number[family] == nil { number[family] = number.count }
            return number[family]!
        }
        voices = soft.families.isEmpty ? soft.models.count : number.count
        let models = soft.models.count
        // A model's mean, over all its tasks and in each context.
        var all = [Double](repeating: 0, count: models * c), rows = [Double](repeating: 0, count: models)
        var here = [Double](repeating: 0, count: kinds * models * c)
        var inContext = [Double](repeating: 0, count: kinds * models)
        func smoothed(_ row: Int, _ z: Int) -> Double {
            (1 - Self.lapse) * soft.probability[row * c + z] + Self.lapse / Double(c)
        }
        for row in 0..<soft.count {
            let m = Int(soft.model[row]), at = contexts[Int(soft.task[row])] * models + m
            rows[m] += 1
            inContext[at] += 1
            for z in 0..<c {
                all[m * c + z] += smoothed(row, z)
                here[at * c + z] += smoothed(row, z)
            }
        }
        for m in 0..<models {
            for z in 0..<c { all[m * c + z] = rows[m] > 0 ? all[m * c + z] / rows[m] : 1 / Double(c) }
        }
        var center = here
        for s in 0..<kinds {
            for m in 0..<models {
                for z in 0..<c {
                    let at = (s * models + m) * c + z
                    center[at] = log(
                        (here[at] + Self.contextStrength * all[m * c + z])
                            / (inContext[s * models + m] + Self.contextStrength))
                }
            }
        }
        says = [Double](repeating: 0, count: n * voices * c)
        var members = [Double](repeating: 0, count: n * voices)
        for row in 0..<soft.count {
            let i = Int(soft.task[row]), m = Int(soft.model[row]), at = i * voices + voice[m]
            members[at] += 1
            for z in 0..<c {
                says[at * c + z] += log(smoothed(row, z)) - center[(contexts[i] * models + m) * c + z]
            }
        }
        for at in members.indices where members[at] > 1 {
            for z in at * c..<(at + 1) * c { says[z] /= members[at] }
        }
        usual = [Double](repeating: 0, count: kinds * voices * c)
        var size = [Double](repeating: 0, count: voices)
        for m in 0..<models { size[voice[m]] += 1 }
        for s in 0..<kinds {
            for m in 0..<models {
                for z in 0..<c {
                    usual[(s * voices + voice[m]) * c + z] += center[(s * models + m) * c + z] / size[voice[m]]
                }
            }
        }
        weight = [Double](repeating: Self.mean / Double(max(1, voices)), count: voices)
        favourite = soft.favourites
        bias = [Double](repeating: 0, count: c)
        told = [Double](repeating: 0, count: n * c)
        tell()
    }

    /// As beforehand.
    mutating func restart() {
        weight = [Double](repeating: Self.mean / Double(max(1, voices)), count: voices)
        bias = [Double](repeating: 0, count: classes)
        tell()
    }

    /// Tasks of which no model says anything, after the others, and contexts after the others.
    mutating func add(tasks: Int, contexts: Int) {
        says += [Double](repeating: 0, count: tasks * voices * classes)
        told += [Double](repeating: 0, count: tasks * classes)
        favourite += [Bool](repeating: false, count: tasks * classes)
        usual += [Double](repeating: 0, count: contexts * voices * classes)
    }

    /// What the weights make of what is said. O(N voices C).
    private mutating func tell() {
        let c = classes
        for i in 0..<told.count / c where speaks(of: i) {
            for z in 0..<c {
                var sum = bias[z]
                for g in 0..<voices { sum += weight[g] * says[(i * voices + g) * c + z] }
                told[i * c + z] = sum
            }
        }
    }

    /// Whether any model speaks of the task.
    func speaks(of task: Int) -> Bool { favourite[task * classes..<(task + 1) * classes].contains(true) }

    /// [C]: how frequent the classes are in a context as the models have it, drawn towards even shares where they count
    /// little.
    func shares(context: Int) -> [Double] {
        let scale = 1 / max(1, weight.reduce(0, +))
        let row = (0..<classes).map { z in
            (0..<voices).reduce(0.0) { $0 + scale * weight[$1] * usual[(context * voices + $1) * classes + z] }
        }
        return Self.softmax(row)
    }

    private static func softmax(_ row: [Double]) -> [Double] {
        let top = row.max() ?? 0, weights = row.map { exp($0 - top) }, sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    /// Moves the weights by some Newton steps on the marginal likelihood of what is said elsewhere, then the bias.
    ///
    /// - Parameters:
    ///   - steps: how many.
    ///   - prior: [contexts, C], logs.
    ///   - contexts: [N].
    ///   - tasks: those with answers or of known class.
    ///   - elsewhere: for each of them, [C], the log-likelihood of the classes by all but the models (-infinity where a class
    ///     is ruled out).
    /// - Complexity: O(steps tasks (voices + C) voices + N C).
    mutating func learn(
        steps: Int, prior: [Double], contexts: [Int], tasks: [Int],
        elsewhere: (_ task: Int, _ likelihood: inout [Double]) -> Void
    ) {
        guard voices > 0 else { return }
        let c = classes, v = voices
        let tasks = tasks.filter { speaks(of: $0) }
        var likelihoods = [Double](repeating: 0, count: tasks.count * c)
        var a = [Double](repeating: 0, count: c)
        for (k, i) in tasks.enumerated() {
            elsewhere(i, &a)
            for z in 0..<c { likelihoods[k * c + z] = a[z] }
        }
        let precision = Double(v) / (Self.deviation * Self.deviation), mean = Self.mean / Double(v)
        var before = a, after = a, means = [Double](repeating: 0, count: v)
        for _ in 0..<steps {
            var slope = weight.map { (mean - $0) * precision }
            var curve = [Double](repeating: 0, count: v * v)
            for g in 0..<v { curve[g * v + g] = precision }
            for (k, i) in tasks.enumerated() {
                var top = -Double.infinity, high = top, sum = 0.0, total = 0.0
                for z in 0..<c {
                    var x = prior[contexts[i] * c + z] + bias[z]
                    for g in 0..<v { x += weight[g] * says[(i * v + g) * c + z] }
                    before[z] = x
                    after[z] = x + likelihoods[k * c + z]
                    top = max(top, x)
                    high = max(high, after[z])
                }
                for z in 0..<c {
                    before[z] = exp(before[z] - top)
                    after[z] = exp(after[z] - high)
                    sum += before[z]
                    total += after[z]
                }
                for g in 0..<v {
                    var m = 0.0, lift = 0.0
                    for z in 0..<c {
                        let f = says[(i * v + g) * c + z]
                        m += before[z] / sum * f
                        lift += (after[z] / total - before[z] / sum) * f
                    }
                    means[g] = m
                    slope[g] += lift
                }
                for g in 0..<v {
                    for h in g..<v {
                        var both = 0.0
                        for z in 0..<c {
                            both += before[z] / sum * says[(i * v + g) * c + z] * says[(i * v + h) * c + z]
                        }
                        curve[g * v + h] += both - means[g] * means[h]
                    }
                }
            }
            for g in 0..<v { for h in 0..<g { curve[g * v + h] = curve[h * v + g] } }
            let move = Self.solved(curve, slope, free: (0..<v).filter { weight[$0] > 0 || slope[$0] > 0 })
            for g in 0..<v { weight[g] = min(Self.most, max(0, weight[g] + move[g])) }
        }
        if !tasks.isEmpty { learnBias(prior: prior, contexts: contexts) }
        tell()
    }

    /// Moves the bias, so that the mean of what prior and models say together comes to that of the prior. O(N (voices + 1) C).
    private mutating func learnBias(prior: [Double], contexts: [Int]) {
        let c = classes
        let base = (0..<prior.count / c).map { Self.softmax(Array(prior[$0 * c..<($0 + 1) * c])) }
        for _ in 0..<2 {
            tell()
            var wanted = [Double](repeating: Self.biasStrength, count: c), found = wanted
            for i in contexts.indices where speaks(of: i) {
                let s = contexts[i], row = Self.softmax((0..<c).map { prior[s * c + $0] + told[i * c + $0] })
                for z in 0..<c {
                    wanted[z] += base[s][z]
                    found[z] += row[z]
                }
            }
            for z in 0..<c { bias[z] += log(wanted[z] / found[z]) }
        }
    }

    /// The Newton step among the free coordinates, 0 in the others, by Gaussian elimination of a positive definite matrix.
    private static func solved(_ matrix: [Double], _ right: [Double], free: [Int]) -> [Double] {
        let v = right.count, n = free.count
        var a = free.flatMap { g in free.map { matrix[g * v + $0] } }, x = free.map { right[$0] }
        for p in 0..<n {
            for row in p + 1..<max(n, p + 1) {
                let factor = a[row * n + p] / a[p * n + p]
                for column in p..<n { a[row * n + column] -= factor * a[p * n + column] }
                x[row] -= factor * x[p]
            }
        }
        for p in (0..<n).reversed() {
            for column in p + 1..<max(n, p + 1) { x[p] -= a[p * n + column] * x[column] }
            x[p] /= a[p * n + p]
        }
        var step = [Double](repeating: 0, count: v)
        for (k, g) in free.enumerated() { step[g] = x[k] }
        return step
    }

    /// How much more likely what is said elsewhere of these tasks is if the two classes change names there; the log of the
    /// ratio, between -3 and 3 a voice: one model may be wrong more often than right. O(tasks voices).
    func mirrorAdvantage(
        tasks: [Int], elsewhere: (_ task: Int, _ prior: inout [Double], _ likelihood: inout [Double]) -> Void
    ) -> Double {
        let least = Self.mean / Double(max(1, voices))
        var sum = 0.0
        var prior = [0.0, 0.0], likelihood = prior
        func log2(_ x: Double, _ y: Double) -> Double { max(x, y) + log(1 + exp(-abs(x - y))) }
        for i in tasks {
            elsewhere(i, &prior, &likelihood)
            var said = [0.0, 0.0]
            for g in 0..<voices {
                for z in 0..<2 { said[z] += max(weight[g], least) * says[(i * voices + g) * 2 + z] }
            }
            let here =
                log2(prior[0] + said[0] + likelihood[0], prior[1] + said[1] + likelihood[1])
                - log2(prior[0] + said[0], prior[1] + said[1])
            let there =
                log2(prior[1] + said[0] + likelihood[1], prior[0] + said[1] + likelihood[0])
                - log2(prior[1] + said[0], prior[0] + said[1])
            sum += there - here
        }
        let bound = 3 * Double(voices)
        return min(bound, max(-bound, sum))
    }

    /// [models]: the weight of each model's voice.
    var weights: [Double] { voice.map { weight[$0] } }
}
