internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// The root command. Each subcommand is one file of this folder.
@main
struct CafeCLI: ParsableCommand {
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
            ServeCommand.self,
        ]
    )

    /// Runs a command on the main thread: nothing here waits for another thread to be had. What it printed must have
    /// been written for the program to succeed.
    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
            try Output.flush()
        } catch {
            end(error)
        }
    }

    /// Says what the error says, help on standard output and the rest on standard error, and ends with its code. Where the
    /// answer is JSON on standard output, so is the error.
    private static func end(_ error: any Error) -> Never {
        ErrorReport.show(error)
        var code = exitCode(for: error)
        let text = fullMessage(for: error)
        if code.isSuccess && !text.isEmpty {
            print(text)
        } else if !text.isEmpty {
            Output.note(text)
        }
        do { try Output.flush() } catch {
            if code.isSuccess {
                Output.note("Error: \(error)")
                code = .failure
            }
        }
        Foundation.exit(code.rawValue)
    }
}
