/// Turns recorded labels into one label per task.
///
/// `fit` estimates what the method needs to know of the workers, `predict` applies it to labels of the same workers
/// (other tasks are allowed), `fitPredict` does both on the same labels. All are deterministic: the same labels and
/// seed give the same bits at any thread count.
public protocol LabelAggregator: Sendable {
    /// Estimates the method's parameters from labels.
    mutating func fit(_ labels: LabelStore)
    /// The labels' classes under the parameters of the last fit.
    /// - Precondition: fitted, on labels of as many workers and classes; methods without parameters need no fit.
    func predict(_ labels: LabelStore) -> Aggregation
    /// Fits and predicts the same labels, which saves the last step of `predict`.
    mutating func fitPredict(_ labels: LabelStore) -> Aggregation
}

extension LabelAggregator {
    /// `fitPredict` without its result: for methods that implement that one.
    public mutating func fit(_ labels: LabelStore) { _ = fitPredict(labels) }

    /// `fit`, then `predict`: for methods that implement these two.
    public mutating func fitPredict(_ labels: LabelStore) -> Aggregation {
        fit(labels)
        return predict(labels)
    }
}
