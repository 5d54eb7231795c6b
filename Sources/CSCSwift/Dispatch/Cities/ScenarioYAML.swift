internal import Foundation
internal import Yams

extension Scenario {
    /// The scenario as YAML, in the order of its properties; it reads back to the same bits. O(size).
    /// - Throws: what the encoder throws.
    public func yaml() throws -> String { try ExactYAML.orderedText(of: self) }

    /// `yaml`, with each key's meaning and unit as a comment above it. O(size).
    /// - Throws: as `yaml`.
    public func annotatedYAML() throws -> String { ScenarioKeys.annotate(try yaml()) }

    /// Reads a scenario from YAML. A key `base: chengdu` takes all that is not given from a built-in scenario. O(size).
    ///
    /// - Throws: `CSCError.entry` with line and key for an unknown key (with the nearest known one), a missing key or a
    ///   value out of range, saying what its value looks like; `CSCError.file` for text that is no YAML.
    public static func read(yaml text: String, path: String = "scenario") throws -> Scenario {
        guard try YAMLText.compose(text, path: path) != nil else {
            throw CSCError.file(path: path, reason: "a scenario is a mapping of keys to values")
        }
        let parsed: Any?
        do { parsed = try Yams.load(yaml: YAMLText.checked(text, path: path)) } catch {
            throw CSCError.file(path: path, reason: "this is no YAML: \(error)")
        }
        do {
            return try build(parsed, path: path)
        } catch CSCError.configuration(let key, let reason) {
            let example = ScenarioKeys.example(of: key).map { "; wanted: \($0)" } ?? ""
            throw CSCError.entry(
                path: path, line: line(of: key, in: text), key: key,
                reason: reason + (reason.hasPrefix("no such key") || reason.hasPrefix("no scenario") ? "" : example))
        }
    }

    /// The line, from 1, on which a key such as `speed.low` or `hotSpots[1].x` stands, or the nearest key above it that
    /// is there; nil where the text has none of them.
    private static func line(of key: String, in text: String) -> Int? {
        guard var node = try? Yams.compose(yaml: text) else { return nil }
        var found: Int?
        for part in key.split(whereSeparator: { ".[]".contains($0) }) {
            if let number = Int(part), let sequence = node.sequence {
                guard sequence.indices.contains(number) else { break }
                node = sequence[number]
                found = node.mark?.line ?? found
            } else {
                guard let pair = node.mapping?.first(where: { $0.key.string == String(part) }) else { break }
                found = pair.key.mark?.line ?? found
                node = pair.value
            }
        }
        return found
    }

    private static func build(_ parsed: Any?, path: String) throws -> Scenario {
        guard var given = parsed as? [String: Any] else {
            throw CSCError.file(path: path, reason: "a scenario is a mapping of keys to values")
        }
        var full = chengdu
        full.fieldwork = .example
        let pattern = try Yams.load(yaml: full.yaml()) as? [String: Any] ?? [:]
        var base: [String: Any] = [:]
        if let name = given.removeValue(forKey: "base") {
            let city: Scenario
            do { city = try named("\(name)") } catch CSCError.configuration(_, let reason) {
                throw CSCError.configuration(key: "base", reason: reason)
            }
            base = try Yams.load(yaml: city.yaml()) as? [String: Any] ?? [:]
        }
        try check(given, against: pattern, key: "")
        for (key, value) in given {
            if let inner = value as? [String: Any], let old = base[key] as? [String: Any] {
                base[key] = old.merging(inner) { $1 }
            } else {
                base[key] = value
            }
        }
        do {
            let scenario = try YAMLDecoder().decode(Scenario.self, from: try ExactYAML.node(of: base))
            try scenario.validate()
            return scenario
        } catch let error as DecodingError {
            throw CSCError.configuration(key: name(of: error), reason: reason(of: error))
        }
    }

    /// A scenario by name or from a YAML file, whichever `argument` is. O(size of the file).
    /// - Throws: `CSCError` as `read` and `named` do; `CSCError.file` where the file cannot be read.
    public static func find(_ argument: String) throws -> Scenario {
        let isFile = argument.hasSuffix(".yaml") || argument.hasSuffix(".yml")
        return isFile ? try read(yaml: AtomicFile.readText(argument), path: argument) : try named(argument)
    }

    private static func check(_ given: [String: Any], against pattern: [String: Any], key: String) throws {
        for (name, value) in given.sorted(by: { $0.key < $1.key }) {
            let full = key.isEmpty ? name : "\(key).\(name)"
            guard let known = pattern[name] else {
                throw CSCError.configuration(
                    key: full, reason: "no such key\(Spelling.hint(for: name, among: pattern.keys.sorted()))")
            }
            if let inner = value as? [String: Any], let innerPattern = known as? [String: Any] {
                try check(inner, against: innerPattern, key: full)
            }
            if let list = value as? [Any], let first = (known as? [Any])?.first as? [String: Any] {
                for (index, element) in list.enumerated() {
                    if let element = element as? [String: Any] {
                        try check(element, against: first, key: "\(full)[\(index)]")
                    }
                }
            }
        }
    }

    private static func name(of error: DecodingError) -> String {
        let path =
            switch error {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                context.codingPath
            case .keyNotFound(let key, let context): context.codingPath + [key]
            @unknown default: [] as [any CodingKey]
            }
        return path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    }

    private static func reason(of error: DecodingError) -> String {
        if case .keyNotFound = error { return "it is missing (or name a base: 'base: chengdu')" }
        return "the value is of the wrong kind"
    }
}
