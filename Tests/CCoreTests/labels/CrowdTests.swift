import CCore
import Foundation
import Testing

@Suite("Crowd kernels")
struct CrowdTests {
    /// A small generator: reproducible numbers in (0, 1).
    private struct Draws {
        var state: UInt64
        mutating func unit() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (Double(state >> 33) + 0.5) / Double(UInt64(1) << 31)
        }
        mutating func below(_ n: Int) -> Int { min(n - 1, Int(unit() * Double(n))) }
    }

    /// A problem with everything random.
    private struct Problem {
        let tasks = 13, cells = 5
        let classes: Int, kinds: Int, labels: Int, levels: Int
        var states: Int { levels * classes }
        var task: [Int32] = [], cell: [Int32] = [], label: [Int32] = [], gold: [Int32] = []
        var own: [Double] = [], other: [Double] = [], add: [Double] = [], confusion: [Double] = []
        var score: [Double] = [], message: [Double] = [], posterior: [Double] = []

        init(classes: Int, kinds: Int, labels: Int, levels: Int, seed: UInt64) {
            (self.classes, self.kinds, self.labels, self.levels) = (classes, kinds, labels, levels)
            var draws = Draws(state: seed)
            for _ in 0..<labels {
                task.append(Int32(draws.below(tasks)))
                cell.append(Int32(draws.below(cells)))
                label.append(Int32(draws.below(classes)))
            }
            gold = (0..<tasks).map { $0 % 6 == 5 ? Int32(draws.below(classes)) : -1 }
            for _ in 0..<states * kinds {
                own.append(draws.unit())
                other.append(draws.unit())
                add.append(0.2 * draws.unit())
            }
            confusion = (0..<classes * classes).map { _ in draws.unit() }
            message = (0..<labels * states).map { _ in draws.unit() }
            posterior = (0..<cells * kinds).map { _ in draws.unit() }
            score = (0..<tasks * states).map { _ in draws.unit() }
            for e in 0..<labels {
                for z in 0..<states { score[Int(task[e]) * states + z] += log(message[e * states + z]) }
            }
        }

        /// P(label | state, kind).
        func says(_ y: Int, _ state: Int, _ k: Int) -> Double {
            let at = (state / classes * classes + y) * kinds + k, z = state % classes
            return y == z ? own[at] : other[at] * confusion[z * classes + y] + add[at]
        }

        /// The states' probabilities of a label's task without the label.
        func without(_ e: Int) -> [Double] {
            let i = Int(task[e])
            let weights = (0..<states).map {
                gold[i] >= 0 && $0 % classes != Int(gold[i])
                    ? 0 : exp(score[i * states + $0]) / message[e * states + $0]
            }
            let sum = weights.reduce(0, +)
            return weights.map { $0 / sum }
        }
    }

    @Test("both directions agree with the formulas written out", arguments: [2, 3, 7], [4, 12])
    func naive(classes: Int, kinds: Int) {
        let cases = [
            (0, true, 1), (1, true, 1), (61, true, 1), (61, false, 1), (2003, true, 1), (61, false, 2), (500, false, 3),
        ]
        for (labels, counting, levels) in cases {
            let p = Problem(
                classes: classes, kinds: kinds, labels: labels, levels: levels, seed: UInt64(classes * 100 + labels))
            let states = p.states
            var evidence = [Double](repeating: 1, count: p.cells * kinds),
                scale = [Double](repeating: 0, count: p.cells)
            var count = [Double](repeating: 0, count: p.cells * classes * classes)
            var spread = [Double](repeating: 0, count: classes * classes)
            var cavity = [Double](repeating: 0, count: labels * states)
            count.withUnsafeMutableBufferPointer { buffer in
                cafe_crowd_gather(
                    &evidence, &scale, counting ? buffer.baseAddress : nil, &spread, &cavity, p.score, p.message, nil,
                    p.confusion, p.own, p.other, p.add, p.task, p.cell, p.label, p.gold, Int64(labels), Int32(classes),
                    Int32(kinds), Int32(levels))
            }
            var logs = [Double](repeating: 0, count: p.cells * kinds)
            var counts = [Double](repeating: 0, count: count.count), spreads = spread.map { _ in 0.0 }
            for e in 0..<labels {
                let q = p.without(e), y = Int(p.label[e]), j = Int(p.cell[e])
                for z in 0..<states { #expect(abs(cavity[e * states + z] - q[z]) < 1e-12) }
                for k in 0..<kinds {
                    logs[j * kinds + k] += log((0..<states).reduce(0) { $0 + q[$1] * p.says(y, $1, k) })
                }
                guard levels == 1 else { continue }
                let sum = (0..<classes).reduce(0) { $0 + q[$1] * p.message[e * classes + $1] }
                for z in 0..<classes {
                    let share = q[z] * p.message[e * classes + z] / sum
                    counts[(j * classes + z) * classes + y] += share
                    if z != y { spreads[z * classes + y] += share }
                }
            }
            for j in 0..<p.cells {
                for k in 0..<kinds where labels > 0 {
                    // Kinds that lag far behind the best of their cell underflow; the others are exact.
                    let told = log(evidence[j * kinds + k]) + scale[j], expected = logs[j * kinds + k]
                    let best = (0..<kinds).map { logs[j * kinds + $0] }.max()!
                    #expect(abs(told - expected) < 1e-9 * max(1, abs(expected)) || expected < best - 200)
                }
            }
            if counting {
                for at in counts.indices { #expect(abs(count[at] - counts[at]) < 1e-9) }
                for at in spreads.indices { #expect(abs(spread[at] - spreads[at]) < 1e-9) }
            }
            send(p, cavity, counting ? count : [], isFirst: false)
            send(p, [], counting ? count : [], isFirst: true)
        }
    }

    /// Holds the messages to the tasks against the formulas.
    private func send(_ p: Problem, _ cavity: [Double], _ count: [Double], isFirst: Bool) {
        let classes = p.classes, kinds = p.kinds, states = p.states, strength = 5.0
        var row = [Double](repeating: 0, count: p.cells * classes)
        for at in row.indices where !count.isEmpty { row[at] = count[at * classes..<(at + 1) * classes].reduce(0, +) }
        var message = p.message, score = [Double](repeating: 0, count: p.tasks * states)
        count.withUnsafeBufferPointer { counts in
            cavity.withUnsafeBufferPointer { cavity in
                cafe_crowd_send(
                    &message, &score, p.posterior, count.isEmpty ? nil : counts.baseAddress, row, strength,
                    isFirst ? nil : cavity.baseAddress, nil, p.confusion, p.own, p.other, p.add, p.task, p.cell,
                    p.label,
                    Int64(p.labels), Int32(classes), Int32(kinds), Int32(p.levels))
            }
        }
        var sums = score.map { _ in 0.0 }
        for e in 0..<p.labels {
            let y = Int(p.label[e]), j = Int(p.cell[e]), q = p.without(e)
            let weights = (0..<kinds).map { k -> Double in
                let own = (0..<states).reduce(0) { $0 + q[$1] * p.says(y, $1, k) }
                return isFirst ? p.posterior[j * kinds + k] : p.posterior[j * kinds + k] / own
            }
            let total = weights.reduce(0, +)
            let sum = (0..<states).reduce(0) { $0 + q[$1] * p.message[e * states + $1] }
            for z in 0..<states {
                var mean = (0..<kinds).reduce(0) { $0 + weights[$1] * p.says(y, z, $1) } / total
                if !count.isEmpty {
                    let share = isFirst ? 0 : q[z] * p.message[e * states + z] / sum
                    let seen = max(0, count[(j * classes + z) * classes + y] - share)
                    mean = (seen + strength * mean) / (max(seen, row[j * classes + z] - share) + strength)
                }
                #expect(abs(message[e * states + z] - mean) < 1e-10)
                sums[Int(p.task[e]) * states + z] += log(mean)
            }
        }
        for at in sums.indices { #expect(abs(score[at] - sums[at]) < 1e-8) }
    }
}
