internal import ArgumentParser

/// `cafe-cli reproduce ...`: the published experiments, run again.
struct ReproduceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reproduce",
        abstract: "Run a paper's experiments again and write tables, figures and data.",
        subcommands: [
            ReproduceCafe.self, ReproduceBBTACommand.self,
        ]
    )
}
