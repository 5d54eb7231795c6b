internal import Foundation

/// A plan's models, who give class probabilities beforehand.
extension LabelCrew {
    /// One model that gives class probabilities of every task before anybody is asked (`SoftLabels`).
    ///
    /// A model of accuracy a among C classes is calibrated: the probability of its most probable class is
    /// `1/C + (1 - 1/C) U^((1 - v)/v)` with U uniform and `v = (a C - 1) / (C - 1)`, which is a in the mean, that class is
    /// right with this probability, and the others share the rest evenly. Its log-probabilities are then multiplied by
    /// `overconfidence`.
    /// - Parameters:
    ///   - name: what it is called.
    ///   - price: of one task's probabilities; those of all tasks are paid out of the budget before anybody is asked.
    ///   - accuracy: how often its most probable class is right, drawn uniformly from this range.
    ///   - overconfidence: 1: calibrated; above: its claims are too strong; below: too weak.
    /// - Precondition: overconfidence is above 0.
    public static func model(
        name: String, price: Double, accuracy: ClosedRange<Double>, overconfidence: Double = 1
    ) -> LabelCrew {
        precondition(overconfidence > 0 && overconfidence.isFinite, "LabelCrew: overconfidence \(overconfidence)")
        var crew = LabelCrew(name: name, count: 1, price: price, accuracy: accuracy)
        crew.isModel = true
        crew.overconfidence = overconfidence
        return crew
    }

    /// How much below 1/C a model's accuracy may be said to be, for those who write 0.33.
    private static let rounding = 0.01

    /// Whether a plan of so many classes can have this crew.
    /// - Throws: `CSCError.invalid` for a model that is right less often than by guessing: none that is calibrated is.
    package func check(classes: Int) throws(CSCError) {
        guard isModel, accuracy.lowerBound < 1 / Double(classes) - Self.rounding else { return }
        throw .invalid(
            "crew '\(name)': a calibrated model of \(classes) classes is right at least "
                + "\(Terminal.decimal(1 / Double(classes), 3)) of the time, and \(Terminal.amount(accuracy.lowerBound)) "
                + "is less")
    }

    /// A model's probabilities of tasks of these classes, [tasks, classes]. O(tasks classes).
    fileprivate func probabilities(_ truth: [Int], classes: Int, _ stream: inout RandomStream) -> [[Double]] {
        let least = 1 / Double(classes)
        let right = max(least, stream.uniform(accuracy.lowerBound, accuracy.upperBound))
        let share = (right * Double(classes) - 1) / Double(classes - 1), power = (1 - share) / share
        return truth.map { truth in
            let draw = stream.unit(), top = least + (1 - least) * (share > 0 ? pow(draw, power) : 0)
            let isRight = stream.unit() < top, wrong = (truth + 1 + stream.index(below: classes - 1)) % classes
            let other = pow((1 - top) / Double(classes - 1) / top, overconfidence)
            let sum = 1 + Double(classes - 1) * other
            var row = [Double](repeating: other / sum, count: classes)
            row[isRight ? truth : wrong] = 1 / sum
            return row
        }
    }
}

/// What the models of a plan say in one run.
struct CrewModels {
    /// [models][tasks][classes].
    private var rows: [[[Double]]] = []
    private let classes: Int
    private let tasks: Int
    /// Of ties where nobody is asked.
    private var ties: RandomStream

    init(_ models: [LabelCrew], truth: [Int], classes: Int, seed: UInt64, run: Int) {
        self.classes = classes
        tasks = truth.count
        func stream(_ number: Int) -> RandomStream {
            RandomStream(seed: seed, purpose: .labelCrewModel, index: UInt64(run) << 16 | UInt64(number))
        }
        ties = stream(0)
        for (number, model) in models.enumerated() {
            var own = stream(number + 1)
            rows.append(model.probabilities(truth, classes: classes, &own))
        }
    }

    /// What these models say; nil where there are none. O(rows classes).
    func soft(_ bought: [Int]) -> SoftLabels? {
        guard !bought.isEmpty else { return nil }
        let said = bought.enumerated().flatMap { model, number in
            rows[number].enumerated().map { (task: $0, model: model, probabilities: $1) }
        }
        do throws(CSCError) {
            return try SoftLabels(
                models: bought.map { "\($0)" }, rows: said, taskCount: tasks, classCount: classes)
        } catch { preconditionFailure("LabelPlan: a model's probabilities were refused: \(error)") }
    }

    /// The labels where nobody is asked: the class of the largest sum of the models' log-probabilities, ties at random.
    /// O(models tasks classes).
    func labels(_ bought: [Int]) -> [Int] {
        var stream = ties
        return (0..<tasks).map { task in
            let sums = (0..<classes).map { z in
                bought.reduce(0.0) { $0 + log(max(rows[$1][task][z], 1e-300)) }
            }
            let top = sums.max() ?? 0, best = sums.indices.filter { sums[$0] == top }
            return best[stream.index(below: best.count)]
        }
    }
}
