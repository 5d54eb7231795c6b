/// Whether anybody can do anything in an episode: how many of its tasks at least one worker could reach in time, and what
/// stands in the way of the others. It finds swapped coordinates, another city's workers, metres for kilometres and
/// speeds in km/h.
package struct ReachCheck: Sendable {
    /// What keeps all workers from a task, in the order in which it is asked.
    package enum Obstacle: String, Sendable, CaseIterable {
        /// No worker has its skill.
        case skill
        /// Nobody with the skill has it within reach.
        case distance
        /// Nobody of these is on shift between its release and its deadline.
        case shift
        /// Nobody of these would be there before the deadline.
        case travel
    }

    /// Tasks and workers of the episode.
    package let tasks: Int
    /// See `tasks`.
    package let workers: Int
    /// How many tasks were looked at: all, or 400 of them spread evenly.
    package let looked: Int
    /// How many of these somebody could reach in time.
    package let reachable: Int
    /// How many are kept from everybody by what.
    package let obstacles: [Obstacle: Int]
    /// The median distance from a task to the nearest worker, whatever their skills (km).
    package let medianNearest: Double
    /// The medians of the workers' reach (km) and speed (km/min).
    package let medianReach: Double
    /// See `medianReach`.
    package let medianSpeed: Double
    /// Width and height of all places (km).
    package let extent: (x: Double, y: Double)
    private let middle: (x: Double, y: Double)

    /// Looks at an episode. O(400 workers + tasks log tasks).
    package init(_ instance: Instance) {
        let all = instance.tasks
        let people = instance.workers
        let step = max(1, (all.count + 399) / 400)
        var nearest: [Double] = []
        var counts: [Obstacle: Int] = [:]
        var (looked, reachable) = (0, 0)
        for at in stride(from: 0, to: all.count, by: step) where !people.isEmpty {
            looked += 1
            var least = Double.infinity
            var furthest: Obstacle? = .skill
            for worker in people {
                let distance = abs(worker.x - all[at].x) + abs(worker.y - all[at].y)
                least = min(least, distance)
                if furthest != nil { furthest = Self.later(furthest, Self.obstacle(worker, all[at], distance)) }
            }
            nearest.append(least)
            if let furthest { counts[furthest, default: 0] += 1 } else { reachable += 1 }
        }
        func median(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.sorted()[values.count / 2] }
        (tasks, workers) = (all.count, people.count)
        (self.looked, self.reachable, obstacles) = (looked, reachable, counts)
        medianNearest = median(nearest)
        medianReach = median(people.map(\.reach))
        medianSpeed = median(people.map(\.speed))
        let (x, y) = (all.map(\.x) + people.map(\.x), all.map(\.y) + people.map(\.y))
        extent = ((x.max() ?? 0) - (x.min() ?? 0), (y.max() ?? 0) - (y.min() ?? 0))
        middle = (median(x), median(y))
    }

    /// What keeps one worker from one task; nil where nothing does.
    private static func obstacle(_ worker: Worker, _ task: SpatialTask, _ distance: Double) -> Obstacle? {
        if !worker.skills.has(task.skill) { return .skill }
        if distance > worker.reach { return .distance }
        let start = max(worker.shiftStart, task.release)
        if start >= worker.shiftEnd || start > task.deadlineTime { return .shift }
        return start + distance / worker.speed > task.deadlineTime ? .travel : nil
    }

    /// Of what keeps two workers away, what is asked later: it is the nearer miss.
    private static func later(_ one: Obstacle?, _ other: Obstacle?) -> Obstacle? {
        guard let one, let other else { return nil }
        let order = Obstacle.allCases
        return order.firstIndex(of: one)! < order.firstIndex(of: other)! ? other : one
    }

    /// What is wrong, one sentence each; empty where most tasks can be reached.
    package var warnings: [String] {
        if tasks == 0 { return ["the episode has no task"] }
        if workers == 0 { return ["the episode has no worker"] }
        var warnings: [String] = []
        if reachable * 20 < looked {
            let share =
                reachable == 0 ? "no worker can reach any task" : "only \(reachable) of \(looked) tasks can be reached"
            warnings.append(share + ": " + reason)
        }
        if medianSpeed > 5 {
            warnings.append(
                "the median speed is \(Terminal.decimal(medianSpeed, 1)) km/min, \(Terminal.decimal(medianSpeed * 60, 0)) km/h: "
                    + "are speeds km/h? Instance files have km/min")
        }
        if workers > 0, medianSpeed > 0, medianSpeed < 0.02 {
            warnings.append(
                "the median speed is \(Terminal.decimal(medianSpeed * 60, 2)) km/h: are speeds km/min? Scenario files have km/h"
            )
        }
        if max(extent.x, extent.y) < 3, abs(middle.x) <= 180, abs(middle.y) <= 90,
            max(abs(middle.x), abs(middle.y)) > 5 * max(extent.x, extent.y)
        {
            warnings.append(
                "all places lie within \(Terminal.decimal(extent.x, 2)) x \(Terminal.decimal(extent.y, 2)) km around "
                    + "(\(Terminal.decimal(middle.x, 2)), \(Terminal.decimal(middle.y, 2))): are x and y degrees? They are km"
            )
        }
        return warnings
    }

    private var reason: String {
        let worst = Obstacle.allCases.max { (obstacles[$0] ?? 0) < (obstacles[$1] ?? 0) } ?? .distance
        switch worst {
        case .skill: return "no worker has the skill that they need"
        case .distance:
            let far =
                "the nearest worker is \(Terminal.decimal(medianNearest, 1)) km away (median), the reach is "
                + "\(Terminal.decimal(medianReach, 1)) km. "
            return far
                + (medianNearest > 300
                    ? "Are x and y metres, latitude and longitude swapped, or workers and tasks of different cities?"
                    : "Do workers and tasks belong to the same city?")
        case .shift: return "nobody is on shift between their release and their deadline"
        case .travel:
            return "nobody would be there before the deadline; the median speed is "
                + "\(Terminal.decimal(medianSpeed * 60, 1)) km/h"
        }
    }
}

extension Instance {
    /// What the instance holds, two lines for people. O(n log n).
    public var overview: [String] {
        func median(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.sorted()[values.count / 2] }
        func span(_ values: [Double]) -> String {
            "\(Terminal.decimal(values.min() ?? 0, 2)) to \(Terminal.decimal(values.max() ?? 0, 2))"
        }
        return [
            "\(Terminal.counted(tasks.count, "task")) at x \(span(tasks.map(\.x))), y \(span(tasks.map(\.y))) km, released "
                + "from minute \(span(tasks.map(\.release))); medians: workload "
                + "\(Terminal.decimal(median(tasks.map(\.workload)), 1)) worker-min, pay \(Terminal.amount(median(tasks.map(\.pay)))), "
                + "deadline \(Terminal.decimal(median(tasks.map(\.deadline)), 1)) min",
            "\(Terminal.counted(workers.count, "worker")) at x \(span(workers.map(\.x))), y \(span(workers.map(\.y))) km; medians: "
                + "speed \(Terminal.decimal(median(workers.map(\.speed)) * 60, 1)) km/h, reach "
                + "\(Terminal.decimal(median(workers.map(\.reach)), 1)) km, shift "
                + "\(Terminal.decimal(median(workers.map { $0.shiftEnd - $0.shiftStart }), 1)) min",
        ]
    }
}
