internal import CSCSwift

/// A task as a requester gives it: its name, its context, and what an annotator sees.
struct TaskEntry: Sendable, Equatable {
    var id = ""
    /// nil: the study's first.
    var context: String?
    var text: String?
    /// An address of a picture: https, http, or data:image.
    var image: String?
    /// What else is shown, by name.
    var fields: [(String, JSON)] = []

    static func == (a: TaskEntry, b: TaskEntry) -> Bool {
        a.id == b.id && a.context == b.context && a.text == b.text && a.image == b.image && a.fieldsText == b.fieldsText
    }

    /// The fields as one JSON object; nil without any.
    var fieldsText: String? { fields.isEmpty ? nil : JSON.object(fields).line }

    private static let known = JSONCursor.Fields(["id", "context", "text", "image", "fields"])

    /// Reads `{"id", "context", "text", "image", "fields"}`.
    init(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) {
        let seen = try cursor.object(Self.known) { (cursor, field) throws(JSONCursor.Fault) in
            switch field {
            case 0: id = try Reading.name(&cursor, "task")
            case 1: context = try Reading.name(&cursor, "context")
            case 2: text = try cursor.string()
            case 3: image = try Self.image(&cursor)
            default:
                try cursor.fields { (cursor, name) throws(JSONCursor.Fault) in
                    fields.append((name, try Reading.value(&cursor)))
                }
            }
        }
        if seen & 1 == 0 { throw cursor.fault(at: "id", "is missing") }
    }

    /// An empty one, to be filled.
    init() {}

    static func image(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> String {
        let address = try cursor.string()
        guard isPicture(address) else {
            throw cursor.fault("an address that begins with https://, http:// or data:image/ is wanted")
        }
        return address
    }

    static func isPicture(_ address: String) -> Bool {
        ["https://", "http://", "data:image/"].contains { address.lowercased().hasPrefix($0) }
    }
}

/// Parts of requests that several documents share.
enum Reading {
    /// A name that a session takes.
    static func name(_ cursor: inout JSONCursor, _ what: String) throws(JSONCursor.Fault) -> String {
        let name = try cursor.string()
        do throws(CSCError) { try LabelSession.checkName(name, what) } catch { throw cursor.fault("\(error)") }
        guard name.utf8.count <= 1000 else { throw cursor.fault("a name has at most 1000 bytes") }
        return name
    }

    /// A text of at most so many bytes.
    static func text(_ cursor: inout JSONCursor, atMost limit: Int) throws(JSONCursor.Fault) -> String {
        let text = try cursor.string()
        guard text.utf8.count <= limit else { throw cursor.fault("has \(text.utf8.count) bytes; \(limit) are read") }
        return text
    }

    /// An amount of money that a budget can count.
    static func money(_ cursor: inout JSONCursor, _ what: String) throws(JSONCursor.Fault) -> Double {
        let amount = try cursor.number()
        do throws(CSCError) { try LabelBudget.check(amount, what) } catch { throw cursor.fault("\(error)") }
        return amount
    }

    /// A value of any kind.
    static func value(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> JSON {
        if try cursor.isString() { return .string(try cursor.string()) }
        if try cursor.null() { return .null }
        var trial = cursor
        if let truth = try? trial.bool() {
            cursor = trial
            return .bool(truth)
        }
        if let number = try? trial.number() {
            cursor = trial
            return number.rounded() == number && abs(number) < 1e15 ? .integer(Int(number)) : .number(number)
        }
        var list: [JSON] = []
        trial = cursor
        let isList: Void? = try? trial.array { (cursor, _) throws(JSONCursor.Fault) in list.append(try value(&cursor)) }
        if isList != nil {
            cursor = trial
            return .array(list)
        }
        var members: [(String, JSON)] = []
        try cursor.fields { (cursor, name) throws(JSONCursor.Fault) in members.append((name, try value(&cursor))) }
        return .object(members)
    }

    /// One of a few words.
    static func word(_ cursor: inout JSONCursor, of words: [String]) throws(JSONCursor.Fault) -> String {
        let word = try cursor.string()
        guard words.contains(word) else {
            throw cursor.fault(
                "'\(word)' is none of \(words.joined(separator: ", "))" + Spelling.hint(for: word, among: words))
        }
        return word
    }
}
