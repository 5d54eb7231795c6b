internal import CCore

/// Kullback-Leibler divergences of categorical distributions given by logits. KL(p || q): the first argument first.
public enum Categorical {
    /// kl[i] = KL(p || q) in nats of segment i (see `Policy` for offsets and mask; the mask holds for both). Overwritten.
    /// O(logits).
    public static func kl(
        logitsP: Span<Float>, logitsQ: Span<Float>, offsets: Span<Int32>, mask: Span<UInt8>? = nil,
        kl: inout MutableSpan<Float>
    ) {
        requireCount(logitsQ.count, logitsP.count, "Categorical.kl: logitsQ")
        requireCount(kl.count, offsets.count - 1, "Categorical.kl: kl")
        Policy.withSegments(logitsP, offsets, mask, "kl") {
            cafe_categorical_kl(kl.base, $0, logitsP.base, logitsQ.base)
        }
    }

    /// The same for `width` logits per row: kl [B] of [B x width]. O(B width).
    public static func kl(logitsP: Span<Float>, logitsQ: Span<Float>, width: Int, kl: inout MutableSpan<Float>) {
        requireCount(logitsP.count, kl.count * width, "Categorical.kl: logitsP of \(kl.count) rows x \(width)")
        requireCount(logitsQ.count, logitsP.count, "Categorical.kl: logitsQ")
        var rows = cafe_segments(offsets: nil, mask: nil, count: Int64(kl.count), width: Int32(width), known: nil)
        cafe_categorical_kl(kl.base, &rows, logitsP.base, logitsQ.base)
    }

    /// Adds weights[i] * dKL_i/dlogits to both gradients. O(logits).
    public static func klBackward(
        logitsP: Span<Float>, logitsQ: Span<Float>, offsets: Span<Int32>, mask: Span<UInt8>? = nil,
        weights: Span<Float>, gradientP: inout MutableSpan<Float>, gradientQ: inout MutableSpan<Float>
    ) {
        requireCount(logitsQ.count, logitsP.count, "Categorical.klBackward: logitsQ")
        requireCount(weights.count, offsets.count - 1, "Categorical.klBackward: weights")
        requireCount(gradientP.count, logitsP.count, "Categorical.klBackward: gradientP")
        requireCount(gradientQ.count, logitsP.count, "Categorical.klBackward: gradientQ")
        Policy.withSegments(logitsP, offsets, mask, "klBackward") {
            cafe_categorical_kl_backward(
                gradientP.base, gradientQ.base, $0, logitsP.base, logitsQ.base, weights.base)
        }
    }
}

/// Diagonal Gaussians, a row each: means and log standard deviations, [B x Z] row-major.
///
/// `...Backward` functions add to gradients that the caller has zeroed; the others overwrite. Everything is O(B Z).
public enum Gaussian {
    /// kl[i] = KL(p_i || q_i) in nats: the sum over Z of
    /// logSDQ - logSDP + (exp(2 logSDP) + (meanP - meanQ)^2) / (2 exp(2 logSDQ)) - 1/2.
    public static func kl(
        meanP: Span<Float>, logSDP: Span<Float>, meanQ: Span<Float>, logSDQ: Span<Float>, width: Int,
        kl: inout MutableSpan<Float>
    ) {
        checkPair(meanP, logSDP, rows: kl.count, width, "kl")
        checkPair(meanQ, logSDQ, rows: kl.count, width, "kl")
        cafe_gaussian_kl(kl.base, meanP.base, logSDP.base, meanQ.base, logSDQ.base, Int64(kl.count), Int64(width))
    }

    /// kl[i] = KL(p_i || N(0, 1)): the regulariser of the evidence lower bound. O(n Z).
    public static func klToStandard(mean: Span<Float>, logSD: Span<Float>, width: Int, kl: inout MutableSpan<Float>) {
        checkPair(mean, logSD, rows: kl.count, width, "klToStandard")
        cafe_gaussian_kl(kl.base, mean.base, logSD.base, nil, nil, Int64(kl.count), Int64(width))
    }

    /// Adds weights[i] * dKL(p_i || q_i) to the four gradients.
    public static func klBackward(
        meanP: Span<Float>, logSDP: Span<Float>, meanQ: Span<Float>, logSDQ: Span<Float>, weights: Span<Float>,
        width: Int, meanPGradient: inout MutableSpan<Float>, logSDPGradient: inout MutableSpan<Float>,
        meanQGradient: inout MutableSpan<Float>, logSDQGradient: inout MutableSpan<Float>
    ) {
        checkPair(meanP, logSDP, rows: weights.count, width, "klBackward")
        checkPair(meanQ, logSDQ, rows: weights.count, width, "klBackward")
        checkGradients(meanPGradient.count, logSDPGradient.count, weights.count, width, "klBackward")
        checkGradients(meanQGradient.count, logSDQGradient.count, weights.count, width, "klBackward")
        cafe_gaussian_kl_backward(
            meanPGradient.base, logSDPGradient.base, meanQGradient.base, logSDQGradient.base, meanP.base, logSDP.base,
            meanQ.base, logSDQ.base, weights.base, Int64(weights.count), Int64(width))
    }

    /// Adds weights[i] * dKL(p_i || N(0, 1)) to both gradients.
    public static func klToStandardBackward(
        mean: Span<Float>, logSD: Span<Float>, weights: Span<Float>, width: Int,
        meanGradient: inout MutableSpan<Float>, logSDGradient: inout MutableSpan<Float>
    ) {
        checkPair(mean, logSD, rows: weights.count, width, "klToStandardBackward")
        checkGradients(meanGradient.count, logSDGradient.count, weights.count, width, "klToStandardBackward")
        cafe_gaussian_kl_backward(
            meanGradient.base, logSDGradient.base, nil, nil, mean.base, logSD.base, nil, nil, weights.base,
            Int64(weights.count), Int64(width))
    }

    /// sample = mean + exp(logSD) * noise: the reparameterised sample ([KW14]) for standard normal
    /// noise. All of one size.
    public static func sample(
        mean: Span<Float>, logSD: Span<Float>, noise: Span<Float>, sample: inout MutableSpan<Float>
    ) {
        requireCount(logSD.count, mean.count, "Gaussian.sample: logSD")
        requireCount(noise.count, mean.count, "Gaussian.sample: noise")
        requireCount(sample.count, mean.count, "Gaussian.sample: sample")
        cafe_gaussian_sample(sample.base, mean.base, logSD.base, noise.base, Int64(mean.count))
    }

    /// Adds what `sampleGradient` sends back through `sample` to both gradients.
    public static func sampleBackward(
        logSD: Span<Float>, noise: Span<Float>, sampleGradient: Span<Float>, meanGradient: inout MutableSpan<Float>,
        logSDGradient: inout MutableSpan<Float>
    ) {
        requireCount(noise.count, logSD.count, "Gaussian.sampleBackward: noise")
        requireCount(sampleGradient.count, logSD.count, "Gaussian.sampleBackward: sampleGradient")
        requireCount(meanGradient.count, logSD.count, "Gaussian.sampleBackward: meanGradient")
        requireCount(logSDGradient.count, logSD.count, "Gaussian.sampleBackward: logSDGradient")
        cafe_gaussian_sample_backward(
            meanGradient.base, logSDGradient.base, logSD.base, noise.base, sampleGradient.base, Int64(logSD.count))
    }

    /// logLikelihood[i] = log N(x_i; mean_i, diag exp(2 logSD_i)), the constant included.
    public static func logLikelihood(
        x: Span<Float>, mean: Span<Float>, logSD: Span<Float>, width: Int, logLikelihood: inout MutableSpan<Float>
    ) {
        checkPair(mean, logSD, rows: logLikelihood.count, width, "logLikelihood")
        requireCount(x.count, mean.count, "Gaussian.logLikelihood: x")
        cafe_gaussian_log_likelihood(
            logLikelihood.base, x.base, mean.base, logSD.base, Int64(logLikelihood.count), Int64(width))
    }

    /// Adds weights[i] * d logLikelihood_i to the gradients in the mean and in the log standard deviation.
    public static func logLikelihoodBackward(
        x: Span<Float>, mean: Span<Float>, logSD: Span<Float>, weights: Span<Float>, width: Int,
        meanGradient: inout MutableSpan<Float>, logSDGradient: inout MutableSpan<Float>
    ) {
        checkPair(mean, logSD, rows: weights.count, width, "logLikelihoodBackward")
        requireCount(x.count, mean.count, "Gaussian.logLikelihoodBackward: x")
        checkGradients(meanGradient.count, logSDGradient.count, weights.count, width, "logLikelihoodBackward")
        cafe_gaussian_log_likelihood_backward(
            meanGradient.base, logSDGradient.base, x.base, mean.base, logSD.base, weights.base, Int64(weights.count),
            Int64(width))
    }

    // MARK: - What the functions above require

    private static func checkPair(_ mean: Span<Float>, _ logSD: Span<Float>, rows: Int, _ width: Int, _ caller: String)
    {
        requireCount(mean.count, rows * width, "Gaussian.\(caller): mean of \(rows) rows x \(width)")
        requireCount(logSD.count, rows * width, "Gaussian.\(caller): logSD of \(rows) rows x \(width)")
    }

    private static func checkGradients(_ mean: Int, _ logSD: Int, _ rows: Int, _ width: Int, _ caller: String) {
        requireCount(mean, rows * width, "Gaussian.\(caller): gradient in the mean of \(rows) rows x \(width)")
        requireCount(logSD, rows * width, "Gaussian.\(caller): gradient in logSD of \(rows) rows x \(width)")
    }
}
