/// The sizes of what an acting agent sees: C numbers of context, and D numbers of each of its K actions.
package struct PolicyLayout: Sendable, Hashable, Codable {
    /// C: numbers that hold for the acting agent whatever it does.
    package var contextWidth: Int
    /// D: numbers of one action; 0 where actions are only numbered.
    package var candidateWidth: Int
    /// K: the most actions that an acting agent has.
    package var actionCount: Int

    /// Traps unless C and D are not negative, one of them is positive, and K is 1 to 255.
    package init(contextWidth: Int, candidateWidth: Int, actionCount: Int) {
        precondition(
            contextWidth >= 0 && candidateWidth >= 0 && contextWidth + candidateWidth > 0
                && (1...255).contains(actionCount),
            "PolicyLayout: C \(contextWidth), D \(candidateWidth), K \(actionCount)")
        self.contextWidth = contextWidth
        self.candidateWidth = candidateWidth
        self.actionCount = actionCount
    }

    /// The layout of an environment.
    package init(_ environment: some ParallelEnvironment) {
        self.init(
            contextWidth: environment.contextWidth, candidateWidth: environment.candidateWidth,
            actionCount: environment.actionCount)
    }

    /// D + C: an action's row and the context behind it, as the pair-scoring policy reads them.
    package var rowWidth: Int { candidateWidth + contextWidth }
    /// C + D: the context and the mean of the allowed actions' rows, as the critic reads them.
    package var criticWidth: Int { contextWidth + candidateWidth }
    /// C + K * D: the context and all actions' rows side by side, as the flat policy reads them.
    package var flatWidth: Int { contextWidth + actionCount * candidateWidth }
}

/// What acting agents saw, forbidden actions left out: decision i owns the rows `offsets[i] ..< offsets[i + 1]`.
///
/// A row is the action's numbers followed by the acting agent's context, so a pair-scoring network reads rows as they lie.
/// The arrays keep their memory when emptied.
package struct DecisionStore: Sendable {
    /// C, D and K of all decisions in it.
    package let layout: PolicyLayout
    /// [R, D + C]: one row for each allowed action of each decision.
    package private(set) var rows: [Float] = []
    /// [R]: the action that each row stands for, 0 ..< K.
    package private(set) var slots: [UInt8] = []
    /// [n + 1]: where the rows of a decision begin; the first is 0.
    package private(set) var offsets: [Int32] = [0]
    /// [n, C + D]: context and mean of the allowed actions' rows.
    package private(set) var criticInput: [Float] = []

    /// An empty store.
    package init(layout: PolicyLayout) { self.layout = layout }

    /// n: how many decisions are stored.
    package var count: Int { offsets.count - 1 }
    /// R: how many rows are stored.
    package var rowCount: Int { slots.count }

    /// How many allowed actions decision `index` has.
    package func choices(_ index: Int) -> Int { Int(offsets[index + 1] - offsets[index]) }

    /// Forgets all decisions but keeps the memory.
    package mutating func removeAll() {
        rows.removeAll(keepingCapacity: true)
        slots.removeAll(keepingCapacity: true)
        offsets.removeAll(keepingCapacity: true)
        offsets.append(0)
        criticInput.removeAll(keepingCapacity: true)
    }

    /// Adds the decision in row `row` of what an environment wrote: context [n, C], candidates [n, K, D],
    /// mask [n, K]. O(K (C + D)).
    package mutating func append(row: Int, context: [Float], candidates: [Float], mask: [UInt8]) {
        let (c, d, k) = (layout.contextWidth, layout.candidateWidth, layout.actionCount)
        let width = layout.rowWidth
        let firstRow = slots.count
        for slot in 0..<k where mask[row * k + slot] != 0 { slots.append(UInt8(truncatingIfNeeded: slot)) }
        let allowed = slots.count - firstRow
        precondition(allowed > 0, "DecisionStore.append: the acting agent in row \(row) has no allowed action")
        resize(&rows, slots.count * width, 0)
        let criticBase = criticInput.count
        resize(&criticInput, criticBase + layout.criticWidth, 0)
        for index in firstRow..<slots.count {
            let source = (row * k + Int(slots[index])) * d
            Rows.copy(candidates, from: source, to: &rows, at: index * width, count: d)
            Rows.copy(context, from: row * c, to: &rows, at: index * width + d, count: c)
            add(candidates, from: source, to: &criticInput, at: criticBase + c, count: d)
        }
        Rows.copy(context, from: row * c, to: &criticInput, at: criticBase, count: c)
        let scale = 1 / Float(allowed)
        for j in criticBase + c..<criticBase + c + d { criticInput[j] *= scale }
        offsets.append(Int32(slots.count))
    }

    /// Sends what is stored to other ranks. O(its bytes).
    func put(into message: inout RankWriter) {
        message.put(rows)
        message.put(slots)
        message.put(offsets)
        message.put(criticInput)
    }

    /// Holds exactly what another rank's store of the same layout sent.
    mutating func take(from message: inout RankReader) {
        message.take(into: &rows)
        message.take(into: &slots)
        message.take(into: &offsets)
        message.take(into: &criticInput)
    }

    /// C, D and K as the core takes them.
    var sizes: DecisionRows.Sizes {
        DecisionRows.Sizes(context: layout.contextWidth, candidate: layout.candidateWidth, actions: layout.actionCount)
    }

    /// Holds exactly the first `count` decisions of what an environment wrote: context [n, C], candidates [n, K, D],
    /// mask [n, K]. Traps where one has no allowed action. O(n K (C + D)).
    package mutating func replace(count: Int, context: [Float], candidates: [Float], mask: [UInt8]) {
        let sizes = sizes
        resizeAll(decisions: count, rows: DecisionRows.allowed(mask, count: count * layout.actionCount))
        DecisionRows.pack(
            context: context, candidates: candidates, mask: mask, count: count, sizes: sizes, rows: &rows,
            slots: &slots, offsets: &offsets, summary: &criticInput)
    }

    /// Holds exactly the decisions `indices` of another store of the same layout, in that order. O(their rows).
    package mutating func replace(_ indices: ArraySlice<Int32>, of other: DecisionStore) {
        precondition(other.layout == layout, "DecisionStore.replace: layout \(other.layout) into \(layout)")
        let sizes = sizes
        resizeAll(decisions: indices.count, rows: indices.reduce(0) { $0 + other.choices(Int($1)) })
        DecisionRows.gather(
            indices, fromRows: other.rows, slots: other.slots, offsets: other.offsets, summary: other.criticInput,
            sizes: sizes, rows: &rows, slots: &slots, offsets: &offsets, summary: &criticInput)
    }

    private mutating func resizeAll(decisions: Int, rows count: Int) {
        resize(&rows, count * layout.rowWidth, 0)
        resize(&slots, count, 0)
        resize(&offsets, decisions + 1, 0)
        resize(&criticInput, decisions * layout.criticWidth, 0)
    }

    /// Adds consecutive decisions of another store of the same layout. O(their rows).
    package mutating func append(_ range: Range<Int>, of other: DecisionStore) {
        precondition(other.layout == layout, "DecisionStore.append: layout \(other.layout) into \(layout)")
        let first = Int(other.offsets[range.lowerBound])
        let last = Int(other.offsets[range.upperBound])
        let shift = Int32(rowCount - first)
        rows.append(contentsOf: other.rows[first * layout.rowWidth..<last * layout.rowWidth])
        slots.append(contentsOf: other.slots[first..<last])
        criticInput.append(
            contentsOf: other.criticInput[
                range.lowerBound * layout.criticWidth..<range.upperBound * layout.criticWidth])
        for index in range { offsets.append(other.offsets[index + 1] + shift) }
    }

    /// Writes decision by decision [n, C + K * D]: context, then the rows of all K actions, 0 where one is forbidden.
    /// What the flat policy reads. O(n (C + K D)).
    func writeFlat(_ input: inout [Float]) {
        let (c, d, k) = (layout.contextWidth, layout.candidateWidth, layout.actionCount)
        input.removeAll(keepingCapacity: true)
        resize(&input, count * layout.flatWidth, 0)
        var out = input.mutableSpan
        let source = rows.span
        for decision in 0..<count {
            let base = decision * layout.flatWidth
            let first = Int(offsets[decision])
            for j in 0..<c { out[base + j] = source[first * layout.rowWidth + d + j] }
            for row in first..<Int(offsets[decision + 1]) {
                let target = base + c + Int(slots[row]) * d
                precondition(Int(slots[row]) < k, "DecisionStore: slot \(slots[row]) of \(k) actions")
                for j in 0..<d { out[target + j] = source[row * layout.rowWidth + j] }
            }
        }
    }
}

extension DecisionStore {
    /// The action behind each decision's chosen row: `chosen` [n] counts within the decision's rows. O(n).
    func slots(of chosen: [Int32], into actions: inout [Int32]) {
        precondition(
            chosen.count == count && actions.count == count,
            "DecisionStore.slots: \(chosen.count) chosen, \(actions.count) actions of \(count) decisions")
        let (chosen, offsets, slots) = (chosen.span, offsets.span, slots.span)
        var out = actions.mutableSpan
        for row in out.indices { out[row] = Int32(slots[Int(offsets[row] + chosen[row])]) }
    }

    /// From one number for each of the K actions of each decision [n, K], those of the rows [R]. O(R).
    func pick(from flat: [Float], into byRow: inout [Float]) {
        for decision in 0..<count {
            for row in Int(offsets[decision])..<Int(offsets[decision + 1]) {
                byRow[row] = flat[decision * layout.actionCount + Int(slots[row])]
            }
        }
    }

    /// From one number per row [R], one for each of the K actions of each decision [n, K], 0 where one is forbidden.
    /// O(n K).
    func spread(_ byRow: [Float], into flat: inout [Float]) {
        flat.removeAll(keepingCapacity: true)
        resize(&flat, count * layout.actionCount, 0)
        for decision in 0..<count {
            for row in Int(offsets[decision])..<Int(offsets[decision + 1]) {
                flat[decision * layout.actionCount + Int(slots[row])] = byRow[row]
            }
        }
    }
}

/// target[at ..< at + count] += source[from ..< from + count].
@inline(__always)
private func add(_ source: [Float], from: Int, to target: inout [Float], at: Int, count: Int) {
    precondition(from >= 0 && from + count <= source.count && at >= 0 && at + count <= target.count)
    for j in 0..<count { target[at + j] += source[from + j] }
}

/// Makes `array` hold `count` elements, new ones being `value`; within its capacity where that suffices. O(change).
@inline(__always)
func resize<Element>(_ array: inout [Element], _ count: Int, _ value: Element) {
    if array.count > count {
        array.removeLast(array.count - count)
    } else if array.count < count {
        array.append(contentsOf: repeatElement(value, count: count - array.count))
    }
}
