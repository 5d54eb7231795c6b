import Foundation
import Testing

/// The commands of learnt credit through the binary: train, check-gradients, refine, reproduce cafe.
@Suite struct CreditCommandTests {
    /// Networks and episodes small enough for a test.
    private static let small = [
        "episodes.tasks=[30]", "episodes.workers=[]", "episodes.workersFixed=25", "ppo.numEnvs=3",
        "network.actorWidths=[8]", "network.criticWidths=[8]", "vae.encoderHidden=[8]", "vae.decoderHidden=[4]",
    ].flatMap { ["--set", $0] }

    private func train(_ folder: String) throws -> CommandLineTool.Result {
        try CommandLineTool.run(
            [
                "train", "--scenario", "haikou", "--seed", "2", "--iterations", "3", "--out", folder, "--set",
                "reward.variant=share+difference+signed", "--set", "outer.every=1", "--set", "outer.warmup=1", "--set",
                "evaluationEpisodes=1",
            ] + Self.small)
    }

    /// Every derivative of a run is confirmed by finite differences; a folder that is no run is an error.
    @Test func gradientsOfARunAreChecked() throws {
        let folder = TestFolder()
        let trained = try train(folder.file("run"))
        #expect(trained.status == 0, "\(trained.errors)")
        let metrics = String(decoding: try folder.read("run/metrics.csv"), as: UTF8.self)
        #expect(metrics.contains("cafe/phi_signed") && metrics.contains("cafe/cg_residual"))
        let checked = try CommandLineTool.run(["check-gradients", folder.file("run"), "--decisions", "80"])
        #expect(checked.status == 0, "\(checked.output)\(checked.errors)")
        for row in ["ELBO slope", "implicit dF/dphi signed", "implicit solve: usable"] {
            #expect(checked.output.contains(row), "no '\(row)' in \(checked.output)")
        }
        #expect(!checked.output.contains("WRONG"))
        let missing = try CommandLineTool.run(["check-gradients", folder.file("none")])
        #expect(missing.status != 0 && missing.errors.contains("none"))
    }

    /// Refinement shows every stage beside both comparisons, twice the same, and keeps the policy where asked.
    @Test func refinementShowsItsStages() throws {
        let folder = TestFolder()
        #expect(try train(folder.file("run")).status == 0)
        let arguments = [
            "refine", folder.file("run"), "--scenario", "haikou", "--tasks", "40", "--workers-fixed", "20",
            "--episodes",
            "3", "--updates", "2", "--evaluation-episodes", "2",
        ]
        let first = try CommandLineTool.run(arguments + ["--out", folder.file("refined")])
        #expect(first.status == 0, "\(first.errors)")
        for row in ["before", "solve", "update 2", "train on", "from scratch", "phi: share"] {
            #expect(first.output.contains(row), "no '\(row)' in \(first.output)")
        }
        let second = try CommandLineTool.run(arguments + ["--threads", "1"])
        #expect(first.output.hasPrefix(second.output))

        // The refined policy is a run: every command reads it, and the printed comparison is one.
        let hint = try #require(first.output.range(of: "Compare it with: "))
        let command = first.output[hint.upperBound...].split(separator: "\n")[0]
        #expect(command.contains("--scenario haikou --tasks 40 --workers 20") && command.contains("coalition,"))
        let compared = try CommandLineTool.shell(command + " --episodes 2")
        #expect(compared.status == 0 && compared.output.contains("coalition"), "\(compared.errors)")
        for words in [
            ["check-gradients", folder.file("refined"), "--decisions", "40"],
            arguments[..<1] + [folder.file("refined")]
                + ["--alone", "--updates", "1", "--episodes", "2", "--evaluation-episodes", "1"],
            ["scale", "--workers", "20", "--policy", folder.file("refined")],
            ["resume", folder.file("refined"), "--iterations", "6"],
        ] {
            let result = try CommandLineTool.run(Array(words))
            #expect(result.status == 0, "\(words): \(result.errors)")
        }
    }

    /// A cut reproduction continues the cells that are missing, and writes every kind of result.
    @Test func reproductionsGoOn() throws {
        let folder = TestFolder()
        let arguments =
            [
                "reproduce", "cafe", "--quick", "--iterations", "1", "--evaluation-episodes", "1", "--columns", "50",
                "--cities", "haikou", "--generations", "1", "--updates", "1", "--out", folder.file("cafe"),
            ] + Self.small
        let first = try CommandLineTool.run(arguments)
        #expect(first.status == 0, "\(first.errors)")
        let tables = String(decoding: try folder.read("cafe/tables.md"), as: UTF8.self)
        for row in ["| Greedy |", "| CAFE |", "*paper: CAFE*", "learnt coalition"] {
            #expect(tables.contains(row), "no '\(row)'")
        }
        for file in ["tables.csv", "tables.json", "tables.svg", "curves.csv", "curves.svg"] {
            #expect(try folder.read("cafe/" + file).count > 100, "\(file)")
        }
        try FileManager.default.removeItem(atPath: folder.file("cafe/cells/cafe-haikou-50-200-s1.json"))
        let again = try CommandLineTool.run(arguments)
        #expect(again.status == 0 && again.output.contains("50/200 seed 1 cafe"))
        #expect(!again.output.contains("greedy"))
        #expect(String(decoding: try folder.read("cafe/tables.md"), as: UTF8.self) == tables)
    }
}
