internal import CSCSwift
internal import Foundation
internal import GRDB

/// The forms in which labels and answers leave: `csv` is crowd-kit's table, `labelstudio` a list that Label Studio imports.
enum ExportForm: String, CaseIterable {
    case json, csv, jsonl, labelstudio

    var mediaType: String {
        switch self {
        case .json, .labelstudio: "application/json"
        case .csv: "text/csv; charset=utf-8"
        case .jsonl: "application/x-ndjson"
        }
    }

    /// The form that the query names; JSON if none.
    static func of(_ call: Call) throws -> ExportForm {
        guard let name = call.query("format") else { return .json }
        guard let form = ExportForm(rawValue: name) else {
            let names = allCases.map(\.rawValue)
            throw Problem.query(
                "format",
                "'\(name)' is none of \(names.joined(separator: ", "))" + Spelling.hint(for: name, among: names))
        }
        return form
    }
}

/// One answer that was given: a row of `answers`.
struct GivenAnswer: Sendable {
    let task: String
    let worker: String
    var label: String
    var time: Double
    /// With which probability the worker was drawn; nil for labels from elsewhere.
    let probability: Double?
}

extension StudyView {
    /// The answers in the order in which they came, corrected ones with their last label; read from the events. O(events).
    func given(_ file: ServerFile) throws -> [GivenAnswer] {
        struct Pair: Hashable {
            let task: String
            let worker: String
        }
        var answers: [GivenAnswer] = []
        var place: [Pair: Int] = [:]
        var asked: [Pair: Double] = [:]
        let last = session.eventCount
        try file.pool.read { database in
            let rows = try String.fetchCursor(
                database, sql: "SELECT text FROM events WHERE study = ? AND number <= ? ORDER BY number",
                arguments: [serial, last])
            while let text = try rows.next() {
                guard let event = SessionEvent(text: text) else { continue }
                switch event {
                case .asked(let task, let worker, let probability, _, _):
                    asked[Pair(task: task, worker: worker)] = probability
                case .answered(let task, let worker, let label, let time):
                    let pair = Pair(task: task, worker: worker)
                    place[pair] = answers.count
                    answers.append(
                        GivenAnswer(task: task, worker: worker, label: label, time: time, probability: asked[pair]))
                case .imported(let task, let worker, let label, _, let time):
                    place[Pair(task: task, worker: worker)] = answers.count
                    answers.append(GivenAnswer(task: task, worker: worker, label: label, time: time, probability: nil))
                case .corrected(let task, let worker, let label, let time):
                    guard let at = place[Pair(task: task, worker: worker)] else { continue }
                    (answers[at].label, answers[at].time) = (label, time)
                default: continue
                }
            }
        }
        return answers
    }

    /// The answers as a document.
    func answersText(_ answers: [GivenAnswer], _ form: ExportForm, _ file: ServerFile) throws -> String {
        func row(_ answer: GivenAnswer) -> JSON {
            .object([
                ("task", .string(answer.task)), ("worker", .string(answer.worker)), ("label", .string(answer.label)),
                ("time", .string(ServiceClock.iso(answer.time))),
                ("probability", answer.probability.map(JSON.number) ?? .null),
            ])
        }
        switch form {
        case .json: return JSON.object([("answers", .array(answers.map(row)))]).line + "\n"
        case .jsonl: return answers.map { row($0).line + "\n" }.joined()
        case .csv:
            var writer = CSVWriter(header: ["task", "worker", "label", "time", "probability"])
            for answer in answers {
                writer.append([
                    answer.task, answer.worker, answer.label, ServiceClock.iso(answer.time),
                    answer.probability.map { "\($0)" } ?? "",
                ])
            }
            return writer.text
        case .labelstudio:
            var byTask: [String: [JSON]] = [:]
            for answer in answers {
                byTask[answer.task, default: []].append(
                    .object([
                        ("completed_by", .object([("email", .string(answer.worker))])),
                        ("result", .array([Self.choice(answer.label)])),
                    ]))
            }
            return try labelStudio(file) { [("annotations", .array(byTask[$0] ?? []))] }
        }
    }

    /// One label a task as a document.
    func labelsText(_ answers: [LabelSession.Answer], _ form: ExportForm, _ file: ServerFile) throws -> String {
        let gold = session.goldLabels
        func row(_ index: Int) -> JSON {
            let answer = answers[index]
            return .object([
                ("task", .string(answer.task)), ("label", answer.label.map(JSON.string) ?? .null),
                ("confidence", answer.label == nil ? .null : .number(answer.confidence)),
                ("labels", .integer(answer.labels)), ("gold", .bool(gold[index] != nil)),
            ])
        }
        switch form {
        case .json: return JSON.object([("labels", .array(answers.indices.map(row)))]).line + "\n"
        case .jsonl: return answers.indices.map { row($0).line + "\n" }.joined()
        case .csv:
            var writer = CSVWriter(header: ["task", "label", "confidence", "labels"])
            for answer in answers {
                writer.append([
                    answer.task, answer.label ?? "", answer.label == nil ? "" : "\(answer.confidence)",
                    "\(answer.labels)",
                ])
            }
            return writer.text
        case .labelstudio:
            let byTask = Dictionary(answers.map { ($0.task, $0) }) { first, _ in first }
            return try labelStudio(file) { task in
                guard let answer = byTask[task], let label = answer.label else { return [("predictions", .array([]))] }
                return [
                    (
                        "predictions",
                        .array([
                            .object([
                                ("model_version", .string("cafe")), ("score", .number(answer.confidence)),
                                ("result", .array([Self.choice(label)])),
                            ])
                        ])
                    )
                ]
            }
        }
    }

    /// Label Studio's result of a single choice.
    private static func choice(_ label: String) -> JSON {
        .object([
            ("from_name", .string("label")), ("to_name", .string("task")), ("type", .string("choices")),
            ("value", .object([("choices", .array([.string(label)]))])),
        ])
    }

    /// `[{"id", "data", ..}]`, one for each task, in its order.
    private func labelStudio(_ file: ServerFile, _ members: (String) -> [(String, JSON)]) throws -> String {
        var list: [JSON] = []
        try tasks(file, after: 0, limit: .max) { _, id, context, content in
            var data: [(String, JSON)] = [("cafe_task", .string(id)), ("context", .string(context))]
            for (name, value) in content {
                if name == "fields", case .object(let inner) = value {
                    data += inner
                } else {
                    data.append((name, value))
                }
            }
            list.append(.object([("id", .integer(list.count + 1)), ("data", .object(data))] + members(id)))
        }
        return JSON.array(list).line + "\n"
    }

    /// Calls `body` with position, name, context and content of tasks from a position on.
    func tasks(
        _ file: ServerFile, after: Int, limit: Int, _ body: (Int, String, String, [(String, JSON)]) -> Void
    ) throws {
        let count = session.tasks.count
        try file.pool.read { database in
            let rows = try Row.fetchCursor(
                database,
                sql: """
                    SELECT position, id, context, text, image, fields FROM tasks
                    WHERE study = ? AND position >= ? AND position < ? ORDER BY position LIMIT ?
                    """,
                arguments: [serial, after, count, limit])
            while let row = try rows.next() {
                body(row[0], row[1], row[2], StudyBook.content(text: row[3], image: row[4], fields: row[5]))
            }
        }
    }

    /// The accuracy's estimate and the spending over time, at most 500 points.
    func history(_ file: ServerFile) throws -> JSON {
        let rows = try file.pool.read { database in
            try Row.fetchAll(
                database, sql: "SELECT labels, time, spent, confidence FROM history WHERE study = ? ORDER BY labels",
                arguments: [serial])
        }
        let step = max(1, rows.count / 500)
        return .array(
            rows.enumerated().filter { $0.offset % step == 0 || $0.offset == rows.count - 1 }.map { _, row in
                .object([
                    ("time", .string(ServiceClock.iso(row[1]))), ("labels", .integer(row[0])),
                    ("spent", .number(row[2])),
                    ("confidence", (row[3] as Double?).map(JSON.number) ?? .null),
                ])
            })
    }

    /// Events after a number, with their checksums.
    func events(_ file: ServerFile, after: Int, limit: Int) throws -> JSON {
        let rows = try file.pool.read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT number, text, checksum FROM events WHERE study = ? AND number > ? ORDER BY number LIMIT ?",
                arguments: [serial, after, limit])
        }
        let last: Int? = rows.last?[0]
        return .object([
            (
                "events",
                .array(
                    rows.map { row in
                        .object([
                            ("number", .integer(row[0])), ("text", .string(row[1])),
                            ("checksum", .string(ContentHash.digits(UInt64(bitPattern: row[2])))),
                        ])
                    })
            ), ("next", rows.count == limit ? last.map(JSON.integer) ?? .null : .null),
        ])
    }
}
