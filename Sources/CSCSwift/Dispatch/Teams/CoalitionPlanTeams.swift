internal import Foundation

/// The search for a need's best team in the learnt coalition rule.
extension CoalitionPlan {
    /// Finds the best-ranked team that would help need `n`, or none (score -infinity).
    ///
    /// Candidates are the `candidates` qualified slots that come first by arrival + priceOrder * log price. A team is a
    /// prefix of them joining whoever is on the task already or, where nobody is, any single one of them.
    /// O(slots + candidates * team).
    mutating func findTeam(_ n: Int, _ state: borrowing GameState) {
        let task = Int(needs[n].task)
        let terms = state.tasks[task]
        let completion = state.completion[task]
        let latest = min(completion, terms.deadlineTime)
        let hasRoles = state.isExtended && state.roles(task) != nil
        let kept =
            hasRoles ? chooseForRoles(n, latest: latest, state) : chooseCandidates(n, terms, latest: latest, state)
        var present = 0
        var node = state.teamHead[task]
        while node >= 0 {
            arrivals[present] = state.arrival[Int(node)]
            present += 1
            node = state.teamNext[Int(node)]
        }
        let existing = present
        let inTime = completion <= terms.deadlineTime
        let before = inTime ? state.payment(task, at: completion) : 0
        let savedRate =
            inTime ? weights.saved * needs[n].price * measures.rate * exp(min(20, weights.bias)) * Double(existing) : 0
        let scale = 1 / measures.pay
        let keep = 1 - weights.threshold
        let patience = weights.patience + weights.pressurePatience * pressure
        let overtime = min(1, max(0, weights.overtime))
        let travelWeight = (weights.travel + weights.pressureTravel * pressure) / measures.part
        var bestScore = -Double.infinity
        var bestSize = 0
        var bestFirst = 0
        var inTimeBy = 0

        /// The rank of candidates first..<first + size finishing at `end`, or -infinity.
        @inline(__always) func rank(_ first: Int, _ size: Int, _ end: Double) -> Double {
            if end > terms.deadlineTime { return -.infinity }
            let gain = state.payment(task, at: end) - before
            if gain <= 0 { return -.infinity }
            let growth = (exp((end - state.now) / measures.fade.0), exp((end - state.now) / measures.fade.1))
            let worthAtEnd = worth(until: end)
            var cost = 0.0
            var minutes = 0.0
            var travel = 0.0
            var virtual = 0.0
            for k in first..<first + size {
                let slot = slots[Int(chosen[k].slot)]
                let past = end >= slot.shiftEnd
                cost +=
                    slot.price
                    * ((past ? slot.worthAtEnd : worthAtEnd) - slot.worthAtFree
                        + slot.lastWeight.0 * ((past ? 1 : growth.0 * slot.fadeNow.0) - slot.fadeFree.0)
                        + slot.lastWeight.1 * ((past ? 1 : growth.1 * slot.fadeNow.1) - slot.fadeFree.1)
                        - (past ? 0 : needs[n].placeWorth - slot.placeWorth))
                minutes += end - slot.free - overtime * max(0, end - slot.shiftEnd)
                travel += chosen[k].arrival - slot.free
                if !slot.isIdle { virtual += 1 }
            }
            cost = cost * needs[n].price - (inTime ? savedRate * (completion - end) : 0)
            let slack = max(-2, min(2, (terms.expectedTime - end) / measures.part))
            let profit = gain * (keep - patience * slack) - cost
            if profit <= 0 { return -.infinity }
            let members = Double(size)
            return needs[n].rankOffset + log(profit * scale)
                - weights.minutesPower * log(max(measures.leastMinutes, minutes) / measures.job)
                + weights.slack * slack + weights.teamSize * (members - 1)
                + travelWeight * travel / members + weights.virtualShare * virtual / members
                + (existing > 0 ? weights.existing : 0)
        }

        for m in 0..<min(kept, measures.largestTeam, state.cap(task) - existing) {
            var k = present
            while k > 0 && arrivals[k - 1] > chosen[m].arrival {
                arrivals[k] = arrivals[k - 1]
                k -= 1
            }
            arrivals[k] = chosen[m].arrival
            present += 1
            let end =
                hasRoles ? finishWithRoles(task, m, state) : TeamClock.finish(terms.workload, arrivals, count: present)
            let score = rank(0, m + 1, end)
            if m == 0 { joint.note(need: n, slot: chosen[0].slot, rank: score) }
            if score > bestScore {
                bestScore = score
                bestSize = m + 1
            }
            // Who comes to a team that is in time already only adds a way.
            if measures.isScaleFree && end <= terms.expectedTime {
                inTimeBy += 1
                if inTimeBy == 2 { break }
            }
        }
        if existing == 0 && kept > 1 && !hasRoles {
            for k in 1..<kept {
                let score = rank(k, 1, chosen[k].arrival + terms.workload)
                joint.note(need: n, slot: chosen[k].slot, rank: score)
                if score > bestScore {
                    bestScore = score
                    bestSize = 1
                    bestFirst = k
                }
            }
        }
        needs[n].score = bestScore
        needs[n].size = Int32(bestSize)
        for k in 0..<bestSize { members[n * measures.largestTeam + k] = chosen[bestFirst + k].slot }
    }
}
