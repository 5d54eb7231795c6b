internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli scale`
struct ScaleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract: "Play one whole day of ever larger cities: how time and memory grow with workers and tasks.",
        discussion: """
            Each size is one day of 24 hours in windows of a minute, of a city like --scenario whose square grows with \
            its workers (or is --side km wide): two rush hours, shifts of 6 to 10 hours. Policies are those of \
            'evaluate': dispatchers by name, learnt coalition rules (their forecast is counted anew on another day of \
            the city), run folders (NAME:sampled draws actions). The coalition rule's price, which cafe's start from, is \
            tuned on four days of 100 workers of the same kind; the other prices are 0.3 of the mean pay per unit of work.

            Columns: tasks finished in time and paid money as shares; how often a worker was sent; seconds in the rule \
            and in the game by the clock; the rule's longest window, which a service would wait for; processor time in \
            all, and in microseconds for each time a worker was sent; the process's largest memory so far. Play one size at a time to see its own.

            Example:
              cafe-cli scale --policy coalition,cafe
              cafe-cli scale --policy runs/first --workers 100000 --threads 1 --json day.json
            """)

    @Option(
        help: "A built-in city (see `cafe-cli scenarios`) or a FILE.yaml of your own, whose kind the large city is of.")
    var scenario = "chengdu"
    @Option(help: "Policies, separated by commas.")
    var policy = "coalition,cafe"
    @Option(help: "Numbers of workers, separated by commas.")
    var workers = "1000,10000,100000"
    @Option(help: "Tasks of the day for each worker.", transform: Limits.tasksPerWorker.parse)
    var tasksPerWorker = 10
    @Option(
        help: "The side of the city's square (km); without it, as many workers to a square kilometre as in --scenario.")
    var side: Double?
    @Option(help: "The seed of the day.")
    var seed: UInt64 = 7
    @Option(help: "Threads; 0 for one per processor. Changes nothing but the time.", transform: Limits.threads.parse)
    var threads = 0
    @Option(help: "Write the results to this file as JSON; - for standard output, in place of the tables.")
    var json: String?

    private var names: [String] { policy.split(separator: ",").map(String.init) }
    private func sizes() throws -> [Int] {
        do { return try Limits.trainingSize.parseList(workers) } catch {
            throw ValidationError("--workers \(workers): \(error), or several with commas between them")
        }
    }

    func validate() throws {
        if names.isEmpty { throw ValidationError("name at least one policy, such as --policy coalition") }
        for size in try sizes() where !Limits.episodeSize.range.contains(size * tasksPerWorker) {
            throw ValidationError(
                "\(size) workers with \(tasksPerWorker) tasks each: more than \(Limits.episodeSize.range.upperBound) tasks"
            )
        }
        if let side, !(side > 0 && side.isFinite) { throw ValidationError("--side \(side) is not positive") }
    }

    /// Prints what is for people, unless standard output is the JSON's.
    private func say(_ text: String) {
        if json != "-" { print(text) }
    }

    func run() throws {
        try FileOptions.checkOutputs([json])
        Output.startThreads(threads, quiet: json == "-")
        let city = try Scenario.find(scenario)
        let rules = try names.map { try Rule(name: $0, city: city) }
        var entries: [JSON] = []
        for size in try sizes() {
            let day = city.day(workers: size, side: side)
            let tasks = size * tasksPerWorker
            say(
                "\(day.name): \(tasks) tasks, \(size) workers, \(Terminal.decimal(day.side, 1)) km wide, seed \(seed), "
                    + "\(Threads.count) thread\(Threads.count == 1 ? "" : "s")")
            let instance = day.instance(tasks: tasks, workers: size, seed: seed, episode: EpisodeRange.evaluation[0])
            var lines = [
                [
                    "policy", "finished", "paid", "sent", "rule s", "game s", "longest window s", "CPU s",
                    "us a sending",
                    "peak MB",
                ]
            ]
            for rule in rules {
                let progress = ProgressLine(
                    "\(rule.name), \(size) workers", total: Int(day.horizon), unit: "minutes of the day")
                let run = try rule.play(instance, city: city, day: day, seed: seed) { progress.advance() }
                progress.finish()
                let memory = ProcessUsage().peakMemory
                lines.append([
                    rule.name, percent(Double(run.completed) / Double(max(1, run.tasks))),
                    percent(run.revenue / max(run.payable, 1e-12)), Terminal.count(Double(run.assignments)),
                    Terminal.decimal(run.deciding, 2), Terminal.decimal(run.playing, 2),
                    Terminal.decimal(run.slowestWindow, 4), Terminal.decimal(run.cpuSeconds, 2),
                    run.assignments == 0
                        ? "-" : Terminal.decimal(run.cpuSeconds / Double(run.assignments) * 1e6, 2),
                    "\(memory / 1_000_000)",
                ])
                entries.append(entry(rule.name, day, run, memory))
            }
            say(Terminal.columns(lines, left: [0]))
        }
        if let json { try FileOptions.write(JSON.array(entries).pretty, to: json) }
    }

    private func percent(_ share: Double) -> String { Terminal.decimal(100 * share, 1) + " %" }

    private func entry(_ name: String, _ day: Scenario, _ run: DayRun, _ memory: Int) -> JSON {
        .object([
            ("policy", .string(name)), ("workers", .integer(run.workers)), ("tasks", .integer(run.tasks)),
            ("side_km", .number(day.side)), ("threads", .integer(Threads.count)), ("windows", .integer(run.windows)),
            ("sent", .integer(run.assignments)), ("finished", .integer(run.completed)),
            ("revenue", .number(run.revenue)), ("payable", .number(run.payable)),
            ("most_open", .integer(run.mostOpen)), ("most_idle", .integer(run.mostIdle)),
            ("rule_seconds", .number(run.deciding)), ("game_seconds", .number(run.playing)),
            ("longest_window_seconds", .number(run.slowestWindow)), ("cpu_seconds", .number(run.cpuSeconds)),
            ("peak_bytes", .integer(memory)),
        ])
    }

    /// A policy that can be played on any day.
    private struct Rule {
        /// The coalition rule's price, tuned on small days of the kind.
        private static func rulePrice(_ city: Scenario, tasksPerWorker: Int, seed: UInt64) -> Double {
            DispatcherKind.coalition.tunedPrice(
                city.day(workers: 100), tasks: 100 * tasksPerWorker, workers: 100, seed: seed, episodes: 4)
        }

        private enum Kind {
            case named(DispatcherKind)
            case learnt(LearntCoalitionPolicy)
            case trained(DispatchPolicy, sampled: Bool)
        }
        let name: String
        private let kind: Kind

        init(name: String, city: Scenario) throws {
            self.name = name
            if let learnt = try LearntCoalitionPolicy.named(name) {
                kind = .learnt(learnt)
            } else if name.contains("/") || DispatchPolicy.isRun(name) {
                let folder = name.hasSuffix(":sampled") ? String(name.dropLast(8)) : name
                let policy = try DispatchPolicy(contentsOf: folder)
                if let rules = GameRules(policy.configuration.game).text {
                    throw CSCError.invalid(
                        "\(folder) was trained by other rules (\(rules)) than the other policies of the table play by")
                }
                kind = .trained(policy, sampled: folder != name)
            } else {
                kind = .named(try PolicyNames.kind(name))
            }
        }

        func play(
            _ instance: Instance, city: Scenario, day: Scenario, seed: UInt64, played: @escaping () -> Void
        ) throws -> DayRun {
            let perWorker = max(1, instance.tasks.count / max(1, instance.workers.count))
            let stream = RandomStream(seed: seed, purpose: .dispatcher)
            switch kind {
            case .named(let kind):
                let price =
                    kind == .coalition
                    ? Self.rulePrice(city, tasksPerWorker: perWorker, seed: seed)
                    : 0.3 * day.pay.mean / day.workload.mean
                return DayRun(
                    instance, rule: kind.make(price: price), in: SpatialCrowdsourcing(), stream: stream, played: played)
            case .learnt(let policy):
                let workers = min(instance.workers.count, 10_000)
                let tasks = instance.tasks.count * workers / max(1, instance.workers.count)
                let other = day.instance(
                    tasks: tasks, workers: workers, seed: seed, episode: EpisodeRange.evaluation[1])
                var known = policy
                if policy.isGeneral {
                    let small = city.day(workers: 100)
                    known = policy.adapted(
                        to: small, tasks: 100 * perWorker, workers: 100,
                        rulePrice: Self.rulePrice(city, tasksPerWorker: perWorker, seed: seed), seed: seed
                    ).calibrated(
                        on: small, tasks: 100 * perWorker, workers: 100, seed: seed, episodes: 6, moves: false)
                }
                known = known.forecasting([other])
                return DayRun(
                    instance, rule: LearntCoalition(known), in: SpatialCrowdsourcing(),
                    stream: stream, played: played)
            case .trained(let policy, let sampled):
                let rule = policy.dispatcher(name: name, sampled: sampled)
                return DayRun(
                    instance, rule: rule, in: SpatialCrowdsourcing(options: policy.configuration.game), stream: stream,
                    played: played)
            }
        }
    }
}
