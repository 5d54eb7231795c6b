internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli evaluate`
struct EvaluateCommand: RankedCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Play dispatch policies on the same episodes and compare their revenue.",
        discussion: """
            Each policy is the name of a dispatcher (random, greedy, nearest, best-payment, marginal, hungarian,
            pair-greedy, best-response, coalition; prices are tuned on training episodes that are never evaluated on),
            a learnt coalition rule (cafe, which comes with the program, or the folder of a run of evolve), or the
            folder of a trained run, which acts by its likeliest actions (RUN:sampled draws them).

            NAME:lookahead, such as cafe:lookahead, is a learnt coalition rule that plays several plans into drawn \
            futures before it sends anybody: better, and more than a thousand times slower (docs/lookahead.md).

            NAME=RUN+RUN+... is one policy of several training runs: with as many --seeds, the first run plays the \
            first seed's episodes and so on, so intervals are over training runs: of the runs' means, and of the differences \
            of these means.

            All rows play by the same rules. They are the usual ones, or those of the trained runs where these have others \
            (game.payment, game.teamCap, game.window); runs trained by different rules are not put into one table.

            A tasks.csv of your own (--orders) is one episode: it is played once for each seed, and prices are tuned on it.

            A run of train --env simple_spread is played in that game: the table shows the return of an episode (the \
            sum of its rewards, mean over agents) beside random play, which may be named as a policy too.

            The table shows mean revenue, its 95 % interval over episodes (over seeds where several are given), the
            paired difference to the first policy with its interval, and the ratio; --details adds a table of what became \
            of tasks and workers. The same command gives the same numbers to the last bit at any number of threads.

            Example:
              cafe-cli evaluate --scenario chengdu --tasks 200 --workers 200 \\
                --policy greedy,coalition --episodes 200 --seed 7 --json out.json
              cafe-cli evaluate --tasks 200 --workers 50 --seeds 7,8,9 --policy greedy,cafe=runs/1+runs/2+runs/3 \\
                --marl-eval marl/200-50.json
            """)

    @OptionGroup var source: SourceOptions
    @OptionGroup var ahead: LookaheadFlags
    @OptionGroup var ranks: RankOptions
    @Argument(help: "Further policies.")
    var policies: [String] = []
    @Option(help: "Policies, separated by commas.")
    var policy = ""
    @Option(parsing: .unconditional, help: "Tasks of an episode (default: 200).", transform: Limits.episodeSize.parse)
    var tasks: Int?
    @Option(parsing: .unconditional, help: "Workers of an episode (default: 200).", transform: Limits.episodeSize.parse)
    var workers: Int?
    @Option(parsing: .unconditional, help: "Episodes for each seed (default: 100).", transform: Limits.episodes.parse)
    var episodes: Int?
    @Option(parsing: .unconditional, help: "The seed of the episodes (default: 7).")
    var seed: UInt64?
    @Option(parsing: .unconditional, help: "Several seeds, separated by commas, in place of --seed.")
    var seeds: String?
    @Option(parsing: .unconditional, help: "Threads; 0 for one per processor.", transform: Limits.threads.parse)
    var threads = 0
    @Option(help: "Write the results to this file as JSON; - for standard output, in place of the table.")
    var json: String?
    @Option(
        help: "Write every episode's revenue to this file in marl-eval's layout; a seed is a run, the setting a task.")
    var marlEval: String?
    @Flag(help: "Add a table of what became of tasks and workers: served, late, travel, use of the shifts.")
    var details = false
    @Flag(help: "Change a rule: workers on the road can be sent elsewhere (a trained run needs game.reroute=true).")
    var reroute = false
    @Flag(help: RelocationFlag.help)
    var relocate = false
    @Flag(help: "Add full-information bounds on a few episodes: simulated annealing (below) and a relaxation (above).")
    var bounds = false
    @Option(
        parsing: .unconditional, help: "Episodes on which --bounds are computed (default: 4).",
        transform: Limits.episodes.parse)
    var boundEpisodes: Int?
    @Option(
        parsing: .unconditional, help: "Moves of the annealing for each episode (default: 80000).",
        transform: Limits.moves.parse)
    var annealingMoves: Int?

    var choices: [PolicyChoice] {
        (policies + policy.split(separator: ",").map(String.init)).map(PolicyChoice.init)
    }
    var names: [String] { choices.map(\.name) }

    func validate() throws {
        if names.isEmpty && !bounds {
            throw ValidationError("name at least one policy, such as --policy greedy,coalition")
        }
        for (flag, value) in [("tasks", tasks), ("workers", workers)] where value == 0 {
            throw ValidationError("--\(flag) 0: there would be nothing to decide; at least one is needed")
        }
        for choice in choices where choice.members.isEmpty {
            throw ValidationError("\(choice.name)= names no run; write NAME=RUN+RUN")
        }
        for choice in choices where Set(choice.members.map(PolicyChoice.place)).count != choice.members.count {
            throw ValidationError(
                "\(choice.name)= names a run twice; its episodes would count as those of independent runs")
        }
        if Set(names).count != names.count { throw ValidationError("a policy is named twice") }
        if seed != nil && seeds != nil { throw ValidationError("--seed and --seeds cannot both be given") }
        if !bounds, let flag = boundEpisodes != nil ? "bound-episodes" : annealingMoves != nil ? "annealing-moves" : nil
        {
            throw ValidationError("--\(flag) belongs to --bounds, which is not given")
        }
        if !choices.contains(where: { $0.members.contains(where: PolicyNames.looksAhead) }),
            let flag = ahead.given.first
        {
            throw ValidationError("\(flag) belongs to NAME:lookahead, and no such policy is named")
        }
        try FileOptions.checkShared([("--json", json), ("--marl-eval", marlEval)])
    }

    func run() throws {
        try FileOptions.checkOutputs([json, marlEval])
        Output.startThreads(threads, quiet: json == "-")
        let document = try played()
        if let json { try FileOptions.write(document.pretty, to: json) }
    }

    /// Plays and prints, writes the file of --marl-eval, and returns what --json writes.
    func played() throws -> JSON {
        let seedList = try seeds.map(parseSeeds) ?? [seed ?? 7]
        for choice in choices where choice.members.count > 1 && choice.members.count != seedList.count {
            throw ValidationError(
                "\(choice.name) has \(choice.members.count) runs, but there are \(seedList.count) seeds: give one for each "
                    + "run by --seeds")
        }
        if choices.contains(where: { $0.members.contains(where: FixedHorizonChoice.isRun) }) {
            return try evaluateFixedHorizon(seeds: seedList)
        }
        let rules = try PolicyNames.rules(of: choices.flatMap(\.members), reroute: reroute, relocate: relocate)
        let (source, notes) = try source.open()
        if relocate { try RelocationFlag.check(source) }
        let setting = try EvaluationSetting(
            source, tasks: tasks, workers: workers, episodes: episodes, seeds: seedList, rules: rules)
        for note in notes + setting.notes { say("note: \(note)") }
        setting.warnOfReach()
        try checkBounds(setting)
        try Ranks.requireSame(
            [("the setting", JSON.object(setting.json).line)]
                + RankFacts.source(
                    self.source, source, tasks: setting.tasks, workers: setting.workers, seed: setting.seeds[0])
                + RankFacts.policies(choices.flatMap(\.members)))
        let names = PolicyNames(
            source: source, rules: rules, lookahead: try ahead.options(),
            futures: try ahead.futures(beside: self.source))
        return try report(play(setting, by: names), of: setting)
    }

    private func parseSeeds(_ text: String) throws -> [UInt64] {
        let list = text.split(separator: ",", omittingEmptySubsequences: false).map { UInt64($0) }
        if list.isEmpty || list.contains(nil) { throw ValidationError("--seeds \(text) is no list of numbers") }
        let seeds = list.compactMap { $0 }
        if Set(seeds).count != seeds.count {
            throw ValidationError(
                "--seeds \(text): a seed is named twice; its episodes would count as independent ones")
        }
        return seeds
    }

    /// Plays every policy on the episodes of every seed.
    private func play(_ setting: EvaluationSetting, by policies: PolicyNames) throws -> [EvaluatedPolicy] {
        try choices.enumerated().map { at, choice in
            var row = EvaluatedPolicy(choice: choice)
            for (number, seed) in setting.seeds.enumerated() {
                let member = choice.member(number)
                let ofSeeds = setting.seeds.count > 1 ? ", seed \(seed)" : ""
                let tuning = ProgressLine(
                    "\(choice.name)\(ofSeeds): tuning its price", total: DispatcherKind.tuningPlays(setting.source),
                    unit: "plays")
                let policy = try policies.policy(
                    member, tasks: setting.tasks, workers: setting.workers, seed: seed, played: { tuning.advance() })
                tuning.finish()
                let progress = ProgressLine(
                    "\(choice.name)\(ofSeeds) (policy \(at + 1) of \(choices.count))", total: setting.episodes)
                let outcomes = Evaluation.outcomes(
                    [policy], on: setting.source, tasks: setting.tasks, workers: setting.workers, seed: seed,
                    episodes: 0..<setting.episodes, played: { progress.advance() })
                progress.finish()
                row.add(outcomes[0], by: policy)
            }
            return row
        }
    }

    /// Prints what is for people, unless standard output is the JSON's.
    func say(_ text: String) {
        if json != "-" { print(text) }
    }
}
