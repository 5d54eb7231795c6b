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
            PoliciesCommand.self,
            EvolveCommand.self,
            GenerateCommand.self,
            ScenariosCommand.self,
            TrainCommand.self,
            ResumeCommand.self,
            CheckGradientsCommand.self,
            RefineCommand.self,
            ScaleCommand.self,
        ]
    )

    /// Runs a command. Where its answer is JSON on standard output, so is its error.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var patient = command as? any AsyncParsableCommand {
                try await patient.run()
            } else {
                try command.run()
            }
        } catch {
            let code = exitCode(for: error), text = message(for: error)
            guard !code.isSuccess, !text.isEmpty, ErrorReport.isWanted(CommandLine.arguments) else {
                exit(withError: error)
            }
            print(ErrorReport.json(error, message: text).line)
            exit(withError: code)
        }
    }
}
