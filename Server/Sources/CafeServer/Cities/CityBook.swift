internal import CSCSwift
internal import Foundation
internal import GRDB
internal import Synchronization

/// A city as `POST /v1/cities` describes it.
struct CityDraft: Sendable {
    var id = ""
    var settings = LiveCity.Settings()
    /// After how many seconds of the city's time it is planned anew; 0: after each batch of events.
    var stepSeconds = 0.0

    private static let known = JSONCursor.Fields(["id", "policy", "travel", "scale", "step_seconds", "scenario"])
    private static let scaleFields = JSONCursor.Fields(["tasks_per_worker"])

    /// Reads the body. The policy is a rule's name: a server opens no folder that a request names.
    init(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) {
        try cursor.object(Self.known) { (cursor, field) throws(JSONCursor.Fault) in
            switch field {
            case 0: id = try StudyDraft.identifier(&cursor)
            case 1:
                let name = try cursor.string()
                do { _ = try DispatchDesk.dispatcher(name, rate: 1, runs: { _ in nil }) } catch {
                    throw cursor.fault("\(error)")
                }
                settings.policy = name
            case 2: settings.travel = try DispatchRequest.Travel(&cursor)
            case 3:
                try cursor.object(Self.scaleFields) { (cursor, _) throws(JSONCursor.Fault) in
                    let value = try cursor.number()
                    guard value > 0, value <= 10_000 else { throw cursor.fault("is above 0 and at most 10000") }
                    settings.tasksPerWorker = value
                }
            case 5:
                let name = try cursor.string(), names = Scenario.all.map(\.name)
                guard names.contains(name) else {
                    throw cursor.fault(
                        "'\(name.prefix(60))' is none of \(names.joined(separator: ", "))"
                            + Spelling.hint(for: name, among: names))
                }
                settings.scenario = name
            default:
                stepSeconds = try cursor.number()
                guard stepSeconds >= 0, stepSeconds <= 86_400 else { throw cursor.fault("is between 0 and 86400") }
            }
        }
        if id.isEmpty { throw cursor.fault(at: "id", "is missing") }
        if settings.travel?.osrm != nil {
            throw cursor.fault(
                at: "travel.osrm", "a server asks no other server that a request names; send durations_min")
        }
    }
}

/// All cities of a server, by their ids.
final class CityBook: Sendable {
    private let open = Mutex<[String: City]>([:])
    private let clock: ServiceClock
    private let queue: CommitQueue

    init(clock: ServiceClock, queue: CommitQueue) {
        self.clock = clock
        self.queue = queue
    }

    /// How many are in memory.
    var count: Int { open.withLock { $0.count } }
    /// Those in memory.
    var opened: [City] { open.withLock { Array($0.values) } }

    /// The ids of all cities.
    func ids() async throws -> [String] {
        try await queue.perform { context in
            try String.fetchAll(context.database, sql: "SELECT id FROM cities ORDER BY serial")
        }
    }

    /// The city of this id, opened if it was not.
    /// - Throws: `Problem` 404; 500 where its state cannot be read.
    func city(_ id: String) async throws -> City {
        if let known = open.withLock({ $0[id] }) { return known }
        let (serial, step, moment) = try await queue.perform { context in
            guard
                let row = try Row.fetchOne(context.database, sql: "SELECT * FROM cities WHERE id = ?", arguments: [id])
            else { throw Problem.missing("there is no city '\(id)'") }
            let serial: Int64 = row["serial"], state: String = row["state"], settings: String = row["settings"]
            var moment = City.Moment(
                version: row["version"], plan: nil,
                city: try JSONDecoder().decode(LiveCity.self, from: Data(state.utf8)))
            let line = try String.fetchOne(
                context.database, sql: "SELECT line FROM city_log WHERE city = ? ORDER BY number DESC LIMIT 1",
                arguments: [serial])
            if let line { moment.plan = try JSONDecoder().decode(Line.self, from: Data(line.utf8)).plan }
            return (serial, Double(settings) ?? 0, moment)
        }
        let fresh = City(id: id, serial: serial, stepSeconds: step, moment: moment, queue: queue)
        return open.withLock { open in
            if let known = open[id] { return known }  // of two who open it at once, one is kept
            open[id] = fresh
            return fresh
        }
    }

    /// The part of a line of the log that is shown again.
    private struct Line: Decodable { let plan: DispatchPlan }

    /// Makes a city.
    /// - Throws: `Problem` 409 where there is one of this id.
    func create(_ draft: CityDraft) async throws {
        let state = String(decoding: try JSONEncoder().encode(LiveCity(draft.settings)), as: UTF8.self)
        try await queue.perform { [clock] context in
            let taken = try Int.fetchOne(
                context.database, sql: "SELECT 1 FROM cities WHERE id = ?", arguments: [draft.id])
            if taken != nil { throw Problem.conflict("id-taken", "there is a city '\(draft.id)' already", path: "id") }
            try context.database.execute(
                sql: "INSERT INTO cities (id, settings, state, version, created) VALUES (?, ?, ?, 0, ?)",
                arguments: [draft.id, "\(draft.stepSeconds)", state, clock.now])
        }
    }

    /// Calls `body` with pieces of a city's log, lines of `{"request", "plan"}`, oldest first.
    static func log(_ file: ServerFile, _ serial: Int64, after: Int, limit: Int) throws -> (text: String, last: Int?) {
        try file.pool.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: "SELECT number, line FROM city_log WHERE city = ? AND number > ? ORDER BY number LIMIT ?",
                arguments: [serial, after, limit])
            return (rows.map { $0[1] as String }.joined(), rows.last?[0])
        }
    }
}
