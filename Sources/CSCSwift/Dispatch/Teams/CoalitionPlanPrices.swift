internal import Foundation

/// The price of a worker's time in the learnt coalition rule.
///
/// A worker's time is worth `price * worth(t1, t2)` between two moments of its shift, where worth counts a minute more
/// the scarcer labour is expected to be then. What a job takes is its worth up to the end of the shift and, where it
/// leaves little or nothing of the shift, the worth of the last job: a job may run past the end of the shift, so
/// whoever still has a moment left can do one more whole job.
extension CoalitionPlan {
    /// Cells along a side of the grid for local need.
    private static let side = 5
    /// How far ahead demand and supply are compared (min).
    private static let span = 25.0

    /// Sets the constants of an episode. O(tasks + workers + horizon).
    mutating func begin(_ state: borrowing GameState) {
        workerCount = Double(state.workers.count)
        taskCount = state.dayTasks
        if let scale = state.scale {
            (meanPay, meanWorkload) = (max(1e-9, scale.pay), max(1e-9, scale.pay / scale.rate))
        } else {
            var pay = 0.0
            var workload = 0.0
            for task in state.tasks.indices {
                pay += state.tasks[task].pay
                workload += state.tasks[task].workload
            }
            meanPay = max(1e-9, pay / max(1, taskCount))
            meanWorkload = max(1e-9, workload / max(1, taskCount))
        }
        logRatio = log(max(1, taskCount) / max(1, workerCount))
        var speed = 0.0
        for worker in state.workers.indices { speed += state.workers[worker].speed }
        meanSpeed = max(1e-9, speed / max(1, workerCount))
        refill(&worth, Int(min(1e5, 2 * state.horizon)) + 2, 0)
        for minute in 1..<worth.count {
            worth[minute] = worth[minute - 1] + minuteWorth(scarcity(at: Double(minute) - 0.5))
        }
        refill(&arrivals, state.options.teamCap + Self.largestTeam, 0)
    }

    /// log (work of the tasks expected to be open / work of the workers expected on shift) around a moment. O(1).
    private func scarcity(at time: Double) -> Double {
        let released = forecast.released(by: time + 5) - forecast.released(by: time - 20)
        let supply = workerCount * forecast.onShift(at: time) * Self.span
        return log((taskCount * released * meanWorkload + 20) / (supply + 20))
    }

    /// The worth of a minute of such scarcity, held to exp(+-2.5). O(1).
    private func minuteWorth(_ scarcity: Double) -> Double { exp(min(2.5, max(-2.5, weights.scarcity * scarcity))) }

    /// The worth of the time from the episode's start to `time`. O(1).
    @inline(__always) func worth(until time: Double) -> Double {
        if time <= 0 { return 0 }
        let last = worth.count - 1
        if time >= Double(last) { return worth[last] + time - Double(last) }
        let minute = Int(time)
        return worth[minute] + (worth[minute + 1] - worth[minute]) * (time - Double(minute))
    }

    /// The cell of a place in the grid of local need.
    @inline(__always) private func cell(_ x: Double, _ y: Double) -> Int {
        let scale = Double(Self.side) / forecast.extent
        let column = Int(min(Double(Self.side - 1), max(0, (x - forecast.x) * scale)))
        let row = Int(min(Double(Self.side - 1), max(0, (y - forecast.y) * scale)))
        return row * Self.side + column
    }

    /// Sets the price of every slot and need of this window. O(slots + needs + cells * skills).
    mutating func setPrices(_ state: borrowing GameState) {
        let now = state.now
        let cells = Self.side * Self.side
        var skills = 1
        for need in needs { skills = max(skills, state.tasks[Int(need.task)].skill + 1) }
        compareNeeds(state, skills: skills)
        let w = weights
        let arriving =
            taskCount * (forecast.released(by: now + Self.span) - forecast.released(by: now)) * meanWorkload
        let supplyNow = workerCount * forecast.onShift(at: now) * Self.span
        let supplyAhead =
            workerCount * Self.span / 3
            * (forecast.onShift(at: now + 4) + forecast.onShift(at: now + 12) + forecast.onShift(at: now + 21))
        let time = now / state.horizon - 0.5
        let common =
            w.bias + w.time * time + w.timeSquared * 4 * time * time + w.pressure * pressure
            + w.pressureAhead * log((arriving + 20) / (supplyAhead + 20))
            + w.supplyAhead * log((supplyAhead + 20) / (supplyNow + 20)) + w.ratio * logRatio

        for s in slots.indices {
            let slot = slots[s]
            let c = cell(slot.x, slot.y)
            var near = 0.0
            var bits = slot.skills
            let count = Double(max(1, bits.nonzeroBitCount))
            while bits != 0 {
                let skill = bits.trailingZeroBitCount
                if skill < skills { near += localNeed[skill * cells + c] }
                bits &= bits - 1
            }
            let left = slot.shiftEnd - slot.free
            let endScarcity = scarcity(at: slot.shiftEnd)
            let logPrice =
                common + w.shiftLeft * (min(1.5, left / 60) - 0.75) + w.localNeed * near / count
                + w.density * forecast.logDensity(x: slot.x, y: slot.y) + w.skills * (count - 1.5)
                + w.speed * 3 * (slot.speed / meanSpeed - 1) + w.endScarcity * endScarcity
            let last = 20 * minuteWorth(endScarcity)
            slots[s].logPrice = logPrice
            slots[s].placeWorth =
                10 * (w.relocation * forecast.logDensity(x: slot.x, y: slot.y) + w.relocationNeed * totalNeed[c])
            slots[s].price = rate * exp(min(20, logPrice))
            slots[s].worthAtFree = worth(until: slot.free)
            slots[s].worthAtEnd = worth(until: slot.shiftEnd)
            slots[s].lastWeight = (max(0, w.lastJob) * last, max(0, w.lateJob) * last)
            slots[s].fadeFree = (exp(-left / Self.fade.0), exp(-left / Self.fade.1))
            slots[s].fadeNow = slots[s].fadeFree
            if slot.free > now {
                slots[s].fadeNow.0 *= exp((now - slot.free) / Self.fade.0)
                slots[s].fadeNow.1 *= exp((now - slot.free) / Self.fade.1)
            }
        }
        for n in needs.indices {
            let task = state.tasks[Int(needs[n].task)]
            let density = forecast.logDensity(x: task.x, y: task.y)
            let near = localNeed[task.skill * cells + cell(task.x, task.y)]
            needs[n].price = exp(
                min(
                    20,
                    w.taskLocalNeed * near + w.taskDensity * density
                        + w.taskWorkload * (task.workload / meanWorkload - 1)))
            needs[n].placeWorth = 10 * (w.relocation * density + w.relocationNeed * totalNeed[cell(task.x, task.y)])
            needs[n].rankOffset =
                w.urgency * (task.deadlineTime - now) / 20 + w.pay * log(max(1e-9, task.pay / meanPay))
                + w.workload * log(task.workload / meanWorkload) + w.rankDensity * density
        }
    }

    /// Writes `localNeed`, log (work asked for / work on offer) of each skill and cell, smoothed over the neighbouring
    /// cells, and `pressure`, the same over all. A task that has a team counts half; a worker counts 20 worker-minutes,
    /// less the later it is free. O(slots + needs + cells * skills).
    private mutating func compareNeeds(_ state: borrowing GameState, skills: Int) {
        let cells = Self.side * Self.side
        refill(&asked, cells * skills, 0)
        refill(&offered, cells * skills, 0)
        refill(&localNeed, cells * skills, 0)
        var askedInAll = 0.0
        var offeredInAll = 0.0
        for need in needs {
            let task = state.tasks[Int(need.task)]
            let work = state.teamHead[Int(need.task)] < 0 ? task.workload : task.workload / 2
            asked[task.skill * cells + cell(task.x, task.y)] += work
            askedInAll += work
        }
        for slot in slots {
            let c = cell(slot.x, slot.y)
            let work = 20 * (1 - (slot.free - state.now) / (horizonAhead + 1))
            var bits = slot.skills
            while bits != 0 {
                let skill = bits.trailingZeroBitCount
                if skill < skills { offered[skill * cells + c] += work }
                bits &= bits - 1
            }
            offeredInAll += work
        }
        pressure = log((askedInAll + 20) / (offeredInAll + 20))
        for index in localNeed.indices {
            let column = index % Self.side
            let row = index % cells / Self.side
            var a = 40.0
            var b = 40.0
            var dy = row > 0 ? -1 : 0
            while dy <= 1 && row + dy < Self.side {
                var dx = column > 0 ? -1 : 0
                while dx <= 1 && column + dx < Self.side {
                    let weight = (dx == 0 ? 2.0 : 1) * (dy == 0 ? 2.0 : 1)
                    let neighbour = index + dy * Self.side + dx
                    a += weight * asked[neighbour]
                    b += weight * offered[neighbour]
                    dx += 1
                }
                dy += 1
            }
            localNeed[index] = log(a / b)
        }
        refill(&totalNeed, cells, 0)
        for c in 0..<cells {
            for skill in 0..<skills { totalNeed[c] += localNeed[skill * cells + c] / Double(skills) }
        }
    }
}
