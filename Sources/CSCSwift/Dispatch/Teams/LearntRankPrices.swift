internal import Foundation

/// The price of a worker's time in the learnt coalition rule.
///
/// A worker's time is worth `price * worth(t1, t2)` between two moments of its shift, where worth counts a minute more
/// the scarcer labour is expected to be then. What a job takes is its worth up to the end of the shift and, where it
/// leaves little or nothing of the shift, the worth of the last job: a job may run past the end of the shift, so
/// whoever still has a moment left can do one more whole job.
extension LearntRank {
    /// Sets the price of every slot and need of this window. O(open tasks + slots * skills + cells * skills).
    mutating func prepare(_ slots: [TeamSlot], _ needs: [TeamNeed], _ state: borrowing GameState) {
        refill(&slotPrices, slots.count, SlotPrice())
        refill(&needPrices, needs.count, NeedPrice())
        compareNeeds(slots, needs, state)
        let common = priceOfMoment(state)
        if measures.isScaleFree {
            priceSlotsScaleFree(slots, common)
        } else {
            priceSlots(slots, common)
        }
        for s in slots.indices { setWorth(s, slots[s], now: state.now) }
        for n in needs.indices { priceNeed(n, state.tasks[Int(needs[n].task)], state.now) }
    }

    /// The terms of the price that all slots of a window have in common. O(1).
    private func priceOfMoment(_ state: borrowing GameState) -> Double {
        let (w, m, now) = (weights, measures, state.now)
        let work = taskCount * (m.workload + m.journey)
        func arriving(_ from: Double, _ until: Double) -> Double {
            (forecast.released(by: now + until) - forecast.released(by: now + from)) * work
        }
        let span = m.span
        let supplyNow = workerCount * forecast.onShift(at: now) * span
        let onShiftAhead =
            m.isScaleFree
            ? forecast.onShift(at: now + 0.16 * span) + forecast.onShift(at: now + 0.48 * span)
                + forecast.onShift(at: now + 0.84 * span)
            : forecast.onShift(at: now + 4) + forecast.onShift(at: now + 12) + forecast.onShift(at: now + 21)
        let supplyAhead = workerCount * span / 3 * onShiftAhead
        let added = m.smoothing
        let common =
            dayPrice + w.pressure * pressure
            + w.pressureAhead * m.held(log((arriving(0, span) + added) / (supplyAhead + added)))
            + w.supplyAhead * m.held(log((supplyAhead + added) / (supplyNow + added)))
        if !m.isScaleFree {
            let time = min(1, max(-0.5, now / state.horizon - 0.5))
            return common + w.time * time + w.timeSquared * 4 * time * time
        }
        let supplyLater = workerCount * 3 * span * forecast.onShift(at: now + 2.5 * span)
        return common + w.pressureLater * m.held(log((arriving(span, 4 * span) + added) / (supplyLater + added)))
    }

    /// log price of each slot by the features of the first version. O(slots * skills).
    private mutating func priceSlots(_ slots: [TeamSlot], _ common: Double) {
        let w = weights
        for s in slots.indices {
            let slot = slots[s]
            let (near, asked) = needNear(slot.skills, cell(slot.x, slot.y))
            let count = max(1, asked)
            slotPrices[s].endScarcity = shiftEnd(of: slot).scarcity
            slotPrices[s].logPrice =
                common + w.shiftLeft * (min(1.5, (slot.shiftEnd - slot.free) / 60) - 0.75) + w.localNeed * near
                + w.density * forecast.logDensity(x: slot.x, y: slot.y) + w.skills * (count - 1.5)
                + w.speed * 3 * (slot.speed / measures.speed - 1) + w.endScarcity * slotPrices[s].endScarcity
        }
    }

    /// The same by the scale-free features: the skills that are asked for count relative to the mean of all slots, and
    /// how scarce labour will be at the end of a shift counts the more the nearer that is. O(slots * skills).
    private mutating func priceSlotsScaleFree(_ slots: [TeamSlot], _ common: Double) {
        let (w, m) = (weights, measures)
        var skilled = 0.0
        for slot in slots { skilled += Double((slot.skills & skills.asked).nonzeroBitCount) }
        let meanSkills = skilled / Double(max(1, slots.count))
        refill(&skillTerms, skills.count + 1, 0)
        for count in 0...skills.count {
            skillTerms[count] = m.held(log((Double(count) + 0.5) / (meanSkills + 0.5)), 1.5)
        }
        for s in slots.indices {
            let slot = slots[s]
            let (near, asked) = needNear(slot.skills, cell(slot.x, slot.y))
            let left = slot.shiftEnd - slot.free
            slotPrices[s].endScarcity = shiftEnd(of: slot).scarcity
            slotPrices[s].logPrice =
                common + w.shiftLeft * (min(1.5, left / m.shift) - 0.75) + w.localNeed * near
                + w.density * m.held(forecast.logDensity(x: slot.x, y: slot.y), 2.5)
                + w.skills * skillTerms[Int(asked)]
                + w.speed * m.held(3 * (slot.speed / m.speed - 1), 1.5)
                + w.endScarcity * slotPrices[s].endScarcity * exp(-max(0, left) / (4 * m.job))
        }
    }

    /// Price and worths of a slot whose log price is set. O(1).
    private mutating func setWorth(_ s: Int, _ slot: TeamSlot, now: Double) {
        let left = slot.shiftEnd - slot.free
        let end = shiftEnd(of: slot)
        let density = measures.held(forecast.logDensity(x: slot.x, y: slot.y), 2.5)
        var price = slotPrices[s]
        price.placeWorth =
            measures.part * (weights.relocation * density + weights.relocationNeed * totalNeed[cell(slot.x, slot.y)])
        price.price = measures.rate * exp(min(20, price.logPrice))
        price.worthAtFree = worth(until: slot.free)
        price.worthAtEnd = end.worth
        price.lastWeight = (max(0, weights.lastJob) * end.job, max(0, weights.lateJob) * end.job)
        price.fadeFree = (fadesFirst ? exp(-left / measures.fade.0) : 0, exp(-left / measures.fade.1))
        price.fadeNow = price.fadeFree
        if slot.free > now {
            if fadesFirst { price.fadeNow.0 *= exp((now - slot.free) / measures.fade.0) }
            price.fadeNow.1 *= exp((now - slot.free) / measures.fade.1)
        }
        slotPrices[s] = price
    }

    /// Price, worth of place and rank of a need, as far as they do not depend on its team. O(1).
    private mutating func priceNeed(_ n: Int, _ task: SpatialTask, _ now: Double) {
        let density = measures.held(forecast.logDensity(x: task.x, y: task.y), 2.5)
        let c = cell(task.x, task.y)
        let near = localNeed[skills[task.skill] * cellsAlong * cellsAlong + c]
        let work = task.workload / measures.workload
        let size = measures.isScaleFree ? measures.held(log(work), 2) : work - 1
        needPrices[n].price = exp(
            min(20, weights.taskLocalNeed * near + weights.taskDensity * density + weights.taskWorkload * size))
        needPrices[n].placeWorth =
            measures.part * (weights.relocation * density + weights.relocationNeed * totalNeed[c])
        var offset = 0.0
        addTerms(task, now: now, density: density) { offset += $1 }
        needPrices[n].offset = offset
    }
}
