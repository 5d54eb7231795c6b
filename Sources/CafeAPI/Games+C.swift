import CSCSwift

/// The dispatch game and simple_spread of cafe_api.h.

/// An array of the caller that threads write disjoint parts of.
private struct Shared<Element>: @unchecked Sendable {  // every game writes its own rows only
    let base: UnsafeMutablePointer<Element>
    func rows(_ index: Int, _ count: Int) -> UnsafeMutableBufferPointer<Element> {
        UnsafeMutableBufferPointer(start: base + index * count, count: count)
    }
}

/// See cafe_api.h.
@_cdecl("cafe_games_create")
public func cafeGamesCreate(_ json: UnsafePointer<CChar>?) -> UnsafeMutableRawPointer? {
    guarded { handle(owning: try GameBatch(decoded(json, as: GameBatch.Options.self))) }
}

/// See cafe_api.h.
@_cdecl("cafe_games_free")
public func cafeGamesFree(_ games: UnsafeMutableRawPointer?) { release(games, as: GameBatch.self) }

/// See cafe_api.h: N, M, K, C, D, S.
@_cdecl("cafe_games_get_shape")
public func cafeGamesGetShape(_ games: UnsafeMutableRawPointer?, _ shape: UnsafeMutablePointer<Int64>?) -> Int32 {
    succeeded {
        let batch = try object(games, as: GameBatch.self)
        let shape = try required(shape, "shape")
        let sizes = [
            batch.games.count, batch.agentCount, batch.actionCount, batch.contextWidth, batch.candidateWidth,
            batch.stateWidth,
        ]
        for (index, size) in sizes.enumerated() { shape[index] = Int64(size) }
    }
}

/// See cafe_api.h.
@_cdecl("cafe_games_reset")
public func cafeGamesReset(_ games: UnsafeMutableRawPointer?, _ game: Int64, _ seed: UInt64, _ episode: Int64) -> Int32
{
    succeeded {
        let batch = try object(games, as: GameBatch.self)
        let index = try checked(game, batch)
        guard episode >= 0, episode < Int64(EpisodeRange.capacity) else {
            throw Misuse("episode \(episode) is not in 0 ..< 2^40")
        }
        batch.reset(index, seed: seed, episode: Int(episode))
    }
}

/// See cafe_api.h.
@_cdecl("cafe_games_observe")
public func cafeGamesObserve(
    _ games: UnsafeMutableRawPointer?, _ observations: UnsafeMutablePointer<Float>?, _ mask: UnsafeMutablePointer<Int8>?
) -> Int32 {
    succeeded {
        let batch = try object(games, as: GameBatch.self)
        let observations = Shared(base: try required(observations, "observations"))
        let mask = Shared(base: try required(mask, "mask"))
        Threads.parallelFor(batch.games.count) { game in write(batch, game, observations, mask) }
    }
}

/// See cafe_api.h.
@_cdecl("cafe_games_state")
public func cafeGamesState(_ games: UnsafeMutableRawPointer?, _ state: UnsafeMutablePointer<Float>?) -> Int32 {
    succeeded {
        let batch = try object(games, as: GameBatch.self)
        let state = Shared(base: try required(state, "state"))
        Threads.parallelFor(batch.games.count) { game in
            var row = state.rows(game, batch.stateWidth).mutableSpan
            batch.state(game, &row)
        }
    }
}

/// See cafe_api.h.
@_cdecl("cafe_games_step")
public func cafeGamesStep(
    _ games: UnsafeMutableRawPointer?, _ actions: UnsafePointer<Int32>?, _ rewards: UnsafeMutablePointer<Float>?,
    _ ended: UnsafeMutablePointer<UInt8>?, _ autoreset: Int32, _ final: UnsafeMutablePointer<Float>?
) -> Int32 {
    succeeded {
        let batch = try object(games, as: GameBatch.self)
        let chosen = Shared(base: UnsafeMutablePointer(mutating: try required(actions, "actions")))
        let rewards = Shared(base: try required(rewards, "rewards"))
        let ended = Shared(base: try required(ended, "ended"))
        let last = final.map { Shared(base: $0) }
        let (agents, count) = (batch.agentCount, batch.games.count)
        Threads.parallelFor(count) { game in
            var row = rewards.rows(game, agents).mutableSpan
            let over = batch.step(game, UnsafeBufferPointer(chosen.rows(game, agents)).span, &row)
            ended.base[game] = over ? 1 : 0
            guard over, autoreset != 0 else { return }
            if let last {
                // Nobody decides after the end: what agents see then is zeros.
                last.rows(game, agents * batch.observationWidth).update(repeating: 0)
            }
            let next = batch.seats[game].episode + count
            batch.reset(game, seed: batch.seats[game].seed, episode: next < EpisodeRange.capacity ? next : game)
        }
    }
}

/// See cafe_api.h: now, revenue (doubles), then tasks, ended, open, deciders, illegal, episode (64-bit integers).
@_cdecl("cafe_games_get_status")
public func cafeGamesGetStatus(
    _ games: UnsafeMutableRawPointer?, _ game: Int64, _ status: UnsafeMutableRawPointer?
) -> Int32 {
    succeeded {
        let batch = try object(games, as: GameBatch.self)
        let index = try checked(game, batch)
        let status = try required(status, "status")
        let play = batch.games[index]
        let open = play.openTasks.count
        let released = play.tasks.count(where: { $0.release <= play.now })
        let numbers = [
            play.tasks.count, play.isOver ? play.tasks.count : released - open, open, play.deciderCount,
            batch.seats[index].illegal, batch.seats[index].episode,
        ]
        status.storeBytes(of: play.now, as: Double.self)
        status.storeBytes(of: play.revenue, toByteOffset: 8, as: Double.self)
        for (offset, number) in numbers.enumerated() {
            status.storeBytes(of: Int64(number), toByteOffset: 16 + 8 * offset, as: Int64.self)
        }
    }
}

private func checked(_ game: Int64, _ batch: GameBatch) throws -> Int {
    guard game >= 0, game < Int64(batch.games.count) else {
        throw Misuse("game \(game) is not in 0 ..< \(batch.games.count)")
    }
    return Int(game)
}

private func write(_ batch: GameBatch, _ game: Int, _ observations: Shared<Float>, _ mask: Shared<Int8>) {
    var rows = observations.rows(game, batch.agentCount * batch.observationWidth).mutableSpan
    var allowed = mask.rows(game, batch.agentCount * batch.actionCount).mutableSpan
    batch.observe(game, &rows, &allowed)
}

/// Worlds of simple_spread, with the last observations of an episode.
private final class SpreadWorlds {
    let game: SimpleSpread
    var ends: [StepEnd]
    var unused: [Float]

    init(worlds: Int, horizon: Int) {
        game = SimpleSpread(environmentCount: worlds, horizon: horizon)
        ends = [StepEnd](repeating: .continues, count: worlds)
        unused = [Float](repeating: 0, count: 54 * worlds)
    }
}

/// See cafe_api.h.
@_cdecl("cafe_spread_create")
public func cafeSpreadCreate(_ worlds: Int64, _ horizon: Int64) -> UnsafeMutableRawPointer? {
    guarded {
        guard (1...(1 << 20)).contains(worlds), (1...(1 << 30)).contains(horizon) else {
            throw Misuse("worlds \(worlds) is not in 1...2^20, or horizon \(horizon) not in 1...2^30")
        }
        return handle(owning: SpreadWorlds(worlds: Int(worlds), horizon: Int(horizon)))
    }
}

/// See cafe_api.h.
@_cdecl("cafe_spread_free")
public func cafeSpreadFree(_ worlds: UnsafeMutableRawPointer?) { release(worlds, as: SpreadWorlds.self) }

/// See cafe_api.h.
@_cdecl("cafe_spread_begin")
public func cafeSpreadBegin(
    _ worlds: UnsafeMutableRawPointer?, _ seed: UInt64, _ observations: UnsafeMutablePointer<Float>?
) -> Int32 {
    succeeded {
        let worlds = try object(worlds, as: SpreadWorlds.self)
        worlds.game.reset(seed: seed)
        var out = UnsafeMutableBufferPointer(
            start: try required(observations, "observations"), count: worlds.unused.count
        ).mutableSpan
        worlds.game.observe(&out)
    }
}

/// See cafe_api.h.
@_cdecl("cafe_spread_play")
public func cafeSpreadPlay(
    _ worlds: UnsafeMutableRawPointer?, _ actions: UnsafePointer<Int32>?,
    _ observations: UnsafeMutablePointer<Float>?, _ rewards: UnsafeMutablePointer<Float>?,
    _ truncated: UnsafeMutablePointer<UInt8>?, _ final: UnsafeMutablePointer<Float>?
) -> Int32 {
    succeeded {
        let worlds = try object(worlds, as: SpreadWorlds.self)
        let count = worlds.game.environmentCount
        let chosen = UnsafeBufferPointer(start: try required(actions, "actions"), count: 3 * count)
        if let wrong = chosen.firstIndex(where: { !(0..<5).contains($0) }) {
            throw Misuse("action \(chosen[wrong]) of agent \(wrong) is not in 0 ..< 5")
        }
        let truncated = try required(truncated, "truncated")
        let (observations, rewards) = try (required(observations, "observations"), required(rewards, "rewards"))
        var (ends, unused) = (worlds.ends, worlds.unused)
        (worlds.ends, worlds.unused) = ([], [])  // taken out, so that nothing is copied
        do {
            var seen = UnsafeMutableBufferPointer(start: observations, count: 54 * count).mutableSpan
            var paid = UnsafeMutableBufferPointer(start: rewards, count: 3 * count).mutableSpan
            var ending = ends.mutableSpan
            if let final {
                var last = UnsafeMutableBufferPointer(start: final, count: 54 * count).mutableSpan
                worlds.game.step(
                    actions: chosen.span, observations: &seen, finalObservations: &last, rewards: &paid, ends: &ending)
            } else {
                var last = unused.mutableSpan
                worlds.game.step(
                    actions: chosen.span, observations: &seen, finalObservations: &last, rewards: &paid, ends: &ending)
            }
        }
        for world in 0..<count { truncated[world] = ends[world] == .continues ? 0 : 1 }
        (worlds.ends, worlds.unused) = (ends, unused)
    }
}
