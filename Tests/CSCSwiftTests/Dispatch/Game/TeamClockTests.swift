import CSCSwift
import Testing

@Suite("Team clock")
struct TeamClockTests {
    /// The work that members with these arrivals have done by `time`.
    static func work(_ arrivals: [Double], by time: Double) -> Double {
        arrivals.reduce(0) { $0 + max(0, time - $1) }
    }

    @Test("a team finishes when the sum of its members' minutes reaches the workload")
    func random() {
        var stream = RandomStream(seed: 3, purpose: .test)
        for _ in 0..<5_000 {
            let workload = stream.uniform(0.01, 60)
            let arrivals = (0..<1 + stream.index(below: 7)).map { _ in (stream.uniform(-20, 60) * 4).rounded() / 4 }
            var sorted: [Double] = []
            for time in arrivals { TeamClock.insert(time, into: &sorted) }
            #expect(sorted == arrivals.sorted())
            let end = TeamClock.finish(workload, sorted, count: sorted.count)
            #expect(abs(Self.work(arrivals, by: end) - workload) < 1e-9)
            #expect(Self.work(arrivals, by: end - 1e-6) < workload)
            // Walked over a sequence, and for two, it says the same to the bit.
            var at = 0
            let walked = TeamClock.finish(workload) {
                defer { at += 1 }
                return at < sorted.count ? sorted[at] : .infinity
            }
            #expect(walked == end)
            if arrivals.count == 2 { #expect(TeamClock.finish(workload, arrivals[0], arrivals[1]) == end) }
        }
    }

    @Test("nobody never finishes; who comes after the end changes nothing")
    func corners() {
        #expect(TeamClock.finish(10, [], count: 0) == .infinity)
        #expect(TeamClock(workload: 10).end == .infinity)
        #expect(TeamClock.finish(10, [5, 15, 15.5], count: 3) == 15)
        #expect(TeamClock.finish(10, [5, 14, 40], count: 3) == 14.5)
        #expect(TeamClock.finish(10, 40, 5) == 15)
        #expect(TeamClock.finish(10, .infinity, 5) == 15)
    }
}
