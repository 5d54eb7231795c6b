internal import Foundation

/// What could be earned if the future were known: a schedule found by simulated annealing (a lower bound of the optimum,
/// played by the game's own rules) and a relaxation (an upper bound that no play can exceed).
public enum FullInformation {
    /// One episode's bounds.
    public struct Bounds: Sendable, Hashable {
        /// What annealing found, what its start (coalition) earned, and the relaxation's bound.
        public let annealed: Double
        /// What the coalition rule earned.
        public let start: Double
        /// What no play can exceed.
        public let upper: Double
    }

    /// Bounds of some episodes, shared among the threads; the annealing starts from the coalition rule, its price tuned
    /// for the setting. The same bits at any thread count. O(episodes * moves) episodes.
    public static func bounds(
        on source: some InstanceSource, tasks: Int, workers: Int, seed: UInt64, episodes: Range<Int>,
        moves: Int = 20_000, options: GameOptions = GameOptions()
    ) -> [Bounds] {
        let price = DispatcherKind.coalition.tunedPrice(
            source, tasks: tasks, workers: workers, seed: seed, options: options)
        let jobs = episodes.map(Job.init)
        Threads.parallelFor(jobs.count) { at in
            let instance = source.instance(tasks: tasks, workers: workers, seed: seed, episode: jobs[at].episode)
            let stream = RandomStream(seed: seed, purpose: .annealing, index: UInt64(jobs[at].episode))
            let (best, start) = anneal(
                instance, start: DispatcherKind.coalition.make(price: price), stream: stream, moves: moves,
                options: options)
            jobs[at].bounds = Bounds(
                annealed: best, start: start, upper: upperBound(instance, options: options))
        }
        return jobs.map { $0.bounds! }
    }

    /// One episode; written by the one thread that has it, read when all are done.
    private final class Job: @unchecked Sendable {
        let episode: Int
        var bounds: Bounds?
        init(episode: Int) { self.episode = episode }
    }

    /// Simulated annealing over schedules, started from the plays of a dispatcher.
    ///
    /// A schedule gives each worker a list of tasks. It is played in the game: at each window an idle worker on shift
    /// goes to the first task of its list that is still open and that it may take, waits if that task has not been
    /// released yet, and passes over one that has ended or that it would reach too late. So the revenue is one that the
    /// game's rules allow. A move inserts, removes, replaces or carries over one entry; it is taken by the Metropolis
    /// rule at a temperature that falls from 0.02 to 0.0005 of the mean pay times ten. O(moves) episodes.
    ///
    /// - Returns: the best revenue met and the revenue of the start.
    public static func anneal(
        _ instance: Instance, start: any Dispatcher, stream: RandomStream, moves: Int = 20_000,
        options: GameOptions = GameOptions()
    ) -> (best: Double, start: Double) {
        var stream = stream
        var state = GameState(options: options)
        var plan = record(instance, start: start, stream: stream, options: options)
        let initial = replay(plan, instance, &state)
        if instance.tasks.isEmpty || instance.workers.isEmpty { return (initial, initial) }
        let able = instance.tasks.map { task in
            instance.workers.indices.filter { instance.workers[$0].skills.has(task.skill) }
        }
        var present = initial
        var best = initial
        let scale = instance.tasks.reduce(0) { $0 + $1.pay } / Double(instance.tasks.count)
        for move in 0..<moves {
            let heat = scale * 0.2 * pow(0.025, Double(move) / Double(moves))
            let task = stream.index(below: instance.tasks.count)
            if able[task].isEmpty { continue }
            let worker = able[task][stream.index(below: able[task].count)]
            let undo = plan[worker]
            var otherUndo: (worker: Int, list: [Int32])?
            if let at = plan[worker].firstIndex(of: Int32(task)) {
                plan[worker].remove(at: at)
                if stream.unit() < 0.5 {
                    let other = able[task][stream.index(below: able[task].count)]
                    if other != worker && !plan[other].contains(Int32(task)) {
                        otherUndo = (other, plan[other])
                        insert(task, into: &plan[other], &stream, instance)
                    }
                }
            } else {
                if stream.unit() < 0.3, !plan[worker].isEmpty {
                    plan[worker].remove(at: stream.index(below: plan[worker].count))
                }
                insert(task, into: &plan[worker], &stream, instance)
            }
            let revenue = replay(plan, instance, &state)
            if revenue >= present || stream.unit() < exp((revenue - present) / heat) {
                present = revenue
                best = max(best, revenue)
            } else {
                plan[worker] = undo
                if let otherUndo { plan[otherUndo.worker] = otherUndo.list }
            }
        }
        return (best, initial)
    }

    /// Puts a task into a list next to the tasks released about the same time.
    private static func insert(
        _ task: Int, into list: inout [Int32], _ stream: inout RandomStream, _ instance: Instance
    ) {
        var place = list.firstIndex { Int($0) > task } ?? list.count
        place += stream.index(below: 3) - 1
        list.insert(Int32(task), at: max(0, min(list.count, place)))
    }

    /// The tasks that each worker is sent to by a dispatcher, in order.
    private static func record(
        _ instance: Instance, start: any Dispatcher, stream: RandomStream, options: GameOptions
    ) -> [[Int32]] {
        let game = SpatialCrowdsourcing(options: options)
        game.reset(instance)
        start.begin(game, stream: stream)
        var plan = [[Int32]](repeating: [], count: instance.workers.count)
        while !game.isOver {
            start.dispatch(game)
            for worker in game.state.idle where game.state.workerTask[Int(worker)] >= 0 {
                plan[Int(worker)].append(game.state.workerTask[Int(worker)])
            }
            game.advance()
        }
        return plan
    }

    /// Plays a schedule. O(windows * (workers + open)).
    private static func replay(_ plan: [[Int32]], _ instance: Instance, _ state: inout GameState) -> Double {
        state.reset(instance)
        var next = [Int](repeating: 0, count: plan.count)
        while !state.isOver {
            for position in state.idle.indices {
                let worker = Int(state.idle[position])
                while next[worker] < plan[worker].count {
                    let task = Int(plan[worker][next[worker]])
                    if state.phase[task] == .unreleased { break }
                    next[worker] += 1
                    let limit = min(state.completion[task], state.tasks[task].deadlineTime)
                    if state.canTake(worker, task) && state.arrivalTime(worker, task) < limit {
                        state.commit(worker: worker, task: task)
                        break
                    }
                }
            }
            state.advance()
        }
        return state.revenue
    }
}
