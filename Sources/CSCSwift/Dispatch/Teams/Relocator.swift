internal import Foundation

/// Where idle workers without a task should wait: the relocation stage of the learnt coalition rule.
///
/// Each cell of the forecast's grid has a need by skill: the tasks expected there soon, and open ones that nobody has been
/// sent to. A worker at q could serve of it, each task by closeness `exp(-way / radius)` and by the share that others
/// leave over, `D / (D + crowding * S)` with the tasks D and workers S close to it,
///
///     B(q) = sum over cells and own skills of closeness * need * share left,     V(q) = 1 - exp(-B(q)):
///
/// the chance of a task of its own, if tasks appear independently. It goes where `V - price * way` is largest if that
/// exceeds `V` here by the threshold. One after the other, the largest gain first; each one counts for the others where
/// it is going to. Marginal coverage, as ambulances are relocated ([Daskin83]); derived here.
///
/// Representation: fields of `side * side` cells, one after the other by skill as it appeared in the episode. Closeness is
/// a product over x and y, so a sum over all cells takes O(side) a cell. Nothing is allocated after the first windows.
struct Relocator {
    var weights = RelocationWeights()

    private static let side = DemandForecast.side
    private static let cells = side * side

    // Of the day.
    private var share: [Double] = []
    private var kernel: [Double] = []
    private var seen: [Double] = []
    private var seenInAll = 0.0
    private var nextSeen = 0
    private var skills = SkillPlaces()

    // Of the window.
    private var need: [Double] = []
    private var near: [Double] = []
    private var supply: [Double] = []
    private var field: [Double] = []
    private var worth: [Double] = []
    private var rows: [Double] = []
    private var order: [(gain: Double, worker: Int32)] = []

    init() {}
}

extension LearntRank {
    /// Sends idle workers without a task to where they are likely to be needed, or lets them stand. Nothing where the game
    /// has no relocation or the policy no forecast.
    /// O(workers + open tasks + idle * (skills + side) * cells).
    mutating func relocate(_ state: inout GameState) {
        guard state.canRelocate, !ownForecast.isFlat, relocator.weights.threshold < 1 else { return }
        relocator.move(&state, measures, forecast, tasks: taskCount)
    }
}

extension Relocator {
    /// Starts an episode. O(cells).
    mutating func begin(_ measures: CoalitionMeasures, _ forecast: DemandForecast) {
        share = forecast.logDensity.map { exp($0) }
        let sum = share.reduce(0, +)
        for c in share.indices { share[c] /= sum }
        let length = exp(weights.radius) * measures.job * measures.speed
        let width = forecast.extent / Double(Self.side)
        kernel = (0..<Self.side).map { exp(-Double($0) * width / max(1e-9, length)) }
        refill(&seen, 64, 0)
        seenInAll = 0
        nextSeen = 0
        skills = SkillPlaces()
    }

    /// The cell of a place; outside the area, the nearest. O(1).
    private func cell(_ x: Double, _ y: Double, _ forecast: DemandForecast) -> Int {
        let scale = Double(Self.side) / forecast.extent
        let most = Double(Self.side - 1)
        return Int(min(most, max(0, (y - forecast.y) * scale))) * Self.side
            + Int(min(most, max(0, (x - forecast.x) * scale)))
    }

    /// Moves idle workers of this window.
    mutating func move(_ state: inout GameState, _ m: CoalitionMeasures, _ forecast: DemandForecast, tasks: Double) {
        order.removeAll(keepingCapacity: true)
        for worker in state.idle where state.workerTask[Int(worker)] < 0 { order.append((0, worker)) }
        if order.isEmpty { return }
        look(state, m, forecast, tasks: tasks)
        for at in order.indices {
            order[at].gain = best(Int(order[at].worker), state, m, forecast).gain
        }
        order.sort { $0.gain == $1.gain ? $0.worker < $1.worker : $0.gain > $1.gain }
        for (first, worker) in order {
            let worker = Int(worker)
            let least = max(0, weights.threshold)
            let (target, gain) = first > least ? best(worker, state, m, forecast) : (0, 0)
            let before = state.destination(worker)
            if gain > least {
                let width = forecast.extent / Double(Self.side)
                state.relocate(
                    worker, toX: forecast.x + (Double(target % Self.side) + 0.5) * width,
                    forecast.y + (Double(target / Self.side) + 0.5) * width)
            } else {
                state.stay(worker)
            }
            let after = state.destination(worker)
            let (old, new) = (cell(before.x, before.y, forecast), cell(after.x, after.y, forecast))
            if old != new {
                add(-1, old, bits(worker, state))
                add(1, new, bits(worker, state))
            }
        }
    }

    /// The skills of a worker that count; all are one where no task has been seen yet. O(1).
    private func bits(_ worker: Int, _ state: borrowing GameState) -> UInt64 {
        state.workers[worker].skills.rawValue
    }

    /// Calls `body` with the place of each skill of a worker that tasks have asked for; with 0 where none has been seen.
    private func visit(_ bits: UInt64, _ body: (Int) -> Void) {
        if skills.count == 0 { body(0) } else { skills.visit(bits, body) }
    }

    /// Writes the need and the supply of this window.
    private mutating func look(
        _ state: borrowing GameState, _ m: CoalitionMeasures, _ forecast: DemandForecast, tasks: Double
    ) {
        for task in nextSeen..<state.nextRelease {
            seen[state.tasks[task].skill] += 1
            seenInAll += 1
        }
        if state.nextRelease > nextSeen {
            let known = state.tasks
            skills.list((0..<state.nextRelease).lazy.map { known[$0].skill })
            nextSeen = state.nextRelease
        }
        let count = max(1, skills.count)
        let horizon = exp(weights.ahead) * m.job
        let expected = tasks * (forecast.released(by: state.now + horizon) - forecast.released(by: state.now))
        refill(&need, count * Self.cells, 0)
        refill(&supply, count * Self.cells, 0)
        for skill in 0..<64 where skills.asked >> UInt64(skill) & 1 == 1 || (skills.count == 0 && skill == 0) {
            let part = skills.count == 0 ? 1 : seen[skill] / seenInAll
            let first = skills.count == 0 ? 0 : skills[skill] * Self.cells
            for c in 0..<Self.cells { need[first + c] = expected * part * share[c] }
        }
        let waiting = max(0, weights.waiting)
        for task in state.open where state.teamHead[Int(task)] < 0 {
            let terms = state.tasks[Int(task)]
            need[skills[terms.skill] * Self.cells + cell(terms.x, terms.y, forecast)] += waiting
        }
        near = need
        for s in 0..<count { Self.smooth(&near, from: s * Self.cells, kernel, &rows) }
        let soon = min(1, max(0, weights.soon))
        for worker in state.workers.indices {
            let task = Int(state.workerTask[worker])
            let terms = state.workers[worker]
            if terms.shiftStart > state.now || terms.shiftEnd <= state.now { continue }
            if task < 0 {
                let place = state.destination(worker)
                deposit(1, cell(place.x, place.y, forecast), terms.skills.rawValue)
            } else if soon > 0 {
                let free = min(state.completion[task], state.tasks[task].deadlineTime)
                if free > state.now + horizon || free >= terms.shiftEnd { continue }
                deposit(soon, cell(state.tasks[task].x, state.tasks[task].y, forecast), terms.skills.rawValue)
            }
        }
        for s in 0..<count { Self.smooth(&supply, from: s * Self.cells, kernel, &rows) }
    }

    private mutating func deposit(_ amount: Double, _ cell: Int, _ bits: UInt64) {
        if skills.count == 0 { supply[cell] += amount; return }
        var left = bits & skills.asked
        while left != 0 {
            supply[skills[left.trailingZeroBitCount] * Self.cells + cell] += amount
            left &= left - 1
        }
    }

    /// Adds a worker's closeness to the smoothed supply of its skills. O(skills * cells).
    private mutating func add(_ amount: Double, _ cell: Int, _ bits: UInt64) {
        let (column, row) = (cell % Self.side, cell / Self.side)
        var left = skills.count == 0 ? 1 : bits & skills.asked
        while left != 0 {
            let first = skills.count == 0 ? 0 : skills[left.trailingZeroBitCount] * Self.cells
            for r in 0..<Self.side {
                let part = amount * kernel[abs(r - row)]
                for c in 0..<Self.side { supply[first + r * Self.side + c] += part * kernel[abs(c - column)] }
            }
            left &= left - 1
        }
    }

    /// Puts the sum over all cells, by closeness, in the place of each cell of a field. O(side * cells).
    private static func smooth(
        _ values: inout [Double], from first: Int, _ kernel: [Double], _ rows: inout [Double]
    ) {
        refill(&rows, cells, 0)
        for r in 0..<side {
            for c in 0..<side {
                var sum = 0.0
                for other in 0..<side { sum += kernel[abs(other - c)] * values[first + r * side + other] }
                rows[r * side + c] = sum
            }
        }
        for r in 0..<side {
            for c in 0..<side {
                var sum = 0.0
                for other in 0..<side { sum += kernel[abs(other - r)] * rows[other * side + c] }
                values[first + r * side + c] = sum
            }
        }
    }

    /// Where a worker should go, and by how much that is better than to stand. O((skills + side) * cells).
    private mutating func best(
        _ worker: Int, _ state: borrowing GameState, _ m: CoalitionMeasures, _ forecast: DemandForecast
    ) -> (cell: Int, gain: Double) {
        let side = Self.side
        let bits = state.workers[worker].skills.rawValue
        let place = state.destination(worker)
        let own = cell(place.x, place.y, forecast)
        let (column, row) = (own % side, own / side)
        refill(&field, Self.cells, 0)
        let crowding = exp(weights.crowding)
        var left = skills.count == 0 ? 1 : bits & skills.asked
        while left != 0 {
            let first = skills.count == 0 ? 0 : skills[left.trailingZeroBitCount] * Self.cells
            for c in 0..<Self.cells {
                let others = max(0, supply[first + c] - kernel[abs(c % side - column)] * kernel[abs(c / side - row)])
                let tasks = near[first + c]
                field[c] += need[first + c] * tasks / max(1e-12, tasks + crowding * others)
            }
            left &= left - 1
        }
        swap(&field, &worth)
        Self.smooth(&worth, from: 0, kernel, &rows)
        for c in 0..<Self.cells { worth[c] = 1 - exp(-worth[c]) }
        let (x, y) = (state.workerX[worker], state.workerY[worker])
        let here = cell(x, y, forecast)
        let width = forecast.extent / Double(side)
        let (speed, price) = (state.workers[worker].speed, max(0, weights.price))
        let time = state.workers[worker].shiftEnd - state.now
        var (target, gain) = (here, 0.0)
        for c in 0..<Self.cells where c != here {
            let way =
                abs(forecast.x + (Double(c % side) + 0.5) * width - x)
                + abs(forecast.y + (Double(c / side) + 0.5) * width - y)
            let minutes = way / speed
            if minutes >= time { continue }
            let more = worth[c] - worth[here] - price * minutes / m.job
            if more > gain { (target, gain) = (c, more) }
        }
        return (target, gain)
    }
}
