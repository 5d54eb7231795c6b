internal import Foundation

/// What decides the bits of a run, by file and key, as every checkpoint keeps it: a run continues only with the
/// configuration, the scenario and the orders that it was begun with.
///
/// As text it is one line per entry: file, key and value with tabs between, each as a JSON string.
public struct RunIdentity: Sendable, Equatable {
    /// The version of what a run's files mean. Raised where a run of an earlier one would go on with other bits.
    public static let formatVersion = 1

    struct Entry: Sendable, Equatable {
        var file: String
        var key: String
        var value: String
    }
    private(set) var entries: [Entry] = [Entry(file: "run", key: "format", value: String(formatVersion))]

    /// The identity of a run that nothing but the program's version decides.
    public init() {}

    /// Adds one fact.
    public mutating func add(_ value: String, file: String, key: String) {
        entries.append(Entry(file: file, key: key, value: value))
    }

    /// Adds every key of a configuration but `free` ones, which may change while the run continues. O(keys).
    public mutating func add<Configuration: KeyedConfiguration>(
        _ configuration: Configuration, file: String, except free: Set<String>
    ) {
        for field in Configuration.fields where !free.contains(field.key) {
            add(field.read(configuration), file: file, key: field.key)
        }
    }

    /// Adds every value of something that is written as a tree of keys, such as a scenario. O(size).
    ///
    /// - Throws: what its encoder throws.
    public mutating func add(_ value: some Encodable, file: String) throws {
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let tree = try JSONSerialization.jsonObject(with: encoder.encode(value), options: .fragmentsAllowed)
        flatten(tree, file: file, key: "")
    }

    private mutating func flatten(_ tree: Any, file: String, key: String) {
        if let object = tree as? [String: Any] {
            for (name, value) in object.sorted(by: { $0.key < $1.key }) {
                flatten(value, file: file, key: key.isEmpty ? name : "\(key).\(name)")
            }
        } else if let list = tree as? [Any] {
            for (index, value) in list.enumerated() { flatten(value, file: file, key: "\(key)[\(index)]") }
        } else if let number = tree as? Double {
            add(String(format: "%.15g", number), file: file, key: key)
        } else {
            add("\(tree)", file: file, key: key)
        }
    }

    /// Adds what a file of recorded orders holds. Throws `CSCError.file`. O(size).
    public mutating func add(contentOf path: String, as name: String) throws(CSCError) {
        add(try ContentHash.file(path), file: name, key: "content")
    }

    /// The entries as ranks compare them.
    var facts: [(name: String, value: String)] { entries.map { ("\($0.key) (\($0.file))", $0.value) } }

    // MARK: As text

    private static let section = "run identity"

    /// Keeps it in a checkpoint.
    func save(to checkpoint: inout Checkpoint) {
        let lines = entries.map { entry in
            [entry.file, entry.key, entry.value].map { JSON.string($0).line }.joined(separator: "\t")
        }
        checkpoint.set(Self.section, text: lines.joined(separator: "\n"))
    }

    /// The identity that a checkpoint keeps; nil where it keeps none. Throws `CSCError.damaged`.
    static func saved(in checkpoint: Checkpoint) throws(CSCError) -> RunIdentity? {
        guard checkpoint.contains(section) else { return nil }
        var identity = RunIdentity()
        identity.entries = []
        for line in try checkpoint.text(section).split(separator: "\n") {
            let fields = line.split(separator: "\t").map { field in
                try? JSONDecoder().decode(String.self, from: Data(field.utf8))
            }
            guard fields.count == 3, let file = fields[0], let key = fields[1], let value = fields[2] else {
                throw .damaged(path: checkpoint.path, reason: "section '\(section)' cannot be read")
            }
            identity.entries.append(Entry(file: file, key: key, value: value))
        }
        return identity
    }

    /// Throws `CSCError.configuration` naming the first key that is not as `checkpoint` keeps it, and `CSCError.damaged`
    /// where the checkpoint keeps nothing.
    ///
    /// - Parameter folder: of the run, for the sentence.
    func check(against checkpoint: Checkpoint, folder: String) throws(CSCError) {
        guard let saved = try Self.saved(in: checkpoint) else {
            throw .damaged(path: checkpoint.path, reason: "it does not say which run it belongs to")
        }
        try check(against: saved, of: Set(entries.map(\.file)).union(saved.entries.map(\.file)), folder: folder)
    }

    /// As above, for the entries of some files only.
    func check(against saved: RunIdentity, of files: Set<String>, folder: String) throws(CSCError) {
        func table(_ identity: RunIdentity) -> [String: String] {
            Dictionary(identity.entries.map { ($0.file + "\t" + $0.key, $0.value) }) { first, _ in first }
        }
        let (now, then) = (table(self), table(saved))
        for entry in entries + saved.entries where files.contains(entry.file) {
            let name = entry.file + "\t" + entry.key
            guard now[name] != then[name] else { continue }
            throw .configuration(key: entry.key, reason: Self.sentence(entry, now[name], then[name], folder))
        }
    }

    private static func sentence(_ entry: Entry, _ now: String?, _ then: String?, _ folder: String) -> String {
        switch entry.file {
        case "run":
            "\(folder) was begun by a program whose runs are of format \(then ?? "0"), this one's are of format "
                + "\(now ?? "0"): go on with that program, or begin another run"
        case "orders", "workers", "travel":
            "the file of \(entry.file) does not hold what \(folder) was trained on: put it back, or begin another run"
        case "episodes":
            "the source gives other episodes than those that \(folder) was trained on: put back what it reads, or begin "
                + "another run"
        default:
            "is \(now ?? "absent") in \(AtomicFile.join(folder, entry.file)), but the run was trained with "
                + "\(then ?? "none"): put it back, or begin another run"
        }
    }
}
