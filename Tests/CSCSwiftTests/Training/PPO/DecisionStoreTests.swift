import CSCSwift
import Testing

/// The packed stores of decisions: the core's passes against the one-by-one `append`, which stays as their naive reference.
@Suite struct DecisionStoreTests {
    /// What an environment could have written for n acting agents.
    private struct Seen {
        var context: [Float] = []
        var candidates: [Float] = []
        var mask: [UInt8] = []

        init(_ layout: PolicyLayout, count: Int, seed: UInt64) {
            var stream = RandomStream(seed: seed, purpose: .test)
            let k = layout.actionCount
            context = (0..<count * layout.contextWidth).map { _ in Float(stream.normal()) }
            candidates = (0..<count * k * layout.candidateWidth).map { _ in Float(stream.normal()) }
            mask = (0..<count * k).map { _ in stream.unit() < 0.4 ? 1 : 0 }
            for row in 0..<count where !mask[row * k..<(row + 1) * k].contains(1) {
                mask[row * k + stream.index(below: k)] = 1
            }
        }

        func packed(_ layout: PolicyLayout, count: Int) -> DecisionStore {
            var store = DecisionStore(layout: layout)
            for row in 0..<count { store.append(row: row, context: context, candidates: candidates, mask: mask) }
            return store
        }
    }

    private static let layouts = [
        PolicyLayout(contextWidth: 12, candidateWidth: 23, actionCount: 9),
        PolicyLayout(contextWidth: 3, candidateWidth: 0, actionCount: 5),
        PolicyLayout(contextWidth: 0, candidateWidth: 1, actionCount: 1),
        PolicyLayout(contextWidth: 7, candidateWidth: 17, actionCount: 255),
    ]

    private func same(_ a: DecisionStore, _ b: DecisionStore) -> Bool {
        a.rows == b.rows && a.slots == b.slots && a.offsets == b.offsets && a.criticInput == b.criticInput
    }

    @Test(arguments: layouts) func replaceIsAppendRowByRow(layout: PolicyLayout) {
        var store = DecisionStore(layout: layout)
        for count in [0, 1, 31, 7] {  // one store for all, so that it shrinks too
            let seen = Seen(layout, count: count, seed: UInt64(count))
            store.replace(count: count, context: seen.context, candidates: seen.candidates, mask: seen.mask)
            #expect(same(store, seen.packed(layout, count: count)))
        }
    }

    @Test(arguments: layouts) func gatherIsAppendOneByOne(layout: PolicyLayout) {
        let source = Seen(layout, count: 31, seed: 5).packed(layout, count: 31)
        var gathered = DecisionStore(layout: layout)
        for indices: [Int32] in [[], [30], [4, 4, 0, 29, 17], [2, 1]] {
            gathered.replace(indices[...], of: source)
            var naive = DecisionStore(layout: layout)
            for index in indices { naive.append(Int(index)..<Int(index) + 1, of: source) }
            #expect(same(gathered, naive))
        }
    }
}
