/// Something that gives episodes: a scenario's generator, recorded days, a fixed file.
///
/// The same arguments always give the same instance, whatever was asked before and on whatever thread.
public protocol InstanceSource: Sendable {
    /// What a table calls it.
    var name: String { get }
    /// How many different episodes there are; nil: as many as one asks for.
    var episodeCount: Int? { get }
    /// The instance of an episode with this many tasks and workers.
    func instance(tasks: Int, workers: Int, seed: UInt64, episode: EpisodeIndex) -> Instance
}

extension InstanceSource {
    /// As many as one asks for.
    public var episodeCount: Int? { nil }
}

extension Scenario: InstanceSource {
    /// A drawn instance: `instance(tasks:workers:stream:)` on the episode's stream of `seed`.
    /// O(tasks log tasks + workers).
    public func instance(tasks: Int, workers: Int, seed: UInt64, episode: EpisodeIndex) -> Instance {
        var stream = RandomStream(seed: seed, purpose: .instance, index: episode.stream)
        return instance(tasks: tasks, workers: workers, stream: &stream)
    }
}

/// One instance, always the same: what a pair of files holds. The numbers asked for are not looked at.
public struct FixedInstance: InstanceSource {
    /// What a table calls it.
    public let name: String
    /// The instance.
    public let instance: Instance
    /// One.
    public var episodeCount: Int? { 1 }

    /// An instance under a name.
    public init(name: String, instance: Instance) {
        self.name = name
        self.instance = instance
    }

    /// The instance. O(1).
    public func instance(tasks: Int, workers: Int, seed: UInt64, episode: EpisodeIndex) -> Instance { instance }
}
