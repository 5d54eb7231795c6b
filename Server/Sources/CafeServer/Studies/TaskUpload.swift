internal import CSCSwift
internal import Foundation

/// The forms in which tasks come: ours, a table, one object a line, Label Studio's and doccano's exports.
enum TaskForm: String, CaseIterable {
    case json, csv, jsonl, labelstudio, doccano

    /// The form of an upload by the query's `format` and the media type; nil: JSON, ours or Label Studio's.
    static func of(_ call: Call) throws -> TaskForm? {
        if let name = call.query("format") {
            guard let form = TaskForm(rawValue: name) else {
                let names = allCases.map(\.rawValue)
                throw Problem.query(
                    "format",
                    "'\(name)' is none of \(names.joined(separator: ", "))" + Spelling.hint(for: name, among: names))
            }
            return form
        }
        switch call.mediaType {
        case "text/csv": return .csv
        case "application/x-ndjson", "application/jsonl", "application/x-jsonlines", "application/ndjson": return .jsonl
        case nil, "application/json": return nil
        case let type?:
            throw Problem(
                .unsupportedMediaType, "media-type",
                "the body is \(type); application/json, text/csv and application/x-ndjson are read")
        }
    }
}

/// Reads uploads of tasks.
enum TaskUpload {
    /// So many tasks are taken at once.
    static let most = 1_000_000

    /// The tasks of a body. O(bytes).
    /// - Throws: `Problem` naming the place.
    static func read(_ call: Call) throws -> [TaskEntry] {
        let form = try TaskForm.of(call)
        let tasks: [TaskEntry]
        do {
            switch form {
            case .csv: tasks = try table(call.body)
            case .jsonl, .doccano: tasks = try lines(call.body)
            case .labelstudio: tasks = try labelStudio(call.body)
            case .json: tasks = try ours(call.body)
            case nil:
                let first = call.body.first { ![9, 10, 13, 32].contains($0) }
                tasks = first == UInt8(ascii: "[") ? try labelStudio(call.body) : try ours(call.body)
            }
        } catch let fault as JSONCursor.Fault { throw Problem(fault) } catch let error as CSCError {
            throw Problem(error)
        }
        guard !tasks.isEmpty else { throw Problem.body("tasks", "there are no tasks in it") }
        guard tasks.count <= most else { throw Problem.body("tasks", "\(tasks.count) tasks; \(most) are read at once") }
        return tasks
    }

    /// `[{"id", ..}]`, the value of `tasks`.
    static func list(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> [TaskEntry] {
        var tasks: [TaskEntry] = []
        try cursor.array { (cursor, _) throws(JSONCursor.Fault) in tasks.append(try TaskEntry(&cursor)) }
        return tasks
    }

    private static let known = JSONCursor.Fields(["tasks"])

    private static func ours(_ body: [UInt8]) throws(JSONCursor.Fault) -> [TaskEntry] {
        var cursor = try JSONCursor(body)
        var tasks: [TaskEntry]?
        try cursor.object(known) { (cursor, _) throws(JSONCursor.Fault) in tasks = try list(&cursor) }
        try cursor.end()
        guard let tasks else { throw JSONCursor.Fault(path: "tasks", reason: "is missing") }
        return tasks
    }

    /// Label Studio's list of tasks: `data` is what is shown, `id` the name; annotations are left aside.
    private static func labelStudio(_ body: [UInt8]) throws(JSONCursor.Fault) -> [TaskEntry] {
        var cursor = try JSONCursor(body)
        var tasks: [TaskEntry] = []
        try cursor.array { (cursor, number) throws(JSONCursor.Fault) in
            var task = TaskEntry()
            var hasData = false
            try cursor.fields { (cursor, name) throws(JSONCursor.Fault) in
                switch name {
                case "id": task.id = try identifier(&cursor)
                case "data":
                    hasData = true
                    try cursor.fields { (cursor, name) throws(JSONCursor.Fault) in try member(&cursor, name, &task) }
                default: try cursor.skipValue()
                }
            }
            if task.id.isEmpty { task.id = "\(number + 1)" }
            if !hasData { throw cursor.fault(at: "data", "is missing") }
            tasks.append(task)
        }
        try cursor.end()
        return tasks
    }

    /// One object a line: ours, or doccano's with `text` or `data`; other members are shown as fields.
    private static func lines(_ body: [UInt8]) throws(JSONCursor.Fault) -> [TaskEntry] {
        var tasks: [TaskEntry] = []
        for (number, line) in body.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            if line.allSatisfy({ [9, 13, 32].contains($0) }) { continue }
            do throws(JSONCursor.Fault) {
                var cursor = try JSONCursor(Array(line))
                var task = TaskEntry()
                try cursor.fields { (cursor, name) throws(JSONCursor.Fault) in
                    switch name {
                    case "id": task.id = try identifier(&cursor)
                    case "context": task.context = try Reading.name(&cursor, "context")
                    case "data": task.text = try cursor.string()
                    case "label", "labels", "entities", "relations", "cats", "Comments", "comments", "meta":
                        try cursor.skipValue()
                    case "fields":
                        try cursor.fields { (cursor, name) throws(JSONCursor.Fault) in
                            task.fields.append((name, try Reading.value(&cursor)))
                        }
                    default: try member(&cursor, name, &task)
                    }
                }
                try cursor.end()
                if task.id.isEmpty { task.id = "\(number + 1)" }
                tasks.append(task)
            } catch {
                throw JSONCursor.Fault(
                    path: "line \(number + 1)" + (error.path.isEmpty ? "" : ", \(error.path)"), reason: error.reason)
            }
        }
        return tasks
    }

    private static func member(
        _ cursor: inout JSONCursor, _ name: String, _ task: inout TaskEntry
    ) throws(JSONCursor.Fault) {
        if name == "text", try cursor.isString() {
            task.text = try cursor.string()
        } else if name == "image", try cursor.isString() {
            task.image = try TaskEntry.image(&cursor)
        } else {
            task.fields.append((name, try Reading.value(&cursor)))
        }
    }

    private static func identifier(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> String {
        if try cursor.isString() { return try Reading.name(&cursor, "task") }
        return "\(try cursor.integer(-1_000_000_000_000_000...1_000_000_000_000_000))"
    }

    /// Columns task (or id), context, text, image; all others are shown as fields.
    private static func table(_ body: [UInt8]) throws(CSCError) -> [TaskEntry] {
        let table = try CSVReader(bytes: body, name: "body")
        let id = try table.column(["task", "id", "task_id", "question", "item"])
        let context = try table.optionalColumn(["context"]), text = try table.optionalColumn(["text", "data"])
        let image = try table.optionalColumn(["image", "image_url"])
        let others = table.names.indices.filter { ![id, context, text, image].contains($0) }
        var tasks: [TaskEntry] = []
        while try table.next() {
            var task = TaskEntry()
            task.id = try table.string(id)
            do throws(CSCError) { try LabelSession.checkName(task.id, "task") } catch {
                throw table.error(id, "\(error)")
            }
            if let context, !table.isEmpty(context) { task.context = try table.string(context) }
            if let text { task.text = try table.string(text) }
            if let image, !table.isEmpty(image) {
                let address = try table.string(image)
                guard TaskEntry.isPicture(address) else {
                    throw table.error(image, "an address that begins with https://, http:// or data:image/ is wanted")
                }
                task.image = address
            }
            for column in others where !table.isEmpty(column) {
                task.fields.append((table.names[column], .string(try table.string(column))))
            }
            tasks.append(task)
        }
        return tasks
    }
}
