/// One moment of a service, as a document: who is where, what is open, who has promised what. The request of
/// `cafe-cli dispatch`, of the service's `POST /v1/dispatch/plan` and of `DispatchDesk.plan` (docs/api.md).
///
/// Encoded as JSON it has the fields of docs/api.md. `init(json:)` is the strict reader: it refuses what is unknown or
/// out of range by its path. `Decodable` reads the same documents, without these checks.
public struct DispatchRequest: Sendable, Hashable, Codable {
    /// A worker.
    public struct Worker: Sendable, Hashable, Codable {
        /// Any text; echoed byte for byte.
        public var id: String
        /// [longitude, latitude] in degrees.
        public var location: [Double]?
        /// [x, y] in km.
        public var xy: [Double]?
        /// The place in the travel table.
        public var index: Int?
        /// What it can do.
        public var skills: [String]?
        /// Travel speed (km/h); 25 if it is not given.
        public var speed: Double?
        /// It takes no task farther away (km); any if it is not given. With a table of durations: so far at its speed.
        public var reach: Double?
        /// From when until when it is sent out; always if it is not given.
        public var shift: [PlanTime]?
        /// Spans in which it is not sent out and not expected anywhere.
        public var breaks: [[PlanTime]]?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case id, location, xy, index, skills, shift, breaks
            case speed = "speed_kmh"
            case reach = "reach_km"
        }

        /// A worker; see the properties.
        public init(id: String, skills: [String]? = nil) {
            self.id = id
            self.skills = skills
        }
    }

    /// So many people with a skill.
    public struct Role: Sendable, Hashable, Codable {
        /// The skill.
        public var skill: String
        /// How many; 1 if it is not given.
        public var count: Int?

        enum CodingKeys: String, CodingKey, CaseIterable { case skill, count }

        /// A role.
        public init(skill: String, count: Int? = nil) {
            self.skill = skill
            self.count = count
        }
    }

    /// When work on a task with several roles begins.
    public enum Start: String, Sendable, Codable, CaseIterable {
        /// When every role is there.
        case together
        /// When the first member is there.
        case any
    }

    /// A task.
    public struct Task: Sendable, Hashable, Codable {
        /// Any text; echoed byte for byte.
        public var id: String
        /// [longitude, latitude] in degrees.
        public var location: [Double]?
        /// [x, y] in km.
        public var xy: [Double]?
        /// The place in the travel table.
        public var index: Int?
        /// From when on it is open; `now` if it is not given.
        public var release: PlanTime?
        /// The skill that each member must have; anybody may come if neither this nor `roles` is given.
        public var skill: String?
        /// The skills that must be there, each with a count; in place of `skill`.
        public var roles: [Role]?
        /// When work begins; `any` if it is not given.
        public var start: Start?
        /// How much work it is (worker-minutes).
        public var workload: Double
        /// Finished by then it is paid in full; the deadline if it is not given.
        public var expected: PlanTime?
        /// Finished later it is not paid; a day after its release if it is not given.
        public var deadline: PlanTime?
        /// The full payment (money); 1 if it is not given.
        public var pay: Double?
        /// What each minute after `expected_by` takes off (money); 0 if it is not given.
        public var penalty: Double?
        /// The largest team.
        public var maxTeam: Int?
        /// It comes before all tasks that are not, whatever they pay.
        public var must: Bool?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case id, location, xy, index, release, skill, roles, start, deadline, pay, must
            case workload = "workload_min"
            case expected = "expected_by"
            case penalty = "penalty_per_min"
            case maxTeam = "max_team"
        }

        /// A task; see the properties.
        public init(id: String, workload: Double) {
            self.id = id
            self.workload = workload
        }
    }

    /// A promise: a worker who is on the way to a task or at work on it. An assignment of an earlier plan is one.
    public struct Commitment: Sendable, Hashable, Codable {
        /// The worker's id.
        public var worker: String
        /// The task's id.
        public var task: String
        /// When it arrives or arrived; if it is not given, as if it set out now.
        public var arrival: PlanTime?
        /// false: while on the road it may be sent elsewhere. true if it is not given.
        public var locked: Bool?
        /// What an earlier plan said; not looked at.
        public var kept: Bool?

        enum CodingKeys: String, CodingKey, CaseIterable { case worker, task, arrival, locked, kept }

        /// A promise.
        public init(worker: String, task: String, arrival: PlanTime? = nil, locked: Bool? = nil) {
            self.worker = worker
            self.task = task
            self.arrival = arrival
            self.locked = locked
        }
    }

    /// A worker and a task that may not meet.
    public struct Pair: Sendable, Hashable, Codable {
        /// The worker's id.
        public var worker: String
        /// The task's id.
        public var task: String

        enum CodingKeys: String, CodingKey, CaseIterable { case worker, task }

        /// A pair.
        public init(worker: String, task: String) {
            self.worker = worker
            self.task = task
        }
    }

    /// Where travel times come from.
    public struct Travel: Sendable, Hashable, Codable {
        /// "manhattan" (the default) or "euclidean": distance over the worker's speed.
        public var metric: Metric?
        /// Minutes from each place to each other; places are the `index` of workers and tasks. null: no way.
        public var durations: [[Double?]]?
        /// The same for each of the 24 hours of the day.
        public var hourly: [[[Double?]]]?
        /// The address of a service that answers OSRM's `table` request, such as http://127.0.0.1:5000.
        public var osrm: String?
        /// The service's profile; driving if it is not given.
        public var profile: String?

        /// Distances that need no table.
        public enum Metric: String, Sendable, Codable, CaseIterable { case manhattan, euclidean }

        enum CodingKeys: String, CodingKey, CaseIterable {
            case metric, osrm, profile
            case durations = "durations_min"
            case hourly = "durations_min_by_hour"
        }

        /// Travel by the default.
        public init() {}
    }

    /// What kind of day it is: a moment does not show how much is still to come. All of it is estimated from the moment
    /// where it is not given.
    public struct Day: Sendable, Hashable, Codable {
        /// When the day begins.
        public var start: PlanTime?
        /// When the last task is released.
        public var end: PlanTime?
        /// Tasks of the whole day for each worker.
        public var tasksPerWorker: Double?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case start, end
            case tasksPerWorker = "tasks_per_worker"
        }

        /// A day of which nothing is known.
        public init() {}
    }

    /// The time now.
    public var now: PlanTime
    /// Which policy decides; `DispatchDesk.defaultPolicy` if it is not given.
    public var policy: String?
    /// Drives whatever is random in the policy; 1 if it is not given.
    public var seed: Int?
    /// Whether the plan says why; true if it is not given.
    public var explain: Bool?
    /// The workers.
    public var workers: [Worker]
    /// The tasks that are open, or will be.
    public var tasks: [Task]
    /// Who has promised what.
    public var commitments: [Commitment]?
    /// Pairs that may not meet.
    public var forbidden: [Pair]?
    /// Pairs of which the worker has said no.
    public var declined: [Pair]?
    /// Where travel times come from.
    public var travel: Travel?
    /// What kind of day it is.
    public var day: Day?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case now, policy, seed, explain, workers, tasks, commitments, forbidden, declined, travel, day
    }

    /// A moment.
    public init(now: PlanTime, workers: [Worker], tasks: [Task]) {
        self.now = now
        self.workers = workers
        self.tasks = tasks
    }
}
