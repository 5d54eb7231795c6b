/// What a service was asked and answered, a line for each moment: `{"request": {...}, "plan": {...}}`, as
/// `cafe-cli dispatch --log` writes it. It can be shown as an episode.
public struct DispatchLog: Sendable {
    /// The moments.
    public private(set) var moments: [(request: DispatchRequest, plan: DispatchPlan)] = []

    /// Reads a log; a last line that was cut off is left out. O(bytes).
    ///
    /// - Throws: `CSCError.row` naming the line and the path in it.
    public init(contentsOf path: String) throws(CSCError) {
        let bytes = try AtomicFile.read(path)
        var number = 0
        let lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
        for line in lines {
            number += 1
            if line.allSatisfy({ $0 == 32 || $0 == 13 }) { continue }
            do throws(JSONCursor.Fault) {
                moments.append(try Self.moment(Array(line)))
            } catch {
                if number == lines.count && error.isUnfinished { break }
                throw CSCError.row(
                    path: path, line: number, column: error.path, value: "", reason: error.reason)
            }
        }
        if moments.isEmpty { throw CSCError.table(path: path, reason: "it holds no moment") }
        for (at, moment) in moments.enumerated() where !moment.request.now.isKin(of: moments[0].request.now) {
            throw CSCError.row(
                path: path, line: at + 1, column: "request.now", value: moment.request.now.text,
                reason: "minutes and dates are mixed")
        }
    }

    /// A line of a log, with its end. The request is taken as it came, on one line. O(size).
    public static func line(request: [UInt8], plan: DispatchPlan) -> String {
        let text = String(decoding: request.map { $0 == 10 || $0 == 13 ? 32 : $0 }, as: UTF8.self)
        return "{\"request\":\(text),\"plan\":\(plan.json.line)}\n"
    }

    private static func moment(_ bytes: [UInt8]) throws(JSONCursor.Fault) -> (DispatchRequest, DispatchPlan) {
        var cursor = try JSONCursor(bytes)
        var request: DispatchRequest?
        var plan: DispatchPlan?
        try cursor.fields { (cursor, name) throws(JSONCursor.Fault) in
            switch name {
            case "request": request = try DispatchRequest(part: &cursor)
            case "plan": plan = try DispatchPlan(whole: &cursor)
            default: try cursor.skipValue()
            }
        }
        try cursor.end()
        guard let request, let plan else { throw JSONCursor.Fault(path: "", reason: "request and plan are wanted") }
        return (request, plan)
    }

    // MARK: As an episode

    /// The log as a page. Times are those of the log; the first moment is minute 0. O(size of the log).
    ///
    /// - Throws: `CSCError.invalid` where workers or tasks have no place on a map.
    public func page(title: String) throws(CSCError) -> ReplayPage {
        var book = Book(origin: moments[0].request.now.value)
        let places = try Places(moments.map(\.request))
        for moment in moments { book.add(moment.request, moment.plan, places) }
        book.finish(moments[moments.count - 1].request.now.value)
        let instance = Instance(trusted: book.tasks, workers: book.workers, horizon: 1, seed: 0, side: 10)
        var page = ReplayPage(title: title, instance: instance, records: [book.record])
        page.tasks = book.tasks
        page.workerNames = book.workerNames
        page.taskNames = book.taskNames
        if case .moment = moments[0].request.now { page.clock = moments[0].request.now.minuteOfDay }
        return page
    }

    /// Where everybody is, in km.
    private struct Places {
        private var isInDegrees = false
        private var middle = (0.0, 0.0)

        init(_ requests: [DispatchRequest]) throws(CSCError) {
            let all = requests.flatMap {
                $0.workers.map { ($0.location, $0.xy) } + $0.tasks.map { ($0.location, $0.xy) }
            }
            guard all.allSatisfy({ $0.0 != nil || $0.1 != nil }) else {
                throw CSCError.invalid(
                    "the log has workers or tasks without location or xy: they cannot be shown on a map")
            }
            isInDegrees = all.contains { $0.0 != nil }
            if isInDegrees && all.contains(where: { $0.0 == nil }) {
                throw CSCError.invalid("the log has locations in degrees and in km")
            }
            let degrees = all.compactMap(\.0)
            if let first = degrees.first {
                let east = degrees.map { ($0[0] - first[0]).remainder(dividingBy: 360) }
                middle = (
                    first[0] + (east.min()! + east.max()!) / 2,
                    (degrees.map { $0[1] }.min()! + degrees.map { $0[1] }.max()!) / 2
                )
            }
        }

        func point(_ location: [Double]?, _ xy: [Double]?) -> (Double, Double) {
            guard isInDegrees else { return (xy![0], xy![1]) }
            return DispatchMoment.kilometres(location!, around: middle)
        }
    }

    /// What is known of workers and tasks so far.
    private struct Book {
        let origin: Double
        var workers: [Worker] = []
        var tasks: [SpatialTask] = []
        var workerNames: [String] = []
        var taskNames: [String] = []
        var record = EpisodeRecord(policy: "log")
        private var workerIndex: [ByteString: Int] = [:]
        private var taskIndex: [ByteString: Int] = [:]
        /// The open trip of each worker.
        private var trip: [Int] = []
        private var promise: [Int: (end: Double?, payment: Double)] = [:]

        init(origin: Double) { self.origin = origin }

        mutating func add(_ request: DispatchRequest, _ plan: DispatchPlan, _ places: Places) {
            let now = request.now.value - origin
            if let policy = request.policy { record.policy = policy }
            var position: [Int: (Double, Double)] = [:]
            for entry in request.workers {
                let at = worker(entry, places.point(entry.location, entry.xy))
                position[at] = places.point(entry.location, entry.xy)
            }
            for entry in request.tasks { task(entry, now, places.point(entry.location, entry.xy)) }
            var busy: Set<Int> = []
            for assignment in plan.assignments {
                guard let worker = workerIndex[ByteString(assignment.worker)],
                    let task = taskIndex[ByteString(assignment.task)]
                else { continue }
                busy.insert(worker)
                if trip[worker] >= 0 && record.trips[trip[worker]].task == task { continue }
                close(worker, now)
                let from = position[worker] ?? (workers[worker].x, workers[worker].y)
                trip[worker] = record.trips.count
                record.trips.append(
                    .init(
                        worker: worker, task: task, leave: now,
                        arrive: assignment.arrival.map { $0.value - origin } ?? now,
                        end: .infinity, fromX: from.0, fromY: from.1, toX: tasks[task].x, toY: tasks[task].y))
            }
            for worker in trip.indices where trip[worker] >= 0 && !busy.contains(worker) { close(worker, now) }
            for staffed in plan.tasks {
                guard let task = taskIndex[ByteString(staffed.id)] else { continue }
                promise[task] = (staffed.completion.map { $0.value - origin }, staffed.payment)
            }
        }

        /// What was promised for tasks whose time has come by the last moment counts as done.
        mutating func finish(_ last: Double) {
            for task in tasks.indices {
                let (end, payment) = promise[task] ?? (nil, 0)
                if let end, end <= last - origin + 1 {
                    record.endings.append(.init(task: task, time: end, payment: payment))
                } else if tasks[task].deadlineTime <= last - origin {
                    record.endings.append(.init(task: task, time: tasks[task].deadlineTime, payment: 0))
                }
            }
            record.endings.sort { ($0.time, $0.task) < ($1.time, $1.task) }
            for worker in trip.indices where trip[worker] >= 0 { close(worker, last - origin) }
        }

        private mutating func close(_ worker: Int, _ now: Double) {
            if trip[worker] < 0 { return }
            let end = promise[record.trips[trip[worker]].task]?.end ?? now
            record.trips[trip[worker]].end = max(record.trips[trip[worker]].leave, end)
            trip[worker] = -1
        }

        private mutating func worker(_ entry: DispatchRequest.Worker, _ point: (Double, Double)) -> Int {
            if let known = workerIndex[ByteString(entry.id)] { return known }
            workerIndex[ByteString(entry.id)] = workers.count
            workers.append(
                Worker(
                    x: point.0, y: point.1, skills: [], speed: (entry.speed ?? 25) / 60, reach: entry.reach ?? 1e9,
                    shiftStart: entry.shift.map { $0[0].value - origin } ?? 0,
                    shiftEnd: entry.shift.map { $0[1].value - origin } ?? 1e9))
            workerNames.append(entry.id)
            trip.append(-1)
            return workers.count - 1
        }

        private mutating func task(_ entry: DispatchRequest.Task, _ now: Double, _ point: (Double, Double)) {
            if taskIndex[ByteString(entry.id)] != nil { return }
            taskIndex[ByteString(entry.id)] = tasks.count
            let release = entry.release.map { $0.value - origin } ?? now
            let deadline = entry.deadline.map { $0.value - origin } ?? release + 1440
            let expected = entry.expected.map { $0.value - origin } ?? deadline
            tasks.append(
                SpatialTask(
                    release: release, x: point.0, y: point.1, skill: 0, workload: entry.workload,
                    expected: expected - release, deadline: deadline - release, pay: entry.pay ?? 1,
                    penaltyRate: entry.penalty ?? 0))
            taskNames.append(entry.id)
        }
    }
}
