internal import Yams

/// Reading and writing configurations as YAML, and overrides of the form `key=value`.
enum ConfigurationText {
    /// A string as a YAML scalar: bare where that is safe.
    static func quoted(_ value: String) -> String {
        let safe = value.allSatisfy { $0.isLetter || $0.isNumber || "_-./+".contains($0) }
        let looksOtherwise =
            Double(value) != nil || ["null", "true", "false", "yes", "no"].contains(value.lowercased())
        if safe && !looksOtherwise && !value.isEmpty && value.first != "-" { return value }
        return JSON.string(value).line
    }

    /// The one of `keys` nearest to a wrong one: by the whole key or, better, by its last part.
    static func nearestKey(to key: String, among keys: [String]) -> String {
        func last(_ dotted: String) -> String { String(dotted.split(separator: ".").last ?? "") }
        if let same = keys.first(where: { last($0).lowercased() == last(key).lowercased() }) { return same }
        if let near = Spelling.nearest(to: key, among: keys) { return near }
        if let near = Spelling.nearest(to: last(key), among: keys.map(last)) {
            return keys.first { last($0) == near } ?? keys[0]
        }
        // Nothing is near: the key that shares the longest beginning of its last part.
        func shared(_ candidate: String) -> Int {
            max(
                candidate.lowercased().commonPrefix(with: key.lowercased()).count,
                last(candidate).lowercased().commonPrefix(with: last(key).lowercased()).count)
        }
        return keys.max { shared($0) < shared($1) } ?? keys[0]
    }
}

extension ConfigurationText {
    /// Whether YAML is a mapping with `key` at its top level; false where it is no mapping at all.
    static func hasKey(_ key: String, yaml: String) -> Bool {
        guard case .mapping(let mapping)? = try? YAMLText.compose(yaml, path: "") else { return false }
        return mapping.keys.contains { $0.scalar?.string == key }
    }
}

extension String {
    fileprivate func commonPrefix(with other: String) -> Substring {
        var end = startIndex
        var position = other.startIndex
        while end < endIndex, position < other.endIndex, self[end] == other[position] {
            end = index(after: end)
            position = other.index(after: position)
        }
        return self[..<end]
    }
}

/// Settings that are one YAML file (`text`, `init(yaml:path:)`) whose keys are those of `fields`, the same that
/// `--set key=value` takes.
public protocol KeyedConfiguration: Sendable, Equatable {
    /// The defaults.
    init()
    /// Every key, in the order of the file.
    static var fields: [ConfigurationField<Self>] { get }
    /// Why a key that exists elsewhere does not here, by key.
    static var refused: [String: String] { get }
    /// The page that lists the keys: the file's first line names it.
    static var page: String { get }
    /// Checks what no single key can check. Throws `CSCError.configuration`.
    func validate() throws(CSCError)
}

extension KeyedConfiguration {
    /// None.
    public static var refused: [String: String] { [:] }

    /// Sets one key from text. Throws `CSCError.configuration`: with the nearest known key for an unknown one, with
    /// the allowed values for a wrong value. O(keys).
    public mutating func set(_ key: String, to value: String) throws(CSCError) {
        guard let field = Self.fields.first(where: { $0.key == key }) else {
            if let reason = Self.refused[key] { throw .configuration(key: key, reason: reason) }
            throw .configuration(
                key: key,
                reason:
                    "unknown; did you mean '\(ConfigurationText.nearestKey(to: key, among: Self.fields.map(\.key)))'?")
        }
        guard field.write(&self, value) else {
            throw .configuration(key: key, reason: "'\(value)' is not \(field.allowed)")
        }
    }

    /// Applies overrides of the form `key=value`, in order. Throws `CSCError.configuration`. O(overrides * keys).
    public mutating func apply(overrides: [String]) throws(CSCError) {
        for text in overrides {
            guard let equals = text.firstIndex(of: "=") else {
                throw .configuration(key: text, reason: "an override is written key=value")
            }
            try set(String(text[..<equals]), to: String(text[text.index(after: equals)...]))
        }
    }

    /// Reads YAML over the defaults; `path` names the file in errors. Keys may be nested (`ppo: {clipCoef: 0.1}`) or
    /// dotted. Throws `CSCError.entry` with line and key, and `CSCError.table` where it is not a YAML mapping.
    /// O(size * keys).
    public init(yaml: String, path: String) throws(CSCError) {
        self.init()
        guard let root = try YAMLText.compose(yaml, path: path) else { return }
        guard case .mapping(let mapping) = root else {
            throw .table(path: path, reason: "is not a mapping of keys to values")
        }
        try read(mapping, prefix: "", path: path)
        try validate()
    }

    /// Reads a file. Throws as `init(yaml:path:)` does, and `CSCError.file`. O(size).
    public init(contentsOf path: String) throws(CSCError) {
        try self.init(yaml: try AtomicFile.readText(path), path: path)
    }

    private mutating func read(_ mapping: Node.Mapping, prefix: String, path: String) throws(CSCError) {
        for (key, value) in mapping {
            let name = prefix + (key.scalar?.string ?? "")
            let line = key.mark?.line ?? 0
            func wrong(_ error: CSCError) -> CSCError {
                guard case .configuration(_, let reason) = error else { return error }
                return .entry(path: path, line: line, key: name, reason: reason)
            }
            switch value {
            case .mapping(let inner):
                try read(inner, prefix: name + ".", path: path)
            case .scalar(let scalar):
                do throws(CSCError) { try set(name, to: scalar.string) } catch { throw wrong(error) }
            case .sequence(let sequence):
                let text = "[" + sequence.map { $0.scalar?.string ?? "?" }.joined(separator: ", ") + "]"
                do throws(CSCError) { try set(name, to: text) } catch { throw wrong(error) }
            case .alias:
                throw .entry(path: path, line: line, key: name, reason: "aliases are not read")
            }
        }
    }

    /// The configuration as YAML, every key with its meaning: what `config.yaml` of a run holds. O(keys).
    public var text: String {
        var lines = ["# A training run of cafe-cli. Keys not listed in \(Self.page) are refused."]
        var open: [String] = []
        for field in Self.fields {
            let parts = field.key.split(separator: ".").map(String.init)
            let sections = Array(parts.dropLast())
            let common = zip(open, sections).prefix { $0 == $1 }.count
            for level in common..<max(common, sections.count) {
                if level == 0 { lines.append("") }
                lines.append(String(repeating: "  ", count: level) + sections[level] + ":")
            }
            open = sections
            let entry = String(repeating: "  ", count: sections.count) + "\(parts.last!): \(field.read(self))"
            let pad = String(repeating: " ", count: max(1, 44 - entry.count))
            lines.append(entry + pad + "# " + field.help)
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
