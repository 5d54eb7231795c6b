/// Something that happened in a city, as an object of JSON: `{"type": "worker", "id": "ana", "xy": [1, 2], "time": 600}`.
package struct CityEvent: Sendable, Hashable {
    /// What happened.
    package enum Kind: Sendable, Hashable {
        /// A worker came, or is described anew.
        case worker(DispatchRequest.Worker)
        /// A task came, or is described anew.
        case task(DispatchRequest.Task)
        /// A worker is somewhere: longitude and latitude, or x and y (km).
        case position(worker: String, location: [Double]?, xy: [Double]?)
        /// A worker takes the task that the plan gives it: from now on it is sent nowhere else.
        case accept(worker: String, task: String)
        /// A worker does not take a task, and is not asked again.
        case decline(worker: String, task: String)
        /// A task is finished: its workers are free where it is.
        case done(task: String)
        /// A task is called off: its workers are free where they are.
        case cancel(task: String)
        /// A worker has gone.
        case off(worker: String)
        /// Nothing but that time has passed.
        case clock
    }

    /// What happened.
    package var kind: Kind
    /// When.
    package var time: PlanTime

    /// An event.
    package init(_ kind: Kind, at time: PlanTime) {
        self.kind = kind
        self.time = time
    }

    private static let types = ["worker", "task", "position", "accept", "decline", "done", "cancel", "off", "clock"]
    private static let pairFields = JSONCursor.Fields(["type", "time", "worker", "task"])
    private static let workerFields = JSONCursor.Fields(["type", "time", "worker"])
    private static let taskFields = JSONCursor.Fields(["type", "time", "task"])
    private static let placeFields = JSONCursor.Fields(["type", "time", "worker", "location", "xy"])
    private static let clockFields = JSONCursor.Fields(["type", "time"])

    /// Reads an event strictly; workers and tasks have the fields of a `DispatchRequest`'s. O(size).
    /// - Throws: `JSONCursor.Fault` with the path.
    package init(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) {
        let (type, time) = try Self.head(cursor)
        self.time = time
        var worker: String?, task: String?
        switch type {
        case "worker": kind = .worker(try DispatchRequest.worker(&cursor, beside: ["type", "time"]))
        case "task": kind = .task(try DispatchRequest.task(&cursor, beside: ["type", "time"]))
        case "position":
            var location: [Double]?, xy: [Double]?
            try cursor.object(Self.placeFields) { (cursor, field) throws(JSONCursor.Fault) in
                switch field {
                case 2: worker = try DispatchRequest.text(&cursor)
                case 3: location = try DispatchRequest.location(&cursor)
                case 4: xy = try DispatchRequest.xy(&cursor)
                default: try cursor.skipValue()
                }
            }
            guard (location == nil) != (xy == nil) else {
                throw cursor.fault(at: "location", "either this or xy is wanted")
            }
            kind = .position(worker: try Self.wanted(worker, "worker", cursor), location: location, xy: xy)
        case "accept", "decline":
            try cursor.object(Self.pairFields) { (cursor, field) throws(JSONCursor.Fault) in
                switch field {
                case 2: worker = try DispatchRequest.text(&cursor)
                case 3: task = try DispatchRequest.text(&cursor)
                default: try cursor.skipValue()
                }
            }
            let who = try Self.wanted(worker, "worker", cursor), what = try Self.wanted(task, "task", cursor)
            kind = type == "accept" ? .accept(worker: who, task: what) : .decline(worker: who, task: what)
        case "done", "cancel":
            try cursor.object(Self.taskFields) { (cursor, field) throws(JSONCursor.Fault) in
                if field == 2 { task = try DispatchRequest.text(&cursor) } else { try cursor.skipValue() }
            }
            let what = try Self.wanted(task, "task", cursor)
            kind = type == "done" ? .done(task: what) : .cancel(task: what)
        case "off":
            try cursor.object(Self.workerFields) { (cursor, field) throws(JSONCursor.Fault) in
                if field == 2 { worker = try DispatchRequest.text(&cursor) } else { try cursor.skipValue() }
            }
            kind = .off(worker: try Self.wanted(worker, "worker", cursor))
        default:
            try cursor.object(Self.clockFields) { (cursor, _) throws(JSONCursor.Fault) in try cursor.skipValue() }
            kind = .clock
        }
    }

    private static func wanted(
        _ name: String?, _ field: String, _ cursor: JSONCursor
    ) throws(JSONCursor.Fault) -> String {
        guard let name else { throw cursor.fault(at: field, "is missing") }
        return name
    }

    /// Type and time, which decide how the others are read; the cursor stays where it is.
    private static func head(_ cursor: JSONCursor) throws(JSONCursor.Fault) -> (String, PlanTime) {
        var cursor = cursor
        var type: String?, time: PlanTime?
        try cursor.fields { (cursor, name) throws(JSONCursor.Fault) in
            switch name {
            case "type":
                let word = try cursor.string()
                guard types.contains(word) else {
                    throw cursor.fault(
                        "'\(word.prefix(60))' is none of \(types.joined(separator: ", "))"
                            + Spelling.hint(for: word, among: types))
                }
                type = word
            case "time": time = try DispatchRequest.time(&cursor)
            default: try cursor.skipValue()
            }
        }
        guard let type else { throw cursor.fault(at: "type", "is missing") }
        guard let time else { throw cursor.fault(at: "time", "is missing") }
        return (type, time)
    }
}

extension DispatchRequest.Travel {
    /// Reads the `travel` of a request strictly. O(size).
    /// - Throws: `JSONCursor.Fault` with the path.
    public init(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) { self = try DispatchRequest.travel(&cursor) }
}
