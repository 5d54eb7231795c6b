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

    @Test("the gradient of the categorical KL equals differences; masked entries get none")
    func categoricalGradient() {
        let offsets: [Int32] = [0, 3, 3, 8, 9]
        let (p, q) = (floats(9, scale: 2, seed: 1), floats(9, scale: 2, seed: 2))
        let weights: [Float] = [1, 2, -0.5, 3]
        var (gp, gq) = ([Float](repeating: 0, count: 9), [Float](repeating: 0, count: 9))
        var gpSpan = gp.mutableSpan
        var gqSpan = gq.mutableSpan
        Categorical.klBackward(
            logitsP: p.span, logitsQ: q.span, offsets: offsets.span, weights: weights.span, gradientP: &gpSpan,
            gradientQ: &gqSpan)
        func total(_ p: [Double], _ q: [Double]) -> Double {
            (0..<4).map { Double(weights[$0]) * categorical(p, q, Int(offsets[$0])..<Int(offsets[$0 + 1])) }
                .reduce(0, +)
        }
        for k in 0..<9 {
            var (up, down) = (doubles(p), doubles(p))
            up[k] += 1e-5
            down[k] -= 1e-5
            #expect(abs(Double(gp[k]) - (total(up, doubles(q)) - total(down, doubles(q))) / 2e-5) < 1e-5)
            (up, down) = (doubles(q), doubles(q))
            up[k] += 1e-5
            down[k] -= 1e-5
            #expect(abs(Double(gq[k]) - (total(doubles(p), up) - total(doubles(p), down)) / 2e-5) < 1e-5)
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

    @Test("diagonal Gaussian KL, to another and to the standard one, and its gradients", arguments: [1, 3, 16, 32, 37])
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
        let weights = floats(rows, seed: 9)
        let blank = [Float](repeating: 0, count: rows * width)
        var (g0, g1, g2, g3) = (blank, blank, blank, blank)
        var s0 = g0.mutableSpan
        var s1 = g1.mutableSpan
        var s2 = g2.mutableSpan
        var s3 = g3.mutableSpan
        Gaussian.klBackward(
            meanP: meanP.span, logSDP: logSDP.span, meanQ: meanQ.span, logSDQ: logSDQ.span, weights: weights.span,
            width: width, meanPGradient: &s0, logSDPGradient: &s1, meanQGradient: &s2, logSDQGradient: &s3)
        for (which, gradient) in [g0, g1, g2, g3].enumerated() {
            let expected = (0..<rows * width).map { k in
                var (up, down) = (exact, exact)
                up[which][k] += 1e-5
                down[which][k] -= 1e-5
                let row = k / width
                return Double(weights[row]) * (gaussian(up, row, width) - gaussian(down, row, width)) / 2e-5
            }
            #expect(relativeError(gradient, expected) < 1e-5)
        }
    }

    @Test("reparameterised samples and the log-likelihood, with gradients")
    func samples() {
        let (rows, width) = (7, 5)
        let (mean, logSD) = (floats(35, seed: 1), floats(35, seed: 2))
        let (noise, up) = (floats(35, scale: 2, seed: 3), floats(35, seed: 4))
        var sample = [Float](repeating: .nan, count: 35)
        var sampleSpan = sample.mutableSpan
        Gaussian.sample(mean: mean.span, logSD: logSD.span, noise: noise.span, sample: &sampleSpan)
        var (gm, gs) = ([Float](repeating: 0, count: 35), [Float](repeating: 0, count: 35))
        var gmSpan = gm.mutableSpan
        var gsSpan = gs.mutableSpan
        Gaussian.sampleBackward(
            logSD: logSD.span, noise: noise.span, sampleGradient: up.span, meanGradient: &gmSpan,
            logSDGradient: &gsSpan)
        for k in 0..<35 {
            let spread = exp(Double(logSD[k])) * Double(noise[k])
            #expect(abs(Double(sample[k]) - Double(mean[k]) - spread) < 1e-6)
            #expect(gm[k] == up[k])
            #expect(abs(Double(gs[k]) - Double(up[k]) * spread) < 1e-6)
        }
        func likelihood(_ m: [Double], _ s: [Double], _ row: Int) -> Double {
            var sum = 0.0
            for j in row * width..<(row + 1) * width {
                let scaled = (Double(noise[j]) - m[j]) / exp(s[j])
                sum -= 0.5 * scaled * scaled + s[j] + 0.5 * log(2 * .pi)
            }
            return sum
        }
        var found = [Float](repeating: .nan, count: rows)
        var foundSpan = found.mutableSpan
        Gaussian.logLikelihood(
            x: noise.span, mean: mean.span, logSD: logSD.span, width: width, logLikelihood: &foundSpan)
        let weights = floats(rows, seed: 6)
        var (lm, ls) = ([Float](repeating: 0, count: 35), [Float](repeating: 0, count: 35))
        var lmSpan = lm.mutableSpan
        var lsSpan = ls.mutableSpan
        Gaussian.logLikelihoodBackward(
            x: noise.span, mean: mean.span, logSD: logSD.span, weights: weights.span, width: width,
            meanGradient: &lmSpan, logSDGradient: &lsSpan)
        for row in 0..<rows {
            #expect(abs(Double(found[row]) - likelihood(doubles(mean), doubles(logSD), row)) < 1e-4)
        }
        for k in 0..<35 {
            var (ahead, behind) = (doubles(mean), doubles(mean))
            ahead[k] += 1e-5
            behind[k] -= 1e-5
            let s = doubles(logSD)
            let slope = (likelihood(ahead, s, k / width) - likelihood(behind, s, k / width)) / 2e-5
            #expect(abs(Double(lm[k]) - Double(weights[k / width]) * slope) < 1e-4 * max(1, abs(slope)))
        }
    }
}
