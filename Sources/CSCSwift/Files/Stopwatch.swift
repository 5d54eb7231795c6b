/// Seconds between calls, by the monotonic clock.
struct Stopwatch {
    private var last = ContinuousClock.now

    /// The seconds since the last lap, or since the watch was made.
    mutating func lap() -> Double {
        let now = ContinuousClock.now
        defer { last = now }
        let elapsed = now - last
        return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    }
}
