internal import Foundation

/// The coalition rule with everything in it that can be learnt (docs/evolve.md): it forms teams as the coalition rule
/// does, but prices each worker's time by what it could still do, ranks teams by learnt weights, and counts workers
/// about to become free as members, so that nobody is sent where another will be sooner.
///
/// It reads the present state and, of the future, only its forecast and the number of tasks and workers. Deterministic.
package final class LearntCoalition: Dispatcher {
    /// The policy's name.
    package let name: String
    private var engine: TeamEngine<LearntRank>
    /// The plain rule and its price in mean pays per unit of work, where the policy is that.
    private let plain: (rule: CoalitionRule, price: Double)?
    /// Where the policy has a learnt worth of plans.
    private var chooser: PlanChooser?

    /// The rule with that policy's weights and forecast.
    package init(_ policy: LearntCoalitionPolicy) {
        name = policy.name
        engine = TeamEngine(LearntRank(policy))
        plain = policy.constantPrice.map { (CoalitionRule(price: 0), $0) }
        chooser = policy.planWorth.map { PlanChooser(policy, $0) }
    }

    /// Starts an episode. O(tasks + workers + horizon).
    package func begin(_ game: SpatialCrowdsourcing, stream: RandomStream) {
        engine.begin(game.state)
        chooser?.begin(game.state)
        if let plain { plain.rule.price = plain.price * engine.rank.measures.rate }
    }

    /// What a minute of a worker's time was worth in the last window, the mean over those who could be sent (money).
    var meanPrice: Double { engine.rank.meanPrice }

    /// Commits idle workers of the present window. O(open tasks * workers); for many workers, O(workers + open tasks *
    /// those near); with a learnt worth of plans as often as there are plans.
    package func dispatch(_ game: SpatialCrowdsourcing) {
        if let plain {
            plain.rule.dispatch(game)
        } else if chooser != nil {
            follow(game)
        } else {
            game.commit { engine.dispatch(&$0) }
        }
        if game.options.relocate { game.commit { engine.rank.relocate(&$0) } }
    }

    /// Commits by the plan of the largest learnt worth.
    private func follow(_ game: SpatialCrowdsourcing) {
        if game.state.idle.isEmpty || game.state.open.isEmpty { return }
        let plan = chooser!.choose(game.state, own: &engine)
        game.commit { state in
            for move in plan { state.commit(worker: Int(move.worker), task: Int(move.task)) }
        }
    }
}

extension LearntCoalitionPolicy {
    /// The policy as a row of an evaluation.
    public func source(options: GameOptions = GameOptions()) -> PolicySource {
        PolicySource(name: name, note: origin) {
            let game = SpatialCrowdsourcing(options: options)
            let rule = LearntCoalition(self)
            return PolicySource.Seat(game: game) { rule.play($0, in: game, stream: $1) }
        }
    }

    /// The policy with lookahead (`LookaheadCoalition`) as a row of an evaluation.
    ///
    /// - Parameters:
    ///   - options: the rules of the game: window, payment, largest team.
    ///   - lookahead: how many futures and plans a window has, and how far futures are played (min).
    ///   - futures: where futures are drawn from; never the episodes that are evaluated on.
    public func source(
        options: GameOptions = GameOptions(), lookahead: LookaheadOptions, futures: any InstanceSource
    ) -> PolicySource {
        PolicySource(
            name: name + ":lookahead",
            note:
                "at most \(lookahead.futures) futures of \(lookahead.horizon) min, \(lookahead.variants) further plans"
        ) {
            let game = SpatialCrowdsourcing(options: options)
            let rule = LookaheadCoalition(self, futures: futures, options: lookahead)
            return PolicySource.Seat(game: game) { rule.play($0, in: game, stream: $1) }
        }
    }

    /// The policy that a name on a command line stands for: a trained artefact of the product (`builtInNames`), the
    /// folder of an evolution, or a policy's file; nil where it is none of these. O(size of the file).
    ///
    /// - Throws: `CSCError` where the file is there but damaged.
    public static func named(_ name: String) throws -> LearntCoalitionPolicy? {
        if let policy = builtIn(name) { return policy }
        for path in [AtomicFile.join(name, "policy.yaml"), name] {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
                return try LearntCoalitionPolicy(contentsOf: path)
            }
        }
        return nil
    }
}
