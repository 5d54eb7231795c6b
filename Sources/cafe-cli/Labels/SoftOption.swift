internal import ArgumentParser
internal import CSCSwift

/// What the commands that take `--soft` share.
enum SoftOption {
    static let table = "a table task,worker,CLASS,CLASS,... of models' class probabilities, a column a class."
    static let help: ArgumentHelp =
        "A table task,worker,CLASS,CLASS,... of models' class probabilities, a column a class."

    /// The methods that listen to models, in words.
    static let listeners = AggregationMethod.allCases.filter(\.takesSoft).map(\.rawValue).joined(separator: ", ")

    /// The families of workers; those of models go to `soft`.
    /// - Throws: `CSCError` as `LabelFiles.readFamilies`.
    static func readFamilies(
        _ path: String, workers: [LabelingWorker], soft: inout SoftLabels?
    ) throws(CSCError) -> [Int] {
        let families = try LabelFiles.readFamilies(path, workers: workers, models: soft?.models ?? [])
        soft = soft.map { $0.families(LabelFamily.numbers(of: $0.models, in: families)) }
        return LabelFamily.numbers(of: workers.map(\.id), in: families)
    }
}
