/// Rules that weigh the marginal payment of sending one worker to one task (payment with it minus without) against a
/// price for each minute that it is occupied.
package final class PricedDispatcher: Dispatcher {
    /// Which moves are made.
    package enum Rule: String, Sendable, CaseIterable {
        /// Again and again the pair of the largest profit, until none is positive.
        case pairGreedy
        /// The assignment of largest total profit, one worker a task, solved exactly; repeated on what is left.
        case hungarian
        /// Workers in random turn choose their most profitable task given the others' choices, until nobody changes:
        /// an equilibrium of the priced marginal game (at most 20 rounds).
        case bestResponse
    }

    /// See `DispatcherKind`.
    package let name: String
    /// Which moves are made.
    package let rule: Rule
    /// Money per worker-minute.
    package let price: Double
    private var stream = RandomStream(seed: 0, purpose: .dispatcher)
    private var order: [Int] = []
    private var understaffed: [Int] = []
    private var profits: [Double] = []
    private var rowBest: [Int] = []
    private var solver = AssignmentSolver()

    /// The rule at a price per worker-minute.
    package init(_ rule: Rule, price: Double) {
        self.rule = rule
        self.price = price
        self.name = rule == .pairGreedy ? "pair-greedy" : rule == .hungarian ? "hungarian" : "best-response"
    }

    /// Keeps the stream for the order of turns.
    package func begin(_ game: SpatialCrowdsourcing, stream: RandomStream) { self.stream = stream }

    /// Commits idle workers. The cost is that of the rule.
    package func dispatch(_ game: SpatialCrowdsourcing) {
        switch rule {
        case .pairGreedy: pairGreedy(game)
        case .hungarian: hungarian(game)
        case .bestResponse: bestResponse(game)
        }
    }

    /// What sending `worker` to `task` now earns beyond its price; 0 or less where it may not or need not go. O(team).
    private static func profit(_ worker: Int, _ task: Int, _ price: Double, _ state: borrowing GameState) -> Double {
        guard state.canTake(worker, task) else { return 0 }
        let arrival = state.arrivalTime(worker, task)
        if arrival >= state.latestArrival(task) { return 0 }
        let end = state.completion(of: task, joining: arrival, by: worker)
        let gain = state.payment(task, at: end) - state.payment(task, at: state.completion[task])
        return gain > 0 ? gain - price * (end - state.now) : 0
    }

    /// Lists idle workers and tasks that need some. O(idle + open).
    private func list(_ state: borrowing GameState) {
        order.removeAll(keepingCapacity: true)
        for position in state.idle.indices where state.workerTask[Int(state.idle[position])] < 0 {
            order.append(Int(state.idle[position]))
        }
        understaffed.removeAll(keepingCapacity: true)
        for position in state.open.indices where state.isUnderstaffed(Int(state.open[position])) {
            understaffed.append(Int(state.open[position]))
        }
    }

    /// The profit of each pair of a listed worker and a listed task, [idle][understaffed]. O(idle * open * team).
    private func fillProfits(_ state: borrowing GameState) {
        refill(&profits, order.count * understaffed.count, 0)
        for row in order.indices {
            for column in understaffed.indices {
                profits[row * understaffed.count + column] = Self.profit(order[row], understaffed[column], price, state)
            }
        }
    }

    /// Recomputes the profits of one task for the workers who are still idle; notes their best tasks. O(idle * (team +
    /// open) in the worst case).
    private func refreshProfits(column: Int, _ state: borrowing GameState) {
        let columns = understaffed.count
        for row in order.indices where rowBest[row] >= 0 {
            let profit = Self.profit(order[row], understaffed[column], price, state)
            profits[row * columns + column] = profit
            if rowBest[row] == column {
                rowBest[row] = bestColumn(row)
            } else if profit > profits[row * columns + rowBest[row]] {
                rowBest[row] = column
            }
        }
    }

    /// The task of a row's largest profit. O(understaffed).
    private func bestColumn(_ row: Int) -> Int {
        let base = row * understaffed.count
        var best = 0
        for column in understaffed.indices where profits[base + column] > profits[base + best] { best = column }
        return best
    }

    /// O(idle * open * team + sends * idle).
    private func pairGreedy(_ game: SpatialCrowdsourcing) {
        list(game.state)
        if order.isEmpty || understaffed.isEmpty { return }
        fillProfits(game.state)
        rowBest.removeAll(keepingCapacity: true)
        for row in order.indices { rowBest.append(bestColumn(row)) }
        while true {
            var best = -1
            var bestProfit = 0.0
            for row in order.indices where rowBest[row] >= 0 {
                let profit = profits[row * understaffed.count + rowBest[row]]
                if profit > bestProfit {
                    bestProfit = profit
                    best = row
                }
            }
            if best < 0 { return }
            let column = rowBest[best]
            game.commit(worker: order[best], task: understaffed[column])
            rowBest[best] = -1
            refreshProfits(column: column, game.state)
        }
    }

    /// O(rounds * idle^2 (idle + open)).
    private func hungarian(_ game: SpatialCrowdsourcing) {
        while true {
            list(game.state)
            let columns = understaffed.count
            if order.isEmpty || columns == 0 { return }
            fillProfits(game.state)
            solver.solve(rows: order.count, columns: columns) { profits[$0 * columns + $1] }
            var sent = 0
            for row in order.indices where solver.columnOf[row] >= 0 {
                game.commit(worker: order[row], task: understaffed[solver.columnOf[row]])
                sent += 1
            }
            if sent == 0 { return }
        }
    }

    /// The task that earns `worker` most, or -1; staying with `present` wins among equals, so that the rounds come to an
    /// end. O(open * team).
    private func bestTask(_ worker: Int, _ present: Int, _ state: borrowing GameState) -> Int {
        var best = -1
        var bestProfit = 0.0
        for task in understaffed {
            let profit = Self.profit(worker, task, price, state)
            if profit > bestProfit || profit == bestProfit && profit > 0 && task == present {
                bestProfit = profit
                best = task
            }
        }
        return best
    }

    /// O(rounds * idle * open * team).
    private func bestResponse(_ game: SpatialCrowdsourcing) {
        list(game.state)
        stream.shuffle(&order)
        understaffed.removeAll(keepingCapacity: true)
        understaffed.append(contentsOf: game.openTasks)
        for _ in 0..<20 {
            var changed = false
            for worker in order {
                let present = game.task(of: worker)
                if present >= 0 { game.state.withdraw(worker: worker) }
                let best = bestTask(worker, present, game.state)
                if best >= 0 { game.commit(worker: worker, task: best) }
                if best != present { changed = true }
            }
            if !changed { return }
        }
    }
}
