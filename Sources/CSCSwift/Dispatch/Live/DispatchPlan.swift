/// The answer to a `DispatchRequest`: who goes where, and why not (docs/api.md).
public struct DispatchPlan: Sendable, Hashable, Codable {
    /// A worker who has a task from now on.
    public struct Assigned: Sendable, Hashable, Codable {
        /// The worker's id.
        public var worker: String
        /// The task's id.
        public var task: String
        /// When it arrives, or arrived.
        public var arrival: PlanTime?
        /// It was promised before, and stays.
        public var kept: Bool

        /// An assignment.
        public init(worker: String, task: String, arrival: PlanTime?, kept: Bool) {
            self.worker = worker
            self.task = task
            self.arrival = arrival
            self.kept = kept
        }
    }

    /// A task that has a team.
    public struct Staffed: Sendable, Hashable, Codable {
        /// The task's id.
        public var id: String
        /// The workers' ids in order of arrival.
        public var team: [String]
        /// When this team finishes; null: not before the deadline.
        public var completion: PlanTime?
        /// What is paid then (money).
        public var payment: Double
        /// What the workers who were sent now add to the payment (money); where the plan says why.
        public var gain: Double?
        /// The minutes for which they are bound; where the plan says why.
        public var minutes: Double?
    }

    /// Why nobody was sent to a task.
    public enum TaskReason: String, Sendable, Codable, CaseIterable {
        /// It is not open yet.
        case notReleased = "NOT_RELEASED"
        /// Nobody on shift has its skill, or one of its skills.
        case noQualifiedWorker = "NO_QUALIFIED_WORKER"
        /// Who is on shift and has the skill may not come: forbidden or declined.
        case allDeclined = "ALL_DECLINED"
        /// Who could come is bound by a promise elsewhere.
        case lockedElsewhere = "LOCKED_ELSEWHERE"
        /// Who could come has a break.
        case onBreak = "ON_BREAK"
        /// Who is free cannot be there before the deadline, or not within its reach, or not before a break.
        case notReachableInTime = "NOT_REACHABLE_IN_TIME"
        /// One of its roles cannot be filled by those who can be there in time.
        case roleMissing = "ROLE_MISSING"
        /// Even all who can be there in time would not finish it before the deadline.
        case notFinishedInTime = "NOT_FINISHED_IN_TIME"
        /// Those who could do it were sent to other tasks.
        case workersBetterUsed = "WORKERS_BETTER_USED"
        /// Some who could do it were not sent: the policy holds what it pays for less than their time.
        case notWorthItsTime = "NOT_WORTH_ITS_TIME"
    }

    /// A task without a team.
    public struct Unassigned: Sendable, Hashable, Codable {
        /// The task's id.
        public var task: String
        /// Why; absent where the request wants no reasons.
        public var reason: TaskReason?
        /// The reason in numbers, for people.
        public var detail: String?
        /// With NOT_WORTH_ITS_TIME: what the best team of those left over would earn (money).
        public var gain: Double?
        /// Its worker-minutes.
        public var minutes: Double?
        /// What the policy holds a worker-minute worth (money), where it has such a price.
        public var price: Double?
        /// With WORKERS_BETTER_USED and LOCKED_ELSEWHERE: the tasks that have the workers, at most five.
        public var tasks: [String]?
    }

    /// Why a worker has no task.
    public enum WorkerReason: String, Sendable, Codable, CaseIterable {
        /// Its shift has not begun or is over.
        case offShift = "OFF_SHIFT"
        /// It has a break.
        case onBreak = "ON_BREAK"
        /// No open task that still needs somebody is one that it may take and where it would be in time.
        case nothingInReach = "NOTHING_IN_REACH"
        /// There is such a task, but the policy keeps it.
        case keptForLater = "KEPT_FOR_LATER"
    }

    /// A worker without a task.
    public struct Idle: Sendable, Hashable, Codable {
        /// The worker's id.
        public var worker: String
        /// Why; absent where the request wants no reasons.
        public var reason: WorkerReason?
        /// The reason in numbers, for people.
        public var detail: String?
        /// With KEPT_FOR_LATER: the task to which it would add most.
        public var task: String?
        /// What it would add to the task's payment (money).
        public var gain: Double?
        /// The minutes for which it would be bound.
        public var minutes: Double?
    }

    /// 0.
    public var code = 0
    /// Who has a task, in the order of the request's workers.
    public var assignments: [Assigned] = []
    /// The tasks that have a team, in the order of the request.
    public var tasks: [Staffed] = []
    /// The tasks that have none, in the order of the request.
    public var unassigned: [Unassigned] = []
    /// The workers who have none, in the order of the request.
    public var idle: [Idle] = []
    /// What else the sender should know.
    public var notes: [String] = []

    /// An empty plan.
    public init() {}
}

extension DispatchPlan {
    /// The document, its fields in the order of docs/api.md. O(size).
    public var json: JSON {
        .object([
            ("code", .integer(code)),
            (
                "assignments",
                .array(
                    assignments.map {
                        .object([
                            ("worker", .string($0.worker)), ("task", .string($0.task)),
                            ("arrival", Self.time($0.arrival)),
                            ("kept", .bool($0.kept)),
                        ])
                    })
            ),
            ("tasks", .array(tasks.map(Self.json))), ("unassigned", .array(unassigned.map(Self.json))),
            ("idle", .array(idle.map(Self.json))), ("notes", .array(notes.map(JSON.string))),
        ])
    }

    static func time(_ time: PlanTime?) -> JSON {
        switch time {
        case .none: .null
        case .minutes(let value): .number((value * 1e6).rounded() / 1e6)
        case .some(let time): .string(time.text)
        }
    }

    /// Money and minutes as they are shown: 12 significant digits, so that sums show no noise.
    static func figure(_ value: Double) -> JSON {
        if value == 0 || !value.isFinite { return .number(value) }
        let unit = 1e6
        return .number(abs(value) < 1e9 && abs(value) > 1e-3 ? (value * unit).rounded() / unit : value)
    }

    private static func json(_ task: Staffed) -> JSON {
        var fields: [(String, JSON)] = [
            ("id", .string(task.id)), ("team", .array(task.team.map(JSON.string))),
            ("completion", time(task.completion)), ("payment", figure(task.payment)),
        ]
        if let gain = task.gain { fields.append(("gain", figure(gain))) }
        if let minutes = task.minutes { fields.append(("minutes", figure(minutes))) }
        return .object(fields)
    }

    private static func json(_ task: Unassigned) -> JSON {
        var fields: [(String, JSON)] = [("task", .string(task.task))]
        if let reason = task.reason { fields.append(("reason", .string(reason.rawValue))) }
        if let detail = task.detail { fields.append(("detail", .string(detail))) }
        if let gain = task.gain { fields.append(("gain", figure(gain))) }
        if let minutes = task.minutes { fields.append(("minutes", figure(minutes))) }
        if let price = task.price { fields.append(("price", figure(price))) }
        if let tasks = task.tasks { fields.append(("tasks", .array(tasks.map(JSON.string)))) }
        return .object(fields)
    }

    private static func json(_ worker: Idle) -> JSON {
        var fields: [(String, JSON)] = [("worker", .string(worker.worker))]
        if let reason = worker.reason { fields.append(("reason", .string(reason.rawValue))) }
        if let detail = worker.detail { fields.append(("detail", .string(detail))) }
        if let task = worker.task { fields.append(("task", .string(task))) }
        if let gain = worker.gain { fields.append(("gain", figure(gain))) }
        if let minutes = worker.minutes { fields.append(("minutes", figure(minutes))) }
        return .object(fields)
    }

    private static let fields = JSONCursor.Fields(["code", "assignments", "tasks", "unassigned", "idle", "notes"])
    private static let assignmentFields = JSONCursor.Fields(["worker", "task", "arrival", "kept", "locked"])

    /// Reads a plan of any origin as far as it can be checked: its assignments. Other fields of a plan are skipped;
    /// fields that no plan has are refused. O(bytes).
    /// - Throws: `JSONCursor.Fault` with the path of the first fault.
    public init(json bytes: [UInt8]) throws(JSONCursor.Fault) {
        var cursor = try JSONCursor(bytes)
        try self.init(&cursor)
        try cursor.end()
    }

    /// Reads the teams too: what a log is replayed from.
    init(whole cursor: inout JSONCursor) throws(JSONCursor.Fault) {
        var staffed: [Staffed] = []
        try self.init(&cursor) { (cursor) throws(JSONCursor.Fault) in
            try cursor.array { (cursor, _) throws(JSONCursor.Fault) in
                var entry = Staffed(id: "", team: [], completion: nil, payment: 0)
                try cursor.fields { (cursor, name) throws(JSONCursor.Fault) in
                    switch name {
                    case "id": entry.id = try DispatchRequest.text(&cursor)
                    case "completion": entry.completion = try cursor.null() ? nil : try DispatchRequest.time(&cursor)
                    case "payment": entry.payment = try cursor.number()
                    default: try cursor.skipValue()
                    }
                }
                staffed.append(entry)
            }
        }
        tasks = staffed
    }

    init(
        _ cursor: inout JSONCursor,
        tasks: (inout JSONCursor) throws(JSONCursor.Fault) -> Void = { (cursor) throws(JSONCursor.Fault) in
            try cursor.skipValue()
        }
    ) throws(JSONCursor.Fault) {
        self.init()
        var isThere = false
        try cursor.object(Self.fields) { (cursor, number) throws(JSONCursor.Fault) in
            if number == 2 { return try tasks(&cursor) }
            guard number == 1 else { return try cursor.skipValue() }
            isThere = true
            try cursor.array { (cursor, _) throws(JSONCursor.Fault) in
                var assignment = Assigned(worker: "", task: "", arrival: nil, kept: false)
                try cursor.object(Self.assignmentFields) { (cursor, number) throws(JSONCursor.Fault) in
                    switch number {
                    case 0: assignment.worker = try DispatchRequest.text(&cursor)
                    case 1: assignment.task = try DispatchRequest.text(&cursor)
                    case 2: assignment.arrival = try DispatchRequest.time(&cursor)
                    case 3: assignment.kept = try cursor.bool()
                    default: _ = try cursor.bool()
                    }
                }
                if assignment.worker.isEmpty { throw cursor.fault(at: "worker", "is missing") }
                if assignment.task.isEmpty { throw cursor.fault(at: "task", "is missing") }
                assignments.append(assignment)
            }
        }
        if !isThere { throw cursor.fault(at: "assignments", "is missing") }
    }
}
