/// A rule that sends idle workers to tasks, seeing the whole present state of a game but not its future.
///
/// Once a window `dispatch` commits whom it wants; the caller then advances the game. A dispatcher may keep scratch
/// between calls, so use one per thread.
public protocol Dispatcher: AnyObject {
    /// The name by which tables and the command line know it.
    var name: String { get }
    /// Starts an episode. `stream` drives whatever is random in the rule.
    func begin(_ game: SpatialCrowdsourcing, stream: RandomStream)
    /// Commits idle workers of the present window.
    func dispatch(_ game: SpatialCrowdsourcing)
}

extension Dispatcher {
    /// Plays one episode of `instance` to its end and returns the revenue. O(windows * the rule's cost per window).
    @discardableResult
    public func play(_ instance: Instance, in game: SpatialCrowdsourcing, stream: RandomStream) -> Double {
        game.reset(instance)
        begin(game, stream: stream)
        while !game.isOver {
            dispatchWindow(game)
            game.advance()
        }
        return game.revenue
    }

    /// The decisions of a window. In an extended game with tasks that come before all others (`GameExtensions.must`) these
    /// are dispatched first, as if they paid a thousand times what they do, then the rest. O(dispatch).
    public func dispatchWindow(_ game: SpatialCrowdsourcing) {
        guard game.state.isExtended, let must = game.state.extensions?.must, !must.isEmpty else {
            dispatch(game)
            return
        }
        let first = game.openTasks.filter { must[$0] }
        if !first.isEmpty {
            let terms = first.map { game.state.tasks[$0] }
            let pay = max(game.scales.pay, 1e-9)
            for task in first {
                game.state.tasks[task].pay = 1000 * max(pay, game.state.tasks[task].pay)
                game.state.tasks[task].penaltyRate *= 1000
            }
            game.consider(onlyMust: true)
            dispatch(game)
            game.consider(onlyMust: false)
            for (at, task) in first.enumerated() { game.state.tasks[task] = terms[at] }
        }
        dispatch(game)
    }
}
