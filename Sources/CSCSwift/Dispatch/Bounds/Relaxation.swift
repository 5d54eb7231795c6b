internal import Foundation

extension FullInformation {
    /// An upper bound of what any play can earn: the Lagrangian dual of a relaxation in which only worker time is
    /// scarce.
    ///
    /// Relaxed: any worker with the skill may work on any task at any time of its shift after the release, split as
    /// finely as wished; of all travel only the way of one member is kept, from the nearest place where it can have
    /// been (another task of its skills, its start). For prices `lambda` >= 0 on worker-minutes of each skill's pool and time slice,
    ///
    ///     bound = sum over tasks max(0, max over t of payment(t) - cheapest cost of work and way before t)
    ///           + sum over workers and slices of (minutes available) * max over the worker's skills of lambda
    ///
    /// is at least the best revenue for every `lambda` (weak duality), so whatever the subgradient steps reach is
    /// valid; the best over the steps is returned. A worker is available during its shift, and after it for as long as
    /// the longest task that it may have taken before. O(steps * (tasks * slices + workers * slices)).
    ///
    /// **With relocation or re-routing** (`GameOptions.relocate`, `reroute`) a worker may set out for a task before it is
    /// released, so the way is counted from when the worker is there, not from the release. Whoever is the first at task
    /// j was last freed at the place of a task that it may have taken, or has not been freed since its start; let that be
    /// place a and time f, not before its shift's start. From f on it has moved at its speed only, whatever places it
    /// went to without a task or gave up on the way, so by the triangle inequality it arrives no sooner than f + |a j| /
    /// speed. Hence
    ///
    /// - nobody works on j before `max(window after the release, least over workers of shift start + least way)`;
    /// - |a j| / speed of its minutes between f and the arrival are spent moving, and these intervals of one worker do
    ///   not overlap with each other or with its work.
    ///
    /// So the way of one member costs the cheapest minutes of j's skill from the first shift's start on, before j's release
    /// too, and the work the cheapest after it. Both are less than without, so the bound is at least as high; it holds
    /// for plays that do not relocate as well.
    public static func upperBound(_ instance: Instance, options: GameOptions = GameOptions(), steps: Int = 300)
        -> Double
    {
        if instance.tasks.isEmpty || instance.workers.isEmpty { return 0 }
        var problem = Relaxation(instance, options: options)
        return problem.solve(steps: steps)
    }
}

/// The dual problem of `FullInformation.upperBound`.
private struct Relaxation {
    /// What a worker can do after its shift: so many minutes between two times.
    private struct Tail {
        let skills: SkillSet
        let start: Double
        let end: Double
        let minutes: Double
    }

    /// Length of a time slice (min).
    private let slice = 5.0
    private let slices: Int
    private let skills: Int
    private let tasks: [SpatialTask]
    private let rule: PaymentRule
    /// Workers may set out for a task before it is released.
    private let movesAhead: Bool
    /// The first moment at which anyone could leave for the task (infinite: never), and the least travel (min).
    private let earliest: [Double]
    private let travel: [Double]
    /// The first moment at which anyone can be at the task, and from when on its way can be paid for (min).
    private let reached: [Double]
    private let waysFrom: [Double]
    /// Worker-minutes by kind of worker (set of skills) and slice.
    private var kinds: [SkillSet] = []
    private var available: [[Double]] = []
    /// The minutes of each worker after its shift: it then ends at most one task.
    private var tails: [Tail] = []
    /// Prices [skill][slice], money per worker-minute.
    private var lambda: [[Double]]

    init(_ instance: Instance, options: GameOptions) {
        tasks = instance.tasks
        rule = options.payment
        movesAhead = options.reroute || options.relocate
        skills = 1 + instance.tasks.reduce(0) { max($0, $1.skill) }
        let longest = tasks.reduce(0) { max($0, $1.deadline) }
        let end = tasks.reduce(0) { max($0, $1.deadlineTime) }
        slices = Int((end / slice).rounded(.up)) + 1
        lambda = Array(repeating: Array(repeating: 0, count: slices), count: skills)
        earliest = Self.earliestDepartures(instance, window: options.window)
        let ways = Self.leastTravel(instance)
        travel = ways.map(\.least)
        if movesAhead {
            reached = zip(earliest, ways).map { max($0, $1.reached) }
            waysFrom = ways.map(\.from)
        } else {
            reached = zip(earliest, travel).map { $0 + $1 }
            waysFrom = earliest
        }
        for worker in instance.workers {
            let kind = kinds.firstIndex(of: worker.skills) ?? kinds.count
            if kind == kinds.count {
                kinds.append(worker.skills)
                available.append(Array(repeating: 0, count: slices))
            }
            for at in 0..<slices {
                let low = max(worker.shiftStart, Double(at) * slice)
                let high = min(worker.shiftEnd, Double(at + 1) * slice)
                available[kind][at] += max(0, high - low)
            }
            var most = 0.0
            var end = worker.shiftEnd
            for task in tasks.indices where worker.skills.has(tasks[task].skill) && earliest[task] < worker.shiftEnd {
                most = max(most, tasks[task].workload + travel[task])
                end = max(end, tasks[task].deadlineTime)
            }
            if !most.isFinite { most = longest }
            tails.append(Tail(skills: worker.skills, start: worker.shiftEnd, end: end, minutes: most))
        }
    }

    /// For each task the least travel of anyone who works on it (min). A worker comes from its start or from the place of
    /// a task that it may have taken: one of its skills, released before this one's deadline; at its own speed. Also when
    /// the first of them could be there if it set out at its shift's start, and the first of these starts.
    /// O(tasks * (tasks * sets of skills + workers)).
    private static func leastTravel(_ instance: Instance) -> [(least: Double, reached: Double, from: Double)] {
        var sets: [SkillSet] = []
        for worker in instance.workers where !sets.contains(worker.skills) { sets.append(worker.skills) }
        let extensions = instance.extensions
        func way(_ x: Double, _ y: Double, _ place: Int32, to task: Int) -> Double {
            let end = instance.tasks[task]
            guard let travel = extensions?.travel else { return abs(x - end.x) + abs(y - end.y) }
            let to = extensions!.taskPlace.isEmpty ? 0 : extensions!.taskPlace[task]
            return travel.way(x, y, place, to: end.x, end.y, to, at: 0)
        }
        func taskPlace(_ task: Int) -> Int32 { extensions?.taskPlace.isEmpty ?? true ? 0 : extensions!.taskPlace[task] }
        func workerPlace(_ worker: Int) -> Int32 {
            extensions?.workerPlace.isEmpty ?? true ? 0 : extensions!.workerPlace[worker]
        }
        return instance.tasks.indices.map { index in
            let task = instance.tasks[index]
            var (least, reached, from) = (Double.infinity, Double.infinity, Double.infinity)
            for set in sets where set.has(task.skill) {
                var near = Double.infinity
                for other in instance.tasks.indices where other != index {
                    let from = instance.tasks[other]
                    if from.release < task.deadlineTime && set.has(from.skill) {
                        near = min(near, way(from.x, from.y, taskPlace(other), to: index))
                    }
                }
                for (number, worker) in instance.workers.enumerated() where worker.skills == set {
                    let start = way(worker.x, worker.y, workerPlace(number), to: index)
                    let way = min(near, start) / worker.speed
                    least = min(least, way)
                    reached = min(reached, worker.shiftStart + way)
                    from = min(from, worker.shiftStart)
                }
            }
            return (least, reached, from)
        }
    }

    /// For each task the first moment at which a worker with the skill could be sent to it: a window at or after its
    /// release, not before the shift begins.
    private static func earliestDepartures(_ instance: Instance, window: Double) -> [Double] {
        instance.tasks.map { task in
            let seen = (task.release / window).rounded(.up) * window
            var first = Double.infinity
            for worker in instance.workers where worker.skills.has(task.skill) && seen < worker.shiftEnd {
                first = min(first, max(seen, worker.shiftStart))
            }
            return first
        }
    }

    /// Projected subgradient steps on the prices, with Polyak-like shrinking lengths; the best bound met.
    mutating func solve(steps: Int) -> Double {
        let pay = tasks.reduce(0) { $0 + $1.pay }
        let work = tasks.reduce(0) { $0 + $1.workload }
        let unit = pay / max(work, 1)
        var best = Double.infinity
        var demand = lambda
        var scratch: [Int] = []
        for step in 0..<steps {
            for skill in 0..<skills { for at in 0..<slices { demand[skill][at] = 0 } }
            var bound = 0.0
            for task in tasks.indices { bound += gain(task, &demand, &scratch) }
            for kind in kinds.indices { bound += supplyCost(kind, &demand) }
            for tail in tails { bound += tailCost(tail, &demand, &scratch) }
            best = min(best, bound)
            let norm = demand.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
            if norm == 0 { break }
            let length = unit * 4 / (1 + Double(step) / 10)
            for skill in 0..<skills {
                for at in 0..<slices {
                    lambda[skill][at] = max(0, lambda[skill][at] + length * demand[skill][at] / norm)
                }
            }
        }
        return best
    }

    /// The minutes of one kind of worker go to the most expensive of its skills. Takes them off the demand.
    private func supplyCost(_ kind: Int, _ demand: inout [[Double]]) -> Double {
        var cost = 0.0
        let set = kinds[kind].skills.filter { $0 < skills }
        for at in 0..<slices where available[kind][at] > 0 {
            guard let skill = set.max(by: { lambda[$0][at] < lambda[$1][at] }) else { continue }
            cost += available[kind][at] * lambda[skill][at]
            demand[skill][at] -= available[kind][at]
        }
        return cost
    }

    /// The minutes after a shift go to the most expensive slices and skills. Takes them off the demand.
    private func tailCost(_ tail: Tail, _ demand: inout [[Double]], _ used: inout [Int]) -> Double {
        var left = tail.minutes
        var cost = 0.0
        let first = Int(tail.start / slice)
        let last = min(slices - 1, Int(tail.end / slice))
        used.removeAll(keepingCapacity: true)
        while left > 0 {
            var best = (price: 0.0, skill: -1, slice: -1)
            for at in first..<max(first, last + 1) where !used.contains(at) {
                for skill in 0..<skills where tail.skills.has(skill) && lambda[skill][at] > best.price {
                    best = (lambda[skill][at], skill, at)
                }
            }
            if best.slice < 0 { break }
            used.append(best.slice)
            let room = min(tail.end, Double(best.slice + 1) * slice) - max(tail.start, Double(best.slice) * slice)
            let minutes = min(left, max(0, room))
            cost += minutes * best.price
            demand[best.skill][best.slice] -= minutes
            left -= minutes
        }
        return cost
    }

    /// max(0, max over t of payment(t) - cheapest cost of work and way before t). The payment falls linearly from
    /// `expected` on and the cost does not rise with t, so per slice the end of the payment's favour is checked: the
    /// payment at the slice's first useful moment with the cost of the whole slice allowed, which is an upper bound.
    private func gain(_ task: Int, _ demand: inout [[Double]], _ scratch: inout [Int]) -> Double {
        let terms = tasks[task]
        if !(reached[task] < terms.deadlineTime) { return 0 }
        if movesAhead { return gainAhead(task, &demand) }
        let start = earliest[task]
        let load = terms.workload + travel[task]
        let prices = lambda[terms.skill]
        let first = Int(start / slice)
        let last = min(slices - 1, Int(terms.deadlineTime / slice))
        var best = 0.0
        var bestEnd = -1
        scratch.removeAll(keepingCapacity: true)
        for end in first...last {
            var place = scratch.count
            scratch.append(end)
            while place > 0 && prices[scratch[place - 1]] > prices[end] {
                scratch[place] = scratch[place - 1]
                place -= 1
            }
            scratch[place] = end
            let time = max(reached[task], Double(end) * slice)
            let payment = terms.payment(at: time, rule: rule)
            // Any number may work at once, so all the work may lie in the cheapest slice so far.
            let value = payment - load * prices[scratch[0]]
            if value > best {
                best = value
                bestEnd = scratch[0]
            }
        }
        if bestEnd >= 0 { demand[terms.skill][bestEnd] += load }
        return best
    }

    /// The same where workers may set out before the release: work lies in the cheapest slice from when anyone can be there,
    /// the way in the cheapest from the first shift's start.
    private func gainAhead(_ task: Int, _ demand: inout [[Double]]) -> Double {
        let terms = tasks[task]
        let prices = lambda[terms.skill]
        func cheaper(_ one: Int, _ other: Int) -> Int { prices[other] < prices[one] ? other : one }
        let first = Int(reached[task] / slice)
        let last = min(slices - 1, Int(terms.deadlineTime / slice))
        let begin = max(0, min(first, Int(max(0, waysFrom[task]) / slice)))
        var way = (begin...first).reduce(begin, cheaper)
        var work = first
        var best = (gain: 0.0, work: -1, way: -1)
        for end in first...last {
            (way, work) = (cheaper(way, end), cheaper(work, end))
            let time = max(reached[task], Double(end) * slice)
            let value =
                terms.payment(at: time, rule: rule) - terms.workload * prices[work] - travel[task] * prices[way]
            if value > best.gain { best = (value, work, way) }
        }
        if best.work >= 0 {
            demand[terms.skill][best.work] += terms.workload
            demand[terms.skill][best.way] += travel[task]
        }
        return best.gain
    }
}
