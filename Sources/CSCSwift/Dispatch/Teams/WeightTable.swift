/// A set of weights by their names: as a vector for a search, and as a mapping for a file.
struct WeightTable<Weights>: Sendable {
    /// A weight: its name in files, its place, and how far a search moves it at first, relative to the others.
    struct Entry: Sendable {
        let name: String
        let path: any WritableKeyPath<Weights, Double> & Sendable
        let scale: Double

        init(_ name: String, _ path: any WritableKeyPath<Weights, Double> & Sendable, _ scale: Double) {
            (self.name, self.path, self.scale) = (name, path, scale)
        }
    }

    /// The weights, in the order of the vector.
    let entries: [Entry]
    /// What has them, for messages: "a coalition".
    let owner: String
    /// The key under which a file has them.
    let key: String

    /// Their names. O(weights).
    var names: [String] { entries.map(\.name) }
    /// Their scales. O(weights).
    var scales: [Double] { entries.map(\.scale) }

    /// The numbers. O(weights).
    func vector(of weights: Weights) -> [Double] { entries.map { weights[keyPath: $0.path] } }

    /// Sets all. O(weights).
    /// - Precondition: as many numbers as weights.
    func set(_ weights: inout Weights, to vector: [Double]) {
        precondition(
            vector.count == entries.count,
            "\(Weights.self).vector: \(vector.count) numbers for \(entries.count) weights")
        for (entry, value) in zip(entries, vector) { weights[keyPath: entry.path] = value }
    }

    /// Reads a mapping of names to numbers, which must name every weight. O(weights^2).
    /// - Throws: `CSCError.configuration` that names an unknown or a missing weight, or a value that is not finite.
    func read(_ weights: inout Weights, from decoder: any Decoder) throws {
        let mapping = try decoder.singleValueContainer().decode([String: Double].self)
        for name in mapping.keys.sorted() {
            guard let entry = entries.first(where: { $0.name == name }) else {
                throw CSCError.configuration(
                    key: name,
                    reason: "no weight of \(owner) has this name" + Spelling.hint(for: name, among: names))
            }
            guard let value = mapping[name], value.isFinite else {
                throw CSCError.configuration(key: name, reason: "is not a finite number")
            }
            weights[keyPath: entry.path] = value
        }
        let missing = names.filter { mapping[$0] == nil }
        guard missing.isEmpty else {
            throw CSCError.configuration(
                key: key,
                reason:
                    "of \(entries.count) weights \(missing.count == 1 ? "one is" : "\(missing.count) are") missing: "
                    + missing.joined(separator: ", "))
        }
    }

    /// Writes every weight under its name. O(weights).
    /// - Throws: what the encoder throws.
    func write(_ weights: Weights, to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Dictionary(uniqueKeysWithValues: zip(names, vector(of: weights))))
    }
}
