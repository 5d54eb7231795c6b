internal import Foundation

/// The choice of how a policy for every day is played on days of one kind: by tuning episodes, on which the rule's price was tuned
/// too and nothing is evaluated.
extension LearntCoalitionPolicy {
    /// The policy in the form that earns most over a few episodes of `EpisodeRange.tuning`, on which the rule's price was tuned
    /// too: planned jointly or greedily, with virtual members or without, with moved weights, or the plain rule at its tuned
    /// price. Which of these is best depends on the day: where a crowd waits in one place, or workers come from afar, joint
    /// plans and reserved workers cost more than they bring; and where nothing learnt helps, the rule stays.
    ///
    /// The forms play `episodes` episodes. From the best learnt one, each move of `CalibrationMove.all` plays a third of them,
    /// the better third of the moves the rest (successive halving; all play the same episodes). The best move, the best two
    /// together and the best three, the form without them and the plain rule then play as many further episodes, and those
    /// decide; moves must be half a standard error ahead of the form. Where they are, moves are looked for once more from
    /// there. O(about 32 * episodes) episodes.
    ///
    /// - Parameters:
    ///   - source: what is played, or past days of the same kind.
    ///   - tasks: how many tasks an episode is asked to have, from 0.
    ///   - workers: how many workers an episode is asked to have, from 0.
    ///   - seed: of the episodes, and of whatever is random in the policies.
    ///   - episodes: how many episodes each form plays, from 1; fewer where the source has fewer, or a day more
    ///     than 1,000 tasks.
    ///   - moves: whether moves are tried; otherwise only the form is chosen, which takes 5 * episodes episodes.
    ///   - options: the rules of the game: window, payment, largest team.
    public func calibrated(
        on source: some InstanceSource, tasks: Int, workers: Int, seed: UInt64, episodes: Int = 24,
        moves: Bool = true, options: GameOptions = GameOptions()
    ) -> LearntCoalitionPolicy {
        guard let basePrice, constantPrice == nil else { return self }
        func play(_ policies: [LearntCoalitionPolicy], _ numbers: Range<Int>) -> [[Double]] {
            Evaluation.run(
                policies.map { $0.source(options: options) }, on: source, tasks: tasks, workers: workers, seed: seed,
                episodes: numbers, of: .tuning)
        }
        let count = min(episodes, source.episodeCount ?? episodes, max(6, 24_000 / max(1, tasks)))
        var plain = self
        plain.constantPrice = basePrice
        plain.origin = "here the coalition rule at its tuned price: it earns more than \(name) on tuning episodes"
        let forms = forms
        let tried = play(forms + [plain], 0..<count)
        let totals = tried.map { $0.reduce(0, +) }
        let best = forms.indices.max { totals[$0] < totals[$1] } ?? 0
        // A source of one episode has no others to choose a move on.
        guard moves, source.episodeCount == nil, count > 1 else {
            return totals[forms.count] > totals[best] ? plain : forms[best]
        }
        var (current, earned) = (forms[best], tried[best])
        for pass in 0..<Self.passes {
            let finalists =
                [plain, current]
                + moved(
                    current, by: CalibrationMove.all + (options.relocate ? CalibrationMove.relocation : []),
                    earning: earned,
                    from: pass * count, play)
            let shown = play(finalists, (pass + 1) * count..<(pass + 2) * count)
            let chosen = Self.finalist(shown)
            if chosen < 2 { return finalists[chosen] }
            (current, earned) = (finalists[chosen], shown[chosen])
        }
        return current
    }

    /// The one that earns most: of all after the first two, those that are surely ahead of the second.
    private static func finalist(_ shown: [[Double]]) -> Int {
        let eligible = shown.indices.filter { at in
            let gain = Summary.paired(shown[at], minus: shown[1])
            return at < 2 || gain.mean > sureness * gain.standardError
        }
        return eligible.max { Summary(shown[$0]).mean < Summary(shown[$1]).mean } ?? 0
    }

    /// How often moves are looked for, each time from where the last ones led and on further episodes.
    private static let passes = 2
    /// By how many standard errors moves must be ahead of the form without them in the end.
    private static let sureness = 0.5

    /// Jointly or greedily, with workers about to be free or without.
    private var forms: [LearntCoalitionPolicy] {
        [(joint, horizonAhead), (!joint, horizonAhead), (joint, 0), (!joint, 0)].map { isJoint, ahead in
            var form = self
            form.joint = isJoint
            form.horizonAhead = ahead
            form.origin +=
                "; here planned \(isJoint ? "jointly" : "greedily")"
                + (ahead == 0 ? ", without workers about to be free" : "")
            return form
        }
    }
}

extension LearntCoalitionPolicy {
    /// How many moves are made at once, at most.
    private static let together = 3

    /// A form after its best move, after the best two, and so on; none where no move gains.
    ///
    /// - Parameters:
    ///   - moves: what is tried.
    ///   - earned: what the form earned in tuning episodes from number `begin` on.
    ///   - begin: the number of the first of these episodes.
    ///   - play: the revenue of policies in tuning episodes of these numbers.
    private func moved(
        _ form: LearntCoalitionPolicy, by moves: [CalibrationMove], earning earned: [Double], from begin: Int,
        _ play: ([LearntCoalitionPolicy], Range<Int>) -> [[Double]]
    ) -> [LearntCoalitionPolicy] {
        let policies = moves.map { $0.moving(form) }
        let first = max(1, earned.count / 3)
        var played = play(policies, begin..<begin + first)
        func gain(_ move: Int) -> Double {
            zip(played[move], earned).reduce(0) { $0 + $1.0 - $1.1 } / Double(played[move].count)
        }
        // Where moves are level, the one that is listed first stays.
        func better(_ moves: [Int]) -> [Int] { moves.sorted { (gain($0), $1) > (gain($1), $0) } }
        let kept = better(Array(moves.indices)).prefix(max(1, moves.count / 3)).filter { gain($0) > 0 }
        for (move, more) in zip(kept, play(kept.map { policies[$0] }, begin + first..<begin + earned.count)) {
            played[move] += more
        }
        var (result, kinds): ([LearntCoalitionPolicy], Set<String>) = ([], [])
        for move in better(kept) where gain(move) > 0 && kinds.insert(moves[move].kind).inserted {
            result.append(moves[move].moving(result.last ?? form))
            if result.count == Self.together { break }
        }
        return result
    }
}

/// A change of weights that is tried for the days at hand.
struct CalibrationMove: Sendable {
    /// The moves: those of 29 that gained most on random scenarios on which `cafe` was not trained (docs/results/generality.md).
    static let all: [CalibrationMove] = [
        price(1.25), price(0.8), price(1.6), price(0.6), learnt(1.2), learnt(0.75), learnt(0.5),
        adding(-0.25, \.base, "price by the rule's"), adding(0.3, \.shiftLeft, "price by shift left"),
        adding(0.3, \.scarcity, "scarcity"), adding(0.5, \.lateJob, "last job"), adding(-0.5, \.lateJob, "last job"),
        adding(0.1, \.threshold, "threshold"), adding(-0.1, \.threshold, "threshold"),
        adding(0.3, \.urgency, "rank by urgency"), adding(-0.3, \.urgency, "rank by urgency"),
    ]

    /// Further moves, in games with relocation.
    static let relocation: [CalibrationMove] = [
        relocating("nobody relocated") { $0 = .standing }, relocating("relocation nearer") { $0.radius -= 0.4 },
        relocating("relocation farther") { $0.radius += 0.4 }, relocating("relocation sooner") { $0.ahead -= 0.5 },
        relocating("relocation later") { $0.ahead += 0.5 }, relocating("crowding more") { $0.crowding += 1 },
        relocating("crowding less") { $0.crowding -= 1 },
    ]

    /// What it moves: two moves of a kind are never made together.
    let kind: String
    /// What the reader of a table is told.
    let words: String
    /// Changes the weights.
    let change: @Sendable (inout CoalitionWeights) -> Void
    /// Changes the weights of relocation; nil: keeps them.
    var relocating: (@Sendable (inout RelocationWeights) -> Void)?

    /// The policy with its weights moved.
    func moving(_ policy: LearntCoalitionPolicy) -> LearntCoalitionPolicy {
        var policy = policy
        change(&policy.weights)
        if let relocating {
            var weights = policy.relocation ?? RelocationWeights()
            relocating(&weights)
            policy.relocation = weights
        }
        policy.origin += ", \(words)"
        return policy
    }

    /// Other weights of relocation.
    private static func relocating(
        _ words: String, _ change: @escaping @Sendable (inout RelocationWeights) -> Void
    ) -> CalibrationMove {
        CalibrationMove(kind: "relocation", words: words, change: { _ in }, relocating: change)
    }

    /// All prices times a factor.
    private static func price(_ factor: Double) -> CalibrationMove {
        CalibrationMove(kind: "price", words: "prices times \(factor)") { $0.bias += log(factor) }
    }

    /// A part of the way from the plain rule at its tuned price to the weights; above 1, beyond them.
    private static func learnt(_ part: Double) -> CalibrationMove {
        CalibrationMove(kind: "learnt", words: "\(part) of what was learnt") { weights in
            let plain = CoalitionWeights.tunedPrice(else: 0.15).vector
            weights.vector = zip(plain, weights.vector).map { $0 + part * ($1 - $0) }
        }
    }

    /// Something added to one weight.
    private static func adding(
        _ amount: Double, _ weight: WritableKeyPath<CoalitionWeights, Double> & Sendable, _ words: String
    ) -> CalibrationMove {
        CalibrationMove(kind: words, words: "\(words) \(amount > 0 ? "+" : "")\(amount)") {
            $0[keyPath: weight] += amount
        }
    }
}
