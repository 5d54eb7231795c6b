/// When a team finishes a task: arrivals in, completion out. The one place where this is worked out.
///
/// Each member does one unit of work per minute from its arrival on. A team with arrivals a_1 <= a_2 <= ... has done
/// `sum max(0, t - a_i)` by time t, so with the first k members present the work is finished at
/// `(workload + a_1 + ... + a_k) / k`, provided that the next member does not come before. Exact; O(1) an arrival.
///
///     var clock = TeamClock(workload: 40)
///     clock.arrive(5)
///     clock.arrive(9)
///     clock.end        // 27
///
/// Arrivals are given in rising order. Times are minutes on any clock, work is worker-minutes.
package struct TeamClock: Sendable {
    private let workload: Double
    private var present = 0.0
    private var arrivals = 0.0

    /// A clock of a task with so much work, before anybody has come.
    @inline(__always) package init(workload: Double) { self.workload = workload }

    /// One more member, who arrives at `time`. O(1).
    @inline(__always) package mutating func arrive(_ time: Double) {
        present += 1
        arrivals += time
    }

    /// When those present finish, if nobody else comes; infinite without anybody. O(1).
    @inline(__always) package var end: Double { present > 0 ? (workload + arrivals) / present : .infinity }

    /// The end, if those present finish no later than at `next`, when the next one arrives (infinite: nobody will);
    /// nil if the next one still counts. O(1).
    @inline(__always) package func end(before next: Double) -> Double? {
        if present > 0 {
            let end = (workload + arrivals) / present
            return end <= next ? end : nil
        }
        return next == .infinity ? .infinity : nil
    }

    /// When `workload` is done by members who arrive at the times that `next` gives in rising order, then infinity for
    /// ever. Infinite without anybody. O(team).
    @inline(__always) package static func finish(_ workload: Double, next: () -> Double) -> Double {
        var clock = TeamClock(workload: workload)
        while true {
            let time = next()
            if let end = clock.end(before: time) { return end }
            clock.arrive(time)
        }
    }

    /// When the first `count` of these sorted arrivals do `workload`; infinite with none. O(count).
    @inline(__always) package static func finish(_ workload: Double, _ sorted: [Double], count: Int) -> Double {
        var clock = TeamClock(workload: workload)
        for at in 0..<count {
            if let end = clock.end(before: sorted[at]) { return end }
            clock.arrive(sorted[at])
        }
        return clock.end
    }

    /// When one member alone does `workload`. O(1).
    @inline(__always) package static func finish(_ workload: Double, alone arrival: Double) -> Double {
        arrival + workload
    }

    /// When two members, in any order, do `workload`. O(1).
    @inline(__always) package static func finish(_ workload: Double, _ first: Double, _ second: Double) -> Double {
        var clock = TeamClock(workload: workload)
        let later = max(first, second)
        clock.arrive(min(first, second))
        if let end = clock.end(before: later) { return end }
        clock.arrive(later)
        return clock.end
    }

    /// Puts an arrival into a sorted list. O(list).
    @inline(__always) package static func insert(_ time: Double, into sorted: inout [Double]) {
        var place = sorted.count
        sorted.append(time)
        while place > 0 && sorted[place - 1] > time {
            sorted[place] = sorted[place - 1]
            place -= 1
        }
        sorted[place] = time
    }
}
