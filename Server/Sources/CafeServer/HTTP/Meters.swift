internal import CSCSwift
internal import Foundation
internal import Logging
internal import Metrics
internal import Synchronization

/// What the server counts, by swift-metrics, and where it is kept: a registry that `/metrics` writes in Prometheus's text
/// format.
final class Meters: Sendable {
    let registry = PrometheusRegistry()
    private let logger: Logger
    private let commits: Counter
    private let commitSeconds: Recorder
    private let refitSeconds: Recorder
    private let batches: Recorder
    private let questions: Counter
    private let answers: Counter
    private struct RequestKind: Hashable {
        let method, route: String
        let status: Int
    }
    private static let methods: Set = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    /// The meters of the kinds of requests that have come.
    private let requests = Mutex<[RequestKind: (Counter, Recorder)]>([:])

    init(logger: Logger) {
        self.logger = logger
        commits = Counter(label: "cafe_commits_total", factory: registry)
        commitSeconds = Recorder(label: "cafe_commit_seconds", factory: registry)
        refitSeconds = Recorder(label: "cafe_refit_seconds", factory: registry)
        batches = Recorder(label: "cafe_batch_operations", factory: registry)
        questions = Counter(label: "cafe_questions_total", factory: registry)
        answers = Counter(label: "cafe_answers_total", factory: registry)
    }

    /// A transaction is done.
    func commit(operations: Int, seconds: Double) {
        commits.increment()
        commitSeconds.record(seconds)
        batches.record(operations)
    }

    /// A study's model was inferred anew, aside.
    func refit(seconds: Double) { refitSeconds.record(seconds) }
    /// A question was given.
    func question() { questions.increment() }
    /// An answer was recorded.
    func answer() { answers.increment() }

    /// A request was answered.
    func request(_ method: String, _ route: String, _ status: Int, seconds: Double) {
        // A client may send any word as the method: what is no usual one counts as one more.
        let kind = RequestKind(
            method: Self.methods.contains(method) ? method : "other", route: route, status: status)
        let (count, time) = requests.withLock({ $0[kind] }) ?? meters(kind)
        count.increment()
        time.record(seconds)
    }

    private func meters(_ kind: RequestKind) -> (Counter, Recorder) {
        let found = (
            Counter(
                label: "cafe_http_requests_total",
                dimensions: [("method", kind.method), ("route", kind.route), ("status", "\(kind.status)")],
                factory: registry),
            Recorder(label: "cafe_http_request_seconds", dimensions: [("route", kind.route)], factory: registry)
        )
        requests.withLock { $0[kind] = found }
        return found
    }

    /// A figure of now.
    func gauge(_ name: String, _ value: Double) { registry.set(name, value) }

    /// Something that who runs the server should know.
    func log(_ sentence: String) { logger.error("\(sentence)") }
}

/// A `MetricsFactory` whose counters and recorders are kept in memory.
final class PrometheusRegistry: MetricsFactory, Sendable {
    private struct Key: Hashable {
        let name: String
        let labels: String
    }
    private let series = Mutex<[Key: Series]>([:])
    private let gauges = Mutex<[String: Double]>([:])

    /// Upper ends of the buckets of what is measured in seconds, and of what is counted.
    private static let seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
    private static let counts = [1.0, 2, 4, 8, 16, 32, 64, 128, 256, 512]

    private func find(_ label: String, _ dimensions: [(String, String)], buckets: [Double]?) -> Series {
        let labels = dimensions.map { "\($0.0)=\"\(Self.escape($0.1))\"" }.joined(separator: ",")
        return series.withLock { series in
            let key = Key(name: label, labels: labels)
            if let known = series[key] { return known }
            let fresh = Series(buckets: buckets)
            series[key] = fresh
            return fresh
        }
    }

    private static func escape(_ text: String) -> String {
        text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
            .replacingOccurrences(of: "\n", with: "\\n")
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        find(label, dimensions, buckets: nil)
    }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        find(label, dimensions, buckets: label.hasSuffix("_seconds") ? Self.seconds : Self.counts)
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        find(label, dimensions, buckets: Self.seconds)
    }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}

    func set(_ name: String, _ value: Double) { gauges.withLock { $0[name] = value } }

    /// The text that Prometheus reads. O(series).
    var text: String {
        var out = ""
        let all = series.withLock { $0 }.sorted { ($0.key.name, $0.key.labels) < ($1.key.name, $1.key.labels) }
        var name = ""
        for (key, value) in all {
            if key.name != name {
                name = key.name
                out += "# TYPE \(name) \(value.isHistogram ? "histogram" : "counter")\n"
            }
            value.write(key.name, key.labels, to: &out)
        }
        for (name, value) in gauges.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            out += "# TYPE \(name) gauge\n\(name) \(value)\n"
        }
        return out
    }
}

/// A counter, or a histogram of fixed buckets.
private final class Series: CounterHandler, RecorderHandler, TimerHandler, Sendable {
    private struct State {
        var count = 0
        var sum = 0.0
        var inBucket: [Int]
    }
    private let buckets: [Double]
    private let state: Mutex<State>
    let isHistogram: Bool

    init(buckets: [Double]?) {
        self.buckets = buckets ?? []
        isHistogram = buckets != nil
        state = Mutex(State(inBucket: [Int](repeating: 0, count: buckets?.count ?? 0)))
    }

    func increment(by amount: Int64) { state.withLock { $0.count += Int(amount) } }
    func reset() { state.withLock { $0 = State(inBucket: [Int](repeating: 0, count: buckets.count)) } }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) {
        let bucket = buckets.firstIndex { value <= $0 }
        state.withLock { state in
            state.count += 1
            state.sum += value
            if let bucket { state.inBucket[bucket] += 1 }
        }
    }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) * 1e-9) }

    func write(_ name: String, _ labels: String, to out: inout String) {
        let (count, sum, inBucket) = state.withLock { ($0.count, $0.sum, $0.inBucket) }
        let set = labels.isEmpty ? "" : "{\(labels)}", comma = labels.isEmpty ? "" : labels + ","
        guard isHistogram else {
            out += "\(name)\(set) \(count)\n"
            return
        }
        var below = 0
        for (end, n) in zip(buckets, inBucket) {
            below += n
            out += "\(name)_bucket{\(comma)le=\"\(end)\"} \(below)\n"
        }
        out += "\(name)_bucket{\(comma)le=\"+Inf\"} \(count)\n\(name)_sum\(set) \(sum)\n\(name)_count\(set) \(count)\n"
    }
}

/// Writes log records as JSON, one a line, to standard error.
struct JSONLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    private let label: String

    init(label: String, level: Logger.Level) {
        self.label = label
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields: [(String, JSON)] = [
            ("time", .string(ServiceClock.iso(Date().timeIntervalSince1970))), ("level", .string(event.level.rawValue)),
            ("message", .string(event.message.description)),
        ]
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            fields.append((key == "hb.request.id" ? "request_id" : key, .string(value.description)))
        }
        // A full disk under the log ends no server: the line is lost.
        try? FileHandle.standardError.write(contentsOf: Data((JSON.object(fields).line + "\n").utf8))
    }
}
