import CSCSwift

/// N games of collaborative spatial crowdsourcing in step, as a fixed set of M agents sees them: action 0 is "stay",
/// action a > 0 the a-th candidate task; who has no choice may only stay. What `cafe_games_*` of cafe_api.h and Python's
/// environments are made of.
///
/// Deterministic: (seed, episode, actions) give the same bits at any number of threads. Not thread-safe.
final class GameBatch: @unchecked Sendable {  // each game and its seat are touched by one thread of a step only
    /// What an agent is rewarded with.
    enum Reward: String, Codable, CaseIterable {
        /// What the platform earned in the step, the same for everyone.
        case team
        /// The agent's part of its team's payment, by work done.
        case share
        /// The payment less what the team would have earned without the agent.
        case difference
    }

    /// Which episodes are played.
    enum Split: String, Codable, CaseIterable {
        /// Those of training.
        case training
        /// Those of `cafe-cli evaluate`, which nothing is trained on.
        case evaluation

        var range: EpisodeRange { self == .training ? .training : .evaluation }
    }

    /// What a batch is made from; the defaults are those of `cafe-cli train`'s game.
    struct Options: Decodable {
        var scenario = "chengdu"
        var tasks = 200
        var workers = 50
        var games = 1
        var candidates = 8
        var window = 1.0
        var teamCap = 50
        var showPosition = false
        var reward = Reward.team
        var split = Split.training

        enum CodingKeys: String, CodingKey, CaseIterable {
            case scenario, tasks, workers, games, candidates, window, teamCap, showPosition, reward, split
        }

        init(from decoder: any Decoder) throws {
            try KnownKeys.check(decoder, CodingKeys.allCases.map(\.rawValue))
            let values = try decoder.container(keyedBy: CodingKeys.self)
            scenario = try values.decodeIfPresent(String.self, forKey: .scenario) ?? scenario
            tasks = try values.decodeIfPresent(Int.self, forKey: .tasks) ?? tasks
            workers = try values.decodeIfPresent(Int.self, forKey: .workers) ?? workers
            games = try values.decodeIfPresent(Int.self, forKey: .games) ?? games
            candidates = try values.decodeIfPresent(Int.self, forKey: .candidates) ?? candidates
            window = try values.decodeIfPresent(Double.self, forKey: .window) ?? window
            teamCap = try values.decodeIfPresent(Int.self, forKey: .teamCap) ?? teamCap
            showPosition = try values.decodeIfPresent(Bool.self, forKey: .showPosition) ?? showPosition
            reward = try values.decodeIfPresent(Reward.self, forKey: .reward) ?? reward
            split = try values.decodeIfPresent(Split.self, forKey: .split) ?? split
        }

        /// Throws where a number is out of its range.
        func validate() throws {
            func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
                guard range.contains(value) else {
                    throw Misuse("\(name): \(value) is not in \(range.lowerBound)...\(range.upperBound)")
                }
            }
            try check("tasks", tasks, 1...100_000)
            try check("workers", workers, 1...100_000)
            try check("games", games, 1...65_536)
            try check("candidates", candidates, 1...64)
            try check("teamCap", teamCap, 1...100_000)
            guard window >= 0.01, window <= 1440 else {
                throw Misuse("window: \(window) is not in 0.01...1440 minutes")
            }
        }
    }

    let options: Options
    let scenario: Scenario
    let games: [SpatialCrowdsourcing]
    let seats: [Seat]

    /// What one game needs besides its state: which episode it plays, and arrays for its rows.
    final class Seat {
        var seed: UInt64 = 0
        var episode: Int
        /// How many illegal actions were given since the episode began.
        var illegal = 0
        var actions: [Int32]
        var context: [Float]
        var candidates: [Float]
        var mask: [UInt8]

        init(episode: Int, agents: Int, rules: GameOptions) {
            self.episode = episode
            actions = [Int32](repeating: 0, count: agents)
            context = [Float](repeating: 0, count: agents * rules.contextWidth)
            candidates = [Float](repeating: 0, count: agents * rules.actionCount * rules.pairWidth)
            mask = [UInt8](repeating: 0, count: agents * rules.actionCount)
        }
    }

    /// M, K, C, D, O and S of cafe_api.h.
    var agentCount: Int { options.workers }
    var actionCount: Int { options.candidates + 1 }
    let contextWidth: Int
    let candidateWidth: Int
    var observationWidth: Int { contextWidth + actionCount * candidateWidth }
    /// The side of the square grid of `state`.
    static let gridSide = 8
    var stateWidth: Int { 5 + 5 * agentCount + 2 * Self.gridSide * Self.gridSide }

    /// Games at episode 0 of seed 0 and up. Throws on an unknown scenario and on numbers out of range.
    init(_ options: Options) throws {
        try options.validate()
        self.options = options
        scenario = try Scenario.named(options.scenario)
        let rules = GameOptions(
            window: options.window, teamCap: options.teamCap, candidates: options.candidates,
            showPosition: options.showPosition)
        games = (0..<options.games).map { _ in SpatialCrowdsourcing(options: rules) }
        contextWidth = rules.contextWidth
        candidateWidth = rules.pairWidth
        seats = games.indices.map { Seat(episode: $0, agents: options.workers, rules: rules) }
        for game in games.indices { reset(game, seed: 0, episode: game) }
    }

    /// Starts an episode of the split in one game. O(tasks + workers).
    func reset(_ game: Int, seed: UInt64, episode: Int) {
        let seat = seats[game]
        (seat.seed, seat.episode, seat.illegal) = (seed, episode, 0)
        games[game].reset(
            scenario.instance(
                tasks: options.tasks, workers: options.workers, seed: seed, episode: options.split.range[episode]))
    }

    /// Writes one game's rows: observations [M, O] and mask [M, K].
    func observe(_ game: Int, _ observations: inout MutableSpan<Float>, _ allowed: inout MutableSpan<Int8>) {
        for index in 0..<observations.count { observations[index] = 0 }
        let choices = actionCount
        for index in 0..<allowed.count { allowed[index] = index % choices == 0 ? 1 : 0 }
        let play = games[game]
        let count = play.actingCount
        if count == 0 { return }
        let seat = seats[game]
        var (context, candidates, mask) = (seat.context, seat.candidates, seat.mask)
        (seat.context, seat.candidates, seat.mask) = ([], [], [])  // taken out, so that nothing is copied
        do {
            var contextSpan = context.mutableSpan
            var candidateSpan = candidates.mutableSpan
            var maskSpan = mask.mutableSpan
            play.observe(context: &contextSpan, candidates: &candidateSpan, mask: &maskSpan)
        }
        let (c, d) = (contextWidth, candidateWidth)
        for row in 0..<count {
            let agent = play.actingAgent(row)
            let base = agent * observationWidth
            for column in 0..<c { observations[base + column] = context[row * c + column] }
            for action in 0..<choices {
                let slot = action == 0 ? choices - 1 : action - 1
                allowed[agent * choices + action] = Int8(mask[row * choices + slot])
                let from = (row * choices + slot) * d
                let to = base + c + action * d
                for column in 0..<d { observations[to + column] = candidates[from + column] }
            }
        }
        (seat.context, seat.candidates, seat.mask) = (context, candidates, mask)
    }

    /// Plays one window of one game: actions [M], rewards [M]. Illegal actions count as "stay". Returns whether the game
    /// has ended.
    func step(_ game: Int, _ chosen: Span<Int32>, _ rewards: inout MutableSpan<Float>) -> Bool {
        let play = games[game]
        for agent in 0..<rewards.count { rewards[agent] = 0 }
        if play.isOver { return true }
        let seat = seats[game]
        var actions = seat.actions
        seat.actions = []
        for row in 0..<play.actingCount {
            let wanted = Int(chosen[play.actingAgent(row)])
            var slot = options.candidates
            if wanted > 0 && wanted <= options.candidates
                && play.candidateTask(agent: row, slot: wanted - 1) >= 0
            {
                slot = wanted - 1
            } else if wanted != 0 {
                seat.illegal += 1
            }
            actions[row] = Int32(slot)
        }
        play.step(actions: actions.span)
        seat.actions = actions
        switch options.reward {
        case .team:
            let reward = Float(play.teamReward)
            for agent in 0..<rewards.count { rewards[agent] = reward }
        case .share:
            for member in play.settlementMembers { rewards[member.worker] += Float(member.share) }
        case .difference:
            for member in play.settlementMembers { rewards[member.worker] += Float(member.difference) }
        }
        return play.isOver
    }

    /// The state of one game for centralised critics, [S]; see cafe_games_state.
    func state(_ game: Int, _ out: inout MutableSpan<Float>) {
        let play = games[game]
        let (now, side) = (play.now, max(scenario.side, 1e-9))
        let open = play.openTasks
        for index in 0..<out.count { out[index] = 0 }
        let full = play.tasks.reduce(0) { $0 + $1.pay }
        out[0] = Float(now / max(scenario.horizon, 1e-9))
        out[1] = full > 0 ? Float(play.revenue / full) : 0
        out[2] = Float(open.count) / Float(max(1, play.tasks.count))
        out[3] = Float(play.idleWorkers.count) / Float(max(1, play.workers.count))
        out[4] = Float(play.actingCount) / Float(max(1, play.workers.count))
        func cell(_ place: (x: Double, y: Double)) -> Int {
            let grid = Double(Self.gridSide)
            func index(_ at: Double) -> Int { Int(max(0, min(grid - 1, (at / side * grid).rounded(.down)))) }
            return index(place.y) * Self.gridSide + index(place.x)
        }
        let grids = 5 + 5 * agentCount
        for (index, worker) in play.workers.enumerated() {
            let base = 5 + 5 * index
            let place = play.place(of: index)
            let busy = play.task(of: index)
            let onShift = now >= worker.shiftStart && now < worker.shiftEnd
            out[base] = onShift ? 1 : 0
            out[base + 1] = onShift && busy < 0 ? 1 : 0
            out[base + 2] = Float(place.x / side)
            out[base + 3] = Float(place.y / side)
            if busy >= 0 { out[base + 4] = Float(min(4, max(0, play.completion(of: busy) - now) / 30)) }
            if onShift && busy < 0 { out[grids + Self.gridSide * Self.gridSide + cell(place)] += 0.125 }
        }
        for task in open where !(play.completion(of: task) <= play.tasks[task].expectedTime) {
            out[grids + cell((play.tasks[task].x, play.tasks[task].y))] += 0.125
        }
    }
}

/// Refuses keys that a document may not have, naming the nearest known one.
enum KnownKeys {
    private struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { return nil }
    }

    static func check(_ decoder: any Decoder, _ known: [String]) throws {
        let keys = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
        for key in keys.sorted() where !known.contains(key) {
            throw Misuse("unknown key '\(key)'\(Spelling.hint(for: key, among: known))")
        }
    }
}
