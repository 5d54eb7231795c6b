internal import Foundation

/// The two-stage method of [Zhang14]: confusion matrices by the method of moments, then EM from there.
///
/// 1. Workers are cut into three groups at random (`seed`). From the second and third moments of the groups' mean labels the
///    groups' confusion matrices and the classes' frequencies follow by whitening and the tensor power method (the paper's
///    algorithm 1); a worker's matrix follows from the moments with the other groups' labels, `E[z_j Z_a'] = C_j W C_a'`. Here
///    it is drawn towards the group's by `strength` labels, since workers of few labels have no moments to speak of.
/// 2. EM as in `DawidSkene`, with its prior, from the posteriors under these matrices.
///
/// Where the moments determine nothing (fewer than three workers, few tasks that all three groups labelled, a class that
/// hardly occurs, more than 50 classes), stage 2 starts from the vote's shares, as `DawidSkene` does: `isSpectral` says which.
/// O(tasks C^3 + C^5) for stage 1, then as `DawidSkene`.
public struct TwoStage: LabelAggregator {
    /// When EM stops, and its prior.
    public var options: EMOptions
    /// Decides the groups, the starts of the power method, and ties.
    public var seed: UInt64
    /// Whether the last fit began with confusion matrices of moments.
    public private(set) var isSpectral = false
    private var model: DawidSkene

    /// How many labels of the group's confusion matrix a worker's counts beforehand.
    static let strength = 20.0
    static let mostClasses = 50

    /// A model that is not fitted yet.
    public init(options: EMOptions = EMOptions(), seed: UInt64 = 0) {
        self.options = options
        self.seed = seed
        model = DawidSkene(options: options, seed: seed)
    }

    /// `pi_j[c, l]`, [workers, true class, label]; empty before a fit.
    public var confusion: [Double] { model.confusion }
    /// The probability of each class; empty before a fit.
    public var prior: [Double] { model.prior }

    /// Both stages; the last E step's posterior. O(tasks C^3 + C^5 + iterations (labels C + workers C^2)).
    public mutating func fitPredict(_ labels: LabelStore) -> Aggregation {
        let start = Moments(labels, seed: seed)?.posterior(labels, seed: seed)
        isSpectral = start != nil
        model = DawidSkene(options: options, seed: seed)
        return model.fitPredict(labels, start: start)
    }

    /// One E step with what the last fit found. O(labels x classes + workers x classes^2).
    /// - Precondition: fitted, on labels of as many workers and classes.
    public func predict(_ labels: LabelStore) -> Aggregation { model.predict(labels) }
}

/// Stage 1 of `TwoStage`.
private struct Moments {
    let classes: Int
    /// The group of each worker.
    let group: [Int]
    /// [3][label, class]: the groups' confusion matrices.
    private(set) var matrix: [[Double]] = []
    /// [classes].
    private(set) var frequency: [Double]
    /// [3][tasks, labels]: the groups' mean labels; a task that a group has not labelled has zeros.
    private let means: [[Double]]
    /// Tasks that all three groups labelled.
    private let common: [Int]

    /// nil where the moments determine nothing.
    init?(_ labels: LabelStore, seed: UInt64) {
        let k = labels.classCount
        guard labels.workerCount >= 3, k <= TwoStage.mostClasses else { return nil }
        classes = k
        var stream = RandomStream(seed: seed, purpose: .labelModel, index: 0)
        var order = Array(0..<labels.workerCount)
        stream.shuffle(&order)
        var group = [Int](repeating: 0, count: labels.workerCount)
        for (place, worker) in order.enumerated() { group[worker] = place % 3 }
        self.group = group
        var means = [[Double]](repeating: [Double](repeating: 0, count: labels.taskCount * k), count: 3)
        var common: [Int] = []
        for task in 0..<labels.taskCount {
            var counts = [0.0, 0, 0]
            for (worker, label) in labels.labels(of: task) {
                counts[group[worker]] += 1
                means[group[worker]][task * k + label] += 1
            }
            for g in 0..<3 where counts[g] > 0 {
                for y in task * k..<(task + 1) * k { means[g][y] /= counts[g] }
            }
            if !counts.contains(0) { common.append(task) }
        }
        self.means = means
        self.common = common
        frequency = [Double](repeating: 0, count: k)
        guard common.count >= 10 * k else { return nil }
        for c in 0..<3 {
            guard let found = Self.components(means[(c + 1) % 3], means[(c + 2) % 3], means[c], common, k, &stream)
            else {
                return nil
            }
            matrix.append(found.matrix)
            for z in 0..<k { frequency[z] += found.frequency[z] / 3 }
        }
    }

    /// The posteriors of all tasks under the workers' confusion matrices.
    func posterior(_ labels: LabelStore, seed: UInt64) -> [Double] {
        let k = classes
        // [worker, label, label of another group]: sums over the worker's tasks that the other group labelled.
        var both = [[Double]](repeating: [Double](repeating: 0, count: labels.workerCount * k * k), count: 2)
        var given = [[Double]](repeating: [Double](repeating: 0, count: labels.workerCount), count: 2)
        for task in 0..<labels.taskCount {
            for (worker, label) in labels.labels(of: task) {
                for other in 0..<2 {
                    let row = means[(group[worker] + 1 + other) % 3], at = task * k
                    guard row[at..<at + k].contains(where: { $0 > 0 }) else { continue }
                    given[other][worker] += 1
                    for y in 0..<k { both[other][(worker * k + label) * k + y] += row[at + y] }
                }
            }
        }
        let inverses = (0..<3).map { g -> [Double]? in
            var product = [Double](repeating: 0, count: k * k)  // W C'
            for z in 0..<k { for y in 0..<k { product[z * k + y] = frequency[z] * matrix[g][y * k + z] } }
            return Self.inverse(product, k)
        }
        var score = [Double](repeating: 0, count: labels.workerCount * k * k)
        for worker in 0..<labels.workerCount {
            var own = matrix[group[worker]].map { $0 * TwoStage.strength }
            for other in 0..<2 where given[other][worker] > 0 {
                guard let inverse = inverses[(group[worker] + 1 + other) % 3] else { continue }
                let n = given[other][worker], row = worker * k * k
                let moment = both[other][row..<row + k * k].map { $0 / n }
                var found = Self.product(moment, inverse, k)
                Self.makeProbabilities(&found, k)
                for at in found.indices { own[at] += 0.5 * n * found[at] }
            }
            Self.makeProbabilities(&own, k)
            for at in own.indices { score[worker * k * k + at] = log(own[at]) }
        }
        return EMRun.posterior(labels, score: score, prior: frequency, seed: seed).posterior
    }

    /// The confusion matrix of the third group, and the classes' frequencies.
    private static func components(
        _ a: [Double], _ b: [Double], _ c: [Double], _ tasks: [Int], _ k: Int, _ stream: inout RandomStream
    ) -> (matrix: [Double], frequency: [Double])? {
        func moment(_ x: [Double], _ y: [Double]) -> [Double] {
            var sum = [Double](repeating: 0, count: k * k)
            for task in tasks {
                for l in 0..<k where x[task * k + l] != 0 {
                    for m in 0..<k { sum[l * k + m] += x[task * k + l] * y[task * k + m] }
                }
            }
            return sum.map { $0 / Double(tasks.count) }
        }
        let ab = moment(a, b), cb = moment(c, b), ca = moment(c, a)
        let ba = transposed(ab, k)
        guard let first = inverse(ab, k), let second = inverse(ba, k) else { return nil }
        let toA = product(cb, first, k), toB = product(ca, second, k)
        var square = product(product(toA, ab, k), transposed(toB, k), k)
        for l in 0..<k {
            for m in 0..<l {
                square[l * k + m] = (square[l * k + m] + square[m * k + l]) / 2
                square[m * k + l] = square[l * k + m]
            }
        }
        guard let eigen = try? SymmetricEigen(square, dimension: k), let most = eigen.values.last, most > 0,
            eigen.values[0] > 1e-4 * most
        else { return nil }
        // Rows: whitening, so that the second moment becomes the identity, and back.
        var white = [Double](repeating: 0, count: k * k), back = white
        for h in 0..<k {
            for l in 0..<k {
                white[h * k + l] = eigen.vectors[h * k + l] / eigen.values[h].squareRoot()
                back[l * k + h] = eigen.vectors[h * k + l] * eigen.values[h].squareRoot()
            }
        }
        let onA = product(white, toA, k), onB = product(white, toB, k)
        var tensor = [Double](repeating: 0, count: k * k * k)
        var x = [Double](repeating: 0, count: k), y = x, z = x
        for task in tasks {
            for h in 0..<k {
                (x[h], y[h], z[h]) = (0, 0, 0)
                for l in 0..<k {
                    x[h] += onA[h * k + l] * a[task * k + l]
                    y[h] += onB[h * k + l] * b[task * k + l]
                    z[h] += white[h * k + l] * c[task * k + l]
                }
            }
            for l in 0..<k { for m in 0..<k { for n in 0..<k { tensor[(l * k + m) * k + n] += x[l] * y[m] * z[n] } } }
        }
        for at in tensor.indices { tensor[at] /= Double(tasks.count) }
        let found = powers(symmetric(tensor, k), k, &stream)
        var columns: [(vector: [Double], weight: Double)] = []
        for (value, vector) in found {
            guard value > 0 else { return nil }
            var column = (0..<k).map { l in max(0, value * (0..<k).reduce(0) { $0 + back[l * k + $1] * vector[$1] }) }
            let sum = column.reduce(0, +)
            guard sum > 0 else { return nil }
            for l in 0..<k { column[l] /= sum }
            columns.append((column, 1 / (value * value)))
        }
        // Each class is the component that says it most, the clearest first.
        var matrix = [Double](repeating: 0, count: k * k), frequency = [Double](repeating: 0, count: k)
        var left = Set(0..<k), open = Set(0..<k)
        let pairs = (0..<k * k).sorted { (columns[$0 / k].vector[$0 % k], $1) > (columns[$1 / k].vector[$1 % k], $0) }
        for pair in pairs where left.contains(pair / k) && open.contains(pair % k) {
            left.remove(pair / k)
            open.remove(pair % k)
            for l in 0..<k { matrix[l * k + pair % k] = columns[pair / k].vector[l] }
            frequency[pair % k] = columns[pair / k].weight
        }
        makeProbabilities(&matrix, k)
        let total = frequency.reduce(0, +)
        return (matrix, frequency.map { max(1e-3, $0 / total) })
    }

    /// The components of a symmetric tensor by the power method with deflation: eigenvalues and unit vectors.
    private static func powers(_ tensor: [Double], _ k: Int, _ stream: inout RandomStream) -> [(Double, [Double])] {
        var tensor = tensor
        var found: [(Double, [Double])] = []
        func step(_ u: [Double]) -> [Double] {
            var out = [Double](repeating: 0, count: k)
            for l in 0..<k {
                for m in 0..<k {
                    var sum = 0.0
                    for n in 0..<k { sum += tensor[(l * k + m) * k + n] * u[n] }
                    out[l] += sum * u[m]
                }
            }
            return out
        }
        func unit(_ u: [Double]) -> [Double] {
            let norm = u.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return norm > 0 ? u.map { $0 / norm } : u
        }
        for _ in 0..<k {
            var best = (-Double.infinity, [Double](repeating: 0, count: k))
            for _ in 0..<max(8, k) {
                var u = unit((0..<k).map { _ in stream.normal() })
                for _ in 0..<25 { u = unit(step(u)) }
                let value = zip(step(u), u).reduce(0) { $0 + $1.0 * $1.1 }
                if value > best.0 { best = (value, u) }
            }
            for _ in 0..<50 { best.1 = unit(step(best.1)) }
            let u = best.1, value = zip(step(u), u).reduce(0) { $0 + $1.0 * $1.1 }
            found.append((value, u))
            for l in 0..<k {
                for m in 0..<k { for n in 0..<k { tensor[(l * k + m) * k + n] -= value * u[l] * u[m] * u[n] } }
            }
        }
        return found
    }

    /// The mean over the six orders of the indices.
    private static func symmetric(_ t: [Double], _ k: Int) -> [Double] {
        var out = t
        for l in 0..<k {
            for m in 0..<k {
                for n in 0..<k {
                    let first = t[(l * k + m) * k + n] + t[(m * k + l) * k + n] + t[(n * k + m) * k + l]
                    let second = t[(l * k + n) * k + m] + t[(m * k + n) * k + l] + t[(n * k + l) * k + m]
                    out[(l * k + m) * k + n] = (first + second) / 6
                }
            }
        }
        return out
    }

    /// Columns that sum to 1, no number below 1e-3: [label, class].
    private static func makeProbabilities(_ matrix: inout [Double], _ k: Int) {
        for z in 0..<k {
            var sum = 0.0
            for l in 0..<k { sum += max(0, matrix[l * k + z]) }
            for l in 0..<k {
                let share = sum > 0 ? max(0, matrix[l * k + z]) / sum : 1 / Double(k)
                matrix[l * k + z] = (share + 1e-3) / (1 + 1e-3 * Double(k))
            }
        }
    }

    private static func transposed(_ a: [Double], _ k: Int) -> [Double] {
        (0..<k * k).map { a[($0 % k) * k + $0 / k] }
    }

    private static func product(_ a: [Double], _ b: [Double], _ k: Int) -> [Double] {
        var out = [Double](repeating: 0, count: k * k)
        for l in 0..<k { for m in 0..<k { for n in 0..<k { out[l * k + n] += a[l * k + m] * b[m * k + n] } } }
        return out
    }

    /// By Gauss-Jordan elimination with row pivots; nil where a pivot is below 1e-6 of the largest number.
    private static func inverse(_ matrix: [Double], _ k: Int) -> [Double]? {
        var a = matrix, b = [Double](repeating: 0, count: k * k)
        for l in 0..<k { b[l * k + l] = 1 }
        let least = 1e-6 * (matrix.map(abs).max() ?? 0)
        for p in 0..<k {
            let pivot = (p..<k).max { abs(a[$0 * k + p]) < abs(a[$1 * k + p]) } ?? p
            guard abs(a[pivot * k + p]) > least else { return nil }
            if pivot != p {
                for l in 0..<k {
                    a.swapAt(p * k + l, pivot * k + l)
                    b.swapAt(p * k + l, pivot * k + l)
                }
            }
            let scale = a[p * k + p]
            for l in 0..<k {
                a[p * k + l] /= scale
                b[p * k + l] /= scale
            }
            for row in 0..<k where row != p {
                let factor = a[row * k + p]
                guard factor != 0 else { continue }
                for l in 0..<k {
                    a[row * k + l] -= factor * a[p * k + l]
                    b[row * k + l] -= factor * b[p * k + l]
                }
            }
        }
        return b
    }
}
