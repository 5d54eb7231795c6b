import CSCSwift
import Foundation
import Testing

@Suite struct StatisticsTests {
    /// Published two-sided 95 % and other quantiles of Student's t (any statistics textbook's table, to its digits).
    @Test(arguments: [
        (0.975, 1.0, 12.7062), (0.975, 2, 4.30265), (0.975, 4, 2.77645), (0.975, 9, 2.26216), (0.975, 29, 2.04523),
        (0.975, 99, 1.98422), (0.975, 1_000_000, 1.95997), (0.95, 5, 2.01505), (0.995, 10, 3.16927),
        (0.9995, 3, 12.9240), (0.6, 7, 0.263167),
    ])
    func quantileOfStudentT(probability: Double, degrees: Double, expected: Double) {
        let found = StudentT.quantile(probability, degreesOfFreedom: degrees)
        #expect(abs(found - expected) < 6e-6 * max(1, expected * 10))
        #expect(StudentT.quantile(1 - probability, degreesOfFreedom: degrees) == -found)
    }

    /// One and two degrees of freedom have closed forms: 1/2 + atan(t)/pi and 1/2 + t / (2 sqrt(2 + t^2)).
    @Test(arguments: [-30.0, -2, -0.1, 0, 0.5, 1, 3, 100])
    func cumulativeOfStudentT(t: Double) {
        #expect(abs(StudentT.cumulative(t, degreesOfFreedom: 1) - (0.5 + atan(t) / .pi)) < 1e-12)
        let two = 0.5 + t / (2 * (2 + t * t).squareRoot())
        #expect(abs(StudentT.cumulative(t, degreesOfFreedom: 2) - two) < 1e-12)
    }

    @Test func quantileInvertsCumulative() {
        for degrees in [1.0, 2.5, 7, 40, 1e5] {
            for probability in [0.001, 0.2, 0.5, 0.77, 0.9999] {
                let t = StudentT.quantile(probability, degreesOfFreedom: degrees)
                #expect(abs(StudentT.cumulative(t, degreesOfFreedom: degrees) - probability) < 1e-11)
            }
        }
    }

    /// Worked by hand: 2, 4, 4, 4, 5, 5, 7, 9 has mean 5 and squares 32.
    @Test func summaryOfKnownValues() {
        let summary = Summary([2, 4, 4, 4, 5, 5, 7, 9])
        #expect(summary.count == 8)
        #expect(summary.mean == 5)
        #expect(abs(summary.sd - (32.0 / 7).squareRoot()) < 1e-14)
        #expect(abs(summary.standardError - (32.0 / 7 / 8).squareRoot()) < 1e-14)
        #expect(abs(summary.halfWidth - 2.364624 * summary.standardError) < 1e-5)
        #expect(abs((summary.lower + summary.upper) / 2 - 5) < 1e-12)
    }

    @Test func tooFewValuesSayNothingOfTheSpread() throws {
        let one = Summary([3.5])
        #expect(one.mean == 3.5 && one.sd == 0 && one.lower == -.infinity && one.upper == .infinity)
        #expect(!one.excludesZero)
        #expect(one.json.line == #"{"episodes":1,"mean":3.5,"sd":0.0,"ci95":[null,null]}"#)
        let encoded = try JSONEncoder().encode(one)
        #expect(String(decoding: encoded, as: UTF8.self).contains(#""upper":null"#))
        #expect(Summary([Double]()).count == 0)
    }

    @Test func pairedDifferencesRemoveWhatEpisodesShare() {
        let episodes = (0..<50).map { Double($0 * 17 % 50) }
        let better = episodes.enumerated().map { $1 + 0.5 + ($0 % 2 == 0 ? 0.1 : -0.1) }
        let paired = Summary.paired(better, minus: episodes)
        #expect(abs(paired.mean - 0.5) < 1e-12)
        #expect(paired.excludesZero && paired.lower > 0.4 && paired.upper < 0.6)
        #expect(Summary(better).halfWidth > 20 * paired.halfWidth)
    }

    @Test func accumulatorIsStableAndMerges() {
        // A large offset ruins the textbook formula; Welford's keeps the variance of 0, 1, 2, ...
        var all = Welford()
        var parts = [Welford(), Welford(), Welford()]
        for k in 0..<300 {
            let value = 1e9 + Double(k % 10)
            all.add(value)
            parts[k / 120].add(value)
        }
        #expect(abs(all.populationVariance - 8.25) < 1e-6)
        var merged = Welford()
        for part in parts { merged.merge(part) }
        #expect(merged.count == 300)
        #expect(abs(merged.mean - all.mean) < 1e-6)
        #expect(abs(merged.variance - all.variance) < 1e-6)
    }

    /// A 95 % interval covers the true mean in 95 % of samples: 2000 samples of 5 normal values, binomial sd 0.5 %.
    @Test func intervalCoversAsOftenAsItSays() {
        var stream = RandomStream(seed: 11, purpose: .test)
        var covered = 0
        for _ in 0..<2000 {
            let summary = Summary((0..<5).map { _ in 3 + 2 * stream.normal() })
            if summary.lower <= 3 && 3 <= summary.upper { covered += 1 }
        }
        #expect(abs(Double(covered) / 2000 - 0.95) < 0.02)
    }

    @Test func quantilesOfValues() {
        #expect(Statistics.quantile(0.5, of: [9, 1, 5]) == 5)
        #expect(Statistics.quantile(0.25, of: [0, 1, 2, 3, 4, 5, 6, 7, 8, 10]) == 2.25)
        #expect(Statistics.quantile(1, of: [2, 8]) == 8)
    }
}
