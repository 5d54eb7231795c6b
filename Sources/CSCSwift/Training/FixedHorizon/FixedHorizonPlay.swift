/// How actions are chosen where a game is played without learning.
package enum BatchedPolicy: Sendable {
    /// Every action is as likely as another.
    case random
    /// By a network of this shape, observation -> one logit per action: its most probable action, or a draw from it.
    case network(shape: MLPShape, parameters: [Float], sampled: Bool)
}

extension BatchedGame {
    /// Episodes of `evaluate` are played in the worlds from here on: none of them is trained in.
    public static let evaluationWorld = 1 << 42
    /// Episodes that a run is watched on while it goes: neither trained in nor those of `evaluate`.
    static let heldOutWorld = 1 << 43
    /// Worlds that one thread plays at once.
    private static let worldsAtOnce = 16

    /// The return of the first episode of each of `episodes` worlds: the sum of rewards over its steps, mean over its
    /// agents. World n is the seed's world n + `firstWorld`. The same bits at any number of threads. O(episodes * steps
    /// * agents * P).
    package func returns(
        of policy: BatchedPolicy, seed: UInt64, episodes: Int, firstWorld: Int = BatchedGame.evaluationWorld
    ) -> [Double] {
        let chunks = (episodes + Self.worldsAtOnce - 1) / Self.worldsAtOnce
        let players = (0..<chunks).map { chunk in
            let first = chunk * Self.worldsAtOnce
            let environment = make(environmentCount: min(Self.worldsAtOnce, episodes - first))
            environment.reset(seed: seed, firstIndex: firstWorld + first)
            return BatchedPlayer(environment, policy, seed: seed, index: UInt64(firstWorld + first))
        }
        Threads.parallelFor(chunks) { players[$0].play() }
        return players.flatMap(\.returns)
    }
}

/// A few worlds played to the end of their first episode, on one thread.
private final class BatchedPlayer: @unchecked Sendable {
    private(set) var returns: [Double]
    private let environment: any BatchedEnvironment
    private let policy: BatchedPolicy
    private var stream: RandomStream

    init(_ environment: any BatchedEnvironment, _ policy: BatchedPolicy, seed: UInt64, index: UInt64) {
        self.environment = environment
        self.policy = policy
        if case .random = policy {
            stream = RandomStream(seed: seed, purpose: .dispatcher, index: index)
        } else {
            stream = RandomStream(seed: seed, purpose: .policy, index: index)
        }
        returns = [Double](repeating: 0, count: environment.environmentCount)
    }

    func play() {
        let (worlds, agents) = (environment.environmentCount, environment.agentsPerEnvironment)
        let rows = worlds * agents
        var observations = [Float](repeating: 0, count: rows * environment.observationWidth)
        var finals = observations
        var rewards = [Float](repeating: 0, count: rows)
        var actions = [Int32](repeating: 0, count: rows)
        var ends = [StepEnd](repeating: .continues, count: worlds)
        var over = [Bool](repeating: false, count: worlds)
        var chooser = ActionChooser(policy, rows: rows, actions: environment.actionCount)
        environment.observe(&observations)
        while over.contains(false) {
            chooser.choose(observations, &actions, &stream)
            environment.step(
                actions: actions, observations: &observations, finalObservations: &finals, rewards: &rewards,
                ends: &ends)
            for world in 0..<worlds where !over[world] {
                let total = (0..<agents).reduce(0.0) { $0 + Double(rewards[world * agents + $1]) }
                returns[world] += total / Double(agents)
                over[world] = ends[world] != .continues
            }
        }
    }
}

/// Actions of a step and the memory for them.
struct ActionChooser {
    private let policy: BatchedPolicy
    private let actionCount: Int
    private let rows: Int
    private var logits: [Float]
    private var uniforms: [Float]
    private var logProbabilities: [Float]
    private let offsets: [Int32]
    private let workspace: MLPWorkspace?

    init(_ policy: BatchedPolicy, rows: Int, actions: Int) {
        self.policy = policy
        self.rows = rows
        actionCount = actions
        logits = [Float](repeating: 0, count: rows * actions)
        uniforms = [Float](repeating: 0, count: rows)
        logProbabilities = uniforms
        offsets = (0...rows).map { Int32($0 * actions) }
        if case .network(let shape, _, _) = policy {
            precondition(
                shape.outputWidth == actions,
                "BatchedPolicy: a network of \(shape.outputWidth) logits for a game of \(actions) actions")
            workspace = MLPWorkspace(shape: shape, maxRows: rows)
        } else {
            workspace = nil
        }
    }

    mutating func choose(_ observations: [Float], _ actions: inout [Int32], _ stream: inout RandomStream) {
        guard case .network(let shape, let parameters, let sampled) = policy, let workspace else {
            Self.draw(&stream, below: actionCount, &actions)
            return
        }
        RolloutShard.predict(
            shape, parameters, observations, 0..<observations.count, rows, &logits, 0..<logits.count, workspace)
        if sampled {
            RolloutShard.draw(&stream, &uniforms)
            RolloutShard.sample(logits, actionCount, uniforms, &actions, &logProbabilities)
        } else {
            Self.likeliest(logits, offsets, &actions)
        }
        _ = Self.mend(&actions)
    }

    /// Takes the first action where the network's outputs are no probabilities. Returns whether there was such a place.
    static func mend(_ actions: inout [Int32]) -> Bool {
        guard actions.contains(where: { $0 < 0 }) else { return false }
        for row in actions.indices { actions[row] = max(0, actions[row]) }
        return true
    }

    private static func draw(_ stream: inout RandomStream, below bound: Int, _ actions: inout [Int32]) {
        var chosen = actions.mutableSpan
        stream.fill(&chosen, below: bound)
    }

    private static func likeliest(_ logits: [Float], _ offsets: [Int32], _ actions: inout [Int32]) {
        var chosen = actions.mutableSpan
        Policy.greedy(logits: logits.span, offsets: offsets.span, actions: &chosen)
    }
}
