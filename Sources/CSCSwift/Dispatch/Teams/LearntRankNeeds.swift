internal import Foundation

/// Where work is asked for and where it is on offer, in the learnt coalition rule.
extension LearntRank {
    /// The cell of a place in the grid of local need.
    @inline(__always) func cell(_ x: Double, _ y: Double) -> Int {
        let scale = Double(cellsAlong) / forecast.extent
        let column = Int(min(Double(cellsAlong - 1), max(0, (x - forecast.x) * scale)))
        let row = Int(min(Double(cellsAlong - 1), max(0, (y - forecast.y) * scale)))
        return row * cellsAlong + column
    }

    /// Writes `localNeed`, log (work asked for / work on offer) of each skill and cell, smoothed over the neighbouring
    /// cells, and `pressure`, the same over all. A task that has a team counts half; a worker counts as much work as a
    /// job is long, less the later it is free. O(open tasks + slots * skills + cells * skills).
    mutating func compareNeeds(_ slots: [TeamSlot], _ needs: [TeamNeed], _ state: borrowing GameState) {
        let tasks = state.tasks
        skills.list(state.open.lazy.map { tasks[Int($0)].skill })
        let cells = cellsAlong * cellsAlong
        refill(&askedOfSkill, skills.count, 0)
        refill(&asked, cells * skills.count, 0)
        refill(&offered, cells * skills.count, 0)
        refill(&localNeed, cells * skills.count, 0)
        var askedInAll = 0.0
        var offeredInAll = 0.0
        for need in needs {
            let task = state.tasks[Int(need.task)]
            let whole = task.workload + measures.journey
            let work = state.teamHead[Int(need.task)] < 0 ? whole : whole / 2
            let place = skills[task.skill]
            asked[place * cells + cell(task.x, task.y)] += work
            askedOfSkill[place] += work
            askedInAll += work
        }
        for slot in slots {
            let c = cell(slot.x, slot.y)
            let work = measures.job * (1 - (slot.free - state.now) / (measures.ahead + 1))
            if slot.skills & skills.asked == 0 && measures.isScaleFree { continue }
            skills.visit(slot.skills) { offered[$0 * cells + c] += work }
            offeredInAll += work
        }
        pressure = measures.held(
            log((askedInAll + measures.smoothing) / (offeredInAll + measures.smoothing)))
        smoothNeeds(skills: skills.count)
    }

    /// `localNeed` from `asked` and `offered`, and `totalNeed`, its mean over the skills. O(cells * skills).
    private mutating func smoothNeeds(skills: Int) {
        let side = cellsAlong
        let cells = side * side
        let added = measures.localSmoothing
        for index in localNeed.indices {
            let column = index % side
            let row = index % cells / side
            var a = added
            var b = added
            var dy = row > 0 ? -1 : 0
            while dy <= 1 && row + dy < side {
                var dx = column > 0 ? -1 : 0
                while dx <= 1 && column + dx < side {
                    let weight = (dx == 0 ? 2.0 : 1) * (dy == 0 ? 2.0 : 1)
                    let neighbour = index + dy * side + dx
                    a += weight * asked[neighbour]
                    b += weight * offered[neighbour]
                    dx += 1
                }
                dy += 1
            }
            localNeed[index] = measures.held(log(a / b))
        }
        refill(&totalNeed, cells, 0)
        for c in 0..<cells {
            for skill in 0..<skills { totalNeed[c] += localNeed[skill * cells + c] / Double(skills) }
        }
    }

    /// The mean of `localNeed` in a cell over the skills of a slot that are asked for, and how many these are. The
    /// scale-free features weigh them by how much work asks for each. O(skills).
    @inline(__always) func needNear(_ own: UInt64, _ cell: Int) -> (need: Double, count: Double) {
        let cells = cellsAlong * cellsAlong
        let count = Double((own & skills.asked).nonzeroBitCount)
        if count == 0 { return (0, 0) }
        var near = 0.0
        var sum = 0.0
        skills.visit(own) { place in
            let weight = measures.isScaleFree ? askedOfSkill[place] + 1e-6 * measures.job : 1
            near += weight * localNeed[place * cells + cell]
            sum += weight
        }
        return (near / sum, count)
    }
}
