internal import Foundation

/// The inference of `Pooled` on recorded labels: a hierarchical Bayesian model of the workers, by belief propagation.
///
/// Workers have an accuracy in each context, lean to classes, answer blindly or lie; how much of each there is, is
/// learned from all of them (`Workforce`). O(sweeps (labels (C + kinds) + K S kinds)), about thirty sweeps.
public struct HierarchicalBayes: LabelAggregator {
    /// The context of each task; nil: one for all.
    public let contexts: [Int]?
    /// The family of each worker (`Pooled.Options.families`); nil: everyone is alone.
    public let families: [Int]?
    /// Decides ties.
    public var seed: UInt64
    private var model: Pooled?

    /// A model that is not fitted yet.
    public init(contexts: [Int]? = nil, families: [Int]? = nil, seed: UInt64 = 0) {
        self.contexts = contexts
        self.families = families
        self.seed = seed
    }

    /// What the last fit found out about the workers, in a sentence; nil before a fit.
    package var findings: String? { model?.findings }

    /// Fits on all labels together, and gives the tasks' posteriors. O(sweeps * labels * classes).
    /// - Precondition: as many contexts as tasks, where they are given.
    public mutating func fitPredict(_ labels: LabelStore) -> Aggregation {
        precondition(
            contexts.map { $0.count == labels.taskCount } ?? true,
            "HierarchicalBayes: \(contexts?.count ?? 0) contexts for \(labels.taskCount) tasks")
        var model = Pooled(
            taskContexts: contexts ?? [Int](repeating: 0, count: labels.taskCount),
            workers: max(1, labels.workerCount), classes: labels.classCount,
            options: .init(calibrate: 0, families: families, seed: seed), soft: labels.soft)
        model.absorb(labels)
        self.model = model
        var result = Aggregation(posterior: model.posterior, of: labels, heard: labels.soft, seed: seed)
        result.softWeights = model.softWeights
        return result
    }

    /// The posteriors of other tasks of the same workers, who are taken as the last fit has them; context 0 for all.
    /// Models are not heard.
    /// O(labels * classes).
    /// - Precondition: fitted, on labels of as many workers and classes.
    public func predict(_ labels: LabelStore) -> Aggregation {
        guard let model, model.workerCount == max(1, labels.workerCount), model.classCount == labels.classCount else {
            preconditionFailure("HierarchicalBayes: predict before a fit on as many workers and classes")
        }
        let classes = labels.classCount
        var posterior = [Double](repeating: 0, count: labels.taskCount * classes)
        for task in 0..<labels.taskCount {
            var score = model.freshPrior(1)
            for (worker, label) in labels.labels(of: task) {
                let cell = model.workforce.cell(worker: worker, context: 0)
                for (z, p) in model.workforce.message(cell: cell, label: label).enumerated() { score[z] += log(p) }
            }
            let top = score.max() ?? 0
            let weights = score.map { exp($0 - top) }, sum = weights.reduce(0, +)
            for (z, p) in model.classes(of: weights).enumerated() { posterior[task * classes + z] = p / sum }
        }
        return Aggregation(posterior: posterior, of: labels, seed: seed)
    }
}
