internal import ArgumentParser
internal import CSCSwift

/// The flag `--relocate` of the commands that play dispatch.
enum RelocationFlag {
    static let help: ArgumentHelp =
        "Change a rule: idle workers can be sent to a place without a task; learnt coalition rules do (docs/dispatch.md)."

    /// Refuses a source in which nobody knows where a worker is between two places.
    /// - Throws: `ValidationError`.
    static func check(_ source: any InstanceSource) throws {
        let instance = source.instance(tasks: 1, workers: 1, seed: 0, episode: EpisodeRange.tuning[0])
        if instance.extensions?.travel?.table != nil {
            throw ValidationError(
                "--relocate cannot be given with a travel table (--travel): it does not say where a worker is on its way"
            )
        }
    }
}
