/// What each key of a scenario file means, and what its value looks like: the comments of printed scenarios and the
/// sentences of refused ones.
enum ScenarioKeys {
    /// The meaning with its unit, and an example of the value.
    static let all: [(key: String, meaning: String, example: String)] = [
        ("name", "what tables call it", "a name, such as my-city"),
        ("side", "side of the square (km); distances are along the axes", "a number of km, such as 10"),
        ("horizon", "tasks are released in so many minutes; the game ends with the last task", "minutes, such as 135"),
        (
            "hotSpots", "where tasks and workers gather: centre and standard deviation (km), relative weights",
            "a list of {x: 3, y: 4, spread: 0.9, taskWeight: 0.4, workerWeight: 0.2}"
        ),
        ("uniformShare", "share of places drawn anywhere in the square, 0 to 1", "a share from 0 to 1, such as 0.2"),
        (
            "workerMix",
            "0: workers gather where tasks do; 1: by workerWeight alone; between: a hot spot's weight is mixed of both",
            "a share from 0 to 1, such as 0.4"
        ),
        (
            "uniformReleases", "share of releases drawn at any time; the peaks share the rest",
            "a share from 0 to 1, such as 0.5"
        ),
        (
            "peaks", "busy times: relative weight, middle and standard deviation as shares of the horizon",
            "a list of {weight: 0.5, mean: 0.45, spread: 0.12}"
        ),
        ("speed", "speed of a worker (km/h)", "a range in km/h, such as {low: 15, high: 25}"),
        (
            "workload", "work of a task (worker-minutes: two workers do twice as much in a minute)",
            "a range, such as {low: 11, high: 19}"
        ),
        (
            "expected", "paid in full until so many minutes after the release",
            "a range in minutes, such as {low: 20, high: 25}"
        ),
        (
            "grace", "minutes from then until the deadline, after which nothing is paid",
            "a range in minutes, such as {low: 14, high: 15}"
        ),
        ("pay", "full pay of a task (money, any unit)", "a range of money, such as {low: 0.04, high: 0.2}"),
        (
            "payByWorkload", "how much of the pay follows the workload, 0 to 1; the rest is chance",
            "a share from 0 to 1, such as 0.7"
        ),
        (
            "penalty", "taken off for lateness: at the deadline penalty * pay is lost, before it in proportion",
            "a number, such as 0.4"
        ),
        ("skills", "number of skills; each task needs one", "a whole number from 1 to 64"),
        ("fewestSkills", "a worker has at least so many skills", "a whole number from 1 to skills"),
        ("mostSkills", "and at most so many", "a whole number from fewestSkills to skills"),
        ("reach", "a worker takes no task farther away than this (km)", "a number of km, such as 11"),
        (
            "shiftStart", "when a worker's shift begins (minutes from the start)",
            "a range in minutes, such as {low: 0, high: 35}"
        ),
        (
            "shiftLength", "how long it lasts (minutes); what a worker has at its end, it finishes",
            "a range in minutes, such as {low: 54, high: 105}"
        ),
    ]

    /// What the value of a key, or of a part of it such as `speed.low` or `hotSpots.[0].x`, looks like; nil for a key that
    /// is none.
    static func example(of key: String) -> String? {
        let first = key.prefix { $0 != "." && $0 != "[" }
        return all.first { $0.key == first }?.example
    }

    /// A scenario's YAML with each key's meaning behind or above it.
    static func annotate(_ yaml: String) -> String {
        var lines = ["# A scenario of cafe-cli. A file with 'base: chengdu' needs only the keys that differ."]
        for line in yaml.split(separator: "\n", omittingEmptySubsequences: false) {
            let key = line.prefix { $0 != ":" }
            if let entry = all.first(where: { $0.key == key }) { lines.append("# " + entry.meaning) }
            lines.append(String(line))
        }
        return lines.joined(separator: "\n")
    }
}

extension Scenario {
    /// What is odd about the scenario though it can be played; empty where nothing is.
    public var warnings: [String] {
        let lastEnd = shiftStart.high + shiftLength.high
        guard lastEnd < 0.9 * horizon else { return [] }
        return [
            "'\(name)': the last shift ends at minute \(Int(lastEnd)), tasks are released until minute \(Int(horizon)): "
                + "nobody takes the later ones (shiftStart and shiftLength are minutes, too)"
        ]
    }
}
