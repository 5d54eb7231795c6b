import Benchmark
import CSCSwift
import Foundation
import Reference

/// What a case's speed is counted in. The harness keeps integers, hence MFLOP/s and MB/s.
enum Work {
    /// Floating-point operations per call.
    case flops(Double)
    /// Bytes read and written once per call.
    case bytes(Double)
    /// Decisions, rounds, labels, steps per call.
    case units(Double)

    var metric: BenchmarkMetric {
        switch self {
        case .flops: .custom("MFLOP per s", polarity: .prefersLarger, useScalingFactor: false)
        case .bytes: .custom("MB per s", polarity: .prefersLarger, useScalingFactor: false)
        case .units: .custom("units per s", polarity: .prefersLarger, useScalingFactor: false)
        }
    }

    func rate(_ seconds: Double) -> Int {
        switch self {
        case .flops(let count), .bytes(let count): Int(count / seconds * 1e-6)
        case .units(let count): Int(count / seconds)
        }
    }
}

/// The metrics that gate; their thresholds lie in Thresholds/. Speeds inform.
enum Gate {
    /// Results that failed the case's check.
    static let wrong = BenchmarkMetric.custom("wrong results", polarity: .prefersSmaller, useScalingFactor: false)
    /// Heap allocations of one more call after the first ones.
    static let allocations = BenchmarkMetric.custom(
        "allocations", polarity: .prefersSmaller, useScalingFactor: false)
    /// Our speed in hundredths of the naive reference's, both on one thread and in turns: the least time of each, since a
    /// neighbour on a shared machine makes a call slower and never faster.
    static let ratio = BenchmarkMetric.custom(
        "percent of the reference", polarity: .prefersLarger, useScalingFactor: false)
}

/// One line of the suite.
struct Case {
    var threads = 1
    var work: Work
    /// What is measured.
    var body: () -> Void
    /// The same work as one writes it first; see Reference.
    var reference: (() -> Void)?
    /// Are the results right? Asked after `body` and `reference`.
    var check: () -> Bool
    /// How many heap allocations; nil where they are no promise of ours.
    var allocations: (() -> Int)?

    /// Allocations of one call of `body`.
    static func allocations(of body: () -> Void) -> Int {
        let before = reference_allocations()
        body()
        return Int(reference_allocations() - before)
    }

    /// The least seconds of a call, of at least three calls and 2 ms.
    private static func seconds(_ body: () -> Void) -> Double {
        let clock = ContinuousClock()
        var (least, total, calls) = (Double.infinity, 0.0, 0)
        while calls < 3 || total < 0.002 {
            let time = clock.measure(body).components
            let passed = Double(time.seconds) + Double(time.attoseconds) * 1e-18
            least = min(least, passed)
            total += passed
            calls += 1
        }
        return max(least, 1e-9)
    }

    /// Makes the case known to the harness. The name, letters, digits and hyphens, is part of a file's name in
    /// Thresholds/. `make` runs when the case does, so that one case's buffers exist at a time.
    static func register(_ name: String, _ metrics: [BenchmarkMetric], make: @escaping @Sendable () -> Case) {
        Benchmark(
            name,
            configuration: .init(
                metrics: metrics, warmupIterations: 0, maxDuration: .milliseconds(1500), maxIterations: 5)
        ) { benchmark in
            let one = make()
            Threads.count = one.threads
            for _ in 0..<2 { one.body() }
            if let allocations = one.allocations { benchmark.measurement(Gate.allocations, allocations()) }
            var (least, leastReference) = (Double.infinity, Double.infinity)
            for _ in benchmark.scaledIterations {
                let ours = seconds(one.body)
                least = min(least, ours)
                benchmark.measurement(one.work.metric, one.work.rate(ours))
                if let reference = one.reference { leastReference = min(leastReference, seconds(reference)) }
                benchmark.measurement(Gate.wrong, one.check() ? 0 : 1)
            }
            if one.reference != nil { benchmark.measurement(Gate.ratio, Int(100 * leastReference / least)) }
        }
    }
}

/// A property's elements, for one call: a span cannot outlive an access to a class.
func lend<Element>(_ array: inout [Element], _ body: (inout MutableSpan<Element>) -> Void) {
    var span = array.mutableSpan
    body(&span)
}

func draw(_ count: Int, _ index: UInt64, _ scale: Double = 1) -> [Float] {
    var stream = RandomStream(seed: 1, purpose: .test, index: index)
    return (0..<count).map { _ in Float(stream.uniform(-scale, scale)) }
}

/// Do the numbers agree to `tolerance` of the larger of 1 and their size?
func agree(_ a: [Float], _ b: [Float], _ tolerance: Float) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
}

let benchmarks: @Sendable () -> Void = {
    nets()
    divergences()
    heads()
    vectors()
    environments()
    training()
    labels()
}
