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

    /// The tree with its mappings one key per line and its keys without quotes; lists stay on one line.
    private static func block(_ node: Node) -> Node {
        guard case .mapping(let mapping) = node else { return node }
        let pairs = mapping.map { (Node($0.key.string ?? "", .implicit, .plain), block($0.value)) }
        return Node(pairs, .implicit, .block)
    }
}
