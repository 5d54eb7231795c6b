/// Rules that go through the idle workers one after the other, in an order drawn again each window, and give each the
/// task that suits it best; a worker who follows sees what those before it have taken. O(idle * open * team) per
/// window.
package final class OneByOneDispatcher: Dispatcher {
    /// What a worker prefers among the tasks that it can take.
    package enum Preference: String, Sendable, CaseIterable {
        /// The largest rho among the tasks that it reaches before their deadline and that are not yet on course to be
        /// paid in full, even if it comes too late to change anything: behaves like the paper's Greedy.
        case greedy
        /// The nearest task whose payment it raises.
        case nearest
        /// The task whose payment, with it, is largest, if it raises that payment.
        case bestPayment
        /// The task whose payment it raises most.
        case marginal
        /// Any task not yet on course to be paid in full, or waiting, with equal chance.
        case random
    }

    /// See `DispatcherKind`.
    package let name: String
    private let preference: Preference
    private var stream = RandomStream(seed: 0, purpose: .dispatcher)
    private var order: [Int32] = []

    /// The rule of one preference.
    package init(_ preference: Preference) {
        self.preference = preference
        self.name = preference == .bestPayment ? "best-payment" : preference.rawValue
    }

    /// Keeps the stream for the order of turns.
    package func begin(_ game: SpatialCrowdsourcing, stream: RandomStream) { self.stream = stream }

    /// Commits idle workers one after the other. O(idle * open * team).
    package func dispatch(_ game: SpatialCrowdsourcing) {
        order.removeAll(keepingCapacity: true)
        order.append(contentsOf: game.state.idle)
        stream.shuffle(&order)
        for worker in order {
            let task = choose(Int(worker), game.lentState)
            if task >= 0 { game.commit(worker: Int(worker), task: task) }
        }
    }

    /// The task that `worker` prefers, or -1.
    private func choose(_ worker: Int, _ state: borrowing GameState) -> Int {
        var best = -1
        var bestScore = -Double.infinity
        var seen = 1
        for position in state.open.indices {
            let task = Int(state.open[position])
            guard state.isUnderstaffed(task), state.canTake(worker, task) else { continue }
            let arrival = state.arrivalTime(worker, task)
            if arrival >= state.tasks[task].deadlineTime { continue }
            var score = 0.0
            switch preference {
            case .greedy: score = state.tasks[task].pay
            case .random:
                seen += 1
                if stream.index(below: seen) == 0 { best = task }
                continue
            case .nearest, .bestPayment, .marginal:
                let before = state.payment(task, at: state.completion[task])
                let after = state.payment(task, at: state.completion(of: task, joining: arrival, by: worker))
                if after <= before { continue }
                score = preference == .nearest ? -arrival : preference == .marginal ? after - before : after
            }
            if score > bestScore {
                bestScore = score
                best = task
            }
        }
        return best
    }
}
