import CSCSwift
import Foundation
import Testing

@Suite("Dispatch documents: plans")
struct DispatchPlanTests {
    static let isSlow = ProcessInfo.processInfo.environment["CAFE_SLOW_TESTS"] == "1"

    /// A request as another program would send it, and its plan as that would read it.
    static func ask(_ request: DispatchRequest, _ desk: DispatchDesk) throws -> (DispatchRequest, DispatchPlan) {
        let sent = try JSONEncoder().encode(request)
        let read = try DispatchRequest(json: [UInt8](sent))
        let plan = try desk.plan(read)
        let answer = try JSONDecoder().decode(DispatchPlan.self, from: Data(plan.json.line.utf8))
        return (read, answer)
    }

    @Test("a request that names no policy is decided by the one policy for every city")
    func usualPolicy() throws {
        #expect(DispatchDesk.defaultPolicy == "cafe")
        let desk = DispatchDesk()
        var moments = RandomMoments(seed: 21)
        for _ in 0..<20 {
            var request = moments.next()
            request.policy = nil
            let plan = try desk.plan(request)
            request.policy = "cafe"
            #expect(try desk.plan(request).json.line == plan.json.line)
        }
    }

    @Test("random moments: no rule is broken and every reason is the true one")
    func moments() throws {
        let desk = DispatchDesk()
        var moments = RandomMoments(seed: 11)
        var reasons: Set<String> = []
        var sent = 0
        for number in 0..<(Self.isSlow ? 10_000 : 700) {
            let request = moments.next()
            let (read, plan) = try Self.ask(request, desk)
            #expect(read == request, "moment \(number)")
            var checker = PlanChecker(request, plan)
            let faults = checker.run()
            #expect(faults.isEmpty, "moment \(number)")
            #expect(try desk.check(plan, against: request).isEmpty, "moment \(number)")
            for entry in plan.unassigned { reasons.insert(entry.reason!.rawValue) }
            for entry in plan.idle { reasons.insert(entry.reason!.rawValue) }
            sent += plan.assignments.count { !$0.kept }
            if !faults.isEmpty { return }
        }
        #expect(sent > 500)
        let all = DispatchPlan.TaskReason.allCases.map(\.rawValue) + DispatchPlan.WorkerReason.allCases.map(\.rawValue)
        #expect(reasons == Set(all))
    }

    @Test("a day rolled minute by minute with each plan as the next promises: nothing is refused, nothing locked moves")
    func promises() throws {
        let desk = DispatchDesk()
        var stream = RandomStream(seed: 5, purpose: .test)
        var finished = 0
        for day in 0..<(Self.isSlow ? 1000 : 12) {
            var rolled = RolledDay(day, &stream)
            for _ in 0..<60 {
                let request = rolled.request
                let (_, plan) = try Self.ask(request, desk)
                for promise in request.commitments ?? [] where rolled.isOpen(promise.task) {
                    let kept = plan.assignments.first { $0.worker == promise.worker }
                    let isOver = plan.notes.contains { $0.contains("'\(promise.task)'") }
                    if isOver { continue }
                    #expect(kept?.task == promise.task && kept?.kept == true, "day \(day), minute \(rolled.minute)")
                    let moved = abs((kept?.arrival?.value ?? .infinity) - promise.arrival!.value)
                    #expect(moved < 1e-5, "day \(day), minute \(rolled.minute)")
                }
                rolled.follow(plan)
            }
            finished += rolled.finished
        }
        #expect(finished > 50)
    }

    @Test("among many workers the same ones are found by their places and by a table of the same ways")
    func manyWorkers() throws {
        var stream = RandomStream(seed: 8, purpose: .test)
        func place() -> [Double] { [40 * stream.unit(), 40 * stream.unit()] }
        var request = DispatchRequest(now: .minutes(0), workers: [], tasks: [])
        for number in 0..<1100 {
            var worker = DispatchRequest.Worker(id: "w\(number)", skills: [number % 3 == 0 ? "a" : "b"])
            (worker.xy, worker.speed, worker.reach) = (place(), 60, 3 + 6 * stream.unit())
            worker.shift = [.minutes(-5), .minutes(40 + 200 * stream.unit())]
            request.workers.append(worker)
        }
        for number in 0..<80 {
            var task = DispatchRequest.Task(id: "t\(number)", workload: 10 + 20 * stream.unit())
            (task.xy, task.skill, task.pay, task.maxTeam) = (place(), number % 2 == 0 ? "a" : "b", 5, 3)
            (task.expected, task.penalty) = (.minutes(12 + 20 * stream.unit()), 0.1)
            task.deadline = .minutes(45)
            request.tasks.append(task)
        }
        let byPlace = try DispatchDesk().plan(request)
        let places = request.workers.map { $0.xy! } + request.tasks.map { $0.xy! }
        var table = request
        for number in table.workers.indices { table.workers[number].index = number }
        for number in table.tasks.indices { table.tasks[number].index = 1100 + number }
        table.travel = DispatchRequest.Travel()
        table.travel?.durations = places.map { a in places.map { b in abs(a[0] - b[0]) + abs(a[1] - b[1]) } }
        let byTable = try DispatchDesk().plan(table)
        #expect(byPlace.assignments.count > 80)
        #expect(byPlace.assignments == byTable.assignments)
        #expect(byPlace.tasks == byTable.tasks)
    }

    /// A service's own book of a day of the simulator's city.
    struct RolledDay {
        let instance: Instance
        let policy: String
        let hasDates: Bool
        var minute = 0
        var promises: [DispatchRequest.Commitment] = []
        var gone: Set<Int> = []
        var place: [(Double, Double)]
        var finished = 0

        init(_ day: Int, _ stream: inout RandomStream) {
            instance = Scenario.chengdu.instance(
                tasks: 10 + stream.index(below: 40), workers: 3 + stream.index(below: 15), seed: 9,
                episode: EpisodeRange.evaluation[day])
            policy = day % 2 == 0 ? "cafe-chengdu" : "coalition"
            hasDates = day % 3 == 0
            place = instance.workers.map { ($0.x, $0.y) }
        }

        func time(_ minutes: Double) -> PlanTime {
            hasDates ? .moment(29_000_000 + minutes, zone: -300) : .minutes(minutes)
        }

        func isOpen(_ id: String) -> Bool { !gone.contains(Int(id.dropFirst())!) }

        var request: DispatchRequest {
            var request = DispatchRequest(now: time(Double(minute)), workers: [], tasks: [])
            request.policy = policy
            for (number, worker) in instance.workers.enumerated() {
                var entry = DispatchRequest.Worker(id: "w\(number)", skills: worker.skills.skills.map { "s\($0)" })
                entry.xy = [place[number].0, place[number].1]
                (entry.speed, entry.reach) = (worker.speed * 60, worker.reach)
                entry.shift = [time(worker.shiftStart), time(worker.shiftEnd)]
                request.workers.append(entry)
            }
            for (number, task) in instance.tasks.enumerated()
            where task.release <= Double(minute) + 5 && !gone.contains(number) {
                var entry = DispatchRequest.Task(id: "t\(number)", workload: task.workload)
                entry.xy = [task.x, task.y]
                (entry.skill, entry.pay, entry.penalty) = ("s\(task.skill)", task.pay, task.penaltyRate)
                (entry.release, entry.expected) = (time(task.release), time(task.expectedTime))
                entry.deadline = time(task.deadlineTime)
                request.tasks.append(entry)
            }
            request.commitments = promises
            return request
        }

        /// Takes the plan over; tasks that the plan calls over leave the book, and their people stand there.
        mutating func follow(_ plan: DispatchPlan) {
            let over = promises.filter { promise in plan.notes.contains { $0.contains("'\(promise.task)'") } }
            for promise in over {
                let task = Int(promise.task.dropFirst())!
                if gone.insert(task).inserted { finished += 1 }
                place[Int(promise.worker.dropFirst())!] = (instance.tasks[task].x, instance.tasks[task].y)
            }
            promises = plan.assignments.filter { isOpen($0.task) }.map {
                .init(worker: $0.worker, task: $0.task, arrival: $0.arrival, locked: true)
            }
            minute += 1
        }
    }

    static func plan(_ json: String) throws -> DispatchPlan {
        try DispatchDesk().plan(DispatchRequest(json: Array(json.utf8)))
    }

    @Test("together begins when the last role comes; any begins with the first; both end only with every role")
    func roles() throws {
        func completion(_ start: String) throws -> Double? {
            let plan = try Self.plan(
                """
                {"now": 0, "policy": "coalition", "workers": [
                  {"id": "near", "xy": [0, 0], "skills": ["a"], "speed_kmh": 60},
                  {"id": "far", "xy": [10, 0], "skills": ["b"], "speed_kmh": 60}],
                 "tasks": [{"id": "t", "xy": [0, 0], "roles": [{"skill": "a"}, {"skill": "b", "count": 1}],
                            "start": "\(start)", "workload_min": 12, "deadline": 60, "pay": 50}]}
                """)
            #expect(plan.tasks.first?.team == ["near", "far"])
            return plan.tasks.first?.completion?.value
        }
        #expect(try completion("together") == 16)  // both from minute 10 on
        #expect(try completion("any") == 11)  // 10 minutes alone, then one more minute of two
    }

    @Test("what must be done comes before what pays")
    func must() throws {
        func served(_ must: Bool) throws -> String? {
            try Self.plan(
                """
                {"now": 0, "policy": "coalition", "workers": [{"id": "w", "xy": [0, 0]}],
                 "tasks": [{"id": "rich", "xy": [0, 0], "workload_min": 5, "deadline": 60, "pay": 100},
                           {"id": "poor", "xy": [1, 0], "workload_min": 5, "deadline": 60, "pay": 0, "must": \(must)}]}
                """
            ).assignments.first?.task
        }
        #expect(try served(true) == "poor")
        #expect(try served(false) == "rich")
    }

    @Test("a promise that is not locked may be changed on the road; one that is stays")
    func locked() throws {
        func served(_ locked: Bool) throws -> [String] {
            try Self.plan(
                """
                {"now": 0, "policy": "coalition", "workers": [{"id": "w", "xy": [0, 0]}],
                 "tasks": [{"id": "rich", "xy": [0, 0], "workload_min": 5, "deadline": 60, "pay": 100},
                           {"id": "poor", "xy": [5, 0], "workload_min": 5, "deadline": 60, "pay": 1}],
                 "commitments": [{"worker": "w", "task": "poor", "arrival": 12, "locked": \(locked)}]}
                """
            ).assignments.map { $0.task + ($0.kept ? " kept" : "") }
        }
        #expect(try served(true) == ["poor kept"])
        #expect(try served(false) == ["rich"])
    }

    @Test("a check names each rule that a plan breaks")
    func check() throws {
        let request = try DispatchRequest(
            json: Array(
                """
                {"now": 100, "workers": [
                  {"id": "a", "xy": [0, 0], "skills": ["x"], "reach_km": 1},
                  {"id": "b", "xy": [0, 0], "skills": ["y"], "shift": [0, 50]},
                  {"id": "c", "xy": [0, 0], "skills": ["x"], "breaks": [[90, 110]]},
                  {"id": "d", "xy": [0, 0], "skills": ["x"]}, {"id": "e", "xy": [0, 0], "skills": ["x"]}],
                 "tasks": [{"id": "t", "xy": [3, 0], "skill": "x", "workload_min": 5, "deadline": 103, "max_team": 2},
                           {"id": "later", "xy": [0, 0], "workload_min": 5, "release": 130}],
                 "forbidden": [{"worker": "d", "task": "t"}], "declined": [{"worker": "d", "task": "later"}],
                 "commitments": [{"worker": "e", "task": "t", "arrival": 99}]}
                """.utf8))
        let plan = try DispatchPlan(
            json: Array(
                """
                {"assignments": [{"worker": "a", "task": "t"}, {"worker": "b", "task": "t"},
                  {"worker": "c", "task": "t"}, {"worker": "d", "task": "t"}, {"worker": "d", "task": "later"},
                  {"worker": "e", "task": "later"}, {"worker": "z", "task": "t"}, {"worker": "a", "task": "no"}]}
                """.utf8))
        let found = Set(try DispatchDesk().check(plan, against: request).map { "\($0.worker) \($0.rule.rawValue)" })
        for wanted in [
            "a REACH", "a DEADLINE", "b SKILL", "b SHIFT", "c BREAK", "d FORBIDDEN", "d TEAM_SIZE", "d ASSIGNED_TWICE",
            "e LOCKED", "z UNKNOWN_WORKER", "a UNKNOWN_TASK",
        ] {
            #expect(found.contains(wanted), "\(wanted) of \(found.sorted())")
        }
    }

    @Test("a recommendation lists workers and teams by what they earn beyond their time")
    func recommend() throws {
        let request = try DispatchRequest(
            json: Array(
                """
                {"now": 0, "workers": [{"id": "near", "xy": [0, 1]}, {"id": "far", "xy": [0, 9]},
                  {"id": "busy", "xy": [0, 0]}], "commitments": [{"worker": "busy", "task": "u", "arrival": 1}],
                 "tasks": [{"id": "t", "xy": [0, 0], "workload_min": 10, "deadline": 60, "pay": 20, "penalty_per_min": 0.1,
                            "expected_by": 5}, {"id": "u", "xy": [0, 0], "workload_min": 90, "deadline": 99}]}
                """.utf8))
        let advice = try DispatchDesk().recommend("t", count: 3, in: request)
        #expect(
            advice.options.map(\.team) == [["near"], ["near", "far"], ["far"]] || advice.options.first?.team == ["near"]
        )
        #expect(advice.options.count == 3)
        #expect(advice.options.map(\.net) == advice.options.map(\.net).sorted(by: >))
        let first = try #require(advice.options.first)
        #expect(abs(first.completion.value - (10 + 60.0 / 25)) < 1e-9)
        #expect(throws: DispatchFault.self) { try DispatchDesk().recommend("tt", in: request) }
    }
}
