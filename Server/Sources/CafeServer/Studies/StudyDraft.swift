internal import CSCSwift

/// A study as `POST /v1/studies` describes it.
struct StudyDraft: Sendable {
    var id: String?
    var name = ""
    var classes: [String] = []
    var tasks: [TaskEntry] = []
    var budget = 0.0
    var method = AssignmentMethod.pooled
    var cost = 1.0
    var gold: [(task: String, label: String)] = []
    var stopAt = 1.0
    var lease = 600.0
    var instructions = ""
    var isOpen = false
    var completionURL: String?
    var seed: UInt64 = 0

    private static let known = JSONCursor.Fields([
        "name", "classes", "tasks", "budget", "method", "cost", "gold", "stop_at", "lease_seconds", "instructions",
        "join", "completion_url", "seed", "id",
    ])

    /// An empty one, to be filled.
    init() {}

    /// Reads the body; refuses unknown fields with the nearest known name. O(bytes).
    init(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) {
        let seen = try cursor.object(Self.known) { (cursor, field) throws(JSONCursor.Fault) in
            switch field {
            case 0: name = try Reading.name(&cursor, "study")
            case 1:
                try cursor.array { (cursor, _) throws(JSONCursor.Fault) in
                    classes.append(try Reading.name(&cursor, "class"))
                }
            case 2: tasks = try TaskUpload.list(&cursor)
            case 3: budget = try Reading.money(&cursor, "the budget")
            case 4:
                let word = try Reading.word(&cursor, of: AssignmentMethod.allCases.map(\.rawValue))
                method = AssignmentMethod(rawValue: word) ?? .pooled
            case 5: cost = try Reading.money(&cursor, "the price of a label")
            case 6: gold = try Self.gold(&cursor)
            case 7:
                stopAt = try cursor.number()
                guard stopAt > 0.5, stopAt <= 1 else { throw cursor.fault("is above 0.5 and at most 1") }
            case 8:
                lease = try cursor.number()
                guard lease >= 1, lease <= 31_536_000 else { throw cursor.fault("is between 1 and 31536000 seconds") }
            case 9: instructions = try Reading.text(&cursor, atMost: 100_000)
            case 10: isOpen = try Reading.word(&cursor, of: ["open", "invited"]) == "open"
            case 11: completionURL = try Self.address(&cursor)
            case 12: seed = UInt64(try cursor.integer(0...9_007_199_254_740_991))
            default: id = try Self.identifier(&cursor)
            }
        }
        for (bit, field) in ["name", "classes", "tasks", "budget"].enumerated() where seen >> bit & 1 == 0 {
            throw cursor.fault(at: field, "is missing")
        }
        try check(cursor)
    }

    private func check(_ cursor: JSONCursor) throws(JSONCursor.Fault) {
        guard classes.count >= 2 else { throw cursor.fault(at: "classes", "at least two classes are wanted") }
        guard classes.count <= 1000 else { throw cursor.fault(at: "classes", "at most 1000 classes are taken") }
        guard !tasks.isEmpty else { throw cursor.fault(at: "tasks", "at least one task is wanted") }
        guard tasks.count <= TaskUpload.most else {
            throw cursor.fault(at: "tasks", "at most \(TaskUpload.most) at once")
        }
        for (field, names) in [("classes", classes), ("tasks", tasks.map(\.id))] {
            var seen: Set<String> = []
            for (number, name) in names.enumerated() where !seen.insert(name).inserted {
                throw cursor.fault(at: "\(field)[\(number)]", "'\(name)' is there twice")
            }
        }
        let ids = Set(tasks.map(\.id))
        for (task, label) in gold {
            if !ids.contains(task) { throw cursor.fault(at: "gold.\(task)", "there is no such task") }
            if !classes.contains(label) {
                throw cursor.fault(
                    at: "gold.\(task)", "'\(label)' is not a class" + Spelling.hint(for: label, among: classes))
            }
        }
        guard method.takesGold || (gold.isEmpty && stopAt == 1) else {
            throw cursor.fault(
                at: gold.isEmpty ? "stop_at" : "gold", "goes with the method pooled, not with \(method.rawValue)")
        }
    }

    /// `{"task": "class"}`.
    static func gold(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> [(task: String, label: String)] {
        var gold: [(task: String, label: String)] = []
        var seen: Set<String> = []
        try cursor.fields { (cursor, task) throws(JSONCursor.Fault) in
            guard seen.insert(task).inserted else { throw cursor.fault("is there twice") }
            gold.append((task, try cursor.string()))
        }
        return gold
    }

    private static func address(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> String {
        let address = try Reading.text(&cursor, atMost: 2000)
        let isPlain = address.unicodeScalars.allSatisfy { $0.value > 32 && $0.value < 127 }
        guard address.hasPrefix("https://") || address.hasPrefix("http://"), isPlain else {
            throw cursor.fault("an address that begins with https:// is wanted")
        }
        return address
    }

    /// An id that stands in addresses.
    static func identifier(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> String {
        let id = try cursor.string()
        let isPlain = id.utf8.allSatisfy {
            ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x41 && $0 <= 0x5A) || ($0 >= 0x61 && $0 <= 0x7A) || $0 == 0x2D
                || $0 == 0x5F
        }
        guard isPlain, (1...64).contains(id.utf8.count) else {
            throw cursor.fault("1 to 64 letters, digits, - and _ are wanted")
        }
        return id
    }
}
