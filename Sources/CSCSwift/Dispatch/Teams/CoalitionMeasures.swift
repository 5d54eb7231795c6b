internal import Foundation

/// By what the learnt coalition rule measures money, time, work and distance, so that its weights mean the same in every
/// city (docs/learning.md).
///
/// Money is measured by the day's mean pay, a minute's price by its mean pay per unit of work. Times of the scale-free
/// features (`LearntCoalitionPolicy.Features.scaleFree`) are measured by `job`, the minutes that a worker is bound by one
/// task: mean workload and a typical way, at most the mean time in which a task pays. The features of the first version
/// keep the minutes of the calibrated cities.
struct CoalitionMeasures {
    /// Whether lengths follow from the day, and features are held to the range of training.
    let isScaleFree: Bool
    /// Mean full payment (money), mean workload (worker-minutes), their ratio.
    let pay: Double
    let workload: Double
    let rate: Double
    /// Mean speed (km/min).
    let speed: Double
    /// A typical way to a task (min); 0 in the first version.
    let journey: Double
    /// The mean time from a task's release to half of its grace (min).
    let lifetime: Double

    /// The minutes that one worker is bound by one task.
    let job: Double
    /// How far ahead demand and supply are compared; how far before and after a moment tasks count as open then.
    let span: Double
    let opensBefore: Double
    let opensAfter: Double
    /// The minutes over which the two terms of the last job fade.
    let fade: (Double, Double)
    /// The unit of `shiftLeft`.
    let shift: Double
    /// The unit of slack, travel and relocation.
    let part: Double
    /// Work that is added to both sides of a ratio over all, and near a place.
    let smoothing: Double
    let localSmoothing: Double
    /// Minutes that one unit of the order's weights stands for.
    let order: Double
    /// Workers who become free within this many minutes are members.
    let ahead: Double
    /// The least minutes of a team that its rank counts.
    let leastMinutes: Double

    /// Workers looked at for a task, and members added to a team at once.
    let candidates: Int
    let largestTeam: Int

    /// The measures of a day.
    ///
    /// - Parameters:
    ///   - onShift: how many workers are on shift, on average over the day.
    ///   - area: the area over which tasks are spread (km^2), hot spots counted as dense.
    init(
        features: LearntCoalitionPolicy.Features, horizonAhead: Double, pay: Double, workload: Double, speed: Double,
        lifetime: Double, onShift: Double, qualified: Double, area: Double, window: Double
    ) {
        self.pay = max(1e-300, pay)
        self.workload = max(1e-9, workload)
        rate = self.pay / self.workload
        self.speed = max(1e-9, speed)
        self.lifetime = lifetime
        isScaleFree = features == .scaleFree
        guard isScaleFree else {
            (journey, job, span, opensBefore, opensAfter) = (0, 20, 25, 20, 5)
            fade = (6, 2.5)
            (shift, part, smoothing, localSmoothing, order) = (60, 10, 20, 40, 1)
            (ahead, leastMinutes, candidates, largestTeam) = (horizonAhead, 1, 8, 6)
            return
        }
        let way = (max(0, area) / max(1, onShift * qualified)).squareRoot() / self.speed
        journey = min(way, max(lifetime, window))
        job = max(2 * window, min(self.workload + journey, max(lifetime, window)))
        (span, opensBefore, opensAfter) = (job, 0.8 * job, 0.2 * job)
        fade = (0.25 * job, 0.1 * job)
        (shift, part, smoothing, localSmoothing, order) = (2.5 * job, 0.4 * job, job, 2 * job, job / 20)
        (ahead, leastMinutes, candidates, largestTeam) = (horizonAhead * job, job / 20, 12, 12)
    }

    /// Before the first `begin`.
    init() {
        self.init(
            features: .minutes, horizonAhead: 12, pay: 1, workload: 1, speed: 1, lifetime: 1, onShift: 1, qualified: 1,
            area: 1, window: 1)
    }

    /// `value` within the range of training; as it is in the first version.
    @inline(__always) func held(_ value: Double, _ limit: Double = 3) -> Double {
        isScaleFree ? min(limit, max(-limit, value)) : value
    }
}
