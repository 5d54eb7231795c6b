import CCore
import Testing

/// The rows that learnt credit reads, against a decision-by-decision reference.
@Suite("cafe_credit_rows")
struct CreditRowsTests {
    /// A made-up rollout: episodes of windows of decisions, each with some candidate items and "wait".
    private struct Played {
        var times: [Float] = []
        var taken: [Int32] = []
        var rows: [Float] = []
        var offsets: [Int32] = [0]
        var summary: [Float] = []
        var items: [Int32] = []
        var payments: [Float] = []
        var episodes: [Int64] = [0]
        var firsts: [Int64] = []
        let c: Int, d: Int
        var acted = 0

        init(episodes count: Int, c: Int, d: Int, seed: UInt64) {
            (self.c, self.d) = (c, d)
            var draw: UInt64 = 0
            func next(_ bound: Int) -> Int {
                defer { draw += 1 }
                return Int(cafe_random_u64(seed, 99, draw) % UInt64(bound))
            }
            func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in Float(next(2000)) / 100 - 10 } }
            for _ in 0..<count {
                let items = 3 + next(5), firstItem = payments.count
                payments += numbers(items)
                firsts.append(Int64(acted))
                for window in 0..<next(6) {
                    for _ in 0..<1 + next(4) {
                        let size = 1 + next(items)
                        for slot in 0..<size { self.items.append(slot == size - 1 ? -1 : Int32(firstItem + slot)) }
                        rows += numbers(size * (c + d))
                        offsets.append(Int32(self.items.count))
                        summary += numbers(c + d)
                        times.append(Float(window))
                        taken.append(next(5) == 0 ? -1 : Int32(next(size)))
                        if taken.last! >= 0 { acted += 1 }
                    }
                }
                episodes.append(Int64(taken.count))
            }
        }
    }

    private struct Output: Equatable {
        var observations: [Float] = []
        var actions: [Float] = []
        var targets: [Float] = []
        var joined: [UInt8] = []
    }

    /// Word for word what the header says.
    private func naive(_ p: Played, before: Int, after: Int) -> Output {
        var out = Output()
        let width = p.c + p.d
        for e in 0..<p.firsts.count {
            let range = Int(p.episodes[e])..<Int(p.episodes[e + 1])
            for i in range where p.taken[i] >= 0 {
                func item(_ k: Int) -> Int32 { p.items[Int(p.offsets[k] + p.taken[k])] }
                func others(_ wanted: Int32) -> Int {
                    range.filter { $0 != i && p.times[$0] == p.times[i] && p.taken[$0] >= 0 && item($0) == wanted }
                        .count
                }
                let own = Int(p.offsets[i])..<Int(p.offsets[i + 1])
                let chosen = own.lowerBound + Int(p.taken[i])
                let candidates = own.filter { p.items[$0] >= 0 }
                var money: Float = 0, crowd: Float = 0
                for row in candidates {
                    money +=
                        after < 0
                        ? p.payments[Int(p.items[row])] : p.rows[row * width + (row == chosen ? after : before)]
                    crowd += Float(others(p.items[row]))
                }
                out.observations += p.summary[i * width..<(i + 1) * width]
                out.observations.append(0.25 * crowd / Float(max(candidates.count, 1)))
                out.observations.append(0.125 * Float(candidates.count))
                out.actions += p.rows[chosen * width..<chosen * width + p.d]
                out.actions.append(p.items[chosen] >= 0 ? 0.25 * Float(others(p.items[chosen])) : 0)
                out.targets.append(money)
                out.joined.append(p.items[chosen] >= 0 ? 1 : 0)
            }
        }
        return out
    }

    @Test("agrees with its reference at any thread count", arguments: [0, 1, 2, 47], [1, 2, 7] as [Int32])
    func agrees(episodes: Int, threads: Int32) {
        cafe_threads_set(threads)
        defer { cafe_threads_set(0) }
        for (before, after) in [(-1, -1), (1, 2)] {
            let p = Played(episodes: episodes, c: 2, d: 3, seed: UInt64(episodes) + 1)
            var out = Output(
                observations: .init(repeating: .nan, count: p.acted * 7),
                actions: .init(repeating: .nan, count: p.acted * 4),
                targets: .init(repeating: .nan, count: p.acted), joined: .init(repeating: 9, count: p.acted))
            var takers = [Int32](repeating: 0, count: p.payments.count)
            cafe_credit_rows(
                &out.observations, &out.actions, &out.targets, &out.joined, &takers, p.times, p.taken, p.rows,
                p.offsets, p.summary, p.items, p.payments,
                cafe_row_sizes(context: 2, candidate: 3, actions: 8), Int32(before), Int32(after), p.episodes,
                p.firsts, Int64(p.firsts.count))
            #expect(out == naive(p, before: before, after: after))
            #expect(takers.allSatisfy { $0 == 0 })
            if episodes == 47 { #expect(p.acted > 50 && out.actions.contains { $0 == 0.25 }, "nobody shared an item") }
        }
    }
}
