import Foundation
import Testing

/// Everything that can take more than a few seconds says on a terminal how far it is and how long it still takes.
@Suite struct ProgressTests {
    /// Work that would take hours, and what its line must say.
    static let work = [
        ("label plan --tasks 400 --workers 30 --runs 100000", "planning: [0-9]+ of 100000 runs, about [0-9.]+ [a-z]+"),
        (
            "label replay --labels labels.csv --truth truth.csv --recorded-only --budgets 1,2 --runs 1000000 --methods bbta:0,pooled",
            "replaying: [0-9]+ of 2000000 runs, about [0-9.]+ [a-z]+"
        ),
        (
            "evaluate --tasks 60 --workers 20 --episodes 100000 --policy greedy,nearest",
            "[0-9]+ of [0-9]+ episodes, about [0-9.]+ [a-z]+"
        ),
        (
            "evaluate --tasks 60 --workers 20 --episodes 20000 --policy cafe-chengdu:lookahead",
            "cafe-chengdu:lookahead.*: [0-9]+ of [0-9]+ episodes, about [0-9.]+ [a-z]+"
        ),
        ("compare --tasks 60 --workers 20 --episodes 10000", "[0-9]+ %, about [0-9.]+ [a-z]+"),
        (
            "scale --workers 30000 --policy greedy,coalition --threads 1",
            "[0-9]+ (of [0-9]+|%)[a-z0-9, ]*, about [0-9.]+ [a-z]+"
        ),
    ]

    @Test(arguments: work)
    func saysHowFar(_ command: String, _ wanted: String) throws { try watch(command, wanted) }

    private static let data = FileManager.default.currentDirectoryPath + "/../shared/data"

    private static let hasData = FileManager.default.fileExists(atPath: data + "/uci/ionosphere.data")

    @Test(.enabled(if: hasData, "the UCI sets are not here"))
    func reproductionsSayHowFar() throws {
        try watch(
            "reproduce bbta --data \(Self.data) --output r --runs 100000",
            "[0-9]+ of [0-9]+ [a-z]+, about [0-9.]+ [a-z]+")
    }

    private func watch(_ command: String, _ wanted: String) throws {
        let folder = try HostileOptionTests.folder()
        // A terminal by util-linux's script, ended as soon as the line is seen. What ends by itself without one fails.
        let watch = """
            setsid script -qefc "$CAFE \(command)" log >/dev/null </dev/null & at=$!
            for ((i = 0; i < 600; i++)); do
                grep -aqE '\(wanted)' log 2>/dev/null && break
                kill -0 $at 2>/dev/null || break
                sleep 0.1
            done
            grep -aoE '\(wanted)' log | head -1
            kill -KILL -- -$at 2>/dev/null
            pkill -KILL -f "^$CAFE \(command)" ; tail -c 400 log >&2
            """
        let result = try CommandLineTool.run(
            "/bin/bash", ["-c", watch], in: folder.path,
            environment: ["CAFE": CommandLineTool.path, "TERM": "xterm"])
        #expect(!result.output.isEmpty, "\(command): \(result.errors)")
    }
}
