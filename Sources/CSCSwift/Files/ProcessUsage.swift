internal import Foundation

/// What this process has used of the machine so far, as the system counts it. On a machine shared with others processor
/// time is what to compare, not the clock.
package struct ProcessUsage: Sendable, Hashable {
    /// The largest resident set (bytes).
    package let peakMemory: Int
    /// Processor time of all threads, the system's part included (s).
    package let cpuSeconds: Double

    /// The usage until now; zeros where the system does not say. O(1).
    package init() {
        var usage = rusage()
        #if canImport(Darwin)
            let (answer, unit) = (getrusage(RUSAGE_SELF, &usage), 1)
        #else
            let (answer, unit) = (getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage), 1024)
        #endif
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
        peakMemory = answer == 0 ? Int(usage.ru_maxrss) * unit : 0
        cpuSeconds = answer == 0 ? seconds(usage.ru_utime) + seconds(usage.ru_stime) : 0
    }
}
