import CCore
import Foundation
import Testing

/// The kernels that run over the rows of a context: weights of those who answered, votes, the order of the tasks.
@Suite("Rows of a context")
struct RowsTests {
    /// Rows of 0 to 5 pairs whose runs lie in any order, with unanswered pairs among them.
    struct Rows {
        var task: [Int32] = [], start: [Int32] = [], count: [Int32] = [], cells: [Int32] = []

        init(_ n: Int, workers: Int, classes: Int) {
            var bits = (0..<40 * max(n, 1)).map { cafe_random_u64(3, 255 << 48, UInt64($0 + 1000 * n + classes)) }
            task = (0..<n).map { Int32(5 * $0 + 2) }
            start = [Int32](repeating: 0, count: n)
            count = start
            for row in (0..<n).sorted(by: { bits[40 * $0] < bits[40 * $1] }) {
                start[row] = Int32(cells.count / 2)
                count[row] = Int32(bits.removeLast() % 6)
                for _ in 0..<count[row] {
                    cells.append(Int32(bits.removeLast() % UInt64(workers)))
                    cells.append(Int32(bits.removeLast() % UInt64(classes + 1)) - 1)
                }
            }
        }

        func pairs(_ row: Int) -> [(worker: Int, label: Int)] {
            (0..<Int(count[row])).map {
                let cell = 2 * (Int(start[row]) + $0)
                return (Int(cells[cell]), Int(cells[cell + 1]))
            }
        }
    }

    @Test("votes and scores are those summed by hand", arguments: [0, 1, 13, 97], [2, 3, 5])
    func vote(n: Int, classes: Int) {
        let rows = Rows(n, workers: 7, classes: classes), weights = [1, 0.5, 0.25, 0.5, 0.125, 1, 0.75]
        for rule in [0, 1] as [Int32] {
            var score = [Double](repeating: -1, count: n + 1), vote = [Int32](repeating: -9, count: n + 1)
            var sums = [Double](repeating: 0, count: classes)
            cafe_weights_vote(
                &score, &vote, &sums, weights, 4.125, rows.task, Int64(n), rows.start, rows.count, rows.cells,
                Int32(classes), rule, 11, 9 << 48)
            var ties = 0
            for row in 0..<n {
                var sums = [Double](repeating: 0, count: classes)
                for pair in rows.pairs(row) where pair.label >= 0 { sums[pair.label] += weights[pair.worker] }
                let best = sums.max()!, equal = sums.indices.filter { sums[$0] == best }
                ties += equal.count > 1 ? 1 : 0
                let second = equal.count > 1 ? best : sums.filter { $0 != best }.max()!
                #expect(score[row] == (rule == 0 ? best - second : best) / 4.125)
                let coin = cafe_random_u64(11, 9 << 48 | UInt64(rows.task[row]), UInt64(rows.count[row]))
                let place = Int(coin.multipliedFullWidth(by: UInt64(equal.count)).high)
                #expect(Int(vote[row]) == equal[equal.count == 1 ? 0 : place])
            }
            #expect(score[n] == -1 && vote[n] == -9, "nothing behind the end")
            #expect(n < 13 || ties > 0)
        }
    }

    @Test("the weights of those who answered are the row's, the others stay", arguments: [0, 1, 13, 97])
    func fillWorkers(n: Int) {
        let rows = Rows(n, workers: 31, classes: 2)
        let losses = (0..<31).map { 2 + Double($0 * 7 % 31) * 0.4 }
        var weights = [Double](repeating: -1, count: 31), all = weights
        _ = cafe_weights_fill(&all, losses, 0.3, 31)
        cafe_weights_fill_workers(&weights, losses, 2, 0.3, Int64(n), rows.start, rows.count, rows.cells)
        let asked = Set((0..<n).flatMap { rows.pairs($0).map(\.worker) })
        for worker in 0..<31 { #expect(weights[worker] == (asked.contains(worker) ? all[worker] : -1)) }
    }

    @Test("the tree's winner is the least key, the smallest order among equals", arguments: [1, 2, 3, 17, 64, 101])
    func tournament(n: Int) {
        var leaves = 1
        while leaves < n { leaves *= 2 }
        var nodes = [Int32](repeating: -1, count: 2 * leaves)
        for position in 0..<n { nodes[leaves + position] = Int32(position) }
        var keys = [Double](repeating: .infinity, count: n)
        let order = (0..<n).map { Int32(($0 * 37 + 5) % 101) }
        cafe_tournament_repair(&nodes, keys, order, Int64(leaves), 0, Int64(n))
        for round in 0..<200 {
            let u = cafe_random_u64(4, 255 << 48, UInt64(round)), first = Int(u % UInt64(n))
            let last = min(n, first + Int(u >> 32) % 9)
            for position in first..<last {
                let key = cafe_random_u64(5, UInt64(position), UInt64(round)) % 7
                keys[position] = key == 6 ? .infinity : Double(key)  // few values: many equals
            }
            cafe_tournament_repair(&nodes, keys, order, Int64(leaves), Int64(first), Int64(last))
            let best = (0..<n).min { (keys[$0], order[$0]) < (keys[$1], order[$1]) }!
            #expect(Int(nodes[1]) == best, "round \(round)")
        }
    }

    @Test("records give back the steps that went in, in any order", arguments: [1, 4, 5, 18, 20, 45] as [Int32])
    func records(width: Int32) {
        let (n, d, size) = (57, Int(width), Int(cafe_record_floats(width)))
        #expect(size % 8 == 0 && size >= d + 4 && size < d + 12)
        let seen = (0..<n * d).map { Float($0) + 0.5 }
        let actions = (0..<n).map { Int32($0 % 5 - 1) }
        let columns = (0..<3).map { column in (0..<n).map { Float($0 * 3 + column) - 0.25 } }
        var records = [Float](repeating: -9, count: n * size + 1)
        cafe_records_pack(&records, seen, actions, columns[0], columns[1], columns[2], Int64(n), width)
        #expect(records.last == -9)
        let order = (0..<n).map { Int32($0 * 23 % n) }.prefix(41) + [3, 3]
        var (x, a) = (
            [Float](repeating: -9, count: order.count * d + 1), [Int32](repeating: -9, count: order.count + 1)
        )
        var (log, advantage, total) = (a.map(Float.init), a.map(Float.init), a.map(Float.init))
        cafe_records_gather(&x, &a, &log, &advantage, &total, records, Array(order), Int64(order.count), width)
        for (k, from) in order.map(Int.init).enumerated() {
            #expect(x[k * d..<(k + 1) * d] == seen[from * d..<(from + 1) * d])
            #expect(a[k] == actions[from] && log[k] == columns[0][from])
            #expect(advantage[k] == columns[1][from] && total[k] == columns[2][from])
        }
        #expect(x.last == -9 && a.last == -9 && log.last == -9 && advantage.last == -9 && total.last == -9)
    }
}
