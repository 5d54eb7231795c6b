extension TrainingConfiguration: KeyedConfiguration {
    /// Every key, in the order of the file.
    public static let fields: [ConfigurationField<Self>] = run + episodes + game + network + learning + reward + credit

    /// Relocation is a dispatcher's.
    public static var refused: [String: String] {
        [
            "game.relocate":
                "agents have no action that moves an idle worker; learnt coalition rules do: evolve --set relocate=true"
        ]
    }

    private static let run: [ConfigurationField<Self>] =
        ConfigurationField.schedule(
            seed: \.seed, iterations: \.iterations, checkpointEvery: \.checkpointEvery, keepLast: \.keepLast,
            evaluateEvery: \.evaluateEvery)
        + [
            .integer(
                "evaluationEpisodes", \.evaluationEpisodes, 1...10_000, "held-out episodes of each evaluated setting")
        ]

    private static let episodes: [ConfigurationField<Self>] = [
        .text("episodes.scenario", \.scenario, "a built-in city or a scenario file", "the city"),
        .optionalText("episodes.orders", \.orders, "recorded orders in place of the city's generator"),
        .optionalText("episodes.workersFile", \.workersFile, "the file of workers that belongs to them"),
        .optionalText("episodes.format", \.format, "their layout, where the first line does not say"),
        .optionalText("episodes.columns", \.columns, "which columns hold what: release=NAME,longitude=NAME,..."),
        .optionalText("episodes.units", \.units, "the unit of columns x and y: degrees, km or m"),
        .optionalText("episodes.zone", \.zone, "the zone in which days are cut, such as Europe/Paris"),
        .optionalText("episodes.cut", \.cut, "pooled or by-day: how recorded days make episodes"),
        .optionalText("episodes.days", \.days, "which recorded days take part, FIRST-LAST"),
        .optionalText("episodes.from", \.from, "when the window of the day begins, HH:MM"),
        .optionalText("episodes.part", \.part, "which part of the rows takes part, K/N, such as 1/2"),
        .optionalText("episodes.terms", \.terms, "scenario or file: where pay and workload come from"),
        .truth("episodes.skipBadRows", \.skipBadRows, "leave out bad rows of the orders"),
        .integers("episodes.tasks", \.tasks, 1...1_000_000, "numbers of tasks, each with workersFixed workers"),
        .integers("episodes.workers", \.workers, 1...1_000_000, "numbers of workers, each with tasksFixed tasks"),
        .integer("episodes.tasksFixed", \.tasksFixed, 1...1_000_000, "tasks while the workers vary"),
        .integer("episodes.workersFixed", \.workersFixed, 1...1_000_000, "workers while the tasks vary"),
    ]

    private static let game: [ConfigurationField<Self>] = [
        .number("game.window", \.game.window, 0.01...1440, "length of a window (min)"),
        .integer("game.teamCap", \.game.teamCap, 1...10_000, "the most workers that one task takes"),
        .integer("game.candidates", \.game.candidates, 1...64, "candidate tasks that a worker is shown"),
        .choice("game.payment", \.game.payment, "how lateness lowers a payment"),
        .choice("game.decisions", \.game.decisions, "who knows of whose decision inside a window"),
        .truth("game.showTime", \.game.showTime, "show agents the time of day"),
        .truth(
            "game.showPosition", \.game.showPosition,
            "show agents where they and the tasks are, in halves of the city's side"),
        .truth("game.reroute", \.game.reroute, "workers on the road can be sent elsewhere (a change of the rules)"),
    ]

    private static let network: [ConfigurationField<Self>] = [
        .choice("network.policy", \.policy, "score each (worker, task) pair, or read all of them side by side"),
        .layers("network.actorWidths", \.actorWidths, "hidden layers of the policy"),
        .layers("network.criticWidths", \.criticWidths, "hidden layers of the critic"),
        .activation("network.activation", \.activation, "of the hidden layers"),
    ]

    private static let learning: [ConfigurationField<Self>] = [
        .integer("ppo.numEnvs", \.ppo.numEnvs, 1...100_000, "episodes of an iteration, played side by side"),
        .number("ppo.learningRate", \.ppo.learningRate, 0...10, "Adam's step size of the policy", open: true),
        .number(
            "ppo.criticLearningRate", \.ppo.criticLearningRate, 0...10, "Adam's step size of the critic", open: true),
        .number(
            "ppo.learningRateFinal", \.ppo.learningRateFinal, 0...1,
            "both step sizes fall to this fraction of themselves"),
        .integer("ppo.annealIterations", \.ppo.annealIterations, 1...Int.max, "over so many iterations"),
        .number("ppo.gamma", \.ppo.gamma, 0...1, "discount for each minute"),
        .number("ppo.gaeLambda", \.ppo.gaeLambda, 0...1, "lambda of generalised advantage estimation"),
        .integer("ppo.updateEpochs", \.ppo.updateEpochs, 1...1000, "passes over an iteration's decisions"),
        .integer("ppo.minibatchSize", \.ppo.minibatchSize, 1...10_000_000, "decisions of a minibatch, about"),
        .number("ppo.clipCoef", \.ppo.clipCoef, 0...10, "how far the ratio may leave 1", open: true),
        .number("ppo.entCoef", \.ppo.entCoef, 0...10, "weight of the entropy at the start"),
        .number("ppo.entCoefFinal", \.ppo.entCoefFinal, 0...10, "and at the end of annealing"),
        .number("ppo.vfCoef", \.ppo.vfCoef, 0...1000, "weight of the critic's loss"),
        .truth("ppo.clipVloss", \.ppo.clipVloss, "clip the critic's change as well"),
        .number("ppo.maxGradNorm", \.ppo.maxGradNorm, 0...1e9, "longest gradient of either network", open: true),
        .truth("ppo.normAdv", \.ppo.normAdv, "standardise the advantages of a minibatch"),
        .truth("ppo.normReward", \.ppo.normReward, "divide rewards by the running rms of the return"),
        .number("ppo.targetKL", \.ppo.targetKL, 0...1000, "stop an update's epochs beyond this KL; 0: never"),
        .truth("ppo.discountReward", \.ppo.discountReward, "discount a payment back to the decision it rewards"),
    ]

    private static let reward: [ConfigurationField<Self>] =
        [
            .text(
                "reward.variant", \.rewardVariant, RewardVariant.all.map(\.name).joined(separator: " or "),
                "what agents are rewarded for")
        ] + RewardFeature.all.map { .phi($0) }
}
