internal import Foundation

/// What the learnt coalition rule knows of a whole day: its measures, the part of the price that is the same for all of
/// it, and what a minute is worth at each time.
extension LearntRank {
    /// Sets the constants of an episode. O(tasks + workers + horizon).
    mutating func begin(_ state: borrowing GameState) {
        workerCount = Double(state.workers.count)
        taskCount = state.dayTasks
        logRatio = log(max(1, taskCount) / max(1, workerCount))
        if ownForecast.isFlat { forecast = DemandForecast(flatOver: state) }
        measures = measure(state)
        dayPrice = priceOfDay(state.horizon)
        refill(&worth, Int(min(1e5, 2 * max(1, state.horizon))) + 2, 0)
        for minute in 1..<worth.count {
            worth[minute] = worth[minute - 1] + minuteWorth(scarcity(at: Double(minute) - 0.5))
        }
        cellsAlong = cellsOfDay()
        bias = exp(min(20, weights.bias))
        refill(&shiftEnds, state.workers.count, ShiftEnd())
        if state.canRelocate && !ownForecast.isFlat { relocator.begin(measures, forecast) }
    }

    /// What the end of a slot's shift means: worked out once a day for each worker. O(1).
    mutating func shiftEnd(of slot: TeamSlot) -> ShiftEnd {
        let worker = Int(slot.worker)
        let isKnown = worker < shiftEnds.count
        if isKnown && shiftEnds[worker].time == slot.shiftEnd { return shiftEnds[worker] }
        let scarcity = scarcity(at: slot.shiftEnd)
        let end = ShiftEnd(
            time: slot.shiftEnd, scarcity: scarcity, job: measures.job * minuteWorth(scarcity),
            worth: worth(until: slot.shiftEnd))
        if isKnown { shiftEnds[worker] = end }
        return end
    }

    /// The day's measures: means over its tasks and workers, lengths by its forecast. O(tasks + workers).
    private func measure(_ state: borrowing GameState) -> CoalitionMeasures {
        var pay = 0.0
        var workload = 0.0
        for task in state.tasks.indices {
            pay += state.tasks[task].pay
            workload += state.tasks[task].workload
        }
        pay /= max(1, taskCount)
        workload /= max(1, taskCount)
        if let scale = state.scale { (pay, workload) = (scale.pay, scale.pay / scale.rate) }
        var speed = 0.0
        for worker in state.workers.indices { speed += state.workers[worker].speed }
        speed /= max(1, workerCount)
        return CoalitionMeasures(
            features: features, horizonAhead: horizonAhead, pay: pay, workload: workload, speed: speed,
            lifetime: forecast.lifetime ?? 1.6 * workload, onShift: workerCount * forecast.meanOnShift,
            qualified: forecast.qualified ?? 1, area: forecast.area, window: state.options.window)
    }

    /// The terms of the price that are the same for the whole day. O(1).
    private func priceOfDay(_ horizon: Double) -> Double {
        let w = weights
        // The first version was trained on 1 to 4 tasks per worker and must not be carried far beyond.
        guard measures.isScaleFree else { return w.bias + w.ratio * min(1.8, max(-1, logRatio)) }
        let m = measures
        let base = basePrice.map { min(2, max(-2, log(max(1e-9, $0) / 0.15))) } ?? 0
        let teams = max(1, m.workload / max(1e-9, 0.7 * m.lifetime))
        let asked = taskCount * (m.workload + m.journey * teams)
        let offered = workerCount * forecast.meanOnShift * max(horizon, m.job)
        let load = log((asked + m.job) / (offered + m.job))
        return w.bias + w.base * base + w.load * m.held(load) + w.teamwork
            * m.held(log(m.workload / max(1e-9, m.lifetime)))
            + w.journey * m.held(log((m.journey + 0.05 * m.job) / m.job) + 1.5)
            + w.variety * m.held(-log(max(0.01, forecast.qualified ?? 1)) - 1)
    }

    /// Cells along the grid of local need: 5 in the first version; else about as wide as one goes in a sixth of a job, fewer
    /// where there would be more cells than a quarter of the workers.
    private func cellsOfDay() -> Int {
        guard measures.isScaleFree else { return 5 }
        let width = forecast.extent / max(1e-12, 0.18 * measures.speed * measures.job)
        let most = max(5, min(48, (workerCount / 4).squareRoot().rounded(.down)))
        return Int(min(most, max(3, width.rounded())))
    }

    /// log (work of the tasks expected to be open / work of the workers expected on shift) around a moment. O(1).
    func scarcity(at time: Double) -> Double {
        let released =
            forecast.released(by: time + measures.opensAfter) - forecast.released(by: time - measures.opensBefore)
        let supply = workerCount * forecast.onShift(at: time) * measures.span
        let asked = taskCount * released * (measures.workload + measures.journey)
        return measures.held(log((asked + measures.smoothing) / (supply + measures.smoothing)))
    }

    /// The worth of a minute of such scarcity, held to exp(+-2.5). O(1).
    func minuteWorth(_ scarcity: Double) -> Double { exp(min(2.5, max(-2.5, weights.scarcity * scarcity))) }

    /// The worth of the time from the episode's start to `time`. O(1).
    @inline(__always) func worth(until time: Double) -> Double {
        if time <= 0 { return 0 }
        let last = worth.count - 1
        if time >= Double(last) { return worth[last] + time - Double(last) }
        let minute = Int(time)
        return worth[minute] + (worth[minute + 1] - worth[minute]) * (time - Double(minute))
    }
}
