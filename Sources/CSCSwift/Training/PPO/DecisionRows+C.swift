internal import CCore

/// The core's packing of what acting agents saw; `DecisionStore` owns the arrays and says what lies in them. Sizes are those
/// of `cafe.h`, section "rows": C context, D candidate, K actions, n decisions, R rows.
enum DecisionRows {
    struct Sizes {
        let context: Int
        let candidate: Int
        let actions: Int

        var lent: cafe_row_sizes {
            cafe_row_sizes(context: Int32(context), candidate: Int32(candidate), actions: Int32(actions))
        }
    }

    /// How many of the first `count` entries of a mask allow. O(count).
    static func allowed(_ mask: [UInt8], count: Int) -> Int {
        precondition(count <= mask.count, "DecisionRows.allowed: \(count) of \(mask.count) entries")
        return Int(cafe_rows_count(mask, Int64(count)))
    }

    /// Packs n decisions into outputs of the right size. Traps where a decision has no allowed action.
    /// O(n K (C + D)).
    static func pack(
        context: [Float], candidates: [Float], mask: [UInt8], count n: Int, sizes: Sizes, rows: inout [Float],
        slots: inout [UInt8], offsets: inout [Int32], summary: inout [Float]
    ) {
        let (c, d, k) = (sizes.context, sizes.candidate, sizes.actions)
        precondition(
            context.count >= n * c && candidates.count >= n * k * d && mask.count >= n * k,
            "DecisionRows.pack: context \(context.count), candidates \(candidates.count), mask \(mask.count) "
                + "for [\(n), \(c)], [\(n), \(k), \(d)], [\(n), \(k)]")
        requireCount(rows.count, slots.count * (c + d), "DecisionRows.pack: rows")
        requireCount(offsets.count, n + 1, "DecisionRows.pack: offsets")
        requireCount(summary.count, n * (c + d), "DecisionRows.pack: summary")
        let empty = cafe_rows_pack(
            &rows, &slots, &offsets, &summary, context, candidates, mask, Int64(n), sizes.lent)
        precondition(empty < 0, "DecisionRows.pack: the acting agent in row \(empty) has no allowed action")
    }

    /// Copies decisions of one packed store into the outputs, which are of the right size. O(their rows).
    static func gather(
        _ indices: ArraySlice<Int32>, fromRows: [Float], slots fromSlots: [UInt8], offsets fromOffsets: [Int32],
        summary fromSummary: [Float], sizes: Sizes, rows: inout [Float], slots: inout [UInt8],
        offsets: inout [Int32], summary: inout [Float]
    ) {
        let width = sizes.context + sizes.candidate
        let total = indices.reduce(0) { $0 + Int(fromOffsets[Int($1) + 1] - fromOffsets[Int($1)]) }
        requireCount(slots.count, total, "DecisionRows.gather: slots")
        requireCount(rows.count, total * width, "DecisionRows.gather: rows")
        requireCount(offsets.count, indices.count + 1, "DecisionRows.gather: offsets")
        requireCount(summary.count, indices.count * width, "DecisionRows.gather: summary")
        indices.withUnsafeBufferPointer {
            cafe_rows_gather(
                &rows, &slots, &offsets, &summary, fromRows, fromSlots, fromOffsets, fromSummary, $0.baseAddress,
                Int64($0.count), sizes.lent)
        }
    }
}

/// Copies between flat arrays, by the core's own memory copy: rows of a matrix are too short for loops that check
/// every element.
enum Rows {
    /// target[at ..< at + count] = source[from ..< from + count]. O(count).
    @inline(__always)
    static func copy<Element: BitwiseCopyable>(
        _ source: [Element], from: Int, to target: inout [Element], at: Int, count: Int
    ) {
        precondition(
            count >= 0 && from >= 0 && from + count <= source.count && at >= 0 && at + count <= target.count,
            "Rows.copy: \(from) + \(count) of \(source.count) to \(at) + \(count) of \(target.count)")
        if count == 0 { return }
        source.withUnsafeBufferPointer { source in
            target.withUnsafeMutableBufferPointer {
                ($0.baseAddress! + at).update(from: source.baseAddress! + from, count: count)
            }
        }
    }

    /// numbers[i] = 0. O(n).
    static func zero(_ numbers: inout [Float]) {
        var span = numbers.mutableSpan
        for i in span.indices { span[i] = 0 }
    }

    /// numbers[i] = (numbers[i] - shift) * factor. O(n).
    static func rescale(_ numbers: inout [Float], shift: Float = 0, factor: Float) {
        var span = numbers.mutableSpan
        for i in span.indices { span[i] = (span[i] - shift) * factor }
    }

    /// target[i] = source[indices[i]], one element an index. O(indices).
    @inline(__always)
    static func gather<Element: BitwiseCopyable>(
        _ source: [Element], _ indices: ArraySlice<Int32>, into target: inout [Element]
    ) {
        requireCount(target.count, indices.count, "Rows.gather: target")
        source.withUnsafeBufferPointer { source in
            target.withUnsafeMutableBufferPointer { target in
                indices.withUnsafeBufferPointer { indices in
                    for i in 0..<indices.count {
                        let index = Int(indices[i])
                        precondition(index >= 0 && index < source.count, "Rows.gather: an index is out of range")
                        target[i] = source[index]
                    }
                }
            }
        }
    }
}
