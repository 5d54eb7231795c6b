internal import CSCSwift

/// The command that compares a run with the coalition rule under the rules that it was trained by, on episodes that it
/// was not trained on.
struct Comparison {
    /// The command, ready for a shell.
    let command: String
    /// What its user should know; nil where there is nothing.
    let remark: String?

    init(command: String, remark: String? = nil) { (self.command, self.remark) = (command, remark) }

    /// For a run of `train`.
    init(_ configuration: TrainingConfiguration, folder: String) {
        let setting = configuration.episodeSettings.settings.last
        let flags = [
            "orders": configuration.orders, "workers-file": configuration.workersFile, "format": configuration.format,
            "columns": configuration.columns, "units": configuration.units, "zone": configuration.zone,
            "cut": configuration.cut, "days": configuration.days, "from": configuration.from,
            "part": configuration.part, "terms": configuration.terms,
            "skip-bad-rows": configuration.skipBadRows ? "true" : "",
        ]
        self.init(
            scenario: configuration.scenario, flags: flags,
            size: (configuration.tasks.isEmpty || configuration.workers.isEmpty)
                ? (setting?.tasks ?? 200, setting?.workers ?? 200)
                : (configuration.tasksFixed, configuration.workersFixed),
            game: configuration.game.reroute ? ["--reroute"] : [], folder: folder)
    }

    /// For a run of `evolve`.
    init(_ method: RuleEvolution, folder: String) {
        let setting = method.settings[0]
        self.init(
            scenario: method.scenarioName, flags: method.recorded, size: (setting.tasks, setting.workers),
            game: (method.reroute ? ["--reroute"] : []) + (method.relocates ? ["--relocate"] : []), folder: folder)
    }

    private init(
        scenario: String, flags: [String: String], size: (tasks: Int, workers: Int), game: [String], folder: String
    ) {
        // A scenario of one's own lies in the run's folder.
        let city =
            (try? Scenario.named(scenario)) != nil
            ? scenario : AtomicFile.join(folder, "scenario.yaml")
        var words = ["cafe-cli", "evaluate", "--scenario", city]
        var remark: String?
        var isOneEpisode = false
        if let orders = flags["orders"], !orders.isEmpty {
            var shown = flags
            let format = flags["format"] ?? "", columns = flags["columns"] ?? ""
            isOneEpisode =
                format == OrderFormat.instance.rawValue
                || format.isEmpty && columns.isEmpty && (try? OrderFormat.detect(orders)) == .instance
            if isOneEpisode {
                for flag in ["cut", "terms"] { shown[flag] = nil }
                remark = "it is the episode that it was trained on; there is no other in that file"
            } else {
                remark = Self.holdOut(&shown)
            }
            for flag in [
                "orders", "workers-file", "format", "columns", "units", "zone", "cut", "days", "from", "part", "terms",
            ] {
                if let value = shown[flag], !value.isEmpty { words += ["--" + flag, value] }
            }
            if shown["skip-bad-rows"] == "true" { words.append("--skip-bad-rows") }
        }
        if let travel = flags["travel"], !travel.isEmpty { words += ["--travel", travel] }
        if !isOneEpisode { words += ["--tasks", "\(size.tasks)", "--workers", "\(size.workers)"] }
        words += game + ["--policy", "coalition,\(folder)"]
        command = words.map(Self.quoted).joined(separator: " ")
        self.remark = remark
    }

    /// Turns the days or rows that were trained on into those that were not. Returns what to say where there are none.
    private static func holdOut(_ flags: inout [String: String]) -> String? {
        if let part = flags["part"], !part.isEmpty {
            let numbers = part.split(separator: "/").compactMap { Int($0) }
            if numbers.count == 2, numbers[1] > 1 {
                flags["part"] = "\(numbers[0] % numbers[1] + 1)/\(numbers[1])"
                return nil
            }
        }
        if let days = flags["days"], !days.isEmpty {
            let numbers = days.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            if let last = numbers.last ?? nil {
                flags["days"] = "\(last + 1)-"
                return nil
            }
            if let first = numbers.first ?? nil, first > 0 {
                flags["days"] = "0-\(first - 1)"
                return nil
            }
        }
        return
            "these are the orders that it was trained on: next time hold out days (episodes.days, or --days of evolve) "
            + "or rows (episodes.part, --part)"
    }

    /// A word as a shell reads it.
    static func quoted(_ word: String) -> String {
        let plain = word.allSatisfy { ($0.isASCII && ($0.isLetter || $0.isNumber)) || "_-./,:=+%@".contains($0) }
        return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }
}
