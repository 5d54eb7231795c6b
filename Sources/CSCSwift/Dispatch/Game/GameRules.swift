/// The rules of a game that decide what a play of it earns: what all rows of one table must share.
public struct GameRules: Sendable, Hashable {
    /// Length of a window (min).
    public var window: Double
    /// The most workers that one task takes.
    public var teamCap: Int
    /// How lateness lowers the payment.
    public var payment: PaymentRule
    /// Whether workers on the road can be sent elsewhere.
    public var reroute: Bool
    /// Whether idle workers can be sent to a place without a task.
    public var relocate: Bool

    /// The rules of these options.
    public init(_ options: GameOptions = GameOptions()) {
        window = options.window
        teamCap = options.teamCap
        payment = options.payment
        reroute = options.reroute
        relocate = options.relocate
    }

    /// The options of a game by these rules, all others as usual.
    public var options: GameOptions {
        GameOptions(window: window, teamCap: teamCap, payment: payment, reroute: reroute, relocate: relocate)
    }

    /// In the keys of a configuration, where they are not the usual ones; nil where all are.
    public var text: String? {
        let usual = GameRules()
        let parts = [
            payment == usual.payment ? nil : "game.payment=\(payment.rawValue)",
            teamCap == usual.teamCap ? nil : "game.teamCap=\(teamCap)",
            window == usual.window ? nil : "game.window=\(window)", reroute ? "game.reroute=true" : nil,
            relocate ? "game.relocate=true" : nil,
        ].compactMap(\.self)
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}
