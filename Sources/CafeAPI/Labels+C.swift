import CSCSwift
import Foundation

/// Aggregation and live label sessions of cafe_api.h.

private struct AggregationRequest: Decodable {
    var method: String
    var seed: UInt64 = 0
    var iterations: Int?
    var tolerance: Double?

    enum CodingKeys: String, CodingKey, CaseIterable { case method, seed, iterations, tolerance }

    init(from decoder: any Decoder) throws {
        try KnownKeys.check(decoder, CodingKeys.allCases.map(\.rawValue))
        let values = try decoder.container(keyedBy: CodingKeys.self)
        method = try values.decode(String.self, forKey: .method)
        seed = try values.decodeIfPresent(UInt64.self, forKey: .seed) ?? 0
        iterations = try values.decodeIfPresent(Int.self, forKey: .iterations)
        tolerance = try values.decodeIfPresent(Double.self, forKey: .tolerance)
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
        let request = try decoded(json, as: AggregationRequest.self)
        let names = AggregationMethod.allCases.map(\.rawValue)
        guard let method = AggregationMethod(rawValue: request.method) else {
            throw Misuse("method: '\(request.method)' is none of \(names.joined(separator: ", "))")
        }
        let store = try LabelStore(
            checking: (tasks, workers, labels), count: count, taskCount, workerCount, classCount)
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
                lastChange: fit.result.lastChange, tied: fit.result.tieCount, prior: fit.prior,
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
        let columns = try [("tasks", arrays.0, tasks), ("workers", arrays.1, workers), ("labels", arrays.2, classes)].map {
            name, pointer, bound in
            let column = Array(UnsafeBufferPointer(start: try required(pointer, name), count: Int(count)))
            if let at = column.firstIndex(where: { $0 < 0 || Int64($0) >= bound }) {
                throw Misuse("\(name)[\(at)]: \(column[at]) is not in 0 ..< \(bound)")
            }
            return column
        }
        self.init(
            tasks: columns[0], workers: columns[1], labels: columns[2], taskCount: Int(tasks), workerCount: Int(workers),
            classCount: Int(classes))
    }
}

/// A method's result with what it learnt of the workers.
private struct Fit {
    var result: Aggregation
    var confusion: [Double] = []
    var skills: [Double] = []
    var prior: [Double]?

    init(_ method: AggregationMethod, _ request: AggregationRequest, _ store: LabelStore) throws {
        func settle(_ options: inout EMOptions) throws {
            if let iterations = request.iterations {
                guard (1...1_000_000).contains(iterations) else {
                    throw Misuse("iterations: \(iterations) is not in 1...1000000")
                }
                options.maxIterations = iterations
            }
            if let tolerance = request.tolerance {
                guard tolerance >= 0, tolerance.isFinite else { throw Misuse("tolerance: \(tolerance) is not at least 0") }
                options.tolerance = tolerance
            }
        }
        switch method {
        case .dawidSkene:
            var model = DawidSkene(seed: request.seed)
            try settle(&model.options)
            result = model.fitPredict(store)
            (confusion, prior) = (model.confusion, model.prior)
        case .oneCoin:
            var model = OneCoin(seed: request.seed)
            try settle(&model.options)
            result = model.fitPredict(store)
            (skills, prior) = (model.accuracy, model.prior)
        case .glad:
            var model = GLAD(seed: request.seed)
            try settle(&model.options)
            result = model.fitPredict(store)
            skills = model.ability
        case .weighted:
            var model = WeightedVote(seed: request.seed)
            result = model.fitPredict(store)
            skills = model.weights
        default:
            var model = method.aggregator(seed: request.seed)
            result = model.fitPredict(store)
        }
    }
}
