/// A promise of `ParallelEnvironment` that an environment has broken.
public struct EnvironmentFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// The step of the episode at which it was seen; 0 is the state after `reset`.
    public let step: Int
    /// What is wrong.
    public let reason: String
    /// Step and reason as one line.
    public var description: String { "step \(step): \(reason)" }
}

/// Plays random allowed actions and checks that an environment keeps the promises of `ParallelEnvironment`; after
/// PettingZoo's `parallel_api_test`.
///
/// Checked: widths are positive and constant; acting agents are distinct agents; `observe` writes every element and nothing
/// beyond, gives finite numbers and a 0/1 mask with an allowed action for each acting agent, and gives the same twice; time
/// does not run backwards; rewards are finite; the episode ends within `maxSteps`, and then nobody decides; `reset` in
/// the middle of an episode gives the same first observation again. O(steps * observation).
///
/// - Throws: `EnvironmentFault`, the first promise broken.
public func parallelAPITest<E: ParallelEnvironment>(
    _ environment: E, episode: E.Episode, seed: UInt64 = 1, maxSteps: Int = 100_000
) throws {
    var stream = RandomStream(seed: seed, purpose: .policy)
    environment.reset(episode)
    let first = try lookAt(environment, step: 0)
    var cutShort = false
    var step = 0
    var widths = [environment.actionCount, environment.contextWidth, environment.candidateWidth]
    if let width = widths.first(where: { $0 <= 0 }) {
        throw EnvironmentFault(step: 0, reason: "a width is \(width)")
    }
    while !environment.isOver {
        let seen = try lookAt(environment, step: step)
        let actions = randomActions(seen, actionCount: environment.actionCount, &stream)
        let before = environment.now
        environment.step(actions: actions.span)
        step += 1
        if environment.now < before {
            throw EnvironmentFault(step: step, reason: "time went from \(before) back to \(environment.now)")
        }
        if !environment.teamReward.isFinite {
            throw EnvironmentFault(step: step, reason: "the team reward is \(environment.teamReward)")
        }
        let now = [environment.actionCount, environment.contextWidth, environment.candidateWidth]
        if now != widths { throw EnvironmentFault(step: step, reason: "the widths went from \(widths) to \(now)") }
        widths = now
        if step >= maxSteps { throw EnvironmentFault(step: step, reason: "the episode does not end") }
        if !cutShort && step == 5 {
            cutShort = true
            environment.reset(episode)
            step = 0
            if try lookAt(environment, step: 0) != first {
                throw EnvironmentFault(step: 0, reason: "reset does not restore the first observation")
            }
        }
    }
    if environment.actingCount != 0 {
        throw EnvironmentFault(step: step, reason: "\(environment.actingCount) agents decide after the end")
    }
}

/// Plays the same episode with the same actions in two environments made alike, and checks that they stay equal to the
/// last bit; after PettingZoo's `seed_test`. The first has played the episode before, so state left over from an
/// earlier episode shows as well. O(steps * observation).
///
/// - Throws: `EnvironmentFault`, the first difference.
public func seedTest<E: ParallelEnvironment>(
    episode: E.Episode, seed: UInt64 = 1, maxSteps: Int = 100_000, _ make: () -> E
) throws {
    let one = make()
    let two = make()
    var warmUp = RandomStream(seed: seed &+ 1, purpose: .policy)
    one.reset(episode)
    for step in 0..<20 where !one.isOver {
        let actions = randomActions(try lookAt(one, step: step), actionCount: one.actionCount, &warmUp)
        one.step(actions: actions.span)
    }
    var stream = RandomStream(seed: seed, purpose: .policy)
    one.reset(episode)
    two.reset(episode)
    var step = 0
    while !one.isOver || !two.isOver {
        let seen = try lookAt(one, step: step)
        if seen != (try lookAt(two, step: step)) {
            throw EnvironmentFault(step: step, reason: "two environments made alike observe different things")
        }
        let actions = randomActions(seen, actionCount: one.actionCount, &stream)
        one.step(actions: actions.span)
        two.step(actions: actions.span)
        step += 1
        if one.teamReward.bitPattern != two.teamReward.bitPattern {
            throw EnvironmentFault(step: step, reason: "rewards differ: \(one.teamReward) and \(two.teamReward)")
        }
        if one.now != two.now || one.terminated != two.terminated || one.truncated != two.truncated {
            throw EnvironmentFault(step: step, reason: "two environments made alike are at different points")
        }
        if step >= maxSteps { throw EnvironmentFault(step: step, reason: "the episode does not end") }
    }
}

/// What the acting agents of a step see, as bits.
private struct Sight: Equatable {
    var actingAgents: [Int] = []
    var context: [UInt32] = []
    var candidates: [UInt32] = []
    var mask: [UInt8] = []
}

/// Observes into arrays with a margin and checks what was written.
private func lookAt<E: ParallelEnvironment>(_ environment: E, step: Int) throws -> Sight {
    let n = environment.actingCount
    let (k, c, d) = (environment.actionCount, environment.contextWidth, environment.candidateWidth)
    let actingAgents = (0..<n).map(environment.actingAgent)
    if Set(actingAgents).count != n { throw EnvironmentFault(step: step, reason: "an agent decides twice") }
    if let stranger = actingAgents.first(where: { !(0..<environment.agentCount).contains($0) }) {
        throw EnvironmentFault(
            step: step, reason: "acting agent \(stranger) is none of \(environment.agentCount) agents")
    }
    let margin = 7
    let untouched = Float(bitPattern: 0x7fc0_beef)
    var previous: Sight?
    for _ in 0..<2 {
        var context = [Float](repeating: untouched, count: n * c + margin)
        var candidates = [Float](repeating: untouched, count: n * k * d + margin)
        var mask = [UInt8](repeating: 0xee, count: n * k + margin)
        var contextSpan = context.mutableSpan
        var candidateSpan = candidates.mutableSpan
        var maskSpan = mask.mutableSpan
        environment.observe(context: &contextSpan, candidates: &candidateSpan, mask: &maskSpan)
        for (name, values, used) in [("context", context, n * c), ("candidates", candidates, n * k * d)] {
            if let at = (0..<used).first(where: { !values[$0].isFinite }) {
                let what = values[at].bitPattern == untouched.bitPattern ? "is not written" : "is \(values[at])"
                throw EnvironmentFault(step: step, reason: "element \(at) of \(name) \(what)")
            }
            if values[used...].contains(where: { $0.bitPattern != untouched.bitPattern }) {
                throw EnvironmentFault(step: step, reason: "\(name) is written beyond its \(used) elements")
            }
        }
        if mask[(n * k)...].contains(where: { $0 != 0xee }) {
            throw EnvironmentFault(step: step, reason: "mask is written beyond its \(n * k) elements")
        }
        for row in 0..<n {
            let part = mask[row * k..<(row + 1) * k]
            if part.contains(where: { $0 > 1 }) {
                throw EnvironmentFault(step: step, reason: "the mask of row \(row) is not 0 or 1")
            }
            if !part.contains(1) { throw EnvironmentFault(step: step, reason: "row \(row) has no allowed action") }
        }
        let sight = Sight(
            actingAgents: actingAgents, context: context.prefix(n * c).map(\.bitPattern),
            candidates: candidates.prefix(n * k * d).map(\.bitPattern), mask: Array(mask.prefix(n * k)))
        if let previous, previous != sight {
            throw EnvironmentFault(step: step, reason: "observing twice gives two answers")
        }
        previous = sight
    }
    return previous!
}

/// One random allowed action for each acting agent.
private func randomActions(_ sight: Sight, actionCount k: Int, _ stream: inout RandomStream) -> [Int32] {
    sight.actingAgents.indices.map { row in
        let allowed = (0..<k).filter { sight.mask[row * k + $0] == 1 }
        return Int32(allowed[stream.index(below: allowed.count)])
    }
}
