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
}

/// Kullback-Leibler divergences of diagonal Gaussians, a row each: means and log standard deviations, [B x Z] row-major.
/// Everything is O(B Z).
public enum Gaussian {
    /// kl[i] = KL(p_i || q_i) in nats: the sum over Z of
    /// logSDQ - logSDP + (exp(2 logSDP) + (meanP - meanQ)^2) / (2 exp(2 logSDQ)) - 1/2. O(n Z).
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

    // MARK: - What the functions above require

    private static func checkPair(_ mean: Span<Float>, _ logSD: Span<Float>, rows: Int, _ width: Int, _ caller: String)
    {
        requireCount(mean.count, rows * width, "Gaussian.\(caller): mean of \(rows) rows x \(width)")
        requireCount(logSD.count, rows * width, "Gaussian.\(caller): logSD of \(rows) rows x \(width)")
    }
}
