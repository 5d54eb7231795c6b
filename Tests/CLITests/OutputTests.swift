import Foundation
import Testing

/// Where output goes: devices and pipes are written through, a full or closed standard output is an error, and no path
/// is found bad after the work.
@Suite struct OutputTests {
    /// Runs a line of the shell with `$CAFE` as the program; what is read back is what it left.
    private func shell(_ line: String, in folder: TestFolder) throws -> CommandLineTool.Result {
        try CommandLineTool.run(
            "/bin/bash", ["-c", line], in: folder.path, environment: ["CAFE": CommandLineTool.path])
    }

    static let evaluate = "$CAFE evaluate --tasks 5 --workers 5 --episodes 1 --policy greedy"

    @Test(arguments: [
        "$CAFE --help", "$CAFE --version", "$CAFE scenarios", "$CAFE policies", "$CAFE scenarios chengdu",
        OutputTests.evaluate, OutputTests.evaluate + " --json -", "$CAFE label plan --tasks 4 --workers 3 --runs 2",
        "$CAFE train --print-config", "$CAFE label aggregate --labels labels.csv",
        "$CAFE label aggregate --labels labels.csv --out -",
    ])
    func aFullOrClosedOutputIsAnError(_ command: String) throws {
        let folder = try HostileOptionTests.folder()
        let full = try shell(command + " >/dev/full", in: folder)
        #expect(full.status == 1 && full.errors.contains("standard output: cannot be written"), "\(command): \(full)")
        let closed = try shell(command + " >&-", in: folder)
        #expect(closed.status == 1 && closed.errors.contains("standard output"), "\(command): \(closed)")
        // Nobody can be told; that is no reason to trap.
        #expect(try shell(command + " >/dev/full 2>/dev/full", in: folder).status == 1)
        #expect(try shell(command + " >&- 2>&-", in: folder).status == 1)
        let fine = try shell(command + " >out 2>/dev/full && test -s out", in: folder)
        #expect(fine.status == 0, "\(command): \(fine)")
        #expect(try shell(command + " 2>&- >out && test -s out", in: folder).status == 0)
    }

    /// A training continues without anybody who reads, and says so in the end.
    @Test func aRunOutlivesItsReaders() throws {
        let folder = try HostileOptionTests.folder()
        let small =
            "--iterations 2 --set ppo.numEnvs=1 --set episodes.tasks=[3] --set episodes.workers=[3] "
            + "--set episodes.tasksFixed=3 --set episodes.workersFixed=3 --set evaluationEpisodes=1"
        let result = try shell(
            "$CAFE train --out a \(small) >/dev/full; echo $?; test -e a/policy.ckpt && echo whole", in: folder)
        #expect(result.output == "1\nwhole\n", "\(result)")
        let closed = try shell(
            "$CAFE train --out b \(small) >&- 2>&-; echo $?; cmp a/policy.ckpt b/policy.ckpt && echo same", in: folder)
        #expect(closed.output == "1\nsame\n", "\(closed)")
        let evolve =
            "$CAFE evolve --out e --generations 1 --population 4 --set settings=5/3 --set forecastEpisodes=1 "
            + "--set referenceEpisodes=1 2>/dev/full"
        #expect(try shell(evolve, in: folder).status == 0)
    }

    /// A question that nobody could read is not lost in silence.
    @Test func aQuestionOnAFullOutput() throws {
        let folder = try HostileOptionTests.folder()
        let result = try shell(
            "$CAFE label init s --tasks tasks.csv --classes yes,no --workers ann --budget 9 >/dev/null && "
                + "$CAFE label next s >/dev/full", in: folder)
        #expect(
            result.status == 1 && result.errors.contains("1 question that nobody has seen is withdrawn"), "\(result)")
    }

    /// Nor one for a pipe that nobody reads.
    @Test func aQuestionForAClosedPipe() throws {
        let folder = try HostileOptionTests.folder()
        let result = try shell(
            "$CAFE label init s --tasks tasks.csv --classes yes,no --workers ann --budget 9 >/dev/null; mkfifo p; "
                + "(exec 3<p) & exec 4>p; wait; $CAFE label next s >&4; echo $?; "
                + "$CAFE label status s | grep -c outstanding:", in: folder)
        #expect(result.output == "1\n0\n", "\(result)")
        #expect(result.errors.contains("1 question that nobody has seen is withdrawn"), "\(result)")
    }

    /// What a reproduction measured by some options is not taken for others' results.
    @Test func aReproductionKeepsItsOptions() throws {
        let folder = try HostileOptionTests.folder()
        let begun = "$CAFE reproduce cafe --quick --seeds 1 --columns 50 --cities chengdu --out r"
        let first = try shell("timeout 3 \(begun) --iterations 3; cat r/options.json", in: folder)
        #expect(first.output.contains("\"iterations\": \"3\""), "\(first)")
        let other = try shell("\(begun) --iterations 4", in: folder)
        #expect(
            other.status == 1 && other.errors.contains("--iterations") && other.errors.contains("begun with 3"),
            "\(other)")
    }

    @Test func devicesAndPipesStay() throws {
        let folder = try HostileOptionTests.folder()
        let null = try shell(Self.evaluate + " --json /dev/null && stat -c %F /dev/null", in: folder)
        #expect(null.output.hasSuffix("character special file\n"), "\(null)")
        let full = try shell(Self.evaluate + " --json /dev/full", in: folder)
        #expect(full.status == 1 && full.errors.contains("/dev/full"), "\(full)")
        let pipe = try shell(
            "mkfifo p; (cat p >got) & \(Self.evaluate) --json p >/dev/null; wait; grep -c '\"mean\"' got; stat -c %F p",
            in: folder)
        #expect(pipe.output == "2\nfifo\n", "\(pipe)")
        let stdout = try shell("\(Self.evaluate) --json /dev/stdout | grep -c '\"mean\"'", in: folder)
        #expect(stdout.output == "2\n", "\(stdout)")
        let mode = try shell(
            "touch m; chmod 600 m; ln -s m link; \(Self.evaluate) --json link >/dev/null; stat -c '%a %F' m link",
            in: folder)
        #expect(mode.output == "600 regular file\n777 symbolic link\n", "\(mode)")
    }

    /// The work would take minutes; the path is found bad at once.
    @Test(arguments: [
        "$CAFE evaluate --policy coalition --episodes 1000000 --json missing/o.json",
        "$CAFE evaluate --policy coalition --episodes 1000000 --marl-eval missing/o.json",
        "$CAFE scale --workers 1000000 --json missing/o.json",
        "$CAFE label aggregate --labels labels.csv --json missing/o",
        "$CAFE label replay --labels labels.csv --truth truth.csv --runs 1000000 --plot missing/p.svg",
        "$CAFE compare --episodes 1000000 --json missing/o.json",
        "$CAFE compare --episodes 1000000 --plot missing/o.svg",
        "$CAFE replay --tasks 100000 --workers 100000 --out missing/r.html",
        "$CAFE travel-times trips.csv --out missing/z.json", "$CAFE report run --out missing/r.html",
        "mkdir missing; touch missing/file; $CAFE fit --minutes 100 --out missing/file/f",
        "mkdir missing; touch missing/file; $CAFE reproduce cafe --out missing/file/f",
        "mkdir missing; touch missing/file; $CAFE reproduce bbta --data nowhere --output missing/file/f",
        "mkdir missing; touch missing/file; $CAFE evolve --set referenceEpisodes=10000 --out missing/file/f",
    ])
    func badPathsAreFoundFirst(_ command: String) throws {
        let folder = try HostileOptionTests.folder()
        let result = try shell("timeout 20 " + command, in: folder)
        #expect(result.status == 1 || result.status == 64, "\(result)")
        #expect(result.errors.contains("missing/"), "\(result)")
    }
}
