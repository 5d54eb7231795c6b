/// What a game has beyond the rules of the CAFE paper: travel times, roles, pairs that may not meet, breaks, priorities,
/// and what can go wrong. A game without them keeps its bits and its speed.
///
/// Arrays by task or by worker are empty where no task or worker has such a thing, else as long as the game has tasks or
/// workers.
public struct GameExtensions: Sendable, Hashable, Codable {
    /// A worker and a task.
    public struct Pair: Sendable, Hashable, Codable {
        /// The worker's index.
        public var worker: Int32
        /// The task's index.
        public var task: Int32

        /// A pair of indices.
        public init(worker: Int, task: Int) {
            self.worker = Int32(worker)
            self.task = Int32(task)
        }
    }

    /// From a time on and before another (minutes).
    public struct Span: Sendable, Hashable, Codable {
        /// The first moment.
        public var start: Double
        /// The first moment after it.
        public var end: Double

        /// A span of time.
        public init(_ start: Double, _ end: Double) {
            self.start = start
            self.end = end
        }
    }

    /// How workers answer an offer: with probability `base - perMinute * way` (at least 0) they go; who does not says so
    /// at once or, for the share `lapse`, lets the offer lapse and can be asked again only `lapseMinutes` later. Nobody
    /// is offered a task twice.
    public struct Acceptance: Sendable, Hashable, Codable {
        /// The probability without a way.
        public var base: Double
        /// What each minute of the way takes off.
        public var perMinute: Double
        /// The share of refusals that are offers left to lapse.
        public var lapse: Double
        /// How long such an offer stands (min).
        public var lapseMinutes: Double

        /// How workers answer.
        public init(base: Double, perMinute: Double = 0, lapse: Double = 0, lapseMinutes: Double = 2) {
            self.base = base
            self.perMinute = perMinute
            self.lapse = lapse
            self.lapseMinutes = lapseMinutes
        }

        /// What is not given is as in the other initialiser.
        /// - Throws: what the decoder throws.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                base: try container.decodeIfPresent(Double.self, forKey: .base) ?? 1,
                perMinute: try container.decodeIfPresent(Double.self, forKey: .perMinute) ?? 0,
                lapse: try container.decodeIfPresent(Double.self, forKey: .lapse) ?? 0,
                lapseMinutes: try container.decodeIfPresent(Double.self, forKey: .lapseMinutes) ?? 2)
        }
    }

    /// How workers travel; nil: by Manhattan distance.
    public var travel: Travel?
    /// The place of each task in the travel table.
    public var taskPlace: [Int32] = []
    /// The place of each worker in the travel table, at the start.
    public var workerPlace: [Int32] = []
    /// What each task asks of its team; nil: its skill only.
    public var terms: [TeamTerms?] = []
    /// The breaks of each worker, in rising order. As with the end of a shift, nobody is sent out in a break, nor where
    /// it would arrive in one or after its beginning; what has been begun is ended.
    public var breaks: [[Span]] = []
    /// Pairs that may not meet: forbidden, or declined before.
    public var barred: Set<Pair> = []
    /// The tasks that come before all others, whatever they pay.
    public var must: [Bool] = []
    /// When each task is cancelled (minutes, infinite: never); the rules do not know it before.
    public var cancellation: [Double] = []
    /// When each worker falls ill and goes (minutes, infinite: never); the rules do not know it before.
    public var sickness: [Double] = []
    /// How workers answer an offer; nil: they go.
    public var acceptance: Acceptance?
    /// Drives the answers.
    public var seed: UInt64 = 0

    /// None of it.
    public init() {}

    /// The first break that has not ended at `time` begins then; infinite if there is none. O(breaks).
    func nextBreak(of worker: Int, after time: Double) -> Double {
        if breaks.isEmpty { return .infinity }
        for span in breaks[worker] where span.end > time { return span.start }
        return .infinity
    }

    /// The arrays by task in another order: `order[new]` is the old index. O(tasks + barred).
    func reordered(_ order: [Int]) -> GameExtensions {
        var other = self
        if !taskPlace.isEmpty { other.taskPlace = order.map { taskPlace[$0] } }
        if !terms.isEmpty { other.terms = order.map { terms[$0] } }
        if !must.isEmpty { other.must = order.map { must[$0] } }
        if !cancellation.isEmpty { other.cancellation = order.map { cancellation[$0] } }
        if !barred.isEmpty {
            var rank = [Int](repeating: 0, count: order.count)
            for (new, old) in order.enumerated() { rank[old] = new }
            other.barred = Set(barred.map { Pair(worker: Int($0.worker), task: rank[Int($0.task)]) })
        }
        return other
    }

    /// What makes no sense in it for this many tasks and workers, or nil. O(tasks + workers).
    func fault(tasks: Int, workers: Int) -> String? {
        for (name, count) in [
            ("places", taskPlace.count), ("terms", terms.count), ("priorities", must.count),
            ("cancellations", cancellation.count),
        ] where count != 0 && count != tasks {
            return "\(count) \(name) for \(tasks) tasks"
        }
        for (name, count) in [("places", workerPlace.count), ("breaks", breaks.count), ("sicknesses", sickness.count)]
        where count != 0 && count != workers {
            return "\(count) \(name) for \(workers) workers"
        }
        if let table = travel?.table {
            if taskPlace.count != tasks || workerPlace.count != workers { return "a travel table wants places" }
            for place in taskPlace + workerPlace where !(0..<table.places).contains(Int(place)) {
                return "place \(place) is not in 0..<\(table.places)"
            }
        }
        for (task, terms) in terms.enumerated() {
            guard let terms else { continue }
            if terms.cap < 1 { return "task \(task): a team of at most \(terms.cap)" }
            var people = 0
            for role in terms.roles {
                if !(0..<64).contains(role.skill) { return "task \(task): skill \(role.skill) is not in 0..<64" }
                if role.count < 1 || role.count > TeamTerms.mostSeats {
                    return "task \(task): \(role.count) of one role"
                }
                people += role.count
            }
            if people > min(TeamTerms.mostSeats, terms.cap) {
                return "task \(task): its roles ask for \(people) people, "
                    + "at most \(min(TeamTerms.mostSeats, terms.cap)) may come"
            }
        }
        for pair in barred where !(0..<tasks).contains(Int(pair.task)) || !(0..<workers).contains(Int(pair.worker)) {
            return "the pair of worker \(pair.worker) and task \(pair.task) does not exist"
        }
        return nil
    }
}
