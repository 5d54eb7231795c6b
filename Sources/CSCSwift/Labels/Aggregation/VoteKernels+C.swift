internal import CCore

/// The vote and EM kernels of the core, on arrays. Shapes are those of `cafe.h`, section "votes".
enum VoteKernels {
    /// Into how many chunks sums over the labels are cut: by the size of the problem alone.
    static func chunks(labels: Int, tableSize: Int) -> Int {
        let wanted = min(16, labels / 16_384)
        let affordable = max(1, 4 * labels / max(1, tableSize))
        return max(1, min(wanted, affordable))
    }

    /// The votes of unsorted pairs, [N, C]. O(n + N C).
    static func count(tasks: [Int32], labels: [Int32], taskCount: Int, classes: Int) -> [Int32] {
        var counts = [Int32](repeating: 0, count: taskCount * classes)
        cafe_vote_count(&counts, tasks, labels, Int64(tasks.count), Int32(classes))
        return counts
    }

    /// The votes of labels task by task, [N, C]. O(n + N C).
    static func tally(start: [Int32], label: [Int32], classes: Int) -> [Int32] {
        var counts = [Int32](repeating: 0, count: (start.count - 1) * classes)
        cafe_vote_tally(&counts, start, label, Int64(start.count - 1), Int32(classes))
        return counts
    }

    /// The first class with most votes in each row and how many classes are equal to it.
    static func winners(counts: [Int32], classes: Int) -> (winner: [Int32], equals: [Int32]) {
        let tasks = counts.count / classes
        var winner = [Int32](repeating: 0, count: tasks), equals = winner
        cafe_vote_winner(&winner, &equals, counts, Int64(tasks), Int32(classes))
        return (winner, equals)
    }

    /// The first class with most votes in each row, how many classes are equal to it, the shares of the votes, [N, C],
    /// uniform in a row without any, and how many rows are tied.
    static func decide(
        counts: [Int32], classes: Int
    ) -> (winner: [Int], equals: [Int32], shares: [Double], ties: Int) {
        let tasks = counts.count / classes
        var equals: [Int32] = [], shares: [Double] = [], ties = 0
        let winner = [Int](unsafeUninitializedCapacity: tasks) { winner, count in
            count = tasks
            guard tasks > 0 else { return }
            equals = [Int32](unsafeUninitializedCapacity: tasks) { equals, count in
                count = tasks
                shares = [Double](unsafeUninitializedCapacity: counts.count) { shares, count in
                    count = counts.count
                    winner.withMemoryRebound(to: Int64.self) { winner in
                        ties = Int(
                            cafe_vote_decide(
                                winner.baseAddress!, shares.baseAddress!, equals.baseAddress!, counts, Int64(tasks),
                                Int32(classes)))
                    }
                }
            }
        }
        return (winner, equals, shares, ties)
    }

    /// Sums of weights, [N, C].
    static func weighted(weights: [Double], start: [Int32], cell: [Int32], classes: Int) -> [Double] {
        var sums = [Double](repeating: 0, count: (start.count - 1) * classes)
        cafe_vote_weighted(&sums, weights, start, cell, Int64(start.count - 1), Int32(classes))
        return sums
    }

    /// Buffers of an EM run, kept between iterations.
    struct EM {
        let workers: Int
        let classes: Int
        let chunks: Int
        let total: [Double]
        var posterior: [Double]
        /// [worker, label, class]
        var counts: [Double]
        private var scratch: [Double]

        init(posterior: [Double], cell: [Int32], workers: Int, classes: Int) {
            self.workers = workers
            self.classes = classes
            self.posterior = posterior
            let cells = workers * classes
            chunks = VoteKernels.chunks(labels: cell.count, tableSize: cells * classes)
            counts = [Double](repeating: 0, count: cells * classes)
            scratch = [Double](repeating: 0, count: chunks * (cells + 1) * classes + cells)
            var total = [Double](repeating: 0, count: cells)
            for cell in cell { total[Int(cell)] += 1 }
            self.total = total
        }

        /// One iteration; `score == nil` only counts, `own` is what is known of each task besides, [N, C]. Returns the
        /// largest change of a posterior.
        mutating func step(
            score: [Double]?, bias: [Double], own: [Double]? = nil, start: [Int32], cell: [Int32]
        ) -> Double {
            cafe_vote_em(
                &posterior, &counts, &scratch, score, bias, own, total, start, cell, Int64(start.count - 1),
                Int64(workers), Int32(classes), Int64(chunks))
        }
    }

    /// The tasks' half of a GLAD iteration; returns the largest change of a posterior.
    static func gladTasks(
        posterior: inout [Double], easiness: inout [Double], scale: inout [Double], ability: [Double], bias: [Double],
        start: [Int32], cell: [Int32], mean: Double, variance: Double
    ) -> Double {
        let chunks = VoteKernels.chunks(labels: cell.count, tableSize: 1)
        var change = [Double](repeating: 0, count: chunks)
        var scratch = [Double](repeating: 0, count: chunks * bias.count)
        cafe_vote_glad_tasks(
            &posterior, &easiness, &scale, &change, &scratch, ability, bias, start, cell, mean, variance,
            Int64(start.count - 1), Int32(bias.count), Int64(chunks))
        return change.max() ?? 0
    }

    /// The workers' half of a GLAD iteration.
    static func gladWorkers(
        ability: inout [Double], posterior: [Double], scale: [Double], start: [Int32], answer: [Int32], mean: Double,
        variance: Double, classes: Int
    ) {
        cafe_vote_glad_workers(
            &ability, posterior, scale, start, answer, mean, variance, Int64(ability.count), Int32(classes))
    }
}
