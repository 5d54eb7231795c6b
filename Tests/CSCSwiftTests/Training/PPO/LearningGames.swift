import CSCSwift

/// Agents decide at set times and earn set rewards, whatever they do: for tests of chains and advantages.
final class ScriptedGame: ParallelEnvironment {
    /// At `time` the agents `acting agents` decide; the step then gives the team `reward`.
    struct Moment {
        var time: Double
        var actingAgents: [Int]
        var reward: Double
    }

    struct Script {
        var agents: Int
        var moments: [Moment]
        var end: Double
        /// Cut short after the last moment, with these agents deciding then, instead of ended.
        var cutShort: [Int]?
    }

    private var script = Script(agents: 1, moments: [], end: 0)
    private var position = 0
    private(set) var teamReward = 0.0

    var agentCount: Int { script.agents }
    var actionCount: Int { 3 }
    var contextWidth: Int { 2 }
    var candidateWidth: Int { 1 }
    func reset(_ episode: Script) {
        script = episode
        position = 0
        teamReward = 0
    }
    private var deciding: [Int] {
        position < script.moments.count ? script.moments[position].actingAgents : script.cutShort ?? []
    }
    var actingCount: Int { deciding.count }
    func actingAgent(_ row: Int) -> Int { deciding[row] }
    var now: Double { position < script.moments.count ? script.moments[position].time : script.end }
    var terminated: Bool { position == script.moments.count && script.cutShort == nil }
    var truncated: Bool { position == script.moments.count && script.cutShort != nil }

    func observe(
        context: inout MutableSpan<Float>, candidates: inout MutableSpan<Float>, mask: inout MutableSpan<UInt8>
    ) {
        for (row, agent) in deciding.enumerated() {
            context[2 * row] = Float(agent)
            context[2 * row + 1] = Float(now)
            // Agent a may not use action a.
            for action in 0..<3 {
                candidates[3 * row + action] = Float(10 * agent + action)
                mask[3 * row + action] = action == agent ? 0 : 1
            }
        }
    }

    func step(actions: Span<Int32>) {
        teamReward = script.moments[position].reward
        position += 1
    }
}

/// Two agents, K numbered actions: each sees a target and earns 1 by choosing it (its own reward is in column
/// `match`). The optimum is 1 a step.
final class IdentityGame: ParallelEnvironment {
    let actionCount = 5
    let agentCount = 2
    let contextWidth = 5
    let candidateWidth: Int
    let steps: Int
    let cutShort: Bool
    private var stream = RandomStream(seed: 0, purpose: .environment)
    private var targets = [0, 0]
    private var step = 0
    private(set) var matched = [false, false]
    private(set) var teamReward = 0.0

    /// `rows`: targets are shown in the actions' rows instead of the context.
    init(rows: Bool, steps: Int = 16, cutShort: Bool = false) {
        candidateWidth = rows ? 1 : 0
        self.steps = steps
        self.cutShort = cutShort
    }

    func reset(_ seed: UInt64) {
        stream = RandomStream(seed: seed, purpose: .environment)
        step = 0
        draw()
    }
    private func draw() { for agent in 0..<2 { targets[agent] = stream.index(below: actionCount) } }
    var actingCount: Int { terminated ? 0 : 2 }
    func actingAgent(_ row: Int) -> Int { row }
    var now: Double { Double(step) }
    var terminated: Bool { step == steps && !cutShort }
    var truncated: Bool { step == steps && cutShort }

    func observe(
        context: inout MutableSpan<Float>, candidates: inout MutableSpan<Float>, mask: inout MutableSpan<UInt8>
    ) {
        for row in 0..<actingCount {
            for action in 0..<actionCount {
                let shown: Float = targets[row] == action ? 1 : 0
                context[row * actionCount + action] = candidateWidth == 0 ? shown : 0
                if candidateWidth == 1 { candidates[row * actionCount + action] = shown }
                mask[row * actionCount + action] = 1
            }
        }
    }

    func step(actions: Span<Int32>) {
        teamReward = 0
        for agent in 0..<2 {
            matched[agent] = Int(actions[agent]) == targets[agent]
            if matched[agent] { teamReward += 1 }
        }
        step += 1
        draw()
    }

    static let features = [
        RewardFeature(name: "match", explanation: "1 for the target", source: .learnt)
    ]

    /// A trainer of this game.
    static func trainer(rows: Bool, kind: ActorCritic.Kind, seed: UInt64, cutShort: Bool = false) throws
        -> Trainer<IdentityGame>
    {
        var settings = PPOSettings()
        settings.numEnvs = 8
        settings.minibatchSize = 128
        settings.annealIterations = 60
        settings.gamma = 0.9
        let game = IdentityGame(rows: rows, steps: 32)
        let policy = ActorCritic(ActorCritic.Design(layout: PolicyLayout(game), kind: kind), seed: seed)
        let rewards = try RewardModel(
            variant: RewardVariant(name: "match", explanation: "", weights: [("match", 1)]), features: features)
        let learner = Learner(policy: policy, settings: settings, rewards: rewards, seed: seed)
        return Trainer(
            setup: Trainer.Setup(
                makeGame: { IdentityGame(rows: rows, steps: 32, cutShort: cutShort) },
                episode: { _, _, stream in stream.next() },
                credit: { game, player in
                    for agent in 0..<2 where game.matched[agent] { player.reward(agent: agent, column: 0, value: 1) }
                }),
            learner: learner)
    }
}
