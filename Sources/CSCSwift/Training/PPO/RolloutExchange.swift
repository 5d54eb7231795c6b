/// Episodes that ranks play for one another: whole rollouts as messages, bit by bit.
extension RolloutBuffer {
    /// About how many bytes `put` adds. O(columns).
    var byteCount: Int {
        4 * (decisions.rows.count + decisions.criticInput.count) + 5 * decisions.rowCount
            + (9 + rewards.count) * 4 * count + 4 * payments.count + 1024
    }

    /// Sends everything but the names of the columns. O(bytes).
    func put(into message: inout RankWriter) {
        decisions.put(into: &message)
        message.put(agents)
        message.put(times)
        message.put(durations)
        message.put(delays)
        message.put(next)
        message.put(actions)
        message.put(logProbabilities)
        for column in rewards { message.put(column) }
        message.put(items)
        message.put(payments)
        message.put(episodes)
        message.put(returns)
    }

    /// Holds exactly what another rank's buffer of the same layout and columns sent.
    func take(from message: inout RankReader) {
        decisions.take(from: &message)
        message.take(into: &agents)
        message.take(into: &times)
        message.take(into: &durations)
        message.take(into: &delays)
        message.take(into: &next)
        message.take(into: &actions)
        message.take(into: &logProbabilities)
        for k in rewards.indices { message.take(into: &rewards[k]) }
        message.take(into: &items)
        message.take(into: &payments)
        message.take(into: &episodes)
        message.take(into: &returns)
    }
}

extension Ranks {
    /// Gives every rank the rollouts that each has played: `players[i]` by rank `owners[i]`. Returns whether any of them saw
    /// outputs of the policy that are not finite. A collective where there are several ranks; O(all rollouts).
    static func exchange<Game: ParallelEnvironment & SendableMetatype>(
        _ players: [EpisodePlayer<Game>], owners: [Int]
    ) -> Bool {
        let group = current
        let odd = players.contains(where: \.sawNonFinite)
        if group.size == 1 { return odd }
        let played = zip(players, owners).filter { $1 == group.rank }.map(\.0)
        var message = RankWriter(capacity: played.reduce(0) { $0 + $1.rollout.byteCount })
        message.put([odd])
        for player in played { player.rollout.put(into: &message) }
        var parts = group.gather(message.bytes).map { RankReader($0) }
        let odds = parts.indices.map { parts[$0].take(Bool.self) == [true] }
        for (player, owner) in zip(players, owners) where owner != group.rank {
            player.rollout.take(from: &parts[owner])
        }
        return odds.contains(true)
    }
}
