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
    /// - Throws: `CSCError` as `LabelFiles.readFamilies`, or where a family has workers and models.
    static func readFamilies(
        _ path: String, workers: [LabelingWorker], soft: inout SoftLabels?
    ) throws(CSCError) -> [Int] {
        let models = (soft?.models ?? []).map { LabelingWorker(id: $0) }
        let all = try LabelFiles.readFamilies(path, workers: workers + models)
        let people = Array(all[..<workers.count]), others = Array(all[workers.count...])
        let both = Set(people).intersection(others)
        if let model = others.firstIndex(where: both.contains) {
            throw .table(
                path: path,
                reason:
                    "the family of model '\(models[model].id)' has workers with labels too; a family is of models or of "
                    + "workers")
        }
        soft = soft?.families(others)
        return people
    }
}
