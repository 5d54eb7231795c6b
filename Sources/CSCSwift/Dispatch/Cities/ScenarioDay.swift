extension Scenario {
    /// A whole day, 24 hours from 4 in the morning, of a larger city of this one's kind: the same tasks, pay, skills and
    /// speeds; the square stretched so that it holds `workers`; two rush hours (9:00 and 18:00); shifts of 6 to 10 hours
    /// that begin at any time until 20:00. What measures how dispatch grows with the city (docs/results/scale.md).
    /// O(hot spots).
    ///
    /// - Parameters:
    ///   - workers: how many workers the day has.
    ///   - side: the side of the square (km); nil keeps as many workers on shift to a square kilometre, on average over
    ///     the day, as this city has with 200 workers.
    public func day(workers: Int, side: Double? = nil) -> Scenario {
        var day = self
        day.name = name + "-day"
        day.horizon = 1440
        day.uniformReleases = 0.3
        day.peaks = [
            Peak(weight: 0.45, mean: 5.0 / 24, spread: 0.06), Peak(weight: 0.55, mean: 14.0 / 24, spread: 0.08),
        ]
        day.shiftStart = Interval(0, 960)
        day.shiftLength = Interval(360, 600)
        let onShift = Double(workers) * day.shiftLength.mean / day.horizon
        let usual = 200 * min(1, shiftLength.mean / horizon)
        day.side = side ?? self.side * (max(1, onShift) / usual).squareRoot()
        let stretch = day.side / self.side
        day.hotSpots = hotSpots.map {
            HotSpot(
                x: $0.x * stretch, y: $0.y * stretch, spread: $0.spread * stretch, taskWeight: $0.taskWeight,
                workerWeight: $0.workerWeight)
        }
        return day
    }
}
