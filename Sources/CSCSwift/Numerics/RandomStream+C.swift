internal import CCore
internal import Foundation

/// A counter-based random stream: Philox4x32-10 ([Salmon11]).
///
/// A draw is a pure function of `(seed, stream, counter)`, so results do not depend on the order in which threads
/// run, and a saved run continues from three integers. Give every purpose its own stream: `RandomStream(seed: s,
/// stream: .environment, index: 3)`.
///
/// It is a `RandomNumberGenerator`, so the standard library's `random(in:using:)` and `shuffled(using:)` accept it.
public struct RandomStream: RandomNumberGenerator, Sendable, Hashable, Codable {
    /// What a stream is drawn for. Streams of different purposes never overlap.
    public enum Purpose: UInt16, Sendable, Codable {
        /// Tasks and workers of an episode.
        case instance = 1
        /// Random events in an environment, and the numbers of tasks and workers of training episodes.
        case environment = 2
        /// Actions drawn from a policy.
        case policy = 3
        /// First parameters of networks.
        case initialization = 4
        /// Order of the rows in minibatches.
        case minibatch = 5
        /// Turns, ties and futures of dispatchers.
        case dispatcher = 6
        /// Annealing over schedules.
        case annealing = 7
        /// Noise, masks and minibatches of the reward autoencoder.
        case autoencoder = 8
        /// Candidates of an evolution strategy.
        case evolution = 9
        /// Random scenarios.
        case scenario = 10
        /// Simulated workers and their answers, and random starts of aggregators.
        case labelModel = 16
        /// Draws of an assignment method.
        case labelAssignment = 17
        /// Ties between classes.
        case labelTies = 18
        /// Order of the columns in a matrix completion.
        case completion = 19
        /// Starts of k-means, and the toy experiment's matrix.
        case clustering = 20
        /// Which tasks of a plan are gold.
        case labelGold = 21
        /// Answers of the crews of a plan.
        case labelCrew = 22
        /// Class probabilities of the models of a plan.
        case labelCrewModel = 23
        /// Checks and tests.
        case test = 255
    }

    /// The run's seed: Philox's key.
    public let seed: UInt64
    /// Which stream of that seed: Philox's upper counter words.
    public let stream: UInt64
    /// How many draws have been taken from the stream.
    public private(set) var counter: UInt64

    /// A stream at its beginning.
    public init(seed: UInt64, stream: UInt64, counter: UInt64 = 0) {
        self.seed = seed
        self.stream = stream
        self.counter = counter
    }

    /// The stream of one purpose; `index` (below 2^48) separates, say, the environments of a batch.
    public init(seed: UInt64, purpose: Purpose, index: UInt64 = 0) {
        precondition(index < 1 << 48, "RandomStream: index \(index) does not fit in 48 bits")
        self.init(seed: seed, stream: UInt64(purpose.rawValue) << 48 | index)
    }

    /// The next 64 uniform bits. O(1).
    public mutating func next() -> UInt64 {
        defer { counter &+= 1 }
        return cafe_random_u64(seed, stream, counter)
    }

    /// Passes over `draws` draws. O(1).
    public mutating func skip(_ draws: UInt64) { counter &+= draws }

    /// A uniform number in [0, 1), 53 bits. O(1).
    public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A uniform number in [low, high). O(1).
    public mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * unit() }

    /// A uniform integer in [0, bound), without bias for bounds below 2^32 to within 2^-32. O(1).
    public mutating func index(below bound: Int) -> Int {
        precondition(bound > 0, "RandomStream.index(below:): bound \(bound) is not positive")
        return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A standard normal number (Box-Muller, two draws). O(1).
    public mutating func normal() -> Double {
        let radius = (-2 * log(1 - unit())).squareRoot()
        return radius * cos(2 * .pi * unit())
    }

    /// Puts the elements in a uniformly random order (Fisher-Yates). O(n).
    public mutating func shuffle<Element>(_ elements: inout [Element]) {
        var last = elements.count - 1
        while last > 0 {
            elements.swapAt(last, index(below: last + 1))
            last -= 1
        }
    }
}

extension RandomStream {
    /// The same numbers as so many calls of `unit()`, in a quarter of the time. O(n).
    public mutating func units(into numbers: inout [Double]) {
        let count = numbers.count
        cafe_random_doubles(&numbers, seed, stream, counter, Int64(count))
        counter &+= UInt64(count)
    }

    /// The same numbers as so many calls of `normal()`, rounded to `Float`. O(n).
    public mutating func normals(into numbers: inout [Float]) {
        let count = numbers.count
        cafe_random_normals(&numbers, seed, stream, counter, Int64(count))
        counter &+= 2 * UInt64(count)
    }

    /// Fills with 1 where `unit()` would be below `probability`, else with 0. O(n).
    public mutating func bernoulli(_ probability: Double, into outcomes: inout [UInt8]) {
        let count = outcomes.count
        cafe_random_bernoulli(&outcomes, probability, seed, stream, counter, Int64(count))
        counter &+= UInt64(count)
    }

    /// The same order as the general `shuffle`, several times as fast: for the shuffles of an update. O(n).
    public mutating func shuffle(_ elements: inout [Int32]) {
        let count = elements.count
        cafe_random_shuffle(&elements, seed, stream, counter, Int64(count))
        counter &+= UInt64(max(0, count - 1))
    }
}
