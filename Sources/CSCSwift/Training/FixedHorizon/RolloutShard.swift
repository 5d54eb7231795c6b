/// Some environments of a batch and what is recorded of them: `numSteps` steps of every agent. One thread at a time
/// uses it; nothing is allocated once the first rollout has been played.
final class RolloutShard: @unchecked Sendable {
    let environment: any BatchedEnvironment
    let steps: Int
    /// Agents of this shard: environments * agents of each.
    let rows: Int
    let width: Int

    /// [T + 1, rows, D]: what the agents saw before each step and after the last.
    private var observations: [Float]
    /// Where in `observations` stands what the agents see now: 0 before the first rollout, then T.
    private var present = 0
    private var actions: [Int32]
    private var logProbabilities: [Float]
    private var advantages: [Float]
    private var returns: [Float]
    /// The mean over agents of the return of each episode that ended in the rollout.
    private(set) var episodicReturns: [Double] = []

    private var rewards: [Float]
    private var values: [Float]
    private var nextValues: [Float]
    private var ends: [UInt8]
    private let discounts: [Float]
    private let lambdas: [Float]

    // One step's arrays.
    private var uniforms: [Float]
    private var chosen: [Int32]
    private var chosenLog: [Float]
    private var logits: [Float]
    private var stepRewards: [Float]
    private var stepEnds: [StepEnd]
    private var finals: [Float]
    private var running: [Double]

    /// Whether the policy's outputs were no probabilities somewhere; the first action was taken there.
    private(set) var sawNonFinite = false

    /// What truncated agents saw last, and the step and row of each.
    private var truncatedRows: [Int] = []
    private var truncatedObservations: [Float] = []
    private var truncatedValues: [Float] = []

    private let actor: MLPShape
    private let critic: MLPShape
    private let actorWorkspace: MLPWorkspace
    private var criticWorkspace: MLPWorkspace
    private var stream: RandomStream

    /// - Parameter stream: draws the actions of this shard.
    init(
        environment: any BatchedEnvironment, settings: FixedHorizonSettings, actor: MLPShape, critic: MLPShape,
        stream: RandomStream
    ) {
        self.environment = environment
        self.actor = actor
        self.critic = critic
        self.stream = stream
        steps = settings.numSteps
        rows = environment.environmentCount * environment.agentsPerEnvironment
        width = environment.observationWidth
        let count = steps * rows
        func floats(_ count: Int) -> [Float] { [Float](repeating: 0, count: count) }
        observations = floats((steps + 1) * rows * width)
        actions = [Int32](repeating: 0, count: count)
        logProbabilities = floats(count)
        advantages = floats(count)
        returns = floats(count)
        rewards = floats(count)
        values = floats(count + rows)
        nextValues = floats(count)
        ends = [UInt8](repeating: 0, count: count)
        discounts = [Float](repeating: Float(settings.gamma), count: count)
        lambdas = [Float](repeating: Float(settings.gaeLambda), count: count)
        uniforms = floats(rows)
        chosen = [Int32](repeating: 0, count: rows)
        chosenLog = floats(rows)
        logits = floats(rows * environment.actionCount)
        stepRewards = floats(rows)
        stepEnds = [StepEnd](repeating: .continues, count: environment.environmentCount)
        finals = floats(rows * width)
        running = [Double](repeating: 0, count: environment.environmentCount)
        actorWorkspace = MLPWorkspace(shape: actor, maxRows: rows)
        criticWorkspace = MLPWorkspace(shape: critic, maxRows: (steps + 1) * rows)
        observe(into: &observations, at: 0)
    }

    /// Plays T steps with the policy and computes advantages and returns. O(T rows P).
    ///
    /// - Parameter parameters: of the actor, then of the critic.
    func play(actorParameters: [Float], criticParameters: [Float]) {
        episodicReturns.removeAll(keepingCapacity: true)
        truncatedRows.removeAll(keepingCapacity: true)
        truncatedObservations.removeAll(keepingCapacity: true)
        if present > 0 { Self.move(&observations, from: present * rows * width, count: rows * width) }
        for step in 0..<steps {
            choose(actorParameters, step)
            let next = (step + 1) * rows * width
            act(chosen, &observations, at: next, &finals, &stepRewards, &stepEnds)
            record(step)
        }
        evaluate(criticParameters)
        estimate(&advantages, &returns)
        present = steps
    }

    /// Adds the steps of the last rollout, [T, rows], to `records`. O(T rows D).
    func copySteps(to records: inout StepRecords) {
        records.append(
            observations: observations, actions: actions, logProbabilities: logProbabilities, advantages: advantages,
            returns: returns)
    }

    /// Saves what the next rollout depends on beside the networks.
    func save(to checkpoint: inout Checkpoint, name: String) {
        environment.save(to: &checkpoint, name: name)
        let first = present * rows * width
        checkpoint.set(name + ".observations", floats: Array(observations[first..<first + rows * width]))
        checkpoint.set(name + ".returns", doubles: running)
        checkpoint.set(name + ".draws", integers: [Int(truncatingIfNeeded: stream.counter)])
    }

    /// Takes over what `save` wrote. Throws `CSCError.damaged`.
    func load(from checkpoint: Checkpoint, name: String) throws(CSCError) {
        try environment.load(from: checkpoint, name: name)
        let seen = try checkpoint.floats(name + ".observations", count: rows * width)
        observations.replaceSubrange(0..<rows * width, with: seen)
        present = 0
        running = try checkpoint.doubles(name + ".returns", count: running.count)
        let draws = try checkpoint.integers(name + ".draws", count: 1)[0]
        stream = RandomStream(seed: stream.seed, stream: stream.stream, counter: UInt64(truncatingIfNeeded: draws))
    }

    private func choose(_ parameters: [Float], _ step: Int) {
        let base = step * rows * width
        Self.predict(
            actor, parameters, observations, base..<(base + rows * width), rows, &logits, 0..<logits.count,
            actorWorkspace)
        Self.draw(&stream, &uniforms)
        Self.sample(logits, actor.outputWidth, uniforms, &chosen, &chosenLog)
        if ActionChooser.mend(&chosen) { sawNonFinite = true }
        Self.put(chosen, into: &actions, at: step * rows)
        Self.put(chosenLog, into: &logProbabilities, at: step * rows)
    }

    private func record(_ step: Int) {
        let agents = environment.agentsPerEnvironment
        let first = step * rows
        Self.put(stepRewards, into: &rewards, at: first)
        Self.put(stepEnds, agents: agents, into: &ends, at: first)
        let (stepRewards, stepEnds) = (stepRewards, stepEnds)
        for index in 0..<environment.environmentCount {
            let end = stepEnds[index]
            var sum = 0.0
            for agent in index * agents..<(index + 1) * agents {
                sum += Double(stepRewards[agent])
                if end == .truncated {
                    truncatedRows.append(first + agent)
                    truncatedObservations.append(contentsOf: finals[agent * width..<(agent + 1) * width])
                }
            }
            running[index] += sum / Double(agents)
            if end != .continues {
                episodicReturns.append(running[index])
                running[index] = 0
            }
        }
    }

    /// The critic on everything seen, in one pass.
    private func evaluate(_ parameters: [Float]) {
        Self.predict(
            critic, parameters, observations, 0..<observations.count, (steps + 1) * rows, &values, 0..<values.count,
            criticWorkspace)
        Self.put(values[rows...], into: &nextValues, at: 0)
        let count = truncatedRows.count
        guard count > 0 else { return }
        if truncatedValues.count < count {
            truncatedValues.append(contentsOf: repeatElement(0, count: count - truncatedValues.count))
        }
        if count > criticWorkspace.maxRows { criticWorkspace = MLPWorkspace(shape: critic, maxRows: count) }
        Self.predict(
            critic, parameters, truncatedObservations, 0..<count * width, count, &truncatedValues, 0..<count,
            criticWorkspace)
        for index in 0..<count { nextValues[truncatedRows[index]] = truncatedValues[index] }
    }

    private func estimate(_ advantages: inout [Float], _ returns: inout [Float]) {
        Self.gae(
            rewards, values, nextValues, discounts, lambdas, ends, steps, rows, &advantages, &returns)
    }

    // MARK: - Arrays lent one by one: through `self`, each write of an element would check for exclusive access

    private static func put<Element>(
        _ source: some Collection<Element>, into target: inout [Element], at start: Int
    ) {
        var position = start
        for element in source {
            target[position] = element
            position += 1
        }
    }

    /// How each environment's step ended, for each of its agents.
    private static func put(_ source: [StepEnd], agents: Int, into target: inout [UInt8], at start: Int) {
        for row in 0..<source.count * agents { target[start + row] = source[row / agents].rawValue }
    }

    /// The last observation is the next rollout's first.
    private static func move(_ values: inout [Float], from start: Int, count: Int) {
        for index in 0..<count { values[index] = values[start + index] }
    }

    private func observe(into observations: inout [Float], at start: Int) {
        var span = observations.mutableSpan
        environment.observe(&span)
    }

    private func act(
        _ chosen: [Int32], _ observations: inout [Float], at start: Int, _ finals: inout [Float],
        _ rewards: inout [Float],
        _ ends: inout [StepEnd]
    ) {
        var all = observations.mutableSpan
        var next = all.part(start..<(start + rows * width))
        var finals = finals.mutableSpan
        var rewards = rewards.mutableSpan
        var ends = ends.mutableSpan
        environment.step(
            actions: chosen.span, observations: &next, finalObservations: &finals, rewards: &rewards, ends: &ends)
    }

    static func predict(
        _ shape: MLPShape, _ parameters: [Float], _ input: [Float], _ range: Range<Int>, _ rows: Int,
        _ output: inout [Float], _ outputRange: Range<Int>, _ workspace: MLPWorkspace
    ) {
        var all = output.mutableSpan
        var out = all.part(outputRange)
        MLP.predict(
            shape, parameters: parameters.span, input: input.span.extracting(range), rows: rows, output: &out,
            workspace: workspace)
    }

    static func draw(_ stream: inout RandomStream, _ uniforms: inout [Float]) {
        var out = uniforms.mutableSpan
        stream.fill(units: &out)
    }

    static func sample(
        _ logits: [Float], _ width: Int, _ uniforms: [Float], _ actions: inout [Int32], _ logs: inout [Float]
    ) {
        var actions = actions.mutableSpan
        var logs = logs.mutableSpan
        Policy.sample(
            logits: logits.span, width: width, uniforms: uniforms.span, actions: &actions,
            logProbabilities: &logs)
    }

    private static func gae(
        _ rewards: [Float], _ values: [Float], _ nextValues: [Float], _ discounts: [Float], _ lambdas: [Float],
        _ ends: [UInt8], _ steps: Int, _ rows: Int, _ advantages: inout [Float], _ returns: inout [Float]
    ) {
        var advantages = advantages.mutableSpan
        var returns = returns.mutableSpan
        Policy.gae(
            rewards: rewards.span, values: values.span.extracting(0..<steps * rows), nextValues: nextValues.span,
            discounts: discounts.span, lambdas: lambdas.span, ends: ends.span, steps: steps, actors: rows,
            advantages: &advantages, returns: &returns)
    }
}
