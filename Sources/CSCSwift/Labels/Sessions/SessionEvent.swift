/// What can happen in a live session after its beginning, one record each: the home of the records' text.
///
/// A record is the event's name and its fields, separated by tabs; times are seconds since 1970. The records of a batch
/// of several events end in one field more, `*k/n`: the k-th of n. A batch whose last record is missing was not
/// acknowledged and does not count.
public enum SessionEvent: Sendable, Hashable {
    /// A worker came in, at a price per label, perhaps into a family: `join worker cost`, `join worker cost family name`.
    case joined(worker: String, cost: Double, family: String? = nil)
    /// A question: `ask task worker probability explore|draw time`.
    case asked(task: String, worker: String, probability: Double, exploration: Bool, at: Double)
    /// Its answer, or a late one to a question that had expired: `answer task worker label time`.
    case answered(task: String, worker: String, label: String, at: Double)
    /// The worker will not answer: `decline task worker time`.
    case declined(task: String, worker: String, at: Double)
    /// A question lapsed: `expire task worker time`.
    case expired(task: String, worker: String, at: Double)
    /// A question that had lapsed may be asked again: `offer task worker time`.
    case offered(task: String, worker: String, at: Double)
    /// A label from elsewhere: `import task worker label paid|free time`.
    case imported(task: String, worker: String, label: String, paid: Bool, at: Double)
    /// An expert's class of a task: `gold task label time first`, `first` the number of the call's first record.
    case gold(task: String, label: String, at: Double, first: Int)
    /// Another budget: `budget limit time`.
    case budget(limit: Double, at: Double)
    /// A new task: `add task context time first`, the context by its name, `first` the number of the call's first record.
    case added(task: String, context: String, at: Double, first: Int)
    /// A worker is not asked any more: `bar worker time`.
    case barred(worker: String, at: Double)
    /// A worker may be asked again: `unbar worker time`.
    case unbarred(worker: String, at: Double)
    /// Another label in place of one that was recorded: `correct task worker label time`.
    case corrected(task: String, worker: String, label: String, at: Double)
    /// Another value of a setting, `-` for none: `set lease|max-open|refits-aside value time`.
    case set(SessionSetting, value: Double?, at: Double)
    /// What was inferred aside, for the `number`-th time, came into force here: `refit number time`.
    case refitted(number: Int, at: Double)

    /// The fields of its record.
    var fields: [String] {
        switch self {
        case .joined(let worker, let cost, let family):
            ["join", worker, "\(cost)"] + (family.map { ["family", $0] } ?? [])
        case .asked(let task, let worker, let probability, let exploration, let time):
            ["ask", task, worker, "\(probability)", exploration ? "explore" : "draw", "\(time)"]
        case .answered(let task, let worker, let label, let time): ["answer", task, worker, label, "\(time)"]
        case .declined(let task, let worker, let time): ["decline", task, worker, "\(time)"]
        case .expired(let task, let worker, let time): ["expire", task, worker, "\(time)"]
        case .offered(let task, let worker, let time): ["offer", task, worker, "\(time)"]
        case .imported(let task, let worker, let label, let paid, let time):
            ["import", task, worker, label, paid ? "paid" : "free", "\(time)"]
        case .gold(let task, let label, let time, let first): ["gold", task, label, "\(time)", "\(first)"]
        case .budget(let limit, let time): ["budget", "\(limit)", "\(time)"]
        case .added(let task, let context, let time, let first): ["add", task, context, "\(time)", "\(first)"]
        case .barred(let worker, let time): ["bar", worker, "\(time)"]
        case .unbarred(let worker, let time): ["unbar", worker, "\(time)"]
        case .corrected(let task, let worker, let label, let time): ["correct", task, worker, label, "\(time)"]
        case .set(let setting, let value, let time): ["set", setting.rawValue, value.map { "\($0)" } ?? "-", "\(time)"]
        case .refitted(let number, let time): ["refit", "\(number)", "\(time)"]
        }
    }

    /// The event of a record's fields, its place in a batch left out; nil where they are none. O(fields).
    init?(fields: [Substring]) {
        guard let name = fields.first else { return nil }
        func text(_ k: Int) -> String { String(fields[k]) }
        func number(_ k: Int) -> Double? { Double(fields[k]).flatMap { $0.isFinite ? $0 : nil } }
        switch (name, fields.count) {
        case ("join", 3), ("join", 5):
            guard let cost = number(2), fields.count == 3 || fields[3] == "family" else { return nil }
            self = .joined(worker: text(1), cost: cost, family: fields.count == 5 ? text(4) : nil)
        case ("ask", 6):
            guard let probability = number(3), let time = number(5), fields[4] == "explore" || fields[4] == "draw"
            else { return nil }
            self = .asked(
                task: text(1), worker: text(2), probability: probability, exploration: fields[4] == "explore", at: time)
        case ("answer", 5), ("correct", 5):
            guard let time = number(4) else { return nil }
            self =
                name == "answer"
                ? .answered(task: text(1), worker: text(2), label: text(3), at: time)
                : .corrected(task: text(1), worker: text(2), label: text(3), at: time)
        case ("decline", 4), ("expire", 4), ("offer", 4):
            guard let time = number(3) else { return nil }
            switch name {
            case "decline": self = .declined(task: text(1), worker: text(2), at: time)
            case "expire": self = .expired(task: text(1), worker: text(2), at: time)
            default: self = .offered(task: text(1), worker: text(2), at: time)
            }
        case ("import", 6):
            guard let time = number(5), fields[4] == "paid" || fields[4] == "free" else { return nil }
            self = .imported(task: text(1), worker: text(2), label: text(3), paid: fields[4] == "paid", at: time)
        case ("gold", 5), ("add", 5):
            guard let time = number(3), let first = Int(fields[4]) else { return nil }
            self =
                name == "gold"
                ? .gold(task: text(1), label: text(2), at: time, first: first)
                : .added(task: text(1), context: text(2), at: time, first: first)
        case ("budget", 3):
            guard let limit = number(1), let time = number(2) else { return nil }
            self = .budget(limit: limit, at: time)
        case ("bar", 3), ("unbar", 3):
            guard let time = number(2) else { return nil }
            self = name == "bar" ? .barred(worker: text(1), at: time) : .unbarred(worker: text(1), at: time)
        case ("set", 4):
            guard let setting = SessionSetting(rawValue: text(1)), let time = number(3),
                fields[2] == "-" || number(2) != nil
            else { return nil }
            self = .set(setting, value: number(2), at: time)
        case ("refit", 3):
            guard let count = Int(fields[1]), let time = number(2) else { return nil }
            self = .refitted(number: count, at: time)
        default: return nil
        }
    }

    /// The text of a record of one event. O(bytes).
    public static func text(_ event: SessionEvent) -> String { event.fields.joined(separator: "\t") }

    /// A batch's texts: what `SessionRecord.chain` takes. O(bytes).
    public static func texts(_ batch: [SessionEvent]) -> [String] {
        batch.enumerated().map { index, event in
            var fields = event.fields
            if batch.count > 1 { fields.append("*\(index + 1)/\(batch.count)") }
            return fields.joined(separator: "\t")
        }
    }

    /// Where a record stands in its batch; nil where it is one of its own, or no event. O(bytes).
    static func place(ofRecord text: String) -> (k: Int, n: Int)? {
        guard let tab = text.utf8.lastIndex(of: 9), let place = place(text[text.utf8.index(after: tab)...]),
            SessionEvent(fields: text[..<tab].split(separator: "\t", omittingEmptySubsequences: false)) != nil
        else { return nil }
        return place
    }

    /// The event of a record's text; nil where it is none. O(bytes).
    public init?(text: String) {
        var fields = text.split(separator: "\t", omittingEmptySubsequences: false)
        if let event = SessionEvent(fields: fields) {
            self = event
            return
        }
        guard let last = fields.popLast(), Self.place(last) != nil else { return nil }
        self.init(fields: fields)
    }

    /// The last field of a record as its place in a batch; nil where it is none.
    static func place(_ field: Substring) -> (k: Int, n: Int)? {
        guard field.first == "*" else { return nil }
        let numbers = field.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.count == 2, let k = numbers[0], let n = numbers[1], k >= 1, k <= n, n >= 2 else { return nil }
        return (k, n)
    }
}

/// What of a session may be changed at any time.
public enum SessionSetting: String, Sendable, Hashable, CaseIterable, Codable {
    /// After how many seconds a question lapses by itself.
    case lease
    /// How many questions a worker may have open at the same time.
    case maxOpen = "max-open"
    /// Whether the model is inferred anew aside, while questions go on: 1, or none.
    case refitsAside = "refits-aside"
}
