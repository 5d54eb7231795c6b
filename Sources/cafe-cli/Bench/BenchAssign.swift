internal import CSCSwift

/// How a step of BBTA grows with the number of tasks, workers and contexts: ask, answer, learn.
enum BenchAssign {
    /// A live BBTA with one-coin workers whose answers are computed, not stored.
    private struct Study {
        let workers: Int
        let contexts: [Int]
        let truth: [Int]
        var engine: BBTA
        /// Who has been asked about each task.
        private var asked: [Set<Int32>]
        private var stream = RandomStream(seed: 9, purpose: .labelModel)

        init(tasks: Int, workers: Int, contexts: Int) {
            var stream = RandomStream(seed: 7, purpose: .labelModel, index: UInt64(tasks))
            self.workers = workers
            self.contexts = (0..<tasks).map { _ in stream.index(below: contexts) }
            truth = (0..<tasks).map { _ in stream.index(below: 2) }
            asked = [Set<Int32>](repeating: [], count: tasks)
            engine = BBTA(
                taskContexts: self.contexts, workers: workers,
                options: .init(explore: 0, budget: Double(tasks) * Double(workers), seed: 1))
        }

        /// Right nine times in ten in a tenth of the contexts, else six times in ten.
        private func answer(_ task: Int, _ worker: Int) -> Int {
            var coin = RandomStream(seed: 8, stream: UInt64(task) << 24 | UInt64(worker))
            let right = coin.unit() < ((worker + contexts[task]) % 10 == 0 ? 0.9 : 0.6)
            return right ? truth[task] : 1 - truth[task]
        }

        mutating func play(_ steps: Int) {
            for _ in 0..<steps { note(step()) }
        }

        private mutating func note(_ pair: Assignment) { asked[pair.task].insert(Int32(pair.worker)) }

        /// Whether the answer disagreed with the vote, so that the context was rescored.
        private func lost(_ pair: Assignment) -> Bool {
            engine.label(of: pair.task) != answer(pair.task, pair.worker)
        }

        private mutating func step() -> Assignment {
            guard let pair = engine.next() else { preconditionFailure("bench: no pair is left") }
            do throws(CSCError) {
                try engine.record(task: pair.task, worker: pair.worker, label: answer(pair.task, pair.worker))
            } catch {
                preconditionFailure("bench: an answer was refused: \(error)")
            }
            return pair
        }

        /// Fills every task up to so many labels with answers of workers drawn at random, as a session that takes over
        /// labels collected elsewhere: far quicker than to ask for each.
        mutating func fill(_ labels: Int) {
            var more: [(label: Label, paid: Bool)] = []
            for task in contexts.indices {
                while asked[task].count < labels {
                    let worker = stream.index(below: workers)
                    if !asked[task].insert(Int32(worker)).inserted { continue }
                    more.append((Label(task: task, worker: worker, label: answer(task, worker)), false))
                }
            }
            do throws(CSCError) { try engine.adopt(more) } catch {
                preconditionFailure("bench: labels were refused: \(error)")
            }
        }

        /// How long each of some steps takes (s), and whether it had a loss.
        mutating func times(_ steps: Int) -> [(seconds: Double, loss: Bool)] {
            let clock = ContinuousClock()
            var times: [(seconds: Double, loss: Bool)] = []
            for _ in 0..<steps {
                var pair: Assignment?
                let time = clock.measure { pair = step() }
                note(pair!)
                times.append(
                    (Double(time.components.attoseconds) * 1e-18 + Double(time.components.seconds), lost(pair!)))
            }
            return times
        }

        var accuracy: Double {
            Double(zip(engine.labels, truth).count(where: { $0 == $1 })) / Double(truth.count)
        }
    }

    /// The labels per task at which steps are timed: 2 are asked for, the others filled in.
    private static let levels = [2, 8, 15]
    /// The same session is played so often, and a step counts with its least time: what is above is the machine's.
    private static let turns = 3

    static func run(_ meter: BenchMeter) {
        for (tasks, workers, contexts) in [
            (1_000, 100, 5), (1_000, 1_000, 5), (10_000, 1_000, 20), (10_000, 10_000, 20), (100_000, 10_000, 50),
        ] {
            let name = "bbta/N\(tasks)/K\(workers)/S\(contexts)"
            let played = (0..<turns).map { _ in
                session(Study(tasks: tasks, workers: workers, contexts: contexts), tasks: tasks, name: name)
            }
            for (at, labels) in levels.enumerated() {
                let steps = played[0][at].indices.map { step in
                    (seconds: played.map { $0[at][step].seconds }.min()!, loss: played[0][at][step].loss)
                }
                let times = steps.map(\.seconds).sorted(), losses = steps.filter(\.loss).map(\.seconds).sorted()
                meter.report("\(name)/at\(labels)N/median", times[times.count / 2] * 1e6, "us")
                meter.report("\(name)/at\(labels)N/p99", times[times.count * 99 / 100] * 1e6, "us")
                meter.report("\(name)/at\(labels)N/slowest of \(times.count)", times[times.count - 1] * 1e6, "us")
                guard !losses.isEmpty else { continue }
                let count = losses.count
                meter.report("\(name)/at\(labels)N/median of \(count) with a loss", losses[count / 2] * 1e6, "us")
            }
        }
    }

    /// Plays one session; the times of 4,000 steps at each level.
    private static func session(_ study: Study, tasks: Int, name: String) -> [[(seconds: Double, loss: Bool)]] {
        var study = study
        return levels.map { labels in
            if labels == 2 { study.play(2 * tasks) } else { study.fill(labels) }
            let accuracy = study.accuracy
            precondition(accuracy > 0.6, "bench: \(name) finds \(accuracy) of the truths")
            return study.times(4000)
        }
    }
}
