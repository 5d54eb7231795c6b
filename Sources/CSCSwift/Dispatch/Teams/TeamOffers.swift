/// Who wants whom: for each slot of the supply, the offers that it is part of. An offer is known by its slot and
/// version; those out of date are skipped, as in the heap. So what taking a team costs does not depend on how many
/// offers there are.
struct WantLists {
    private var head: [Int32] = []
    private var next: [Int32] = []
    private var slot: [Int32] = []
    private var version: [Int32] = []

    /// Forgets all offers. O(members).
    mutating func reset(members: Int) {
        refill(&head, members, -1)
        next.removeAll(keepingCapacity: true)
        slot.removeAll(keepingCapacity: true)
        version.removeAll(keepingCapacity: true)
    }

    /// Notes that an offer wants `member`. Amortised O(1).
    mutating func add(member: Int, slot offer: Int, version number: Int32) {
        next.append(head[member])
        head[member] = Int32(slot.count)
        slot.append(Int32(offer))
        version.append(number)
    }

    /// Appends the slots of the offers that want `member` and are up to date to `found`. O(offers that ever wanted it).
    func wanting(_ member: Int, versions: [Int32], into found: inout [Int32]) {
        var node = Int(head[member])
        while node >= 0 {
            if versions[Int(slot[node])] == version[node] { found.append(slot[node]) }
            node = Int(next[node])
        }
    }
}

/// The offers, best rank first (lower slot first among equals); an offer whose version is out of date is skipped.
struct OfferHeap {
    private struct Entry {
        var rank: Double
        var slot: Int32
        var version: Int32

        func precedes(_ other: Entry) -> Bool { rank != other.rank ? rank > other.rank : slot < other.slot }
    }
    private var entries: [Entry] = []

    mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

    /// O(log n).
    mutating func push(rank: Double, slot: Int, version: Int32) {
        entries.append(Entry(rank: rank, slot: Int32(slot), version: version))
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if !entries[child].precedes(entries[parent]) { break }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    /// The slot of the best offer that is up to date, taken off, or nil. O(log n) for each skipped.
    mutating func pop(versions: [Int32]) -> Int? {
        while let top = entries.first {
            let last = entries.removeLast()
            if !entries.isEmpty {
                entries[0] = last
                sink()
            }
            if versions[Int(top.slot)] == top.version { return Int(top.slot) }
        }
        return nil
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var child = 2 * parent + 1
            if child >= entries.count { return }
            if child + 1 < entries.count && entries[child + 1].precedes(entries[child]) { child += 1 }
            if !entries[child].precedes(entries[parent]) { return }
            entries.swapAt(child, parent)
            parent = child
        }
    }
}
