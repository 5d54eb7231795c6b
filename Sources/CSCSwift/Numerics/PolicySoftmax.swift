/// The softmax of a batch's logits, computed once and passed to the functions that are called once per direction
/// (`Policy.clippedLossR`, `fisher`): along twenty directions of conjugate gradient the exponentials of the
/// logits are the same twenty times.
package struct PolicySoftmax: Sendable {
    /// pi(j) of every candidate, segment by segment; 0 where the mask forbids.
    package let probabilities: [Float]
    /// log pi(j), -infinity where the mask forbids.
    package let logProbabilities: [Float]

    /// Segments and mask as for every function of `Policy`, with the same traps. O(logits).
    package init(logits: Span<Float>, offsets: Span<Int32>, mask: Span<UInt8>? = nil) {
        var probabilities = [Float](repeating: 0, count: logits.count)
        var logs = probabilities
        var first = probabilities.mutableSpan
        Policy.softmax(logits: logits, offsets: offsets, mask: mask, probabilities: &first)
        var second = logs.mutableSpan
        Policy.logSoftmax(logits: logits, offsets: offsets, mask: mask, logProbabilities: &second)
        self.probabilities = probabilities
        self.logProbabilities = logs
    }
}
