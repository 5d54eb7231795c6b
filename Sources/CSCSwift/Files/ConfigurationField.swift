/// One key of the configuration: its name, what it means, how it is read and written, and what values it takes.
///
/// `Configuration` is what it belongs to, such as `TrainingConfiguration`.
public struct ConfigurationField<Configuration: KeyedConfiguration>: Sendable {
    /// The dotted key, for example `ppo.clipCoef`.
    public let key: String
    /// What it means, one line.
    public let help: String
    /// The allowed values in words, for errors and documentation.
    public let allowed: String
    /// Its value as YAML.
    public let read: @Sendable (Configuration) -> String
    /// Sets it from YAML or from the command line. Returns false where the value is not allowed.
    let write: @Sendable (inout Configuration, String) -> Bool

    /// The value that it has unless it is set.
    public var defaultValue: String { read(Configuration()) }

    init(
        _ key: String, _ allowed: String, _ help: String, _ read: @escaping @Sendable (Configuration) -> String,
        _ write: @escaping @Sendable (inout Configuration, String) -> Bool
    ) {
        self.key = key
        self.help = help
        self.allowed = allowed
        self.read = read
        self.write = write
    }

    // MARK: Keys that every run has

    /// The widths of hidden layers; with the input and the output there are at most as many as a network can have.
    static func layers(_ key: String, _ path: Path<[Int]>, _ help: String) -> Self {
        .integers(key, path, 1...4096, help, atMost: Limits.hiddenLayers)
    }

    /// How long a run is, and when it saves and evaluates, where the configuration keeps these.
    static func schedule(
        seed: Path<Int>, iterations: Path<Int>, checkpointEvery: Path<Int>, keepLast: Path<Int>,
        evaluateEvery: Path<Int>
    ) -> [Self] {
        [
            .integer("seed", seed, 0...Int.max, "seed of every random stream"),
            .integer("iterations", iterations, 1...10_000_000, "iterations of the run"),
            .integer("checkpointEvery", checkpointEvery, 1...Int.max, "iterations between checkpoints"),
            .integer("keepLast", keepLast, 1...1000, "how many of the latest checkpoints stay"),
            .integer(
                "evaluateEvery", evaluateEvery, 0...Int.max,
                "iterations between evaluations on held-out episodes; 0: only at the end"),
        ]
    }

    // MARK: Kinds of fields

    typealias Path<Value> = WritableKeyPath<Configuration, Value> & Sendable

    static func number(
        _ key: String, _ path: Path<Double>, _ range: ClosedRange<Double>, _ help: String, open: Bool = false
    ) -> Self {
        let top = range.upperBound.isFinite ? "to \(range.upperBound)" : "up"
        return Self(
            key, "a number \(open ? "above" : "from") \(range.lowerBound) \(top) (in single precision)", help,
            { $0[keyPath: path].description },
            { configuration, text in
                guard let value = Double(text), range.contains(value), Limits.fitsFloat(value) else { return false }
                if open && value == range.lowerBound { return false }
                configuration[keyPath: path] = value
                return true
            })
    }

    static func integer(
        _ key: String, _ path: Path<Int>, _ range: ClosedRange<Int>, _ help: String
    ) -> Self {
        let top = range.upperBound < Int.max ? "to \(range.upperBound)" : "up"
        return Self(
            key, "a whole number from \(range.lowerBound) \(top)", help, { String($0[keyPath: path]) },
            { configuration, text in
                guard let value = Int(text), range.contains(value) else { return false }
                configuration[keyPath: path] = value
                return true
            })
    }

    static func truth(_ key: String, _ path: Path<Bool>, _ help: String) -> Self {
        Self(
            key, "true or false", help, { $0[keyPath: path] ? "true" : "false" },
            { configuration, text in
                guard let value = Bool(text.lowercased()) else { return false }
                configuration[keyPath: path] = value
                return true
            })
    }

    static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
        _ key: String, _ path: Path<Value>, _ help: String
    ) -> Self {
        Self(
            key, Value.allCases.map(\.rawValue).joined(separator: " or "), help, { $0[keyPath: path].rawValue },
            { configuration, text in
                guard let value = Value(rawValue: text) else { return false }
                configuration[keyPath: path] = value
                return true
            })
    }

    static func integers(
        _ key: String, _ path: Path<[Int]>, _ range: ClosedRange<Int>, _ help: String, atMost count: Int = 1000
    ) -> Self {
        Self(
            key, "a list of at most \(count) whole numbers from \(range.lowerBound) to \(range.upperBound)", help,
            { "[" + $0[keyPath: path].map(String.init).joined(separator: ", ") + "]" },
            { configuration, text in
                let inner = text.hasPrefix("[") && text.hasSuffix("]") ? text.dropFirst().dropLast() : text[...]
                var values: [Int] = []
                for part in inner.split(separator: ",") {
                    let digits = part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
                    guard let value = Int(String(digits)), range.contains(value) else { return false }
                    values.append(value)
                }
                guard values.count <= count else { return false }
                configuration[keyPath: path] = values
                return true
            })
    }

    static func text(_ key: String, _ path: Path<String>, _ allowed: String, _ help: String) -> Self {
        Self(
            key, allowed, help, { ConfigurationText.quoted($0[keyPath: path]) },
            { configuration, text in
                if text.isEmpty { return false }
                configuration[keyPath: path] = text
                return true
            })
    }

    static func optionalText(_ key: String, _ path: Path<String>, _ help: String) -> Self {
        Self(
            key, "a text, or null", help,
            { $0[keyPath: path].isEmpty ? "null" : ConfigurationText.quoted($0[keyPath: path]) },
            { configuration, text in
                configuration[keyPath: path] = text == "null" || text == "~" ? "" : text
                return true
            })
    }

    /// The activation of hidden layers by name.
    static func activation(_ key: String, _ path: Path<Activation>, _ help: String) -> Self {
        let names: [(String, Activation)] = [("tanh", .tanh), ("relu", .relu)]
        return Self(
            key, "tanh or relu", help,
            { configuration in names.first { $0.1 == configuration[keyPath: path] }?.0 ?? "tanh" },
            { configuration, text in
                guard let value = names.first(where: { $0.0 == text })?.1 else { return false }
                configuration[keyPath: path] = value
                return true
            })
    }
}
