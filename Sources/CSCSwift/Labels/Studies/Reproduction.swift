/// The experiments of the BBTA paper on the same public data, with what their figures show.
package struct Reproduction: Sendable {
    /// Where the data lie: `uci/` and `labels/` below it.
    package var data: String
    /// Runs to average.
    package var runs: Int
    /// Decides everything that is drawn.
    package var seed: UInt64
    /// The methods of Fig. 2 and 5.
    package var baselines = ["random", "bbta:0", "bbta:1", "optkg", "optkg-multi", "iethresh", "crowdsense"]
    /// Fig. 3's lengths of the exploration phase [rec].
    package var sweep = ["bbta:0", "bbta:1", "bbta:5", "bbta:10"]

    /// The paper's setting: 30 runs.
    package init(data: String, runs: Int = 30, seed: UInt64 = 2015) {
        self.data = data
        self.runs = runs
        self.seed = seed
    }

    /// One case: a name and where its answers come from.
    package struct Case: Sendable {
        /// What the figures and tables call it.
        package var name: String
        /// Where the answers come from.
        package var stage: ReplayStage
        /// Task count, to scale budgets.
        package var tasks: Int
    }

    /// What the toy experiment of the authors of [BBTA] gave, by method and budget: read off their figure to +-0.005.
    package static let toyTable: [(method: String, points: [(budget: Int, accuracy: Double)])] = [
        (
            "bbta:0",
            [(400, 0.815), (600, 0.870), (800, 0.920), (1000, 0.953), (1200, 0.980), (1400, 0.990), (3000, 0.997)]
        ),
        (
            "bbta:1",
            [(400, 0.832), (600, 0.882), (800, 0.933), (1000, 0.968), (1200, 0.986), (1400, 0.994), (3000, 0.998)]
        ),
        ("random", [(1200, 0.875), (1400, 0.898), (3000, 0.976)]),
    ]

    /// One answer matrix of the toy experiment: N = 200, K = 20, S = 2, contexts and truth uniform, each worker right with
    /// probability 0.9 in one random context and 0.6 in the other. The authors' table comes from one such draw.
    package static func toy(seed: UInt64) -> Case {
        var stream = RandomStream(seed: seed, purpose: .clustering)
        let tasks = (0..<200).map {
            LabelingTask(id: "t\($0)", context: stream.index(below: 2), truth: stream.index(below: 2))
        }
        let matrix = WorkerModel.oneCoin.matrix(
            tasks: tasks, contexts: ["a", "b"], classes: ["0", "1"], workers: 20, seed: seed)
        return Case(name: "toy, draw \(seed)", stage: .fixed(matrix), tasks: 200)
    }

    /// The nine cases of Fig. 1-3: three sets, three worker models, S = 3, 4, 5 and K = 30, 40, 50 [rec].
    package func simulated() throws(CSCError) -> [Case] {
        var cases: [Case] = []
        for file in ["ionosphere.data", "breast-cancer-wisconsin.data", "pima-indians-diabetes.data"] {
            let set = try UCIDataset(path: data + "/uci/" + file)
            let list = try set.tasks(contexts: set.setting.contexts)
            for model in WorkerModel.allCases {
                cases.append(
                    Case(
                        name: "\(set.name), \(model.rawValue)",
                        stage: .simulated(
                            tasks: list, contexts: (1...set.setting.contexts).map { "cluster \($0)" },
                            classes: ["0", "1"], model: model, workers: set.setting.workers), tasks: list.count))
            }
        }
        return cases
    }

    /// RTE as one context (the paper's), and two sets that stand in for Gender Hobby, which is not public: bluebird
    /// (complete, hard) and RTE with its seven subtasks as contexts. Missing labels are completed by GROUSE of rank 2.
    package func recorded() throws(CSCError) -> [Case] {
        let files: [(String, String, String?, String?)] = [
            ("RTE", "rte/label.csv", nil, "rte/truth.csv"),
            ("bluebird", "bluebird/label.csv", nil, "bluebird/truth.csv"),
            ("RTE, seven contexts", "rte-contexts/labels.csv", "rte-contexts/tasks.csv", nil),
        ]
        var cases: [Case] = []
        for (name, labels, tasks, truth) in files {
            let root = data + "/labels/"
            let table = try LabelFiles().read(
                labels: root + labels, tasks: tasks.map { root + $0 }, truth: truth.map { root + $0 }
            ).table
            let wide = LabelMatrix(table)
            let full = wide.isComplete ? wide : Grouse.complete(table, options: .init(rank: 2, seed: seed))
            cases.append(Case(name: name, stage: .fixed(full), tasks: full.tasks.count))
        }
        return cases
    }

    /// The curves of some methods in one case.
    ///
    /// - Parameter played: called after each run of a method, by whichever thread played it.
    package func curves(
        _ one: Case, methods: [String], played: (@Sendable () -> Void)? = nil
    ) throws(CSCError) -> [ReplayCurve] {
        try replay(one).curves(methods, played: played)
    }

    /// The workers' true accuracies in run 0: what Fig. 1 and 4 count.
    package func accuracies(_ one: Case) -> [Double] { replay(one).matrix(run: 0).workerAccuracies() }

    /// Measured regret of BBTA with N' = 1, mean over runs, and its bound, at each budget of the replay.
    package func regret(_ one: Case) -> (budgets: [Int], measured: [Summary], bound: [Double]) {
        let replay = replay(one), first = replay.matrix(run: 0), budgets = replay.budgets(tasks: first.tasks.count)
        let values = Threads.map(runs) { run in
            Regret.measure(
                replay.matrix(run: run), explore: 1, budgets: budgets, seed: replay.runSeed(run))
        }
        return (
            budgets, budgets.indices.map { b in Summary(values.map { $0[b] }) },
            budgets.map {
                Regret.bound(
                    contexts: first.contexts.count, workers: first.workers.count, explore: 1, budget: $0)
            }
        )
    }

    private func replay(_ one: Case) -> Replay {
        var replay = Replay(stage: one.stage)
        replay.runs = runs
        replay.seed = seed
        return replay
    }
}
