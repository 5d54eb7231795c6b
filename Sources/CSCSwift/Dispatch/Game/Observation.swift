internal import Foundation

extension GameState {
    /// (Sum of travel still to go + work left) / number assigned, with one more worker arriving at `joining` if given:
    /// the estimate of the remaining time that agents are shown, as in the program of [CAFE]. Infinite without a team.
    /// O(team).
    func estimate(_ task: Int, joining: Double?) -> Double {
        var travel = 0.0
        var done = 0.0
        var count = Double(teamSize[task])
        var node = teamHead[task]
        while node >= 0 {
            let time = arrival[Int(node)]
            if time > now { travel += time - now } else { done += now - time }
            node = teamNext[Int(node)]
        }
        if let joining {
            travel += joining - now
            count += 1
        }
        return count > 0 ? (travel + max(0, tasks[task].workload - done)) / count : .infinity
    }
}

extension SpatialCrowdsourcing {
    /// Writes context [n, C], candidates [n, K, D] and mask [n, K] of the present acting agents; see `PairFeature` and
    /// `ContextFeature` for the columns. The rows of empty slots are 0 and masked; the last action is "wait".
    /// O(n * K * team) and O(idle) for each task that is somebody's candidate.
    public func observe(
        context: inout MutableSpan<Float>, candidates: inout MutableSpan<Float>, mask: inout MutableSpan<UInt8>
    ) {
        let n = actingCount
        let (c, k, d) = (contextWidth, actionCount, candidateWidth)
        precondition(
            context.count >= n * c && candidates.count >= n * k * d && mask.count >= n * k,
            "SpatialCrowdsourcing.observe: context \(context.count), candidates \(candidates.count), mask "
                + "\(mask.count) for [\(n), \(c)], [\(n), \(k), \(d)], [\(n), \(k)]")
        Self.observeAll(n, c, k, d, state, &board, scales, &context, &candidates, &mask)
    }

    /// All acting agents' rows; the state is borrowed once for all of them.
    private static func observeAll(
        _ n: Int, _ c: Int, _ k: Int, _ d: Int, _ state: borrowing GameState, _ board: inout DecisionBoard,
        _ scales: Scales, _ context: inout MutableSpan<Float>, _ candidates: inout MutableSpan<Float>,
        _ mask: inout MutableSpan<UInt8>
    ) {
        let common = CommonContext(
            needPerIdle: log((Double(board.understaffedCount) + 1) / (Double(state.idle.count) + 1)) / 2,
            tasksPerWorker: log(scales.tasksPerWorker) / 1.5)
        for row in 0..<n {
            observe(
                row: row, state, &board, scales, common, context: &context, contextBase: row * c,
                candidates: &candidates, candidateBase: row * k * d, pairWidth: d, mask: &mask, maskBase: row * k)
        }
    }

    /// What all acting agents of a window share and is expensive to compute: the logarithms.
    private struct CommonContext {
        let needPerIdle: Double
        let tasksPerWorker: Double
    }

    /// One acting agent's rows. O(K * team).
    private static func observe(
        row: Int, _ state: borrowing GameState, _ board: inout DecisionBoard, _ scales: Scales,
        _ common: CommonContext, context: inout MutableSpan<Float>, contextBase: Int,
        candidates: inout MutableSpan<Float>, candidateBase: Int,
        pairWidth: Int, mask: inout MutableSpan<UInt8>, maskBase: Int
    ) {
        let k = state.options.candidates
        let idleRow = Int(board.actingAgents[row])
        let worker = Int(state.idle[idleRow])
        let speed = state.workers[worker].speed
        let found = Int(board.candidateCount[row])
        var summary = CandidateSummary()
        var base = candidateBase
        for slot in 0..<found {
            let taskSlot = Int(board.candidateSlot[row * k + slot])
            board.ensure(slot: taskSlot, state)
            observePair(
                worker: worker, idleRow: idleRow, taskSlot: taskSlot,
                travel: board.candidateDistance[row * k + slot] / speed, state, board, scales, &candidates, base,
                &summary)
            mask[maskBase + slot] = 1
            base += pairWidth
        }
        let end = candidateBase + (k + 1) * pairWidth
        while base < end {
            candidates[base] = 0
            base += 1
        }
        for slot in found..<k { mask[maskBase + slot] = 0 }
        candidates[candidateBase + k * pairWidth + PairFeature.wait.rawValue] = 1
        mask[maskBase + k] = 1
        observeContext(
            worker: worker, found: found, nearest: board.candidateDistance[row * k] / speed, summary, state, board,
            common, half: scales.half, &context, contextBase)
    }

    /// What the context row says about the candidates.
    private struct CandidateSummary {
        var bestMarginal = -Double.infinity
        var marginals = 0.0
        var bestRate = 0.0
        var bestOwnRate = 0.0
    }

    @inline(__always) private static func cut(_ value: Double) -> Float { Float(max(-2, min(2, value))) }

    /// One candidate's row. O(team).
    @inline(__always)
    private static func observePair(
        worker: Int, idleRow: Int, taskSlot: Int, travel: Double, _ state: borrowing GameState,
        _ board: borrowing DecisionBoard, _ scales: Scales, _ out: inout MutableSpan<Float>, _ base: Int,
        _ summary: inout CandidateSummary
    ) {
        let task = Int(state.open[taskSlot])
        let terms = state.tasks[task]
        let now = state.now
        let arrival = now + travel
        let without = state.completion[task]
        let with = state.completion(of: task, joining: arrival, by: worker)
        let before = state.payment(task, at: without)
        let after = state.payment(task, at: with)
        let end = min(with, terms.deadlineTime)
        let occupied = max(end - now, 0.5)
        // Work left now, travel still to go, and the work done by the end of full payment, in one walk.
        var done = 0.0
        var going = travel
        var byExpected = max(0, terms.expectedTime - arrival)
        var node = state.teamHead[task]
        while node >= 0 {
            let time = state.arrival[Int(node)]
            if time > now { going += time - now } else { done += now - time }
            byExpected += max(0, terms.expectedTime - time)
            node = state.teamNext[Int(node)]
        }
        let team = Double(state.teamSize[task])
        let left = max(0, terms.workload - done)
        let mine = min(max(0, end - arrival), terms.workload)
        let short = max(0, terms.workload - byExpected)
        let slack = terms.expectedTime - arrival
        let helperBase = taskSlot * DecisionBoard.helperLimit
        let helpers = Int(board.helperCount[taskSlot])
        var rank = helpers
        var near = 0
        for helper in 0..<helpers {
            if Int(board.helperRow[helperBase + helper]) == idleRow {
                rank = helper
            } else if board.helperArrival[helperBase + helper] <= now + 10 {
                near += 1
            }
        }
        let size = Int(board.coalitionSize[taskSlot])
        let rate = board.coalitionRate[taskSlot] / scales.rate
        let member = rank < size
        let marginal = (after - before) / scales.pay
        summary.bestMarginal = max(summary.bestMarginal, marginal)
        summary.marginals += marginal
        summary.bestRate = max(summary.bestRate, rate)
        if member { summary.bestOwnRate = max(summary.bestOwnRate, rate) }

        func put(_ feature: PairFeature, _ value: Double) { out[base + feature.rawValue] = cut(value) }
        put(.travel, travel / 15)
        put(.slackToExpected, slack / 15)
        put(.slackToDeadline, (terms.deadlineTime - arrival) / 20)
        put(.workLeft, left / 20)
        put(.team, team / 4)
        put(.completionWithout, (without - terms.expectedTime) / 15)
        put(.completionWith, (with - terms.expectedTime) / 15)
        put(.estimateWith, (now + (going + left) / (team + 1) - terms.expectedTime) / 15)
        put(.paymentBefore, before / scales.pay)
        put(.paymentAfter, after / scales.pay)
        put(.marginal, marginal)
        put(.marginalRate, (after - before) / (occupied * scales.rate))
        put(.share, after * mine / (terms.workload * scales.pay))
        put(.pay, terms.pay / scales.pay)
        put(.occupied, occupied / 30)
        put(.needed, short <= 0 ? 0 : slack > 1 ? short / (3 * slack) : 2)
        put(.arrivalRank, Double(rank) / 4)
        put(.helpersNear, Double(near) / 6)
        put(.coalitionRate, rate)
        put(.coalitionSize, Double(size) / 4)
        put(.inCoalition, member ? 1 : 0)
        put(.localNeed, Double(board.localNeed[taskSlot]) / 5)
        put(.wait, 0)
        if state.options.showPosition {
            let first = base + PairFeature.allCases.count
            let half = scales.half
            out[first] = cut((terms.x - half) / half)
            out[first + 1] = cut((terms.y - half) / half)
            out[first + 2] = cut((terms.x - state.workerX[worker]) / half)
            out[first + 3] = cut((terms.y - state.workerY[worker]) / half)
        }
    }

    /// One acting agent's context row. O(1).
    private static func observeContext(
        worker: Int, found: Int, nearest: Double, _ summary: CandidateSummary, _ state: borrowing GameState,
        _ board: borrowing DecisionBoard, _ common: CommonContext, half: Double, _ out: inout MutableSpan<Float>,
        _ base: Int
    ) {
        let terms = state.workers[worker]
        func put(_ feature: ContextFeature, _ value: Double) { out[base + feature.rawValue] = cut(value) }
        let idle = Double(state.idle.count)
        put(.shiftLeft, (terms.shiftEnd - state.now) / 60)
        put(.idleShare, idle / Double(max(1, state.onShift)))
        put(.needPerIdle, common.needPerIdle)
        put(.tasksPerWorker, common.tasksPerWorker)
        put(.speed, (terms.speed * 60 / 25 - 1) * 3)
        put(.skillCount, Double(terms.skills.size) / 2)
        put(.candidateCount, Double(found) / Double(state.options.candidates))
        put(.bestMarginal, summary.bestMarginal)
        put(.meanMarginal, summary.marginals / Double(found))
        put(.nearestTravel, nearest / 15)
        put(.bestCoalitionRate, summary.bestRate)
        put(.bestOwnCoalitionRate, summary.bestOwnRate)
        var next = base + ContextFeature.allCases.count
        if state.options.showTime {
            out[next] = cut(state.now / state.horizon)
            next += 1
        }
        if state.options.showPosition {
            out[next] = cut((state.workerX[worker] - half) / half)
            out[next + 1] = cut((state.workerY[worker] - half) / half)
        }
    }
}
