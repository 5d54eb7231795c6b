/// A rule that sends idle workers to tasks, seeing the whole present state of a game but not its future.
///
/// Once a window `dispatch` commits whom it wants; the caller then advances the game. A dispatcher may keep scratch
/// between calls, so use one a thread.
public protocol Dispatcher: AnyObject {
    /// The name by which tables and the command line know it.
    var name: String { get }
    /// Starts an episode. `stream` drives whatever is random in the rule.
    func begin(_ game: SpatialCrowdsourcing, stream: RandomStream)
    /// Commits idle workers of the present window.
    func dispatch(_ game: SpatialCrowdsourcing)
}

extension Dispatcher {
    /// Plays one episode of `instance` to its end and returns the revenue.
    @discardableResult
    public func play(_ instance: Instance, in game: SpatialCrowdsourcing, stream: RandomStream) -> Double {
        game.reset(instance)
        begin(game, stream: stream)
        while !game.isOver {
            dispatch(game)
            game.advance()
        }
        return game.revenue
    }
}
