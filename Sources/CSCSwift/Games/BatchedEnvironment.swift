/// Many copies of one game with a fixed number of agents, each of whom acts at every step: the shape that learners with
/// a fixed horizon want (`FixedHorizonTrainer`). Row-major arrays that the caller owns, one row per agent, agents of
/// one copy side by side. N copies, M agents a copy, A = N * M rows, D `observationWidth`, K `actionCount`.
///
/// A copy whose episode ends starts the next one by itself. `ends` then says how it ended, and `finalObservations`
/// holds what its agents saw last, so that a truncated episode can be bootstrapped from there.
public protocol BatchedEnvironment: AnyObject {
    /// N: how many copies there are.
    var environmentCount: Int { get }
    /// M: how many agents a copy has.
    var agentsPerEnvironment: Int { get }
    /// D: the width of what an agent sees.
    var observationWidth: Int { get }
    /// K: how many actions an agent has.
    var actionCount: Int { get }

    /// Starts a new episode in every copy. Copy n of a batch whose copies count from `firstIndex` is the same game as
    /// copy n + firstIndex of a larger batch with the same seed.
    func reset(seed: UInt64, firstIndex: Int)
    /// Writes what every agent sees now, [A, D].
    func observe(_ observations: inout MutableSpan<Float>)
    /// Plays `actions` [A], each 0 ..< K. Writes the next observations [A, D], the rewards [A], how each copy's step
    /// ended [N], and the rows of `finalObservations` [A, D] of the copies that ended.
    func step(
        actions: Span<Int32>, observations: inout MutableSpan<Float>, finalObservations: inout MutableSpan<Float>,
        rewards: inout MutableSpan<Float>, ends: inout MutableSpan<StepEnd>)
    /// Saves everything that the next steps depend on, in sections whose names begin with `name`, so that a run that is
    /// resumed continues with the same bits.
    func save(to checkpoint: inout Checkpoint, name: String)
    /// Takes over what `save` wrote of as many copies. Throws `CSCError.damaged`.
    func load(from checkpoint: Checkpoint, name: String) throws(CSCError)
}

extension BatchedEnvironment {
    /// `observe` into an array [A, D]. O(A D).
    public func observe(_ observations: inout [Float]) {
        var span = observations.mutableSpan
        observe(&span)
    }

    /// `step` on arrays: `actions` [A], `observations` and `finalObservations` [A, D], `rewards` [A], `ends` [N].
    public func step(
        actions: [Int32], observations: inout [Float], finalObservations: inout [Float], rewards: inout [Float],
        ends: inout [StepEnd]
    ) {
        var observations = observations.mutableSpan
        var finals = finalObservations.mutableSpan
        var rewards = rewards.mutableSpan
        var ends = ends.mutableSpan
        step(
            actions: actions.span, observations: &observations, finalObservations: &finals, rewards: &rewards,
            ends: &ends)
    }
}
