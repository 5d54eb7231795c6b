/// Rules that weigh the marginal payment of sending one worker to one task (payment with it minus without) against a
/// price for each minute that it is occupied.
public final class PricedDispatcher: Dispatcher {
    /// Which moves are made.
    public enum Rule: String, Sendable, CaseIterable {
        /// Again and again the pair of the largest profit, until none is positive.
        case pairGreedy
        /// The assignment of largest total profit, one worker a task, solved exactly; repeated on what is left.
        case hungarian
        /// Workers in random turn choose their most profitable task given the others' choices, until nobody changes:
        /// an equilibrium of the priced marginal game (at most 20 rounds).
        case bestResponse
    }

    /// See `DispatcherKind`.
    public let name: String
    /// Which moves are made.
    public let rule: Rule
    /// Money per worker-minute.
    public let price: Double
    private var stream = RandomStream(seed: 0, purpose: .dispatcher)
    private var order: [Int] = []
    private var needy: [Int] = []
    private var profits: [Double] = []
    private var solver = AssignmentSolver()

    /// The rule at a price per worker-minute.
    public init(_ rule: Rule, price: Double) {
        self.rule = rule
        self.price = price
        self.name = rule == .pairGreedy ? "pair-greedy" : rule == .hungarian ? "hungarian" : "best-response"
    }

    /// Keeps the stream for the order of turns.
    public func begin(_ game: SpatialCrowdsourcing, stream: RandomStream) { self.stream = stream }

    /// Commits idle workers. The cost is that of the rule.
    public func dispatch(_ game: SpatialCrowdsourcing) {
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
        let end = state.completion(of: task, joining: arrival)
        let gain = state.payment(task, at: end) - state.payment(task, at: state.completion[task])
        return gain > 0 ? gain - price * (end - state.now) : 0
    }

    /// Lists idle workers and tasks that need some. O(idle + open).
    private func list(_ state: borrowing GameState) {
        order.removeAll(keepingCapacity: true)
        for position in state.idle.indices where state.workerTask[Int(state.idle[position])] < 0 {
            order.append(Int(state.idle[position]))
        }
        needy.removeAll(keepingCapacity: true)
        for position in state.open.indices where state.isNeedy(Int(state.open[position])) {
            needy.append(Int(state.open[position]))
        }
    }

    /// O(idle * open * team + sends * (idle + open)).
    private func pairGreedy(_ game: SpatialCrowdsourcing) {
        list(game.state)
        let (rows, columns) = (order.count, needy.count)
        if rows == 0 || columns == 0 { return }
        refill(&profits, rows * columns, 0)
        for row in 0..<rows {
            for column in 0..<columns {
                profits[row * columns + column] = Self.profit(order[row], needy[column], price, game.state)
            }
        }
        while true {
            var best = 0
            for pair in profits.indices where profits[pair] > profits[best] { best = pair }
            if profits[best] <= 0 { return }
            let (row, column) = (best / columns, best % columns)
            game.commit(worker: order[row], task: needy[column])
            for other in 0..<columns { profits[row * columns + other] = 0 }
            for other in 0..<rows where game.isIdle(order[other]) {
                profits[other * columns + column] = Self.profit(order[other], needy[column], price, game.state)
            }
        }
    }

    /// O(rounds * idle^2 (idle + open)).
    private func hungarian(_ game: SpatialCrowdsourcing) {
        while true {
            list(game.state)
            let columns = needy.count
            if order.isEmpty || columns == 0 { return }
            refill(&profits, order.count * columns, 0)
            for row in order.indices {
                for column in 0..<columns {
                    profits[row * columns + column] = Self.profit(order[row], needy[column], price, game.state)
                }
            }
            solver.solve(rows: order.count, columns: columns) { profits[$0 * columns + $1] }
            var sent = 0
            for row in order.indices where solver.columnOf[row] >= 0 {
                game.commit(worker: order[row], task: needy[solver.columnOf[row]])
                sent += 1
            }
            if sent == 0 { return }
        }
    }

    /// O(rounds * idle * open * team).
    private func bestResponse(_ game: SpatialCrowdsourcing) {
        list(game.state)
        stream.shuffle(&order)
        needy.removeAll(keepingCapacity: true)
        needy.append(contentsOf: game.openTasks)
        for _ in 0..<20 {
            var changed = false
            for worker in order {
                let present = game.task(of: worker)
                if present >= 0 { game.state.withdraw(worker: worker) }
                var best = -1
                var bestProfit = 0.0
                for task in needy {
                    let profit = Self.profit(worker, task, price, game.state)
                    // Staying wins among equals, so that the rounds come to an end.
                    if profit > bestProfit || profit == bestProfit && profit > 0 && task == present {
                        bestProfit = profit
                        best = task
                    }
                }
                if best >= 0 { game.commit(worker: worker, task: best) }
                if best != present { changed = true }
            }
            if !changed { return }
        }
    }
}
