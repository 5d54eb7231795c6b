internal import Yams

/// YAML from outside, checked before Yams builds anything from it.
///
/// What this program reads needs no anchors and aliases, and a few hundred bytes of them stand for more nodes than any
/// memory holds, so they are refused; so are keys that are not scalars, on which Yams traps, nesting beyond 32, and
/// more than 64 MiB of text.
enum YAMLText {
    /// The deepest nesting.
    static let depth = 32
    /// The longest text (bytes).
    static let size = 64 << 20

    /// The tree of a text; nil where it is empty. `path` names it in errors. O(text).
    ///
    /// - Throws: `CSCError.table` for what is no YAML, naming the line where there is one.
    static func compose(_ text: String, path: String) throws(CSCError) -> Node? {
        let text = try checked(text, path: path)
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch {
            throw .table(path: path, reason: "is not YAML: \(error)")
        }
        if let root { try check(root, path: path, depth: 0) }
        return root
    }

    /// The text without a byte order mark, once nothing in it can make a reader run away. O(text).
    ///
    /// - Throws: `CSCError.table`.
    static func checked(_ text: String, path: String) throws(CSCError) -> String {
        guard text.utf8.count <= size else {
            throw .table(path: path, reason: "is longer than \(size >> 20) MiB")
        }
        if let found = Reference.first(in: text) {
            let reason =
                "line \(found.line): '\(found.text)' is a YAML \(found.kind), which is not read: write the value out, "
                + "or put a text that begins so in quotes"
            throw .table(path: path, reason: reason)
        }
        return text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
    }

    private static func check(_ node: Node, path: String, depth: Int) throws(CSCError) {
        let line = node.mark.map { "line \($0.line): " } ?? ""
        guard depth <= Self.depth else {
            throw .table(path: path, reason: "\(line)nested more than \(Self.depth) deep")
        }
        switch node {
        case .mapping(let mapping):
            for (key, value) in mapping {
                guard key.scalar != nil else {
                    let line = key.mark.map { "line \($0.line): " } ?? line
                    throw .table(path: path, reason: "\(line)a key is a list or a mapping, not a name")
                }
                try check(value, path: path, depth: depth + 1)
            }
        case .sequence(let sequence):
            for value in sequence { try check(value, path: path, depth: depth + 1) }
        case .scalar: return
        case .alias: throw .table(path: path, reason: "\(line)aliases are not read")
        }
    }

    /// An anchor or alias where a value or key begins, outside quotes and comments.
    private struct Reference {
        let line: Int
        let kind: String
        let text: String

        /// After these a token begins: line ends , [ { : ? (a colon or a comma inside a plain text does no harm).
        private static let opening: [UInt8] = [10, 13, 44, 91, 123, 58, 63]

        /// The first one of a text; nil where there is none. What stands in a block scalar counts too. O(text).
        static func first(in text: String) -> Reference? {
            let bytes = Array(text.utf8)
            var line = 1
            var quote: UInt8 = 0
            var begins = true  // a token can begin here
            var at = 0
            while at < bytes.count {
                let byte = bytes[at]
                if byte == 10 { line += 1 }
                if quote != 0 {
                    let doubled = quote == 39 && byte == 39 && at + 1 < bytes.count && bytes[at + 1] == 39
                    if quote == 34 && byte == 92 || doubled { at += 1 } else if byte == quote { quote = 0 }
                } else if byte == 32 || byte == 9 {
                    // White space leaves a beginning what it is.
                } else if opening.contains(byte) {
                    begins = true
                } else if begins && (byte == 34 || byte == 39) {
                    quote = byte
                    begins = false
                } else if byte == 35 && (at == 0 || bytes[at - 1] <= 32) {
                    while at + 1 < bytes.count && bytes[at + 1] != 10 { at += 1 }
                } else if begins && (byte == 42 || byte == 38) && at + 1 < bytes.count && bytes[at + 1] > 32 {
                    let word = bytes[at...].prefix(24).prefix { $0 > 32 && $0 != 44 && $0 != 93 && $0 != 125 }
                    return Reference(
                        line: line, kind: byte == 42 ? "alias" : "anchor", text: String(decoding: word, as: UTF8.self))
                } else {
                    // "- " and a tag leave the next word a beginning.
                    begins = byte == 45 && (at + 1 >= bytes.count || bytes[at + 1] <= 32) || byte == 33 && begins
                }
                at += 1
            }
            return nil
        }
    }
}
