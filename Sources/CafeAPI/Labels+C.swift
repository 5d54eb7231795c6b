import CSCSwift
import Foundation

/// Aggregation of labels of cafe_api.h.

private struct AggregationRequest: Document {
    var method: String
    var seed: UInt64?
    var iterations: Int?
    var tolerance: Double?
    var restarts: Int?
    var smoothing: Double?
    var soft: Strict<SoftRequest>?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case method, seed, iterations, tolerance, restarts, smoothing, soft
    }
}

/// What models say of tasks: row r is of task `tasks[r]` by model `rows[r]`.
struct SoftRequest: Document {
    var models: [String]
    var tasks: [Int]
    var rows: [Int]
    var probabilities: [[Double]]
    var families: [Int]?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case models, tasks, rows, probabilities, families
    }

    func labels(tasks count: Int, classes: Int) throws -> SoftLabels {
        guard tasks.count == rows.count, tasks.count == probabilities.count else {
            throw Misuse(
                "soft: \(tasks.count) tasks, \(rows.count) rows and \(probabilities.count) probabilities are not as many"
            )
        }
        guard families.map({ $0.count == models.count }) ?? true else {
            throw Misuse("soft.families: one number a model is wanted")
        }
        let soft: SoftLabels
        do {
            soft = try SoftLabels(
                models: models, rows: tasks.indices.map { (tasks[$0], rows[$0], probabilities[$0]) }, taskCount: count,
                classCount: classes)
        } catch { throw Misuse("soft: \(error)") }
        guard let families else { return soft }
        let number = Dictionary(uniqueKeysWithValues: zip(models, families))
        return soft.families(soft.models.map { number[$0] ?? 0 })
    }
}

private struct AggregationAnswer: Encodable {
    var method: String
    var iterations: Int
    var converged: Bool
    var lastChange: Double
    var tied: Int
    /// Class priors, for the methods that have them.
    var prior: [Double]?
    /// GLAD's easiness of each task.
    var easiness: [Double]?
    /// The models' names and weights, where the method listens to any.
    var models: [String]?
    var softWeights: [Double]?
    /// Which of the optional arrays were written.
    var errors: Bool
    var skills: Bool
}

/// See cafe_api.h.
@_cdecl("cafe_labels_aggregate")
public func cafeLabelsAggregate(
    _ json: UnsafePointer<CChar>?, _ count: Int64, _ tasks: UnsafePointer<Int32>?, _ workers: UnsafePointer<Int32>?,
    _ labels: UnsafePointer<Int32>?, _ taskCount: Int64, _ workerCount: Int64, _ classCount: Int64,
    _ posterior: UnsafeMutablePointer<Double>?, _ winner: UnsafeMutablePointer<Int64>?,
    _ errors: UnsafeMutablePointer<Double>?, _ skills: UnsafeMutablePointer<Double>?
) -> UnsafeMutablePointer<CChar>? {
    guarded {
        let request = try AggregationRequest(json: text(json))
        guard let method = AggregationMethod(name: request.method) else {
            throw Misuse("method: '\(request.method)' is none of \(AggregationMethod.names.joined(separator: ", "))")
        }
        var store = try LabelStore(
            checking: (tasks, workers, labels), count: count, taskCount, workerCount, classCount)
        if let soft = request.soft?.content {
            guard method.takesSoft else { throw Misuse("soft: \(method.rawValue) does not listen to models") }
            store.soft = try soft.labels(tasks: Int(taskCount), classes: Int(classCount))
        }
        let fit = try Fit(method, request, store)
        let posteriors = try required(posterior, "posterior")
        let winners = try required(winner, "winner")
        for (index, value) in fit.result.posterior.enumerated() { posteriors[index] = value }
        for (index, value) in fit.result.labels.enumerated() { winners[index] = Int64(value) }
        if let errors { for (index, value) in fit.confusion.enumerated() { errors[index] = value } }
        if let skills { for (index, value) in fit.skills.enumerated() { skills[index] = value } }
        return try encoded(
            AggregationAnswer(
                method: method.rawValue, iterations: fit.result.iterations, converged: fit.result.converged,
                lastChange: fit.result.lastChange, tied: fit.result.tieCount, prior: fit.prior, easiness: fit.easiness,
                models: store.soft?.models, softWeights: store.soft == nil ? nil : fit.result.softWeights,
                errors: errors != nil && !fit.confusion.isEmpty, skills: skills != nil && !fit.skills.isEmpty))
    }
}

extension LabelStore {
    /// Labels of arrays from outside. Throws where a size or an index is out of range, naming the entry.
    fileprivate init(
        checking arrays: (UnsafePointer<Int32>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?), count: Int64,
        _ tasks: Int64, _ workers: Int64, _ classes: Int64
    ) throws {
        let limit = Int64(Int32.max)
        guard count >= 1, count <= limit, tasks >= 1, tasks <= limit, workers >= 1, workers <= limit, classes >= 2,
            classes <= limit, tasks * classes <= limit, workers * classes <= limit
        else {
            throw Misuse("\(count) labels, \(tasks) tasks, \(workers) workers, \(classes) classes: too few or too many")
        }
        let columns = try [("tasks", arrays.0, tasks), ("workers", arrays.1, workers), ("labels", arrays.2, classes)]
            .map {
                name, pointer, bound in
                let column = Array(UnsafeBufferPointer(start: try required(pointer, name), count: Int(count)))
                if let at = column.firstIndex(where: { $0 < 0 || Int64($0) >= bound }) {
                    throw Misuse("\(name)[\(at)]: \(column[at]) is not in 0 ..< \(bound)")
                }
                return column
            }
        self.init(
            tasks: columns[0], workers: columns[1], labels: columns[2], taskCount: Int(tasks),
            workerCount: Int(workers),
            classCount: Int(classes))
    }
}

/// A method's result with what it learnt of the workers and tasks.
private struct Fit {
    var result: Aggregation
    var confusion: [Double] = []
    var skills: [Double] = []
    var prior: [Double]?
    var easiness: [Double]?

    init(_ method: AggregationMethod, _ request: AggregationRequest, _ store: LabelStore) throws {
        try method.check(classes: store.classCount)
        guard method == .mace || request.restarts == nil else { throw Misuse("restarts: \(method.rawValue) has none") }
        guard method == .dawidSkeneML || request.smoothing == nil else {
            throw Misuse("smoothing: \(method.rawValue) has none")
        }
        let seed = request.seed ?? 0
        switch method {
        case .majority:
            try request.refuseIterations()
            var model = MajorityVote(seed: seed)
            result = model.fitPredict(store)
        case .weighted:
            try request.refuseIterations()
            var model = WeightedVote(seed: seed)
            result = model.fitPredict(store)
            skills = model.weights
        case .dawidSkene, .dawidSkeneML:
            let smoothing = request.smoothing ?? 0.01
            try check("smoothing", smoothing, 0...1000)
            var model =
                method == .dawidSkene
                ? DawidSkene(seed: seed) : DawidSkene(maximumLikelihood: smoothing, seed: seed)
            try request.settle(&model.options)
            result = model.fitPredict(store)
            (confusion, prior) = (model.confusion, model.prior)
        case .twoStage:
            var model = TwoStage(seed: seed)
            try request.settle(&model.options)
            result = model.fitPredict(store)
            (confusion, prior) = (model.confusion, model.prior)
        case .oneCoin:
            var model = OneCoin(seed: seed)
            try request.settle(&model.options)
            result = model.fitPredict(store)
            (skills, prior) = (model.accuracy, model.prior)
        case .glad:
            var model = GLAD(seed: seed)
            try request.settle(&model.options)
            result = model.fitPredict(store)
            (skills, easiness) = (model.ability, model.easiness)
        case .mace:
            var model = MACE(restarts: try request.limited(\.restarts, "restarts") ?? 10, seed: seed)
            model.iterations = try request.steps() ?? model.iterations
            result = model.fitPredict(store)
            skills = model.competence
        case .bcc:
            var model = BCC(seed: seed)
            try request.settle(&model.options)
            result = model.fitPredict(store)
        case .zeroBasedSkill:
            var model = ZeroBasedSkill(seed: seed)
            model.iterations = try request.steps() ?? model.iterations
            result = model.fitPredict(store)
            skills = model.skills
        case .mmsr:
            var model = MMSR(seed: seed)
            model.iterations = try request.steps() ?? model.iterations
            result = model.fitPredict(store)
            skills = model.skills
        case .kos:
            var model = KOS(seed: seed)
            model.iterations = try request.steps() ?? model.iterations
            result = model.fitPredict(store)
            skills = model.reliability
        case .pooled:
            try request.refuseIterations()
            var model = HierarchicalBayes(seed: seed)
            result = model.fitPredict(store)
        }
    }
}

extension AggregationRequest {
    /// A count of the request in 1...1000000, or nil where it has none.
    fileprivate func limited(_ path: KeyPath<Self, Int?>, _ name: String) throws -> Int? {
        guard let value = self[keyPath: path] else { return nil }
        try check(name, value, 1...1_000_000)
        return value
    }

    /// The iterations of a method that has no tolerance.
    fileprivate func steps() throws -> Int? {
        guard tolerance == nil else { throw Misuse("tolerance: \(method) has none") }
        return try limited(\.iterations, "iterations")
    }

    /// Throws where iterations are given to a method that has none.
    fileprivate func refuseIterations() throws {
        guard iterations == nil, tolerance == nil else { throw Misuse("iterations: \(method) has none") }
    }

    /// Iterations and tolerance of expectation maximisation.
    fileprivate func settle(_ options: inout EMOptions) throws {
        options.maxIterations = try limited(\.iterations, "iterations") ?? options.maxIterations
        guard let tolerance else { return }
        guard tolerance >= 0, tolerance.isFinite else { throw Misuse("tolerance: \(tolerance) is not at least 0") }
        options.tolerance = tolerance
    }
}
