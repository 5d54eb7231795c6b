internal import ArgumentParser

/// The root command. Each subcommand is one file of this folder.
@main
struct CafeCLI: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cafe-cli",
        abstract: "Decide who does which task in crowdsourcing, and learn to decide better.",
        version: "0.1.0",
        subcommands: [
            LabelCommand.self,
            BenchCommand.self,
            ReproduceCommand.self,
            EvaluateCommand.self,
            CompareCommand.self,
            PoliciesCommand.self,
            EvolveCommand.self,
            FitCommand.self,
            GenerateCommand.self,
            ScenariosCommand.self,
            TrainCommand.self,
            ResumeCommand.self,
            CheckGradientsCommand.self,
            RefineCommand.self,
            ScaleCommand.self,
        ]
    )
}
