internal import CSCSwift
internal import Foundation
internal import GRDB

/// A city of the service: events in, plans out, each kept in the server's file before it is told.
///
/// Batches of events are taken one after the other; planning does not hold up the studies.
actor City {
    /// What is told after each change.
    struct Moment: Sendable {
        var version = 0
        var plan: DispatchPlan?
        var city: LiveCity
    }

    nonisolated let id: String
    nonisolated let serial: Int64
    private let stepSeconds: Double
    private let queue: CommitQueue
    private let desk = DispatchDesk()
    private var moment: Moment
    private var plannedAt: PlanTime?
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var listeners: [Int: AsyncStream<Moment>.Continuation] = [:]
    private var nextListener = 0

    init(id: String, serial: Int64, stepSeconds: Double, moment: Moment, queue: CommitQueue) {
        self.id = id
        self.serial = serial
        self.stepSeconds = stepSeconds
        self.moment = moment
        self.queue = queue
    }

    /// The present moment.
    var now: Moment { moment }

    /// Each moment from the present one on; a slow reader misses some and gets the latest.
    func stream() -> AsyncStream<Moment> {
        let (stream, continuation) = AsyncStream.makeStream(of: Moment.self, bufferingPolicy: .bufferingNewest(1))
        let number = nextListener
        nextListener += 1
        listeners[number] = continuation
        continuation.onTermination = { [weak self] _ in Task { await self?.leave(number) } }
        continuation.yield(moment)
        return stream
    }

    private func leave(_ number: Int) { listeners[number] = nil }

    /// Ends all streams.
    func close() { for listener in listeners.values { listener.finish() } }

    /// Takes events, plans where the step has passed, and returns the version once all is on the disk. All or nothing.
    /// - Throws: `Problem` naming the place in the body, or 503.
    func take(_ events: [CityEvent], texts: [String]) async throws -> Int {
        await begin()
        defer { end() }
        var next = moment
        var line: String?
        do {
            try next.city.apply(events)
            if let request = next.city.request, isDue(request.now) {
                let plan = try desk.plan(request)
                line = DispatchLog.line(request: Array(try Self.encoder.encode(request)), plan: plan)
                next.city.take(plan)
                next.plan = plan
            }
        } catch let fault as DispatchFault { throw Problem(any: fault) }
        next.version += 1
        let state = String(decoding: try Self.encoder.encode(next.city), as: UTF8.self)
        let (kept, log, serial) = (next, line, serial)
        try await queue.perform { context in
            try Self.keep(serial, texts, kept.version, state, log, try context.database)
        }
        if line != nil { plannedAt = next.city.now }
        moment = next
        for listener in listeners.values { listener.yield(moment) }
        return moment.version
    }

    private static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }()

    private func isDue(_ now: PlanTime) -> Bool {
        guard let plannedAt else { return true }
        return (now.value - plannedAt.value) * 60 >= stepSeconds
    }

    private static func keep(
        _ city: Int64, _ texts: [String], _ version: Int, _ state: String, _ line: String?, _ database: Database
    ) throws {
        let last = try Row.fetchOne(
            database, sql: "SELECT number, checksum FROM city_events WHERE city = ? ORDER BY number DESC LIMIT 1",
            arguments: [city])
        var mark = SessionMark.start
        if let last { mark = SessionMark(count: last[0], checksum: UInt64(bitPattern: last[1])) }
        let insert = try database.cachedStatement(
            sql: "INSERT INTO city_events (city, number, text, checksum) VALUES (?, ?, ?, ?)")
        for record in SessionRecord.chain(texts, after: mark) {
            try insert.execute(arguments: [city, record.number, record.text, Int64(bitPattern: record.checksum)])
        }
        try database.execute(
            sql: "UPDATE cities SET state = ?, version = ? WHERE serial = ?", arguments: [state, version, city])
        if let line {
            try database.execute(
                sql: "INSERT INTO city_log (city, number, line) VALUES (?, ?, ?)", arguments: [city, version, line])
        }
    }

    private func begin() async {
        if !isBusy {
            isBusy = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func end() {
        if waiting.isEmpty { isBusy = false } else { waiting.removeFirst().resume() }
    }
}

extension City.Moment {
    /// `GET /v1/cities/{id}/plan`, and the data of the stream's events.
    var json: JSON {
        var teams: [String: [String]] = [:]
        for (worker, promise) in city.promises { teams[promise.task, default: []].append(worker) }
        let workers: [JSON] = city.workers.map { self.worker($0) }
        let tasks: [JSON] = city.tasks.map { self.task($0, team: (teams[$0.id] ?? []).sorted()) }
        let state: [(String, JSON)] = [
            ("workers", .array(workers)), ("tasks", .array(tasks)), ("done", .integer(city.done)),
            ("cancelled", .integer(city.cancelled)), ("lapsed", .integer(city.lapsed)),
        ]
        return .object([
            ("version", .integer(version)), ("now", Self.time(city.now)), ("plan", plan?.json ?? .null),
            ("state", .object(state)),
        ])
    }

    private func task(_ task: DispatchRequest.Task, team: [String]) -> JSON {
        var fields: [(String, JSON)] = [("id", .string(task.id))]
        fields += Self.place(task.location, task.xy)
        fields.append(("pay", task.pay.map(JSON.number) ?? .null))
        fields.append(("deadline", Self.time(task.deadline)))
        fields.append(("team", .array(team.map(JSON.string))))
        fields.append(("completion", Self.time(city.completion[task.id])))
        return .object(fields)
    }

    private func worker(_ worker: DispatchRequest.Worker) -> JSON {
        let promise = city.promises[worker.id]
        var fields: [(String, JSON)] = [("id", .string(worker.id))]
        fields += Self.place(worker.location, worker.xy)
        fields.append(("skills", .array((worker.skills ?? []).map(JSON.string))))
        fields.append(("task", promise.map { .string($0.task) } ?? .null))
        fields.append(("arrival", Self.time(promise?.arrival)))
        fields.append(("locked", .bool(promise?.isLocked == true)))
        return .object(fields)
    }

    private static func place(_ location: [Double]?, _ xy: [Double]?) -> [(String, JSON)] {
        if let location { return [("location", .array(location.map(JSON.number)))] }
        return xy.map { [("xy", .array($0.map(JSON.number)))] } ?? []
    }

    /// A time as documents write it.
    static func time(_ time: PlanTime?) -> JSON {
        switch time {
        case .none: .null
        case .minutes(let value): .number((value * 1e6).rounded() / 1e6)
        case .some(let time): .string(time.text)
        }
    }
}
