internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli bench`
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure how fast this machine runs the kernels, the environments, training and the aggregators.",
        discussion: """
            Each line is one case: the median of the repeats as throughput, their spread (slowest over fastest), and a
            check of the result. Cases and names are those of docs/performance.md; `make bench-peers` runs the same
            work in PyTorch, JAX, numpy, numba and others beside it.

            Groups: mlp, kl, cg, weights, environment, training, labels, assign.

            Examples:
              cafe-cli bench mlp --threads 1
              cafe-cli bench environment training --json
            """)

    enum Group: String, CaseIterable, ExpressibleByArgument {
        case mlp, kl, cg, weights, environment, training, labels, assign
    }

    @Argument(help: "What to measure; everything unless said.")
    var groups: [Group] = []
    @Option(help: "Threads; 0: one for each processor.", transform: Limits.threads.parse)
    var threads = 0
    @Option(help: "Repeats of each case.", transform: Limits.runs.parse)
    var repeats = 5
    @Flag(help: "Print one JSON object a case.")
    var json = false

    func validate() throws {
        if threads < 0 || repeats < 1 {
            throw ValidationError("--threads cannot be negative, --repeats must be positive")
        }
    }

    func run() throws {
        Output.startThreads(threads)
        let meter = BenchMeter(repeats: repeats, json: json)
        for group in groups.isEmpty ? Group.allCases : groups {
            switch group {
            case .mlp: BenchKernels.mlp(meter)
            case .kl: BenchKernels.kl(meter)
            case .cg: BenchCurvature.run(meter)
            case .weights: BenchKernels.weights(meter)
            case .environment: BenchGames.environment(meter)
            case .training: try BenchGames.training(meter)
            case .labels: BenchLabels.run(meter)
            case .assign: BenchAssign.run(meter)
            }
        }
    }
}

/// Times cases and prints their lines.
struct BenchMeter {
    let repeats: Int
    let json: Bool
    /// The least time of a repeat (s): short work is done many times in one.
    let least = 0.04
    /// How long a case runs untimed (s).
    static let warmUp = 0.05

    /// Measures `body`, which does `work` units of work each time it is called.
    ///
    /// - Parameter check: the error of the result and whether it is within the case's tolerance.
    func measure(
        _ name: String, work: Double, unit: String, check: (error: Double, holds: Bool), _ body: () -> Void
    ) {
        let clock = ContinuousClock()
        func seconds(_ count: Int) -> Double {
            let time = clock.measure { for _ in 0..<count { body() } }
            return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
        }
        // The first calls meet cold caches and threads that are not yet spread over the processors.
        var spent = seconds(1)
        while spent < Self.warmUp { spent += seconds(1) }
        let once = max(seconds(1), 1e-9)
        let inner = max(1, min(1_000_000, Int(least / once)))
        let times = (0..<repeats).map { _ in seconds(inner) / Double(inner) }.sorted()
        let median = times[times.count / 2]
        let rate = work / median
        let spread = times[times.count - 1] / times[0]
        let error = check.error.isFinite ? "\(check.error)" : "null"
        if json {
            print(
                "{\"case\": \"\(name)\", \"peer\": \"cafe\", \"threads\": \(Threads.count), \"median_s\": \(median), "
                    + "\"throughput\": \(rate), \"unit\": \"\(unit)\", \"spread\": \(spread), "
                    + "\"error\": \(error), \"ok\": \(check.holds)}")
        } else {
            print(
                "\(Terminal.left(name, 39)) \(Self.short(rate)) \(unit)   spread x\(Self.short(spread))   "
                    + (check.holds ? "ok" : "WRONG (error \(error))"))
        }
    }

    /// Prints a figure that is not a throughput.
    func report(_ name: String, _ value: Double, _ unit: String) {
        if json {
            print(
                "{\"case\": \"\(name)\", \"peer\": \"cafe\", \"threads\": \(Threads.count), \"value\": \(value), \"unit\": \"\(unit)\"}"
            )
        } else {
            print("\(Terminal.left(name, 39)) \(Self.short(value)) \(unit)")
        }
    }

    /// Three significant digits with a metric prefix.
    static func short(_ value: Double) -> String {
        var (scaled, prefix) = (value, "")
        for next in ["k", "M", "G"] where scaled >= 1000 { (scaled, prefix) = (scaled / 1000, next) }
        let digits = scaled >= 100 ? 1.0 : scaled >= 10 ? 10.0 : 100.0
        return "\((scaled * digits).rounded() / digits)\(prefix)"
    }
}
