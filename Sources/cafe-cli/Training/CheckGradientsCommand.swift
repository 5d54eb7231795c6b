internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// `cafe-cli check-gradients`: are the derivatives of a real run right?
struct CheckGradientsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-gradients",
        abstract: "Check a run's derivatives by finite differences on episodes of its own.",
        discussion: """
            Plays episodes with the run's policy and compares, on decisions drawn from them: the policy's slope and \
            curvature along several directions, the autoencoder's ELBO gradient, and the implicit gradient of CAFE's \
            outer level with finite differences of a fully re-solved inner problem. Exits with 1 if any is wrong.

            Example: cafe-cli check-gradients runs/first
            """)

    @Argument(help: ArgumentHelp("The run's folder.", valueName: "run"))
    var folder: String

    @Option(help: "Decisions on which the derivatives are taken.", transform: Limits.decisions.parse)
    var decisions: Int = 256

    @Option(help: "Episodes to play.", transform: Limits.heldEpisodes.parse)
    var episodes: Int = 2

    @Option(help: "Seed of episodes, decisions and directions.")
    var seed: Int = 1

    @Option(
        help: "Threads to use; 0 takes every processor. Changes nothing but the time.", transform: Limits.threads.parse)
    var threads: Int = 0

    func validate() throws {
        if seed < 0 { throw ValidationError("--seed \(seed) is negative.") }
    }

    func run() throws {
        Output.startThreads(threads)
        let loaded = try LoadedRun(folder)
        let city = AtomicFile.join(loaded.folder, "scenario.yaml")
        let (source, notes) = try SourceOptions(loaded.configuration, scenario: city).open()
        for note in notes { print("note: \(note)") }
        let assembly = try loaded.assemble(
            settings: loaded.configuration.episodeSettings, episodes: episodes, seed: UInt64(seed), source: source)
        try assembly.trainer.collect()
        var outer = loaded.configuration.outer
        outer.decisions = decisions
        let problem = try OuterProblem(
            assembly.trainer.rollout, learner: assembly.trainer.learner, options: outer, seed: UInt64(seed))
        var checks = problem.surrogate.checkDerivatives(
            problem.advantages(problem.phi), directions: 3, seed: UInt64(seed))
        if let credit = assembly.credit {
            checks += credit.checkELBO(assembly.trainer.rollout, decisions: decisions, seed: UInt64(seed))
        }
        let (implicit, report) = problem.surrogate.checkImplicitGradient(
            columns: problem.features, phi: problem.phi, outer: problem.outer, options: outer.gradient)
        let names = problem.columns.map { assembly.trainer.rollout.columns[$0] }
        checks += zip(implicit, names).map { check, name in
            var named = check
            named.name = "implicit dF/dphi \(name)"
            return named
        }
        print(
            Terminal.left("derivative", 34) + Terminal.left("computed", 16) + Terminal.left("measured", 16)
                + Terminal.left("error", 12) + "verdict")
        for check in checks {
            print(
                Terminal.left(check.name, 34) + Terminal.left(String(format: "%.6g", check.computed), 16)
                    + Terminal.left(String(format: "%.6g", check.measured), 16)
                    + Terminal.left(String(format: "%.2g", check.error), 12)
                    + (check.passes ? "ok" : "WRONG (tolerance \(check.tolerance))"))
        }
        print(
            "implicit solve: \(report.status.rawValue), \(report.solve.iterations) iterations, residual "
                + String(format: "%.2g", report.solve.residual) + ", smallest curvature "
                + String(format: "%.2g", report.solve.curvature) + ", stopped: \(report.solve.reason)")
        if !checks.allSatisfy(\.passes) || report.status != .usable { throw ExitCode.failure }
    }
}
