internal import ArgumentParser
internal import CSCSwift

/// A policy of `evaluate` in a game with a fixed horizon: random play, or the folder of a run.
struct FixedHorizonChoice {
    /// The game that it was trained in; nil for random play, which knows them all.
    let game: BatchedGame?
    /// How it plays.
    let player: BatchedPolicy

    /// Whether a name is such a run, or the draws of one.
    static func isRun(_ name: String) -> Bool { FixedHorizonRun.isRun(split(name).folder) }

    /// Reads `random`, `RUN` or `RUN:sampled`.
    init(_ name: String) throws {
        if name == "random" {
            (game, player) = (nil, .random)
            return
        }
        let (folder, sampled) = Self.split(name)
        guard FixedHorizonRun.isRun(folder) else {
            throw ValidationError(
                "\(name) is neither random nor a run of train --env: it cannot be compared with one")
        }
        let policy = try FixedHorizonPolicy(contentsOf: folder)
        (game, player) = (policy.configuration.game, policy.player(sampled: sampled))
    }

    private static func split(_ name: String) -> (folder: String, sampled: Bool) {
        name.hasSuffix(":sampled") ? (String(name.dropLast(8)), true) : (name, false)
    }
}

extension EvaluateCommand {
    /// Plays runs of `train --env` beside random play, on the same episodes, prints the table, writes the file of
    /// --marl-eval, and returns what --json writes.
    func evaluateFixedHorizon(seeds: [UInt64]) throws -> JSON {
        let city = source.given + (tasks == nil ? [] : ["--tasks"]) + (workers == nil ? [] : ["--workers"])
        let foreign =
            city + (reroute ? ["--reroute"] : []) + (relocate ? ["--relocate"] : [])
            + (bounds ? ["--bounds"] : []) + (details ? ["--details"] : [])
        if let flag = foreign.first {
            throw ValidationError("\(flag) belongs to dispatch; a run of train --env is played in its own game")
        }
        let episodes = episodes ?? 100
        let choices = (self.choices.contains { $0.name == "random" } ? [] : [PolicyChoice("random")]) + self.choices
        let players = try choices.map { try $0.members.map { try FixedHorizonChoice($0) } }
        let games = Set(players.flatMap { $0.compactMap(\.game) })
        guard let game = games.first, games.count == 1 else {
            throw ValidationError("these runs play different games: \(games.map(\.rawValue).sorted())")
        }
        let returns = players.map { members in
            seeds.enumerated().map { number, seed in
                let player = members[members.count == 1 ? 0 : number].player
                return game.returns(of: player, seed: seed, episodes: episodes)
            }
        }
        say(
            "\(game.rawValue), \(episodes) episodes, seed\(seeds.count > 1 ? "s" : "") "
                + seeds.map(String.init).joined(separator: ","))
        var lines = [["policy", "return", "95 % interval", "sd", "minus \(choices[0].name)", ""]]
        var entries: [(String, JSON)] = []
        var file = MarlEval(environment: "mpe", metric: "return")
        for (choice, bySeed) in zip(choices, returns) {
            let all = bySeed.flatMap(\.self)
            let total = Summary(all)
            let means = bySeed.map { Summary($0).mean }
            let interval = seeds.count > 1 ? Summary(means) : total
            // Where a run plays each seed, the runs are the sample.
            let ofRuns = choice.members.count > 1 || choices[0].members.count > 1
            let difference =
                ofRuns
                ? Summary.paired(means, minus: returns[0].map { Summary($0).mean })
                : Summary.paired(all, minus: returns[0].flatMap(\.self))
            let note = choice.members.count == 1 ? "" : "\(choice.members.count) runs, one for each seed"
            lines.append([
                choice.name, Terminal.decimal(total.mean, 3), Self.range(interval), Terminal.decimal(total.sd, 3),
                choice.name == choices[0].name
                    ? "" : Terminal.decimal(difference.mean, 3) + " " + Self.range(difference), note,
            ])
            entries.append(
                (
                    choice.name,
                    .object([
                        ("episodes", .integer(all.count)), ("mean", .number(total.mean)), ("sd", .number(total.sd)),
                        ("ci95", .array([.number(interval.lower), .number(interval.upper)])),
                        ("seed_means", .array(means.map(JSON.number))), ("note", .string(note)),
                        ("interval_over", .string(seeds.count > 1 ? "seeds" : "episodes")),
                        (
                            "minus_first",
                            .object([
                                ("policy", .string(choices[0].name)), ("mean", .number(difference.mean)),
                                ("ci95", .array([.number(difference.lower), .number(difference.upper)])),
                                ("interval_over", .string(ofRuns ? "seeds" : "episodes")),
                                ("pairs", .integer(difference.count)),
                            ])
                        ),
                    ])
                ))
            for (seed, values) in zip(seeds, bySeed) {
                try file.add(
                    task: game.rawValue, algorithm: choice.name, run: "seed_\(seed)",
                    steps: [MarlEval.Step(stepCount: 0, values: values)], absolute: values)
            }
        }
        if json != "-" { print(Terminal.columns(lines, left: [0, 2, 4, 5])) }
        if let marlEval { try AtomicFile.write(file.json.pretty, to: marlEval) }
        return .object([
            ("env", .string(game.rawValue)), ("seeds", .array(seeds.map { JSON.integer(Int(clamping: $0)) })),
            ("policies", .object(entries)),
        ])
    }

    private static func range(_ summary: Summary) -> String {
        summary.count < 2
            ? "" : "[\(Terminal.decimal(summary.lower, 3)), \(Terminal.decimal(summary.upper, 3))]"
    }
}
