extension DispatchRequest {
    private typealias Fault = JSONCursor.Fault
    /// Workers and tasks of one document; what is larger is refused.
    public static let largest = 1_000_000
    private static let topFields = JSONCursor.Fields(CodingKeys.allCases.map(\.rawValue) + ["plan"])
    private static let workerFields = JSONCursor.Fields(Worker.CodingKeys.allCases.map(\.rawValue))
    private static let taskFields = JSONCursor.Fields(Task.CodingKeys.allCases.map(\.rawValue))
    private static let roleFields = JSONCursor.Fields(Role.CodingKeys.allCases.map(\.rawValue))
    private static let commitmentFields = JSONCursor.Fields(Commitment.CodingKeys.allCases.map(\.rawValue))
    private static let pairFields = JSONCursor.Fields(Pair.CodingKeys.allCases.map(\.rawValue))
    private static let travelFields = JSONCursor.Fields(Travel.CodingKeys.allCases.map(\.rawValue))
    private static let dayFields = JSONCursor.Fields(Day.CodingKeys.allCases.map(\.rawValue))

    /// Reads a document strictly: every fault is named by its path. O(bytes).
    ///
    /// - Throws: `JSONCursor.Fault`: bad JSON, an unknown field (with the nearest known name), a value of the wrong kind
    ///   or out of range, a missing field. Ids and what they refer to are checked by `DispatchDesk`.
    public init(json bytes: [UInt8]) throws(JSONCursor.Fault) {
        var cursor = try JSONCursor(bytes)
        var plan: DispatchPlan?
        try self.init(&cursor, plan: &plan)
        try cursor.end()
        if plan != nil { throw Fault(path: "plan", reason: "a plan belongs to a question that is checked") }
    }

    /// Reads a document that may hold a plan beside the request: what `dispatch --check` takes. O(bytes).
    /// - Throws: as `init(json:)`.
    public static func withPlan(json bytes: [UInt8]) throws(JSONCursor.Fault) -> (DispatchRequest, DispatchPlan?) {
        var cursor = try JSONCursor(bytes)
        var plan: DispatchPlan?
        let request = try DispatchRequest(&cursor, plan: &plan)
        try cursor.end()
        return (request, plan)
    }

    /// Reads a request inside another document.
    init(part cursor: inout JSONCursor) throws(JSONCursor.Fault) {
        var plan: DispatchPlan?
        try self.init(&cursor, plan: &plan)
    }

    private init(_ cursor: inout JSONCursor, plan: inout DispatchPlan?) throws(JSONCursor.Fault) {
        self.init(now: .minutes(0), workers: [], tasks: [])
        let keys = CodingKeys.allCases
        let seen = try cursor.object(Self.topFields) { (cursor, number) throws(JSONCursor.Fault) in
            if number == keys.count {
                plan = try DispatchPlan(&cursor)
                return
            }
            switch keys[number] {
            case .now: now = try Self.time(&cursor)
            case .policy: policy = try Self.text(&cursor)
            case .seed: seed = try cursor.integer(0...(1 << 53))
            case .explain: explain = try cursor.bool()
            case .workers:
                workers = try Self.list(&cursor) { (cursor) throws(JSONCursor.Fault) in try Self.worker(&cursor) }
            case .tasks: tasks = try Self.list(&cursor) { (cursor) throws(JSONCursor.Fault) in try Self.task(&cursor) }
            case .commitments:
                commitments = try Self.list(&cursor) { (cursor) throws(JSONCursor.Fault) in try Self.commitment(&cursor)
                }
            case .forbidden:
                forbidden = try Self.list(&cursor) { (cursor) throws(JSONCursor.Fault) in try Self.pair(&cursor) }
            case .declined:
                declined = try Self.list(&cursor) { (cursor) throws(JSONCursor.Fault) in try Self.pair(&cursor) }
            case .travel: travel = try Self.travel(&cursor)
            case .day: day = try Self.day(&cursor)
            }
        }
        for key in [CodingKeys.now, .workers, .tasks] {
            if seen >> UInt64(keys.firstIndex(of: key)!) & 1 == 0 {
                throw Fault(path: key.rawValue, reason: "is missing")
            }
        }
    }

    // MARK: Parts

    private static func list<Element>(
        _ cursor: inout JSONCursor, _ element: (inout JSONCursor) throws(JSONCursor.Fault) -> Element
    ) throws(JSONCursor.Fault) -> [Element] {
        var list: [Element] = []
        try cursor.array { (cursor, number) throws(JSONCursor.Fault) in
            if number == largest { throw cursor.fault("more than \(largest) are not taken") }
            list.append(try element(&cursor))
        }
        return list
    }

    static func time(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> PlanTime {
        if try cursor.isString() {
            let text = try cursor.string()
            guard let time = PlanTime(iso: text) else {
                throw cursor.fault(
                    "\(text.prefix(60)) is not a time; minutes or a date such as 2026-11-30T10:05:00+08:00 is wanted")
            }
            return time
        }
        let value = try cursor.number()
        guard abs(value) <= PlanTime.limit else {
            throw cursor.fault("\(value) is not a time: times are minutes, at most 1e9; a date is written as text")
        }
        return .minutes(value)
    }

    static func text(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> String {
        let text = try cursor.string()
        if text.isEmpty { throw cursor.fault("is empty") }
        if text.utf8.count > 10_000 { throw cursor.fault("is longer than 10000 bytes") }
        return text
    }

    private static func pairOfNumbers(
        _ cursor: inout JSONCursor, _ what: String, _ limits: (Double, Double)
    ) throws(JSONCursor.Fault) -> [Double] {
        let numbers = try list(&cursor) { (cursor) throws(JSONCursor.Fault) in try cursor.number() }
        guard numbers.count == 2 else { throw cursor.fault("\(what) are wanted, \(numbers.count) numbers stand there") }
        guard abs(numbers[0]) <= limits.0, abs(numbers[1]) <= limits.1 else {
            throw cursor.fault("[\(numbers[0]), \(numbers[1])] is beyond \(what)")
        }
        return numbers
    }

    static func location(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> [Double] {
        try pairOfNumbers(&cursor, "longitude (-180 to 180) and latitude (-90 to 90)", (180, 90))
    }

    static func xy(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> [Double] {
        try pairOfNumbers(&cursor, "x and y in km (at most 100000)", (1e5, 1e5))
    }

    private static func number(
        _ cursor: inout JSONCursor, _ range: ClosedRange<Double>, open: Bool = false
    ) throws(JSONCursor.Fault) -> Double {
        let value = try cursor.number()
        guard range.contains(value), !(open && value == range.lowerBound) else {
            throw cursor.fault(
                "\(value) is not \(open ? "above" : "at least") \(range.lowerBound) and at most \(range.upperBound)")
        }
        return value
    }

    private static func span(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> [PlanTime] {
        let times = try list(&cursor) { (cursor) throws(JSONCursor.Fault) in try time(&cursor) }
        guard times.count == 2 else { throw cursor.fault("two times are wanted, \(times.count) stand there") }
        guard times[0].isKin(of: times[1]) else { throw cursor.fault("times are all minutes or all dates") }
        guard times[0].value <= times[1].value else {
            throw cursor.fault("\(times[1].text) comes before \(times[0].text)")
        }
        return times
    }

    /// Reads a worker; `beside` are fields of the same object that the caller has read.
    static func worker(_ cursor: inout JSONCursor, beside: [String] = []) throws(JSONCursor.Fault) -> Worker {
        var worker = Worker(id: "")
        let keys = Worker.CodingKeys.allCases
        let fields = beside.isEmpty ? workerFields : JSONCursor.Fields(workerFields.names + beside)
        try cursor.object(fields) { (cursor, number) throws(JSONCursor.Fault) in
            guard number < keys.count else { return try cursor.skipValue() }
            switch keys[number] {
            case .id: worker.id = try text(&cursor)
            case .location: worker.location = try location(&cursor)
            case .xy: worker.xy = try xy(&cursor)
            case .index: worker.index = try cursor.integer(0...TravelTable.mostPlaces)
            case .skills: worker.skills = try list(&cursor) { (cursor) throws(JSONCursor.Fault) in try text(&cursor) }
            case .speed: worker.speed = try Self.number(&cursor, 0...1e5, open: true)
            case .reach: worker.reach = try Self.number(&cursor, 0...1e6)
            case .shift: worker.shift = try span(&cursor)
            case .breaks: worker.breaks = try list(&cursor) { (cursor) throws(JSONCursor.Fault) in try span(&cursor) }
            }
        }
        if worker.id.isEmpty { throw cursor.fault(at: "id", "is missing") }
        return worker
    }

    /// Reads a task; `beside` are fields of the same object that the caller has read.
    static func task(_ cursor: inout JSONCursor, beside: [String] = []) throws(JSONCursor.Fault) -> Task {
        var task = Task(id: "", workload: 0)
        let keys = Task.CodingKeys.allCases
        let fields = beside.isEmpty ? taskFields : JSONCursor.Fields(taskFields.names + beside)
        try cursor.object(fields) { (cursor, number) throws(JSONCursor.Fault) in
            guard number < keys.count else { return try cursor.skipValue() }
            switch keys[number] {
            case .id: task.id = try text(&cursor)
            case .location: task.location = try location(&cursor)
            case .xy: task.xy = try xy(&cursor)
            case .index: task.index = try cursor.integer(0...TravelTable.mostPlaces)
            case .release: task.release = try time(&cursor)
            case .skill: task.skill = try text(&cursor)
            case .roles: task.roles = try list(&cursor) { (cursor) throws(JSONCursor.Fault) in try role(&cursor) }
            case .start: task.start = try choice(&cursor)
            case .workload: task.workload = try Self.number(&cursor, 0...1e6, open: true)
            case .expected: task.expected = try time(&cursor)
            case .deadline: task.deadline = try time(&cursor)
            case .pay: task.pay = try Self.number(&cursor, 0...1e12)
            case .penalty: task.penalty = try Self.number(&cursor, 0...1e12)
            case .maxTeam: task.maxTeam = try cursor.integer(1...1_000_000)
            case .must: task.must = try cursor.bool()
            }
        }
        if task.id.isEmpty { throw cursor.fault(at: "id", "is missing") }
        if task.workload == 0 { throw cursor.fault(at: "workload_min", "is missing") }
        if let roles = task.roles {
            if task.skill != nil { throw cursor.fault(at: "skill", "a task has a skill or roles, not both") }
            if roles.isEmpty { throw cursor.fault(at: "roles", "is empty; leave it out where anybody may come") }
            let people = roles.reduce(0) { $0 + ($1.count ?? 1) }
            if people > TeamTerms.mostSeats {
                throw cursor.fault(
                    at: "roles", "\(people) people are more than the \(TeamTerms.mostSeats) that are taken")
            }
            if let cap = task.maxTeam, cap < people {
                throw cursor.fault(at: "max_team", "\(cap) is less than the \(people) people of its roles")
            }
        }
        return task
    }

    private static func role(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> Role {
        var role = Role(skill: "")
        let keys = Role.CodingKeys.allCases
        try cursor.object(roleFields) { (cursor, number) throws(JSONCursor.Fault) in
            switch keys[number] {
            case .skill: role.skill = try text(&cursor)
            case .count: role.count = try cursor.integer(1...TeamTerms.mostSeats)
            }
        }
        if role.skill.isEmpty { throw cursor.fault(at: "skill", "is missing") }
        return role
    }

    static func choice<Choice: RawRepresentable & CaseIterable>(
        _ cursor: inout JSONCursor
    ) throws(JSONCursor.Fault) -> Choice where Choice.RawValue == String {
        let text = try cursor.string()
        if let choice = Choice(rawValue: text) { return choice }
        let names = Choice.allCases.map(\.rawValue)
        throw cursor.fault(
            "'\(text.prefix(60))' is none of \(names.joined(separator: ", "))\(Spelling.hint(for: text, among: names))")
    }

    private static func commitment(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> Commitment {
        var commitment = Commitment(worker: "", task: "")
        let keys = Commitment.CodingKeys.allCases
        try cursor.object(commitmentFields) { (cursor, number) throws(JSONCursor.Fault) in
            switch keys[number] {
            case .worker: commitment.worker = try text(&cursor)
            case .task: commitment.task = try text(&cursor)
            case .arrival: commitment.arrival = try time(&cursor)
            case .locked: commitment.locked = try cursor.bool()
            case .kept: commitment.kept = try cursor.bool()
            }
        }
        if commitment.worker.isEmpty { throw cursor.fault(at: "worker", "is missing") }
        if commitment.task.isEmpty { throw cursor.fault(at: "task", "is missing") }
        return commitment
    }

    private static func pair(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> Pair {
        var pair = Pair(worker: "", task: "")
        let keys = Pair.CodingKeys.allCases
        try cursor.object(pairFields) { (cursor, number) throws(JSONCursor.Fault) in
            switch keys[number] {
            case .worker: pair.worker = try text(&cursor)
            case .task: pair.task = try text(&cursor)
            }
        }
        if pair.worker.isEmpty { throw cursor.fault(at: "worker", "is missing") }
        if pair.task.isEmpty { throw cursor.fault(at: "task", "is missing") }
        return pair
    }

    private static func row(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> [Double?] {
        try list(&cursor) { (cursor) throws(JSONCursor.Fault) in
            if try cursor.null() { return nil }
            return try Self.number(&cursor, 0...1e6)
        }
    }

    static func travel(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> Travel {
        var travel = Travel()
        let keys = Travel.CodingKeys.allCases
        try cursor.object(travelFields) { (cursor, number) throws(JSONCursor.Fault) in
            switch keys[number] {
            case .metric: travel.metric = try choice(&cursor)
            case .durations:
                travel.durations = try list(&cursor) { (cursor) throws(JSONCursor.Fault) in try row(&cursor) }
            case .hourly:
                travel.hourly = try list(&cursor) { (cursor) throws(JSONCursor.Fault) in
                    try list(&cursor) { (cursor) throws(JSONCursor.Fault) in try row(&cursor) }
                }
            case .osrm: travel.osrm = try text(&cursor)
            case .profile: travel.profile = try text(&cursor)
            }
        }
        let ways = [travel.metric != nil, travel.durations != nil, travel.hourly != nil, travel.osrm != nil]
        if ways.count(where: { $0 }) > 1 {
            throw cursor.fault("one of metric, durations_min, durations_min_by_hour and osrm is wanted")
        }
        if travel.profile != nil && travel.osrm == nil { throw cursor.fault(at: "profile", "belongs to osrm") }
        return travel
    }

    private static func day(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> Day {
        var day = Day()
        let keys = Day.CodingKeys.allCases
        try cursor.object(dayFields) { (cursor, number) throws(JSONCursor.Fault) in
            switch keys[number] {
            case .start: day.start = try time(&cursor)
            case .end: day.end = try time(&cursor)
            case .tasksPerWorker: day.tasksPerWorker = try Self.number(&cursor, 0...1e6, open: true)
            }
        }
        return day
    }
}
