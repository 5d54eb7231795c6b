internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli evaluate`
struct EvaluateCommand: ParsableCommand {
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
            first seed's episodes and so on, so the interval over seeds is one over training runs too.

            A run of train --env simple_spread is played in that game: the table shows the return of an episode (the \
            sum of its rewards, mean over agents) beside random play, which may be named as a policy too. Options of the \
            city mean nothing there.

            The table shows mean revenue, its 95 % interval over episodes (over seeds where several are given), the
            paired difference to the first policy with its interval, and the ratio. The same command gives the same
            numbers to the last bit at any number of threads.

            Example:
              cafe-cli evaluate --scenario chengdu --tasks 200 --workers 200 \\
                --policy greedy,coalition --episodes 200 --seed 7 --json out.json
              cafe-cli evaluate --tasks 200 --workers 50 --seeds 7,8,9 --policy greedy,cafe=runs/1+runs/2+runs/3 \\
                --marl-eval marl/200-50.json
            """)

    @OptionGroup var source: SourceOptions
    @OptionGroup var ahead: LookaheadFlags
    @Argument(help: "Further policies.")
    var policies: [String] = []
    @Option(help: "Policies, separated by commas.")
    var policy = ""
    @Option(help: "Tasks of an episode.", transform: Limits.episodeSize.parse)
    var tasks = 200
    @Option(help: "Workers of an episode.", transform: Limits.episodeSize.parse)
    var workers = 200
    @Option(help: "Episodes for each seed.", transform: Limits.episodes.parse)
    var episodes = 100
    @Option(help: "The seed of the episodes.")
    var seed: UInt64 = 7
    @Option(help: "Several seeds, separated by commas; takes the place of --seed.")
    var seeds: String?
    @Option(help: "Threads; 0 for one per processor.", transform: Limits.threads.parse)
    var threads = 0
    @Option(help: "Write the results to this file as JSON; - for standard output, in place of the table.")
    var json: String?
    @Option(
        help: "Write every episode's revenue to this file in marl-eval's layout; a seed is a run, the setting a task.")
    var marlEval: String?
    @Flag(help: "Change a rule: workers on the road can be sent elsewhere (a trained run needs game.reroute=true).")
    var reroute = false
    @Flag(help: "Add full-information bounds on a few episodes: simulated annealing (below) and a relaxation (above).")
    var bounds = false
    @Option(help: "Episodes on which --bounds are computed.", transform: Limits.episodes.parse)
    var boundEpisodes = 4
    @Option(help: "Moves of the annealing for each episode.", transform: Limits.moves.parse)
    var annealingMoves = 80_000

    var choices: [PolicyChoice] {
        (policies + policy.split(separator: ",").map(String.init)).map(PolicyChoice.init)
    }
    private var names: [String] { choices.map(\.name) }

    func validate() throws {
        if names.isEmpty && !bounds {
            throw ValidationError("name at least one policy, such as --policy greedy,coalition")
        }
        for choice in choices where choice.members.isEmpty {
            throw ValidationError("\(choice.name)= names no run; write NAME=RUN+RUN")
        }
        if Set(names).count != names.count { throw ValidationError("a policy is named twice") }
        _ = try FileOptions.takeOutput([("--json", json), ("--marl-eval", marlEval)])
    }

    func run() throws {
        Output.startThreads(threads)
        let seedList = try seeds.map(parseSeeds) ?? [seed]
        for choice in choices where choice.members.count > 1 && choice.members.count != seedList.count {
            throw ValidationError(
                "\(choice.name) has \(choice.members.count) runs, but there are \(seedList.count) seeds: give one for each "
                    + "run by --seeds")
        }
        if choices.contains(where: { $0.members.contains(where: FixedHorizonChoice.isRun) }) {
            return try evaluateFixedHorizon(seeds: seedList)
        }
        let (source, notes) = try source.open()
        for note in notes + [SourceOptions.shortage(source, tasks: tasks)].compactMap(\.self) { say("note: \(note)") }
        let names = PolicyNames(
            source: source, options: GameOptions(reroute: reroute), lookahead: try ahead.options(),
            futures: try ahead.futures(beside: self.source))
        try compare(by: names, on: source, seeds: seedList)
    }

    private func parseSeeds(_ text: String) throws -> [UInt64] {
        let list = text.split(separator: ",").map { UInt64($0) }
        if list.isEmpty || list.contains(nil) { throw ValidationError("--seeds \(text) is no list of numbers") }
        return list.compactMap { $0 }
    }

    /// Plays everything and writes table and file.
    private func compare(by policies: PolicyNames, on source: some InstanceSource, seeds: [UInt64]) throws {
        var revenues = [[[Double]]](repeating: [], count: names.count)
        var rows: [PolicySource] = []
        for (number, seed) in seeds.enumerated() {
            rows = try choices.map { choice in
                try policies.policy(choice.member(number), tasks: tasks, workers: workers, seed: seed)
            }
            let result = Evaluation.run(
                rows, on: source, tasks: tasks, workers: workers, seed: seed, episodes: 0..<episodes)
            for at in names.indices { revenues[at].append(result[at]) }
        }
        say(
            "\(source.name), \(tasks) tasks, \(workers) workers, \(episodes) episodes, "
                + (reroute ? "re-routing, " : "")
                + "seed\(seeds.count > 1 ? "s" : "") \(seeds.map(String.init).joined(separator: ","))")
        var entries: [(String, JSON)] = []
        var lines = [["policy", "revenue", "95 % interval", names.isEmpty ? "" : "minus \(names[0])", "ratio", ""]]
        for at in names.indices {
            let all = revenues[at].flatMap(\.self)
            let first = revenues[0].flatMap(\.self)
            let total = Summary(all)
            let means = revenues[at].map { Summary($0).mean }
            let interval = seeds.count > 1 ? Summary(means) : total
            let difference = Summary.paired(all, minus: first)
            lines.append([
                names[at], Terminal.decimal(total.mean, 3), range(interval),
                at == 0 ? "" : Terminal.decimal(difference.mean, 3) + " " + range(difference),
                at == 0 || first.allSatisfy { $0 == 0 }
                    ? "" : Terminal.decimal(total.mean / max(Summary(first).mean, 1e-12), 3),
                note(at, rows),
            ])
            entries.append(
                (
                    names[at],
                    .object([
                        ("episodes", .integer(all.count)), ("mean", .number(total.mean)), ("sd", .number(total.sd)),
                        ("ci95", .array([.number(interval.lower), .number(interval.upper)])),
                        ("seed_means", .array(means.map(JSON.number))), ("note", .string(note(at, rows))),
                    ])
                ))
        }
        if !names.isEmpty && json != "-" { print(Terminal.columns(lines, left: [0, 2, 3, 5])) }
        var file: [(String, JSON)] = [
            ("source", .string(source.name)), ("reroute", .bool(reroute)), ("tasks", .integer(tasks)),
            ("workers", .integer(workers)),
            ("seeds", .array(seeds.map { JSON.integer(Int(clamping: $0)) })), ("policies", .object(entries)),
        ]
        if bounds { file.append(("bounds", try showBounds(source, seed: seeds[0]))) }
        if let marlEval {
            var file = MarlEval(environment: source.name, metric: "revenue")
            for (at, name) in names.enumerated() {
                for (number, seed) in seeds.enumerated() {
                    let values = revenues[at][number]
                    try file.add(
                        task: "\(tasks) tasks \(workers) workers", algorithm: name, run: "seed_\(seed)",
                        steps: [MarlEval.Step(stepCount: 0, values: values)], absolute: values)
                }
            }
            try AtomicFile.write(file.json.pretty, to: marlEval)
        }
        if let json { try FileOptions.write(JSON.object(file).pretty, to: json) }
    }

    /// Prints what is for people, unless standard output is the JSON's.
    func say(_ text: String) {
        if json != "-" { print(text) }
    }

    /// What the table says about a policy beyond its name.
    private func note(_ at: Int, _ rows: [PolicySource]) -> String {
        choices[at].members.count == 1 ? rows[at].note : "\(choices[at].members.count) runs, one a seed"
    }

    func range(_ summary: Summary) -> String {
        summary.count < 2
            ? "" : "[\(Terminal.decimal(summary.lower, 3)), \(Terminal.decimal(summary.upper, 3))]"
    }

    /// Computes and prints what full information could earn.
    private func showBounds(_ source: some InstanceSource, seed: UInt64) throws -> JSON {
        let count = min(boundEpisodes, episodes)
        let sample = source.instance(tasks: tasks, workers: workers, seed: seed, episode: EpisodeRange.evaluation[0])
        if let unknown = FullInformation.unknown(in: sample) {
            throw ValidationError("--bounds do not know \(unknown), which the episodes have")
        }
        let results = FullInformation.bounds(
            on: source, tasks: tasks, workers: workers, seed: seed, episodes: 0..<count, moves: annealingMoves)
        let lower = Summary(results.map(\.annealed))
        let start = Summary(results.map(\.start))
        let upper = Summary(results.map(\.upper))
        say(
            "\nfull information, \(count) episodes: annealing \(Terminal.decimal(lower.mean, 3)) from coalition "
                + "\(Terminal.decimal(start.mean, 3)); upper bound \(Terminal.decimal(upper.mean, 3))")
        return .object([
            ("episodes", .integer(count)), ("annealing", .number(lower.mean)), ("coalition", .number(start.mean)),
            ("upper", .number(upper.mean)),
        ])
    }
}
