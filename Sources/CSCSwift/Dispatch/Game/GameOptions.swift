/// The rules of a CSC game that are not part of the city, and what its agents are shown.
public struct GameOptions: Sendable, Hashable {
    /// Who knows of whose decision inside a window.
    public enum Decisions: String, Sendable, Codable, CaseIterable {
        /// All acting agents of a window choose at once, from the same state (the authors' program; the default).
        case simultaneous
        /// One acting agent at a time, in a random order drawn again each window; each sees the choices before its own.
        case inTurn
    }

    /// Length of a window (min).
    public var window: Double
    /// The most workers that one task takes.
    public var teamCap: Int
    /// k: how many candidate tasks an acting agent is shown; its actions are these and "wait".
    public var candidates: Int
    /// How lateness lowers the payment.
    public var payment: PaymentRule
    /// Who knows of whose decision.
    public var decisions: Decisions
    /// Show the time as a fraction of the horizon.
    public var showTime: Bool
    /// Show where worker and candidate are; without it a policy does not depend on the place.
    public var showPosition: Bool
    /// Re-routing, a change of the rules: at every window those still on the road are idle again, at the place that
    /// they have reached, and can be sent on as before or elsewhere. Off in the paper's game.
    public var reroute: Bool
    /// Relocation, a change of the rules: idle workers can be sent to a place without a task, and on from wherever they have
    /// come to. Off in the paper's game.
    public var relocate: Bool

    /// The defaults are the game of docs/dispatch.md. Traps on a window or cap that is not positive.
    public init(
        window: Double = 1, teamCap: Int = 50, candidates: Int = 8, payment: PaymentRule = .lateness,
        decisions: Decisions = .simultaneous, showTime: Bool = true, showPosition: Bool = false,
        reroute: Bool = false, relocate: Bool = false
    ) {
        precondition(window > 0, "GameOptions: window \(window) is not positive")
        precondition(teamCap > 0, "GameOptions: team cap \(teamCap) is not positive")
        precondition((1...64).contains(candidates), "GameOptions: candidates \(candidates) is not in 1...64")
        self.window = window
        self.teamCap = teamCap
        self.candidates = candidates
        self.payment = payment
        self.decisions = decisions
        self.showTime = showTime
        self.showPosition = showPosition
        self.reroute = reroute
        self.relocate = relocate
    }

    /// K: the number of actions, `candidates + 1`; the last one is "wait".
    public var actionCount: Int { candidates + 1 }
    /// D: the width of a candidate's row.
    public var pairWidth: Int { PairFeature.allCases.count + (showPosition ? PairFeature.positionNames.count : 0) }
    /// C: the width of an acting agent's context row.
    public var contextWidth: Int {
        ContextFeature.allCases.count + (showTime ? 1 : 0) + (showPosition ? ContextFeature.positionNames.count : 0)
    }
    /// The names of a candidate's columns, in order. O(D).
    public var pairNames: [String] {
        PairFeature.allCases.map { "\($0)" } + (showPosition ? PairFeature.positionNames : [])
    }
    /// The names of the context's columns, in order. O(C).
    public var contextNames: [String] {
        ContextFeature.allCases.map { "\($0)" } + (showTime ? ["time"] : [])
            + (showPosition ? ContextFeature.positionNames : [])
    }
}
