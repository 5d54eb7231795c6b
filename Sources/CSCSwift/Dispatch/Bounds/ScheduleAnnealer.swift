internal import Foundation

/// Improves a schedule by ruin and recreate under annealing.
struct ScheduleAnnealer {
    private var state: ScheduleState
    private var insertion: ScheduleInsertion
    private var stream: RandomStream
    private let search: FullInformation.AnnealingOptions
    /// For each task those nearest to it in way and time that share workers with it, nearest first.
    private let near: [[Int32]]
    /// Mean pay per unit of work, and of a task.
    private let unit: Double
    private let meanPay: Double
    /// The best schedule met and its revenue.
    private(set) var best: Double
    private(set) var lists: [[Int]]

    // The tasks that a move gives teams to, and their ranks.
    private var pool: [Int32] = []
    private var rank: [Double] = []

    /// The chance that a task near the torn-down one is skipped, that only one member of a team is taken off, and
    /// that a task is left without a team in this move.
    private static let pass = 0.6
    private static let single = 0.2
    private static let blink = 0.02

    /// A settled schedule of an instance that has tasks and workers.
    init(
        _ state: ScheduleState, _ instance: Instance, _ search: FullInformation.AnnealingOptions, stream: RandomStream
    ) {
        self.state = state
        self.search = search
        self.stream = stream
        insertion = ScheduleInsertion(instance)
        insertion.noise = search.noise
        near = Self.neighbours(instance)
        let pay = instance.tasks.reduce(0) { $0 + $1.pay }
        unit = pay / instance.tasks.reduce(0) { $0 + $1.workload }
        meanPay = pay / Double(instance.tasks.count)
        best = state.revenue
        lists = state.lists
    }

    /// Makes the moves.
    mutating func run() {
        if meanPay == 0 { return }
        let hot = log(meanPay * search.hot)
        let cold = log(meanPay * search.cold)
        var present = state.revenue
        state.mark()
        for move in 0..<search.moves {
            let heat = exp(hot + (cold - hot) * Double(move) / Double(search.moves))
            ruin()
            recreate()
            let change = state.revenue - present
            if change >= 0 || stream.unit() < exp(change / heat) {
                present = state.revenue
                state.mark()
                if present > best + 1e-12 {
                    best = present
                    lists = state.lists
                }
            } else {
                state.undo()
            }
        }
    }

    /// Takes the teams off a random task and some near it.
    private mutating func ruin() {
        pool.removeAll(keepingCapacity: true)
        let seed = stream.index(below: state.tasks.count)
        var removals = 1 + stream.index(below: search.removals)
        var additions = search.additions
        if state.size(seed) > 0 {
            state.clear(seed)
            removals -= 1
        }
        pool.append(Int32(seed))
        for other in near[seed] {
            if removals <= 0 && additions <= 0 { break }
            let task = Int(other)
            let isServed = state.size(task) > 0
            if (isServed ? removals : additions) <= 0 || stream.unit() < Self.pass { continue }
            pool.append(other)
            if !isServed {
                additions -= 1
                continue
            }
            removals -= 1
            if state.size(task) > 1 && stream.unit() < Self.single {
                state.remove(state.seats(task) + stream.index(below: state.size(task)))
            } else {
                state.clear(task)
            }
        }
        state.settle()
    }

    /// Gives teams to the tasks of the pool, in random order, by pay per unit of work or by urgency.
    private mutating func recreate() {
        insertion.price = unit * search.price * stream.unit()
        let order = stream.index(below: 3)
        rank.removeAll(keepingCapacity: true)
        for entry in pool {
            let task = state.tasks[Int(entry)]
            let chance = stream.unit()
            switch order {
            case 0: rank.append(chance)
            case 1: rank.append(-task.pay / task.workload * (0.6 + 0.8 * chance))
            default: rank.append(task.expectedTime + 10 * chance)
            }
        }
        for at in 1..<max(1, pool.count) {
            var place = at
            while place > 0 && rank[place - 1] > rank[place] {
                rank.swapAt(place, place - 1)
                pool.swapAt(place, place - 1)
                place -= 1
            }
        }
        for entry in pool {
            let task = Int(entry)
            if stream.unit() < Self.blink { continue }
            if state.size(task) > 0 && state.end(task) <= state.tasks[task].expectedTime { continue }
            if insertion.find(task, in: state, &stream) == nil { continue }
            for node in insertion.best { state.add(after: Int(node), task: task) }
            state.computeEnd(task)
            state.settle()
        }
    }

    /// See `near`. O(tasks^2 log tasks).
    private static func neighbours(_ instance: Instance) -> [[Int32]] {
        let tasks = instance.tasks
        var shared = [SkillSet](repeating: [], count: 64)
        for worker in instance.workers {
            for skill in worker.skills.skills { shared[skill].formUnion(worker.skills) }
        }
        let speed = instance.workers.reduce(0) { $0 + $1.speed } / Double(instance.workers.count)
        return tasks.indices.map { task in
            let mine = tasks[task]
            let others = tasks.indices.filter { $0 != task && shared[mine.skill].has(tasks[$0].skill) }
            let scored = others.map { other in
                let theirs = tasks[other]
                let way = (abs(mine.x - theirs.x) + abs(mine.y - theirs.y)) / speed
                let skill = mine.skill == theirs.skill ? 0.0 : 5
                return (way + 0.7 * abs(mine.release - theirs.release) + skill, Int32(other))
            }
            return scored.sorted { $0 < $1 }.prefix(60).map(\.1)
        }
    }
}
