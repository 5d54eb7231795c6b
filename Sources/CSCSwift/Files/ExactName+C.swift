internal import Foundation

/// A name that equals another one byte for byte only.
///
/// Swift's strings are equal where they look equal: an accented letter in one piece (NFC) is the letter with its accent
/// beside it (NFD). Names of tasks, workers and classes come from files in which these are two names.
package struct ExactName: Sendable, Hashable, Comparable {
    /// The name.
    package let text: String

    /// A name to be compared by its bytes.
    package init(_ text: String) { self.text = text }

    /// Whether both have the same bytes. O(bytes).
    package static func == (a: ExactName, b: ExactName) -> Bool { same(a.text, b.text) }

    /// The order of the bytes. O(bytes).
    package static func < (a: ExactName, b: ExactName) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }

    /// The bytes' hash.
    package func hash(into hasher: inout Hasher) {
        let hashed: Void? = text.utf8.withContiguousStorageIfAvailable {
            hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if hashed == nil { for byte in text.utf8 { hasher.combine(byte) } }
    }

    /// Whether two texts have the same bytes. O(bytes).
    package static func same(_ a: String, _ b: String) -> Bool {
        let equal = a.utf8.withContiguousStorageIfAvailable { first in
            b.utf8.withContiguousStorageIfAvailable { second in
                first.count == second.count
                    && (first.isEmpty || memcmp(first.baseAddress!, second.baseAddress!, first.count) == 0)
            }
        }
        return (equal ?? nil) ?? a.utf8.elementsEqual(b.utf8)
    }
}

/// Names in order, found by their bytes: a few by looking through them, more by a table that is made then.
struct NameIndex: Sendable {
    private(set) var names: [String]
    private var table: [ExactName: Int]?
    private var looked = 0

    /// So many look-ups are made without a table.
    private static let few = 4

    init(_ names: [String] = []) { self.names = names }

    var count: Int { names.count }

    /// The first name's index; nil where there is no such name. O(names) for the first few, then O(1).
    mutating func find(_ name: String) -> Int? {
        if table == nil {
            looked += 1
            if looked <= Self.few { return names.firstIndex { ExactName.same($0, name) } }
            var made: [ExactName: Int] = [:]
            made.reserveCapacity(names.count)
            for (index, name) in names.enumerated() where made[ExactName(name)] == nil { made[ExactName(name)] = index }
            table = made
        }
        return table?[ExactName(name)]
    }

    /// Adds a name after the others. O(1).
    mutating func append(_ name: String) {
        if table?[ExactName(name)] == nil { table?[ExactName(name)] = names.count }
        names.append(name)
    }
}
