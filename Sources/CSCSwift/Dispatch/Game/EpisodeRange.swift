/// What an episode is played for. Each purpose has its own range of episode numbers of a seed, so an episode that is
/// trained, tuned or chosen on is never one that is evaluated on.
///
/// A number is made by `EpisodeRange.training[3]`; a bare integer is no episode. Range r holds the instance streams
/// r * 2^40 ..< (r + 1) * 2^40 of a seed.
public enum EpisodeRange: UInt64, Sendable, CaseIterable {
    /// What `evaluate`, `generate` and `reproduce` play and what bounds are computed on: never trained or chosen on.
    case evaluation = 0
    /// On which the prices of the rules are tuned.
    case tuning = 1
    /// Over which the forecast of a learnt coalition rule is counted.
    case forecast = 2
    /// On which `evolve` compares the candidates of a generation.
    case evolution = 3
    /// On which `train` and `refine` learn.
    case training = 4
    /// On which `evolve` measures the plain rule that revenues are divided by.
    case reference = 5
    /// From which lookahead draws its futures.
    case futures = 6
    /// On which one of several trained policies is chosen.
    case choice = 7
    /// On which a training run is watched and its best checkpoint chosen.
    case heldOut = 8

    /// How many episodes a range holds.
    public static let capacity = 1 << 40

    /// The episode of that number. Traps unless 0 <= number < `capacity`. O(1).
    public subscript(number: Int) -> EpisodeIndex {
        precondition(number >= 0 && number < Self.capacity, "EpisodeRange: episode \(number) is not in 0..<2^40")
        return EpisodeIndex(range: self, number: number)
    }
}

/// One episode of a seed: a range and a number in it, made by `EpisodeRange`.
public struct EpisodeIndex: Sendable, Hashable {
    /// What it is played for.
    public let range: EpisodeRange
    /// Its number in that range, from 0.
    public let number: Int

    fileprivate init(range: EpisodeRange, number: Int) {
        self.range = range
        self.number = number
    }

    /// The index of its random streams, below 2^48: no two episodes share one.
    public var stream: UInt64 { range.rawValue << 40 | UInt64(number) }
}
