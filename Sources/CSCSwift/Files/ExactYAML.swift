internal import Foundation
internal import Yams

/// YAML whose numbers read back to the same bits.
///
/// Yams' own encoder keeps 15 digits of a number, so the numbers are written by Foundation's (the shortest text that
/// reads back exactly) and laid out as YAML.
enum ExactYAML {
    /// A value as YAML with sorted keys: mappings one key per line, lists on one line. Throws what the encoder throws.
    /// O(size).
    static func text(of value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let tree = try Yams.compose(yaml: String(decoding: encoder.encode(value), as: UTF8.self)) else {
            return ""
        }
        return try Yams.serialize(node: block(tree), width: -1)
    }

    /// A value as YAML with its keys in the order in which it encodes them: a number with a fraction as people write it
    /// (0.37, 234.0), and every number to the last bit. Throws what the encoder throws. O(size).
    static func orderedText(of value: some Encodable) throws -> String {
        let encoder = YAMLEncoder()
        encoder.options.sortKeys = false
        guard let ordered = try Yams.compose(yaml: encoder.encode(value)),
            let exact = try Yams.compose(yaml: String(decoding: JSONEncoder().encode(value), as: UTF8.self))
        else { return "" }
        return try Yams.serialize(node: filled(ordered, from: exact), width: -1)
    }

    /// What `Yams.load` gave, with changes, as a node to decode: numbers keep all their digits. O(size).
    /// - Throws: what Yams throws for a value that it cannot write.
    static func node(of value: Any) throws -> Node {
        switch value {
        case let value as [String: Any]:
            return Node(try value.sorted { $0.key < $1.key }.map { (Node($0.key), try node(of: $0.value)) })
        case let value as [Any]: return Node(try value.map(node(of:)))
        case let value as Double where value.isFinite: return Node("\(value)", Tag(.float))
        default: return try Yams.compose(yaml: Yams.dump(object: value)) ?? ""
        }
    }

    /// The first tree with the numbers of the second, where it writes them in scientific notation.
    private static func filled(_ node: Node, from exact: Node) -> Node {
        switch (node, exact) {
        case (.mapping(let mapping), _):
            let pairs = mapping.map { key, value in
                (key, key.string.flatMap { exact[$0] }.map { filled(value, from: $0) } ?? value)
            }
            return Node(pairs, .implicit, mapping.style)
        case (.sequence(let list), .sequence(let numbers)):
            return Node(zip(list, numbers).map { filled($0, from: $1) }, .implicit, list.style)
        case (.scalar(let scalar), .scalar(let number)):
            guard scalar.style == .plain, scalar.string.contains("e+") || scalar.string.contains("e-"),
                let value = Double(number.string)
            else { return node }
            return Node("\(value)", .implicit, .plain)
        default: return node
        }
    }

    /// The tree with its mappings one key per line and its keys without quotes; lists stay on one line.
    private static func block(_ node: Node) -> Node {
        guard case .mapping(let mapping) = node else { return node }
        let pairs = mapping.map { (Node($0.key.string ?? "", .implicit, .plain), block($0.value)) }
        return Node(pairs, .implicit, .block)
    }
}
