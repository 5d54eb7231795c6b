internal import Foundation
internal import Yams

/// A learnt coalition rule as a file: the weights by name, the forecast, and where they come from.
public struct LearntCoalitionPolicy: Sendable, Hashable, Codable {
    /// The file's format; others are refused.
    public static let currentFormat = 1

    /// What the weights are multiplied by.
    public enum Features: Int, Sendable, Codable {
        /// The first version: minutes, and tasks per worker, as in the calibrated cities.
        case minutes = 1
        /// Lengths in units of the day's own (`CoalitionMeasures`), held to the range of training.
        case scaleFree = 2
    }

    /// The format of this one.
    public var format = LearntCoalitionPolicy.currentFormat
    /// The name by which tables know it.
    public var name: String
    /// Where it comes from: a sentence for the reader, such as the command that made it.
    public var origin: String
    /// Mean pay over mean workload of the training episodes (money/min). Decisions do not depend on it: a price is
    /// measured by the rate of the day that is played.
    public var rate: Double
    /// Workers who become free within this many minutes (scale-free: jobs) count as virtual members.
    public var horizonAhead: Double
    /// What the weights are multiplied by.
    public var features: Features {
        get { version ?? .minutes }
        set { version = newValue == .minutes ? nil : newValue }
    }
    /// nil in files from before there were several.
    private var version: Features?
    /// Single members are dealt to tasks all at once by the largest total worth, not one after the other by rank.
    public var joint: Bool {
        get { dealtJointly ?? false }
        set { dealtJointly = newValue ? true : nil }
    }
    /// nil in files from before there was joint planning.
    private var dealtJointly: Bool?
    /// Where set, nothing was learnt: the plain coalition rule at this constant price, in mean pays per unit of work.
    /// `cafe-cli fit` keeps it where nothing else is better.
    public var constantPrice: Double?
    /// The constant price at which the plain rule earns most on days of this kind, in mean pays per unit of work: the level
    /// from which the learnt prices start; nil where nobody has tuned it. Read by scale-free features only.
    public var basePrice: Double?
    /// What the plans of a window are worth; nil: the policy's own plan is followed.
    var planWorth: PlanWorth?
    /// Where idle workers wait, in games with relocation (`GameOptions.relocate`); nil: as learnt for every day.
    public var relocation: RelocationWeights?
    /// What was learnt.
    public var weights: CoalitionWeights
    /// What it knows of the future; `DemandForecast.flat`: nothing but what a moment shows.
    public var forecast: DemandForecast {
        get { counted ?? .flat }
        set { counted = newValue.isFlat ? nil : newValue }
    }
    /// nil: flat.
    private var counted: DemandForecast?

    private enum CodingKeys: String, CodingKey {
        case format, name, origin, rate, horizonAhead, weights, constantPrice, basePrice, planWorth, relocation
        case counted = "forecast"
        case dealtJointly = "joint"
        case version = "features"
    }

    /// A policy from its parts.
    public init(
        name: String = "learnt-coalition", origin: String = "", rate: Double, horizonAhead: Double = 12,
        joint: Bool = true, features: Features = .minutes, weights: CoalitionWeights, forecast: DemandForecast
    ) {
        self.name = name
        self.origin = origin
        self.rate = rate
        self.horizonAhead = horizonAhead
        self.dealtJointly = joint ? true : nil
        self.weights = weights
        self.version = features == .minutes ? nil : features
        self.counted = forecast.isFlat ? nil : forecast
    }

    /// The policy before any learning: the coalition rule at a constant price, and virtual members.
    /// O(tasks + workers * bins).
    ///
    /// - Precondition: the episodes have at least one task.
    public init(
        untrained episodes: [Instance], price: Double = 0.15, joint: Bool = true, features: Features = .minutes
    ) {
        let tasks = episodes.flatMap(\.tasks)
        let pay = tasks.reduce(0) { $0 + $1.pay }
        let workload = tasks.reduce(0) { $0 + $1.workload }
        self.init(
            rate: max(1e-12, pay) / workload, horizonAhead: features.usualHorizon, joint: joint, features: features,
            weights: features == .scaleFree ? .tunedPrice(else: price) : .constantPrice(price),
            forecast: DemandForecast(episodes))
    }

    /// The same weights with a forecast counted over other episodes: the policy for a city that is not the one that it
    /// was trained in, or for another season of the same. O(tasks + workers * bins).
    ///
    /// - Precondition: the episodes have at least one task.
    public func forecasting(_ episodes: [Instance]) -> LearntCoalitionPolicy {
        var policy = self
        policy.forecast = DemandForecast(episodes)
        return policy
    }

    /// The file's text (YAML). Every number reads back to the same bits. O(size).
    /// - Throws: what the encoder throws.
    public func text() throws -> String {
        let text = try ExactYAML.text(of: self)
        return Self.checksumKey + Self.checksum(of: text) + "\n" + text
    }

    /// How the first line of a file begins that `text` made: the checksum of the lines after it. A file that was cut or
    /// changed afterwards is refused; one written by hand has no such line, and must then name every weight.
    private static let checksumKey = "checksum: "

    private static func checksum(of text: some StringProtocol) -> String {
        ContentHash.digits(ContentHash.sipHash(Array(text.utf8)))
    }

    /// Reads a policy's file. O(size).
    ///
    /// - Throws: `CSCError` that names the file and what is wrong with it.
    public init(contentsOf path: String) throws {
        let text = try AtomicFile.readText(path)
        do {
            try self.init(text: text)
        } catch let error as CSCError {
            throw CSCError.file(path: path, reason: error.description)
        } catch {
            // A parser's error repeats the whole text.
            let reason = "\(error)".prefix { $0 != "\n" }.prefix(300)
            throw CSCError.file(path: path, reason: "is not a learnt coalition policy: \(reason)")
        }
    }

    /// Reads a policy from its text. O(size).
    ///
    /// - Throws: `CSCError.configuration` or Yams' error.
    public init(text: String) throws {
        var text = text
        if text.hasPrefix(Self.checksumKey), let end = text.utf8.firstIndex(of: UInt8(ascii: "\n")) {
            let given = text[..<end].dropFirst(Self.checksumKey.count)
            let rest = text[text.utf8.index(after: end)...]
            guard given == Self.checksum(of: rest) else {
                throw CSCError.configuration(
                    key: "checksum",
                    reason:
                        "does not fit what follows: the file was cut short or changed. If it was changed on purpose, "
                        + "take this line out")
            }
            text = String(rest)
        }
        _ = try YAMLText.compose(text, path: "policy")
        do {
            self = try YAMLDecoder().decode(
                LearntCoalitionPolicy.self, from: YAMLText.checked(text, path: "policy"))
        } catch DecodingError.dataCorrupted(let context) {
            throw context.underlyingError as? CSCError ?? DecodingError.dataCorrupted(context)
        }
        guard format == Self.currentFormat else {
            throw CSCError.configuration(
                key: "format", reason: "\(format) is not known; this version reads \(Self.currentFormat)")
        }
        for (key, price) in [("constantPrice", constantPrice), ("basePrice", basePrice)] {
            if let price, !(price >= 0 && price.isFinite) {
                throw CSCError.configuration(key: key, reason: "\(price) is negative or not a number")
            }
        }
        guard rate > 0, rate.isFinite, horizonAhead >= 0, horizonAhead.isFinite else {
            throw CSCError.configuration(key: "rate", reason: "rate and horizonAhead must be positive numbers")
        }
        try counted?.validate()
    }
}

extension LearntCoalitionPolicy.Features {
    /// How far ahead workers who become free count: 12 minutes, or half a job.
    var usualHorizon: Double { self == .scaleFree ? 0.5 : 12 }
}
