import CSCSwift
import Testing

/// An episode of the game as one number, which Python/tests/test_envs.py finds again through the C ABI: the same seed gives
/// the same bits there.
@Suite struct GameDigestTests {
    /// Plays episode 3 of training, seed 7, by "the first allowed task"; sums each bit pattern that acting agents see, times an odd
    /// constant times its place.
    private func play() -> (digest: UInt64, revenue: Double) {
        let game = SpatialCrowdsourcing(options: GameOptions(candidates: 8))
        game.reset(Scenario.chengdu.instance(tasks: 30, workers: 8, seed: 7, episode: EpisodeRange.training[3]))
        let (c, k, d) = (game.contextWidth, game.actionCount, game.candidateWidth)
        var context = [Float](repeating: 0, count: 8 * c)
        var candidates = [Float](repeating: 0, count: 8 * k * d)
        var mask = [UInt8](repeating: 0, count: 8 * k)
        var actions = [Int32](repeating: 0, count: 8)
        var digest: UInt64 = 0
        var index: UInt64 = 1
        while !game.isOver {
            observe(game, &context, &candidates, &mask)
            for row in (0..<game.actingCount).sorted(by: { game.actingAgent($0) < game.actingAgent($1) }) {
                let waiting = (row * k + k - 1) * d, first = row * k * d
                let seen =
                    context[row * c..<(row + 1) * c] + candidates[waiting..<waiting + d]
                    + candidates[first..<first + (k - 1) * d]
                for value in seen {
                    digest &+= UInt64(value.bitPattern) &* (index &* 0x9E37_79B9_7F4A_7C15)
                    index += 1
                }
                actions[row] = Int32((0..<k).first { mask[row * k + $0] != 0 } ?? k - 1)
            }
            game.step(actions: actions.span)
        }
        return (digest, game.revenue)
    }

    private func observe(
        _ game: SpatialCrowdsourcing, _ context: inout [Float], _ candidates: inout [Float], _ mask: inout [UInt8]
    ) {
        var contextSpan = context.mutableSpan
        var candidateSpan = candidates.mutableSpan
        var maskSpan = mask.mutableSpan
        game.observe(context: &contextSpan, candidates: &candidateSpan, mask: &maskSpan)
    }

    @Test("an episode has the digest that Python finds") func digest() {
        let (digest, revenue) = play()
        #expect(digest == 4_832_038_690_449_534_697)
        #expect(revenue == 0x1.a0d1d405af079p+0)
    }
}
