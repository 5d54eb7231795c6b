internal import CCore

/// The dynamics of `SimpleSpread` in the C core: many worlds, one vector operation over sixteen of them at a time.
///
/// Complexity of every function: O(worlds).
enum SpreadKernel {
    static let agents = Int(CAFE_SPREAD_AGENTS)
    static let actions = Int(CAFE_SPREAD_ACTIONS)
    static let observationWidth = Int(CAFE_SPREAD_OBSERVATION)

    /// How many floats hold the state of so many worlds.
    static func stateCount(worlds: Int) -> Int { Int(cafe_spread_state(Int64(worlds))) }

    /// Random beginnings; world w draws from the stream `stream` + w.
    static func reset(
        _ state: inout [Float], seed: UInt64, stream: UInt64, episode: UInt64, worlds: Int
    ) {
        requireState(state.count, worlds)
        state.withUnsafeMutableBufferPointer {
            cafe_spread_reset($0.baseAddress, seed, stream, episode, Int64(worlds))
        }
    }

    /// Puts one world at a given state: three pairs each.
    static func place(
        _ state: inout [Float], agents: Span<Float>, velocities: Span<Float>, landmarks: Span<Float>,
        world: Int, worlds: Int
    ) {
        requireState(state.count, worlds)
        precondition(
            agents.count == 6 && velocities.count == 6 && landmarks.count == 6,
            "SimpleSpread.place: \(agents.count), \(velocities.count), \(landmarks.count) numbers given, 6 each needed")
        precondition(world >= 0 && world < worlds, "SimpleSpread.place: world \(world) of \(worlds)")
        state.withUnsafeMutableBufferPointer { state in
            agents.withUnsafeBufferPointer { agents in
                velocities.withUnsafeBufferPointer { velocities in
                    landmarks.withUnsafeBufferPointer { landmarks in
                        cafe_spread_place(
                            state.baseAddress, agents.baseAddress, velocities.baseAddress, landmarks.baseAddress,
                            Int64(world))
                    }
                }
            }
        }
    }

    /// What every agent sees now.
    static func observe(_ observations: inout MutableSpan<Float>, state: [Float], worlds: Int) {
        requireState(state.count, worlds)
        require(observations.count, atLeast: worlds * agents * observationWidth, "observations")
        observations.withUnsafeMutableBufferPointer { observations in
            state.withUnsafeBufferPointer { state in
                cafe_spread_observe(observations.baseAddress, state.baseAddress, Int64(worlds))
            }
        }
    }

    /// One step of every world.
    static func step(
        observations: inout MutableSpan<Float>, rewards: inout MutableSpan<Float>, state: inout [Float],
        actions: Span<Int32>, worlds: Int
    ) {
        requireState(state.count, worlds)
        require(observations.count, atLeast: worlds * agents * observationWidth, "observations")
        require(rewards.count, atLeast: worlds * agents, "rewards")
        require(actions.count, atLeast: worlds * agents, "actions")
        observations.withUnsafeMutableBufferPointer { observations in
            rewards.withUnsafeMutableBufferPointer { rewards in
                state.withUnsafeMutableBufferPointer { state in
                    actions.withUnsafeBufferPointer { actions in
                        cafe_spread_step(
                            observations.baseAddress, rewards.baseAddress, state.baseAddress, actions.baseAddress,
                            Int64(worlds))
                    }
                }
            }
        }
    }

    private static func requireState(_ count: Int, _ worlds: Int) {
        precondition(
            count == stateCount(worlds: worlds),
            "SimpleSpread: a state of \(count) floats, \(worlds) worlds need \(stateCount(worlds: worlds))")
    }

    private static func require(_ count: Int, atLeast needed: Int, _ name: String) {
        precondition(count >= needed, "SimpleSpread: \(name) has \(count) elements, \(needed) needed")
    }
}

extension RandomStream {
    /// Fills `integers` with uniform numbers of 0 ..< bound, to within bound * 2^-32. Takes one draw for every four
    /// numbers and is far faster than `index(below:)` one at a time. O(integers.count).
    public mutating func fill(_ integers: inout MutableSpan<Int32>, below bound: Int) {
        precondition(bound > 0 && bound <= Int32.max, "RandomStream.fill: bound \(bound)")
        let count = integers.count
        integers.withUnsafeMutableBufferPointer {
            cafe_random_below($0.baseAddress, UInt32(bound), seed, stream, counter, Int64(count))
        }
        skip(UInt64((count + 3) / 4))
    }

    /// Fills `units` with uniform numbers of [0, 1), 24 bits each, four from each draw. O(units.count).
    public mutating func fill(units: inout MutableSpan<Float>) {
        let count = units.count
        units.withUnsafeMutableBufferPointer {
            cafe_random_units($0.baseAddress, seed, stream, counter, Int64(count))
        }
        skip(UInt64((count + 3) / 4))
    }
}
