internal import Foundation

/// A scenario drawn at random, with numbers of tasks and workers: what `cafe` is trained on (domain randomisation,
/// docs/learning.md), and what `cafe-cli scenarios --random SEED` prints.
///
/// Lengths and times are drawn relative to each other, so that the problem is possible whatever its units: the square
/// follows from the speed and the way to a task, the time in which a task pays from workload and way, the tasks from the
/// load of the workers.
public struct RandomScenario: Sendable {
    /// The scenario; its name is `random-SEED`.
    public let scenario: Scenario
    /// Tasks of an episode.
    public let tasks: Int
    /// Workers of an episode.
    public let workers: Int

    /// What is drawn, with the ranges: for the reader of a printed scenario and for docs/learning.md.
    public static let distribution = """
        workers        12 to 120, uniform in the logarithm
        horizon        60 to 240 min (55 %), 240 to 720 min (20 %), 720 to 1440 min (25 %)
        tasks/worker   .5 to 20, so that work and ways are .25 to 4 times the minutes on shift; 600 tasks at most
        workload       mean 3 to 80 min, uniform in the logarithm; half width 5 to 65 %
        speed          mean 4 to 45 km/h, uniform in the logarithm; half width 0 to 35 %
        side           so that the way to a task is .08 to 1.2 times the workload (or 8 min, if that is more)
        reach          the whole square (70 %), or a fifth of its side to all of it
        skills         one (25 %), 2 to 6 (50 %), 7 to 60 (25 %); a worker has an eighth of them or more
        shifts         never end (20 %); the whole day (20 %); 2 to 5 jobs (30 %); .2 to .6 of the horizon (30 %)
        places         0 to 8 hot spots, .02 to .2 of the side wide; workers elsewhere than tasks by chance
        releases       0 to 3 peaks with up to 90 % of the tasks
        full pay until workload a team member and 1 to 4 ways; team of 1 (65 %) or 1 to 4
        deadline       .15 to 2 times that later; penalty none (20 %), down to 0 at the deadline (20 %), between (60 %)
        pay            highest 1 to 12 times the lowest; 0 to all of it by workload
        """

    /// The scenario of that seed. The same seed gives the same scenario on every machine. O(1).
    public init(seed: UInt64) {
        var draw = Draw(stream: RandomStream(seed: seed, purpose: .scenario))
        let workers = Int(draw.spread(12, 120).rounded())
        let horizon = draw.pick([
            (0.55, { $0.spread(60, 240) }), (0.2, { $0.spread(240, 720) }), (0.25, { $0.uniform(720, 1440) }),
        ])
        let workload = draw.around(draw.spread(3, 80), 0.05, 0.65)
        let speed = draw.around(draw.spread(4, 45), 0, 0.35)
        let way = draw.spread(0.08, 1.2) * max(8, workload.mean)
        let team = draw.pick([(0.65, { _ in 1 }), (0.35, { $0.uniform(1, 4) })])
        let fullPay = draw.around(workload.mean / team + way * draw.uniform(1, 4), 0.05, 0.5)
        let grace = draw.around(fullPay.mean * draw.spread(0.15, 2), 0.02, 0.4)
        let job = min(workload.mean + way, fullPay.mean + grace.mean / 2)
        let shifts = Self.shifts(&draw, horizon: horizon, job: job)
        let skills = Self.skills(&draw)
        let qualified = Double(skills.fewest + skills.most) / 2 / Double(skills.count)
        let onShift = Double(workers) * shifts.share
        let side = speed.mean / 60 * way * max(1, onShift * qualified).squareRoot()
        let places = Self.hotSpots(&draw, side: side)
        let releases = Self.peaks(&draw)
        let pay = draw.spread(1, 12)

        let load = draw.spread(0.25, 4)
        let perTask = workload.mean + way * max(1, team)
        let wanted = load * onShift * horizon / perTask
        let ratio = min(20, max(0.5, wanted / Double(workers)))
        tasks = Int(min(600, max(8, (ratio * Double(workers)).rounded())))
        self.workers = workers
        let reach = draw.unit() < 0.7 ? 2.2 * side : side * draw.uniform(0.2, 1)
        scenario = Scenario(
            name: "random-\(seed)", side: Self.short(side), horizon: Self.short(horizon), hotSpots: places.spots,
            uniformShare: places.spots.isEmpty ? 1 : places.uniform, workerMix: Self.short(draw.unit()),
            uniformReleases: releases.peaks.isEmpty ? 1 : releases.uniform, peaks: releases.peaks, speed: speed,
            workload: workload, expected: fullPay, grace: grace,
            pay: .init(0.1, Self.short(0.1 * pay)), payByWorkload: Self.short(draw.unit()),
            penalty: draw.pick([(0.2, { _ in 0 }), (0.2, { _ in 1 }), (0.6, { Self.short($0.unit()) })]),
            skills: skills.count, fewestSkills: skills.fewest, mostSkills: skills.most, reach: Self.short(reach),
            shiftStart: shifts.start, shiftLength: shifts.length)
    }

    /// A number as people write it: four digits.
    private static func short(_ value: Double) -> Double {
        if !(value > 0) { return value }
        let unit = pow(10, (log10(value)).rounded(.down) - 3)
        let rounded = (value / unit).rounded() * unit
        return Double(String(format: "%.6g", rounded)) ?? rounded
    }

    /// Shifts, and the part of the workers who are on shift on average.
    private static func shifts(
        _ draw: inout Draw, horizon: Double, job: Double
    ) -> (start: Scenario.Interval, length: Scenario.Interval, share: Double) {
        let kind = draw.unit()
        if kind < 0.2 { return (.init(0, 0), .init(100 * horizon, 100 * horizon), 1) }
        if kind < 0.4 {
            let length = draw.around(horizon * draw.uniform(0.75, 1.2), 0.02, 0.25)
            return (.init(0, short(0.15 * horizon)), length, min(1, 0.93 * length.mean / horizon))
        }
        let mean = kind < 0.7 ? min(0.8 * horizon, job * draw.uniform(2, 5)) : horizon * draw.uniform(0.2, 0.6)
        let length = draw.around(mean, 0.05, 0.4)
        // Half of them begin near the start, so that the day's end is scarce; the others all day long.
        let latest = draw.unit() < 0.4 ? 0.3 * horizon : max(0, horizon - 0.5 * mean)
        return (.init(0, short(latest)), length, min(1, length.mean / horizon))
    }

    private static func skills(_ draw: inout Draw) -> (count: Int, fewest: Int, most: Int) {
        let count = Int(
            draw.pick([(0.25, { _ in 1 }), (0.5, { $0.uniform(2, 7) }), (0.25, { $0.spread(7, 61) })]).rounded(.down))
        let least = max(1, (count + 7) / 8)
        let fewest = min(count, least + draw.index(below: max(1, count / 3)))
        let most = min(count, fewest + draw.index(below: max(1, count / 2)))
        return (count, fewest, most)
    }

    private static func hotSpots(
        _ draw: inout Draw, side: Double
    ) -> (spots: [Scenario.HotSpot], uniform: Double) {
        let count = draw.index(below: 9)
        let spots = (0..<count).map { _ in
            Scenario.HotSpot(
                x: short(side * draw.uniform(0.1, 0.9)), y: short(side * draw.uniform(0.1, 0.9)),
                spread: short(side * draw.spread(0.02, 0.2)), taskWeight: short(draw.spread(0.1, 1)),
                workerWeight: short(draw.spread(0.1, 1)))
        }
        return (spots, short(draw.uniform(0.05, 0.9)))
    }

    private static func peaks(_ draw: inout Draw) -> (peaks: [Scenario.Peak], uniform: Double) {
        let count = draw.index(below: 4)
        let peaks = (0..<count).map { _ in
            Scenario.Peak(
                weight: short(draw.spread(0.2, 1)), mean: short(draw.uniform(0.1, 0.9)),
                spread: short(draw.spread(0.03, 0.15)))
        }
        return (peaks, short(draw.uniform(0.1, 0.9)))
    }

    /// Draws from one stream.
    private struct Draw {
        var stream: RandomStream

        mutating func unit() -> Double { stream.unit() }
        mutating func uniform(_ low: Double, _ high: Double) -> Double { stream.uniform(low, high) }
        mutating func index(below count: Int) -> Int { stream.index(below: count) }
        /// Uniform in the logarithm.
        mutating func spread(_ low: Double, _ high: Double) -> Double { exp(stream.uniform(log(low), log(high))) }
        /// An interval around a mean, its half width a share of it.
        mutating func around(_ mean: Double, _ least: Double, _ most: Double) -> Scenario.Interval {
            let half = stream.uniform(least, most)
            return Scenario.Interval(short(mean * (1 - half)), short(mean * (1 + half)))
        }
        /// One of several, by their chances.
        mutating func pick(_ choices: [(Double, (inout Draw) -> Double)]) -> Double {
            var left = stream.unit()
            for (chance, value) in choices {
                left -= chance
                if left < 0 { return value(&self) }
            }
            return choices[choices.count - 1].1(&self)
        }
    }

    /// The scenario as YAML, with the numbers to play it with. O(size).
    /// - Throws: what the encoder throws.
    public func yaml() throws -> String {
        "# cafe-cli evaluate --scenario FILE.yaml --tasks \(tasks) --workers \(workers) --policy coalition,cafe\n"
            + (try scenario.yaml())
    }
}
