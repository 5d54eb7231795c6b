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
            DispatchCommand.self,
            ReplayCommand.self,
            TravelTimesCommand.self,
            ReportCommand.self,
        ]
    )

    /// Runs a command; an error is said in a sentence and, where JSON is asked for, as JSON.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
        } catch {
            ErrorReport.show(error)
            exit(withError: error)
        }
    }
}
