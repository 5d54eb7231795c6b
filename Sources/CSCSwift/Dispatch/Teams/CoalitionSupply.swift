/// Who could help in a window: idle workers first, then those who become free soon, as columns.
struct Supply {
    var worker: [Int32] = []
    var idleCount = 0
    /// When the worker can leave: now, or when its task ends.
    var free: [Double] = []
    var taken: [Bool] = []
    private var x: [Double] = []
    private var y: [Double] = []
    private var pace: [Double] = []
    private var reach: [Double] = []
    private var skills: [UInt64] = []
    private let index = SpatialIndex()
    private var now = 0.0
    /// The highest speed (km/min) and the longest reach (km): nobody farther away than these allow can come.
    private var fastest = 0.0
    private var widest = 0.0
    private var nearRow = [Int32](repeating: 0, count: 128)
    private var nearDistance = [Double](repeating: 0, count: 128)

    var count: Int { worker.count }

    /// Lists the idle workers, and the busy ones whose task ends within `lookahead` minutes and before their shift
    /// does. O(workers).
    mutating func fill(_ state: borrowing GameState, lookahead: Double) {
        worker.removeAll(keepingCapacity: true)
        free.removeAll(keepingCapacity: true)
        x.removeAll(keepingCapacity: true)
        y.removeAll(keepingCapacity: true)
        pace.removeAll(keepingCapacity: true)
        reach.removeAll(keepingCapacity: true)
        skills.removeAll(keepingCapacity: true)
        for position in state.idle.indices {
            let who = Int(state.idle[position])
            if state.workerTask[who] < 0 {
                append(who, x: state.workerX[who], y: state.workerY[who], free: state.now, state)
            }
        }
        idleCount = worker.count
        now = state.now
        if lookahead > 0 {
            for position in state.open.indices {
                let task = Int(state.open[position])
                let end = min(state.completion[task], state.tasks[task].deadlineTime)
                if end > state.now + lookahead { continue }
                // Whoever is freed inside a window leaves at its end.
                let free = (end / state.options.window).rounded(.up) * state.options.window
                var node = state.teamHead[task]
                while node >= 0 {
                    if free < state.workers[Int(node)].shiftEnd {
                        append(Int(node), x: state.tasks[task].x, y: state.tasks[task].y, free: free, state)
                    }
                    node = state.teamNext[Int(node)]
                }
            }
        }
        refill(&taken, worker.count, false)
        index.removeAll()
        if worker.count > SpatialIndex.scanLimit && !state.isExtended {
            fastest = 0
            widest = 0
            for row in worker.indices {
                index.append(x: x[row], y: y[row], skills: skills[row])
                fastest = max(fastest, 1 / pace[row])
                widest = max(widest, reach[row])
            }
            index.build()
        }
    }

    private mutating func append(_ who: Int, x: Double, y: Double, free: Double, _ state: borrowing GameState) {
        worker.append(Int32(who))
        self.x.append(x)
        self.y.append(y)
        self.free.append(free)
        pace.append(1 / state.workers[who].speed)
        reach.append(state.workers[who].reach)
        skills.append(state.workers[who].skills.rawValue)
    }

    /// Takes a worker out for the rest of the window. O(1).
    mutating func take(_ row: Int) {
        taken[row] = true
        if index.count > 0 { index.setLatest(row, -.infinity) }
    }

    /// The `room` earliest to arrive at the task among those who are qualified, within reach, not taken, and there
    /// before `before`: rows and arrivals from `base` on, in order of arrival; returns how many. O(supply), or by the
    /// grid, where they are the earliest among the 2 * room nearest.
    mutating func earliest(
        _ task: SpatialTask, before: Double, room: Int, into matrix: inout HelperMatrix, base: Int
    ) -> Int {
        let bit: UInt64 = 1 << UInt64(task.skill)
        var found = 0
        if room <= 0 { return 0 }
        let indexed = index.count > 0
        let candidates =
            indexed
            ? index.nearest(
                2 * room, x: task.x, y: task.y, skills: bit, reach: min(widest, (before - now) * fastest * 1.000001),
                speed: 1, now: 0, found: &nearRow, distances: &nearDistance)
            : worker.count
        for position in 0..<candidates {
            let row = indexed ? Int(nearRow[position]) : position
            if skills[row] & bit == 0 || taken[row] { continue }
            let distance = abs(x[row] - task.x) + abs(y[row] - task.y)
            let time = free[row] + distance * pace[row]
            if time >= before || distance > reach[row] { continue }
            if found == room && time >= matrix.arrival[base + found - 1] { continue }
            var place = base + (found < room ? found : found - 1)
            while place > base && matrix.arrival[place - 1] > time {
                matrix.arrival[place] = matrix.arrival[place - 1]
                matrix.row[place] = matrix.row[place - 1]
                place -= 1
            }
            matrix.arrival[place] = time
            matrix.row[place] = Int32(row)
            if found < room { found += 1 }
        }
        return found
    }

    /// As above in an extended game: by its ways, pairs and breaks; of a task with roles first those who fill them, then
    /// the others, each in order of arrival. O(supply log supply).
    mutating func earliest(
        extended task: Int, before: Double, room: Int, into matrix: inout HelperMatrix, base: Int,
        _ state: borrowing GameState
    ) -> Int {
        if room <= 0 { return 0 }
        let roles = state.roles(task)
        let mask = roles?.skills.rawValue ?? state.skillMask(task)
        var able: [(arrival: Double, row: Int32)] = []
        for row in worker.indices where skills[row] & mask != 0 && !taken[row] {
            let who = Int(worker[row])
            let way = state.way(who, task, at: free[row])
            let time = free[row] + way * pace[row]
            if way <= reach[row] && time < before && state.mayJoin(who, task, arrival: time) {
                able.append((time, Int32(row)))
            }
        }
        able.sort { ($0.arrival, $0.row) < ($1.arrival, $1.row) }
        if let roles {
            let first = roles.chosen(from: able.lazy.map { [skills] in skills[Int($0.row)] }, beside: state.team(task))
            let others = able.indices.filter { !first.contains($0) }
            able = (first + others).map { able[$0] }
        }
        let found = min(room, able.count)
        for at in 0..<found {
            matrix.arrival[base + at] = able[at].arrival
            matrix.row[base + at] = able[at].row
        }
        return found
    }
}

/// The helpers of each open task, `limit` to a row.
struct HelperMatrix {
    var count: [Int32] = []
    var bestSize: [Int32] = []
    var version: [Int32] = []
    var row: [Int32] = []
    var arrival: [Double] = []
    var price: [Double] = []
    var key: [Double] = []

    mutating func reset(tasks: Int, limit: Int) {
        refill(&count, tasks, 0)
        refill(&bestSize, tasks, 0)
        refill(&version, tasks, 0)
        if row.count < tasks * limit {
            refill(&row, 2 * tasks * limit, 0)
            refill(&arrival, 2 * tasks * limit, 0)
            refill(&price, 2 * tasks * limit, 0)
            refill(&key, 2 * tasks * limit, 0)
        }
    }

    /// Sorts a row by key (insertion sort, stable).
    mutating func sort(_ base: Int, _ count: Int) {
        for at in (base + 1)..<(base + count) {
            var place = at
            while place > base && key[place - 1] > key[place] {
                key.swapAt(place, place - 1)
                row.swapAt(place, place - 1)
                arrival.swapAt(place, place - 1)
                price.swapAt(place, place - 1)
                place -= 1
            }
        }
    }
}

/// Who wants whom: for each member of the supply, the offers that it is part of. An offer is known by its slot and
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
