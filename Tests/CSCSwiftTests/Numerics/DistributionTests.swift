import CSCSwift
import Foundation
import Testing

/// Distributions against naive references in double; gradients against central differences of the references.
@Suite("Distributions", .serialized)
struct DistributionTests {
    private func logSoftmax(_ z: ArraySlice<Double>) -> [Double] {
        let peak = z.max()!
        let sum = z.map { exp($0 - peak) }.reduce(0, +)
        return z.map { $0 - peak - log(sum) }
    }

    private func categorical(_ p: [Double], _ q: [Double], _ range: Range<Int>) -> Double {
        if range.isEmpty { return 0 }
        let (lp, lq) = (logSoftmax(p[range]), logSoftmax(q[range]))
        return zip(lp, lq).map { exp($0) * ($0 - $1) }.reduce(0, +)
    }

    @Test("categorical KL of equal rows and of segments", arguments: [1, 2, 7, 16, 17, 64, 65])
    func categoricalKL(width: Int) {
        for rows in [0, 1, 13, 300] {
            let (p, q) = (floats(rows * width, scale: 4, seed: 1), floats(rows * width, scale: 4, seed: 2))
            var (fixed, segmented) = ([Float](repeating: .nan, count: rows), [Float](repeating: .nan, count: rows))
            var fixedSpan = fixed.mutableSpan
            Categorical.kl(logitsP: p.span, logitsQ: q.span, width: width, kl: &fixedSpan)
            let offsets = (0...rows).map { Int32($0 * width) }
            var segmentedSpan = segmented.mutableSpan
            Categorical.kl(logitsP: p.span, logitsQ: q.span, offsets: offsets.span, kl: &segmentedSpan)
            for i in 0..<rows {
                let expected = categorical(doubles(p), doubles(q), i * width..<(i + 1) * width)
                #expect(abs(Double(fixed[i]) - expected) < 5e-6 * max(1, expected))
                #expect(abs(Double(segmented[i]) - expected) < 5e-6 * max(1, expected))
            }
        }
    }

    private func gaussian(_ v: [[Double]], _ row: Int, _ width: Int) -> Double {
        var sum = 0.0
        for j in row * width..<(row + 1) * width {
            let d = v[0][j] - v[2][j]
            sum += v[3][j] - v[1][j] + (exp(2 * v[1][j]) + d * d) / (2 * exp(2 * v[3][j])) - 0.5
        }
        return sum
    }

    @Test("diagonal Gaussian KL, to another and to the standard one", arguments: [1, 3, 16, 32, 37])
    func gaussianKL(width: Int) {
        let rows = 11
        let v = (1...4).map { floats(rows * width, seed: UInt64($0)) }
        let (meanP, logSDP, meanQ, logSDQ) = (v[0], v[1], v[2], v[3])
        var (kl, standard) = ([Float](repeating: .nan, count: rows), [Float](repeating: .nan, count: rows))
        var klSpan = kl.mutableSpan
        Gaussian.kl(
            meanP: meanP.span, logSDP: logSDP.span, meanQ: meanQ.span, logSDQ: logSDQ.span, width: width, kl: &klSpan)
        var standardSpan = standard.mutableSpan
        Gaussian.klToStandard(mean: meanP.span, logSD: logSDP.span, width: width, kl: &standardSpan)
        let exact = v.map(doubles)
        let zeros = [Double](repeating: 0, count: rows * width)
        for i in 0..<rows {
            let expected = gaussian(exact, i, width)
            #expect(abs(Double(kl[i]) - expected) < 3e-6 * max(1, expected))
            let toStandard = gaussian([exact[0], exact[1], zeros, zeros], i, width)
            #expect(abs(Double(standard[i]) - toStandard) < 3e-6 * max(1, toStandard))
        }
    }
}
