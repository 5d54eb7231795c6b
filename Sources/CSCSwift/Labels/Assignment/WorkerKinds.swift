internal import Foundation

/// The kinds of worker that `Pooled` reckons with: how likely each answer is, given the truth.
///
/// Two classes: a grid over (theta, delta), the log odds of being right being theta + delta on tasks of class 0 and
/// theta - delta on those of class 1, theta times the scale of the task's level of difficulty (`CrowdModel`); delta is a
/// leaning to class 0. More classes: one accuracy on a grid, wrong answers
/// spread as the whole workforce's (`Workforce.confusion`), and for each class a kind that answers it whatever is asked.
struct WorkerKinds: Sendable, Codable {
    /// How many kinds: a multiple of four; the last ones may be fillers of no weight.
    let count: Int
    let classes: Int
    let tables: CrowdKernels.Tables
    /// The prior weight of each kind: Beta(3, 3/2) over accuracies, so that most workers are better than a coin. That
    /// is what tells the truth from its mirror image.
    let base: [Double]
    /// With two classes: the kind that behaves like this one if the classes change names.
    let mirror: [Int]
    /// With two classes: each kind's place on the two grids.
    let theta: [Int]
    let delta: [Int]
    /// The share of workers who answer without looking, beforehand (more than two classes).
    static let blindShare = 0.04
    /// How many classes may have a kind of their own.
    static let blindClasses = 50
    static let thetas = [-4, -2.4, -1.3, -0.4, 0.4, 1.3, 2.4, 4]
    static let deltas = [-2.4, -1.1, 0, 1.1, 2.4]
    static let accuracies = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]

    init(classes: Int, levels: [CrowdModel.Level] = CrowdModel.leaning.levels) {
        precondition(
            classes == 2 || classes > 2 && levels.count == 1, "WorkerKinds: \(classes) classes, \(levels.count) levels")
        self.classes = classes
        if classes == 2 {
            (tables, base, theta, delta, mirror) = Self.leaning(levels)
        } else {
            (tables, base) = Self.even(classes)
            (theta, delta, mirror) = ([], [], [])
        }
        count = tables.kinds
    }

    private static func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    /// Two classes.
    private static func leaning(_ levels: [CrowdModel.Level]) -> (CrowdKernels.Tables, [Double], [Int], [Int], [Int]) {
        var theta: [Int] = [], delta: [Int] = [], mirror: [Int] = []
        var own: [Double] = [], other: [Double] = []
        let grid = thetas.flatMap { theta in deltas.map { (theta, $0) } }
        for level in levels {
            let first = grid.map { logistic(level.scale * $0 + $1) },
                second = grid.map { logistic(level.scale * $0 - $1) }
            own += first + second
            other += second.map { 1 - $0 } + first.map { 1 - $0 }
        }
        for t in thetas.indices {
            for d in deltas.indices {
                theta.append(t)
                delta.append(d)
                mirror.append((thetas.count - 1 - t) * deltas.count + d)
            }
        }
        let tables = CrowdKernels.Tables(
            own: own, other: other, add: [Double](repeating: 0, count: own.count), classes: 2, kinds: theta.count,
            levels: levels.count)
        // The density of theta under the beta prior, times the width of its step.
        let weights = thetas.indices.map { t -> Double in
            let a = logistic(thetas[t]), last = thetas.count - 1
            let width = t == 0 || t == last ? 1 : 0.5 * (thetas[t + 1] - thetas[t - 1])
            return a * a * (1 - a).squareRoot() * a * (1 - a) * width
        }
        let total = weights.reduce(0, +)
        return (tables, weights.map { $0 / total }, theta, delta, mirror)
    }

    /// More than two classes.
    private static func even(_ classes: Int) -> (CrowdKernels.Tables, [Double]) {
        let blind = classes <= blindClasses ? classes : 0
        let used = accuracies.count + blind, kinds = (used + 3) / 4 * 4
        let sure = 0.94 + 0.06 / Double(classes), rare = 0.06 / Double(classes)
        var own: [Double] = [], other: [Double] = [], add: [Double] = []
        for label in 0..<classes {
            for k in 0..<kinds {
                if k < accuracies.count {
                    own.append(accuracies[k])
                    other.append(1 - accuracies[k])
                    add.append(0)
                } else {
                    let p = k >= used ? 1 / Double(classes) : k - accuracies.count == label ? sure : rare
                    own.append(p)
                    other.append(0)
                    add.append(p)
                }
            }
        }
        var base = accuracies.map { $0 * $0 * (1 - $0).squareRoot() }
        let total = base.reduce(0, +), share = blind > 0 ? blindShare : 0
        base = base.map { $0 / total * (1 - share) }
        for k in accuracies.count..<kinds { base.append(k < used ? share / Double(blind) : 0) }
        let tables = CrowdKernels.Tables(own: own, other: other, add: add, classes: classes, kinds: kinds, levels: 1)
        return (tables, base)
    }

    /// For each kind, the mutual information between a task's class, of these probabilities, and an answer; wrong answers
    /// spread evenly, on a task of the least difficult level. O(kinds C).
    func information(_ belief: [Double]) -> [Double] {
        let n = count, even = 1 / Double(classes - 1), easy = (tables.levels - 1) * classes * n
        return (0..<n).map { k in
            var gain = 0.0
            for y in 0..<classes {
                let right = tables.own[easy + y * n + k]
                let wrong =
                    classes == 2
                    ? tables.other[easy + y * n + k] : tables.other[y * n + k] * even + tables.add[y * n + k]
                let p = belief[y] * right + (1 - belief[y]) * wrong
                if p > 0 { gain -= p * log(p) }
                if right > 0 { gain += belief[y] * right * log(right) }
                if wrong > 0 { gain += (1 - belief[y]) * wrong * log(wrong) }
            }
            return max(gain, 0)
        }
    }
}
