internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// The root command. Each subcommand is one file of this folder.
@main
struct CafeCLI: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cafe-cli",
        abstract: "Decide who does which task in crowdsourcing, and learn to decide better.",
        version: "0.2.0",
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
            ExportCommand.self,
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
    ///
    /// Where mpirun or srun started several of it, they work together (`RankSession`), and the first one speaks for all.
    static func main() {
        let launch = RankLaunch(ProcessInfo.processInfo.environment)
        var session: RankSession?
        var isParsed = false
        do {
            var command = try parseAsRoot()
            isParsed = true
            session = try RankSession(for: command, launch)
            if let session {
                try session.run(version: configuration.version) { try command.run() }
            } else {
                try command.run()
            }
            try Output.flush()
            try session?.finish()
        } catch {
            end(error, isParsed: isParsed, session, launch)
        }
    }

    /// The words of a command line that name its command, such as `label plan`.
    static func commandName(of arguments: [String]) -> String {
        var words = ["cafe-cli"]
        var commands = configuration.subcommands
        for argument in arguments {
            guard let next = commands.first(where: { $0.configuration.commandName == argument }) else { break }
            words.append(argument)
            commands = next.configuration.subcommands
        }
        return words.joined(separator: " ")
    }

    /// Says what the error says, help on standard output and the rest on standard error, and ends with its code. Where the
    /// answer is JSON on standard output, so is the error.
    ///
    /// - Parameter isParsed: whether the command line was understood and its command has run.
    private static func end(_ error: any Error, isParsed: Bool, _ session: RankSession?, _ launch: RankLaunch) -> Never
    {
        var code = exitCode(for: error)
        let text =
            isParsed && error is ValidationError
            ? "Error: \(message(for: error))\n  See '\(commandName(of: Array(CommandLine.arguments.dropFirst()))) --help' for "
                + "more information."
            : fullMessage(for: error)
        if session == nil && launch.isSecond {
            if code.isSuccess { Foundation.exit(0) }
            Foundation.sleep(1)  // the first rank says it, and its end is that of all
        }
        ErrorReport.show(error)
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
        if let session, !code.isSuccess { session.abort(message(for: error), status: code.rawValue) }
        Foundation.exit(code.rawValue)
    }
}
