internal import CSCSwift
internal import Foundation
internal import Synchronization

/// Seconds since 1970 in milliseconds' steps, that never go back: the wall clock of the start, or the last event's time if
/// that is later, and the steady clock from there. Whoever sets the machine's clock lets no lease lapse and no event
/// precede another.
final class ServiceClock: Sendable {
    private let began = ContinuousClock.now
    private let origin: Mutex<Double>

    init() { origin = Mutex(Date().timeIntervalSince1970) }

    /// The time now.
    var now: Double {
        let elapsed = (ContinuousClock.now - began).seconds
        return ((origin.withLock { $0 } + elapsed) * 1000).rounded(.down) / 1000
    }

    /// Nothing from now on is before `time`.
    func notBefore(_ time: Double) {
        let lag = time - now
        if lag > 0 { origin.withLock { $0 += lag } }
    }

    /// ISO 8601 with milliseconds, UTC.
    static func iso(_ time: Double) -> String {
        let whole = (time * 1000).rounded()
        let text = PlanTime.moment((whole / 1000).rounded(.down) / 60, zone: 0).text
        let milliseconds = Int(whole - (whole / 1000).rounded(.down) * 1000)
        let digits = String(milliseconds)
        return text.prefix(19) + "." + String(repeating: "0", count: 3 - digits.count) + digits + "Z"
    }
}
