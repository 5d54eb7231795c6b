internal import Foundation

extension Ranks {
    /// Makes sure that every rank is about to do the same: each says what decides its bits, and what is not as rank 0 has it
    /// is named. A collective. O(facts).
    ///
    /// - Parameter facts: a name and a value each, such as a file's key or the hash of its content; at least as many as are
    ///   needed to tell what differs.
    /// - Throws: `CSCError.invalid` on every rank, naming the ranks that differ and the first fact in which one does.
    package static func requireSame(_ facts: [(name: String, value: String)]) throws(CSCError) {
        let group = current
        if group.size == 1 { return }
        let text = facts.map { "\($0.name)\u{1F}\($0.value)" }.joined(separator: "\u{1E}")
        let hashes = group.gather(Array(ContentHash.digits(ContentHash.sipHash(Array(text.utf8))).utf8))
        let others = hashes.indices.filter { hashes[$0] != hashes[0] }
        guard let other = others.first else { return }
        let texts = group.gather(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
        let named = others.prefix(8).map(String.init).joined(separator: ", ") + (others.count > 8 ? ", ..." : "")
        throw .invalid(
            "rank\(others.count > 1 ? "s" : "") \(named) would not do what rank 0 does: "
                + difference(table(texts[other]), table(texts[0]), rank: other))
    }

    private static func table(_ text: String) -> [(name: String, value: String)] {
        text.split(separator: "\u{1E}").map { fact in
            let parts = fact.split(separator: "\u{1F}", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
        }
    }

    private static func difference(
        _ theirs: [(name: String, value: String)], _ ours: [(name: String, value: String)], rank: Int
    ) -> String {
        let here = Dictionary(ours) { first, _ in first }, there = Dictionary(theirs) { first, _ in first }
        for name in ours.map(\.name) + theirs.map(\.name) where here[name] != there[name] {
            return "\(name) is \(there[name].map(short) ?? "absent") on rank \(rank) and "
                + "\(here[name].map(short) ?? "absent") on rank 0"
        }
        return "what decides the bits comes in another order on rank \(rank)"
    }

    private static func short(_ value: String) -> String { value.count > 200 ? value.prefix(200) + "..." : value }

    /// What of the program and the processor decides bits: version, executable, vector kernels.
    package static func programFacts(version: String) -> [(name: String, value: String)] {
        let program = (try? ContentHash.file("/proc/self/exe")) ?? "unknown"
        return [
            ("the program's version", version), ("the program's executable", program),
            ("the processor's vector kernels (0: 128 bits, 1: AVX2, 2: AVX-512)", String(Vectors.level)),
        ]
    }
}
