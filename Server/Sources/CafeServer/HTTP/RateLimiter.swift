internal import Synchronization

/// How many requests a second a token, or an address without one, may make, and how many wrong tokens an address may try.
final class RateLimiter: Sendable {
    private struct Bucket {
        var left: Double
        var at: ContinuousClock.Instant
    }
    private let rate: Double
    private let buckets = Mutex<[String: Bucket]>([:])
    /// So many keys are kept; beyond them the full ones are forgotten.
    private static let most = 100_000
    /// Wrong tokens a second and address.
    private static let guesses = 10.0

    /// - Parameter rate: requests a second, twice as many at once; 0: no limit.
    init(rate: Double) { self.rate = rate }

    /// Counts a request.
    /// - Throws: `Problem` 429 where there were too many.
    func check(_ key: String) throws {
        if rate > 0 { try take(key, rate) }
    }

    /// Counts a wrong token.
    /// - Throws: `Problem` 429 where there were too many.
    func checkGuess(_ remote: String) throws {
        if rate > 0 { try take("?" + remote, Self.guesses) }
    }

    private func take(_ key: String, _ rate: Double) throws {
        let now = ContinuousClock.now
        let wait: Double? = buckets.withLock { buckets in
            var bucket = buckets[key] ?? Bucket(left: 2 * rate, at: now)
            bucket.left = min(2 * rate, bucket.left + rate * (now - bucket.at).seconds)
            bucket.at = now
            defer { buckets[key] = bucket }
            guard bucket.left >= 1 else { return (1 - bucket.left) / rate }
            bucket.left -= 1
            if buckets.count > Self.most { buckets = buckets.filter { (now - $0.value.at).seconds < 2 } }
            return nil
        }
        guard let wait else { return }
        let seconds = max(1, Int(wait.rounded(.up)))
        throw Problem(
            .tooManyRequests, "rate", "more than \(Int(rate)) requests a second; wait \(seconds) s", retryAfter: seconds
        )
    }
}
