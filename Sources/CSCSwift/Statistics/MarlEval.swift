/// Evaluations in the layout that marl-eval reads: environment, task, algorithm, run, step ([Gorsane22]).
///
/// marl-eval wants the same algorithms in every task, the same number of runs of each, the same number of steps in every
/// run, and the same metrics in every step; its names are compared in lower case and must not hold a comma.
package struct MarlEval: Sendable {
    /// What one run showed of one metric at one moment: a value for each evaluation episode.
    package struct Step: Sendable {
        /// How many decisions of agents training had seen by then.
        package var stepCount: Int
        /// A value for each evaluation episode.
        package var values: [Double]

        /// Values at a moment.
        package init(stepCount: Int, values: [Double]) {
            self.stepCount = stepCount
            self.values = values
        }
    }

    private struct Series {
        var name: String
        var steps: [Step]
        var absolute: [Double]
    }
    private let environment: String
    private let metric: String
    private var tasks: [(name: String, algorithms: [(name: String, runs: [Series])])] = []

    /// Evaluations in one environment by one metric, such as `revenue`.
    package init(environment: String, metric: String) {
        self.environment = environment
        self.metric = metric
    }

    /// Adds a run of an algorithm on a task.
    ///
    /// - Parameters:
    ///   - steps: its evaluations while it was trained, or the one of a finished policy.
    ///   - absolute: the values of the best policy of the run, or of the finished one.
    /// - Throws: `CSCError.invalid` where a name holds a comma, or equals another but for capital letters.
    package mutating func add(
        task: String, algorithm: String, run: String, steps: [Step], absolute: [Double]
    ) throws(CSCError) {
        for name in [task, algorithm, run] where name.contains(",") {
            throw .invalid("marl-eval takes no name with a comma: '\(name)'")
        }
        let at = try place(of: task, among: tasks.map(\.name))
        if at == tasks.count { tasks.append((task, [])) }
        let which = try place(of: algorithm, among: tasks[at].algorithms.map(\.name))
        if which == tasks[at].algorithms.count { tasks[at].algorithms.append((algorithm, [])) }
        let runs = tasks[at].algorithms[which].runs
        guard try place(of: run, among: runs.map(\.name)) == runs.count else {
            throw .invalid("marl-eval: run '\(run)' of '\(algorithm)' on '\(task)' is there twice")
        }
        tasks[at].algorithms[which].runs.append(Series(name: run, steps: steps, absolute: absolute))
    }

    /// Where the name is among those known; their count where it is new.
    private func place(of name: String, among known: [String]) throws(CSCError) -> Int {
        guard let at = known.firstIndex(where: { $0.lowercased() == name.lowercased() }) else { return known.count }
        if known[at] != name { throw .invalid("marl-eval cannot tell '\(name)' from '\(known[at])'") }
        return at
    }

    /// The file. O(values).
    package var json: JSON {
        func metrics(_ values: [Double]) -> (String, JSON) { (metric, .array(values.map(JSON.number))) }
        func steps(_ run: Series) -> JSON {
            .object(
                run.steps.enumerated().map { number, step in
                    (
                        "step_\(number + 1)",
                        JSON.object([("step_count", .integer(step.stepCount)), metrics(step.values)])
                    )
                } + [("absolute_metrics", .object([metrics(run.absolute)]))])
        }
        return .object([
            (
                environment,
                .object(
                    tasks.map { task in
                        (
                            task.name,
                            .object(
                                task.algorithms.map { algorithm in
                                    (algorithm.name, .object(algorithm.runs.map { ($0.name, steps($0)) }))
                                })
                        )
                    })
            )
        ])
    }
}
