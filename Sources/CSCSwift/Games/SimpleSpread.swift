/// simple_spread, the cooperative navigation game of the multi-agent particle environments: three agents on a plane
/// are to stand on three landmarks without touching one another.
///
/// Introduced by [Lowe17]; the rules are those that PettingZoo fixes as `simple_spread_v3` ([PettingZoo21]), with its
/// defaults:
///
/// - Agents and landmarks begin uniformly in [-1, 1)^2, agents at rest.
/// - Five actions: nothing, left, right, down, up, the four being a push of 5 on a unit mass. A step lasts 0.1; a
///   quarter of the speed is lost in each. Agents (radius 0.15) push one another apart by
///   100 * 0.001 * softplus((0.3 - distance) / 0.001).
/// - An agent sees 18 numbers: its velocity and position, the landmarks and then the other agents relative to itself,
///   and four zeros (what the others say: they are silent).
/// - Rewards: half the shared term, minus the distance of each landmark's nearest agent, and half the agent's own,
///   minus one for each agent that it touches.
/// - An episode is truncated after 25 steps.
///
/// `environmentCount` independent worlds are played in step by the core's `cafe_spread_step`. Every world is a pure
/// function of the seed, its index, the episode's number and the actions: neither the thread count nor the batch
/// changes a bit.
public final class SimpleSpread: BatchedEnvironment {
    /// N: how many worlds there are.
    public let environmentCount: Int
    /// M: how many agents a world has, 3.
    public var agentsPerEnvironment: Int { SpreadKernel.agents }
    /// D: how many numbers an agent sees, 18.
    public var observationWidth: Int { SpreadKernel.observationWidth }
    /// K: how many actions an agent has, 5: nothing, left, right, down, up.
    public var actionCount: Int { SpreadKernel.actions }
    /// How many steps an episode lasts.
    public let horizon: Int

    /// How many steps of the present episode have been played, 0 ..< horizon.
    public private(set) var stepCount = 0
    /// The number of the present episode: 0 after `reset`.
    public private(set) var episode: UInt64 = 0
    private var seed: UInt64 = 0
    private var firstIndex = 0
    private var state: [Float]

    /// Worlds at the beginning of episode 0 of seed 0. O(environments).
    ///
    /// - Parameters:
    ///   - environmentCount: N, at least 1; multiples of 16 are the fastest.
    ///   - horizon: how many steps an episode lasts, at least 1.
    public init(environmentCount: Int = 1, horizon: Int = 25) {
        precondition(
            environmentCount > 0 && horizon > 0,
            "SimpleSpread: environmentCount \(environmentCount) and horizon \(horizon) must be positive")
        self.environmentCount = environmentCount
        self.horizon = horizon
        state = [Float](repeating: 0, count: SpreadKernel.stateCount(worlds: environmentCount))
        reset(seed: 0)
    }

    /// Begins episode 0 of `seed` in every world; world n is the seed's world n + `firstIndex`. O(N).
    public func reset(seed: UInt64, firstIndex: Int = 0) {
        self.seed = seed
        self.firstIndex = firstIndex
        episode = 0
        begin()
    }

    /// Writes what every agent sees now, [3 N, 18]. O(N).
    /// - Precondition: room for 54 N numbers.
    public func observe(_ observations: inout MutableSpan<Float>) {
        SpreadKernel.observe(&observations, state: state, worlds: environmentCount)
    }

    /// Plays `actions` [3 N], each 0 ..< 5. Writes `observations` [3 N, 18], `rewards` [3 N] and `ends` [N]. After the
    /// last step of an episode `finalObservations` [3 N, 18] holds what the agents saw then, and `observations` the
    /// beginning of the next one; before, it is not written. O(N).
    /// - Precondition: no array is shorter than that, except `finalObservations` before the last step.
    public func step(
        actions: Span<Int32>, observations: inout MutableSpan<Float>, finalObservations: inout MutableSpan<Float>,
        rewards: inout MutableSpan<Float>, ends: inout MutableSpan<StepEnd>
    ) {
        precondition(
            ends.count >= environmentCount, "SimpleSpread: \(ends.count) ends for \(environmentCount) environments")
        let last = stepCount + 1 == horizon
        if last {
            SpreadKernel.step(
                observations: &finalObservations, rewards: &rewards, state: &state, actions: actions,
                worlds: environmentCount)
            episode += 1
            begin()
            observe(&observations)
        } else {
            SpreadKernel.step(
                observations: &observations, rewards: &rewards, state: &state, actions: actions,
                worlds: environmentCount)
            stepCount += 1
        }
        for environment in 0..<environmentCount { ends[environment] = last ? .truncated : .continues }
    }

    /// Puts one world at a given state, for tests and for comparisons with other implementations. Three (x, y) pairs
    /// each; the episode's clock is left alone.
    public func place(
        environment: Int, agents: Span<Float>, velocities: Span<Float>, landmarks: Span<Float>
    ) {
        SpreadKernel.place(
            &state, agents: agents, velocities: velocities, landmarks: landmarks, world: environment,
            worlds: environmentCount)
    }

    /// Saves the worlds and the episode's clock. O(N).
    public func save(to checkpoint: inout Checkpoint, name: String) {
        checkpoint.set(name + ".worlds", floats: state)
        checkpoint.set(
            name + ".clock",
            integers: [stepCount, Int(truncatingIfNeeded: episode), Int(truncatingIfNeeded: seed), firstIndex])
    }

    /// Takes over worlds that were saved. Throws `CSCError.damaged` where there were not as many, or where their
    /// episodes are longer. O(N).
    public func load(from checkpoint: Checkpoint, name: String) throws(CSCError) {
        let worlds = try checkpoint.floats(name + ".worlds", count: state.count)
        let clock = try checkpoint.integers(name + ".clock", count: 4)
        guard (0..<horizon).contains(clock[0]) else {
            throw .damaged(
                path: checkpoint.path,
                reason: "section '\(name).clock' is at step \(clock[0]) of an episode of \(horizon)")
        }
        guard clock[3] >= 0, clock[3] < 1 << 47, (0...(1 << 56)).contains(clock[1]) else {
            throw .damaged(path: checkpoint.path, reason: "section '\(name).clock' counts episodes as \(clock)")
        }
        state = worlds
        stepCount = clock[0]
        episode = UInt64(truncatingIfNeeded: clock[1])
        seed = UInt64(truncatingIfNeeded: clock[2])
        firstIndex = clock[3]
    }

    private func begin() {
        stepCount = 0
        let stream = RandomStream(seed: seed, purpose: .environment, index: UInt64(firstIndex)).stream
        SpreadKernel.reset(&state, seed: seed, stream: stream, episode: episode, worlds: environmentCount)
    }
}
