/// A string that is equal to another only if its bytes are: Swift's own strings are equal up to Unicode's normal form.
package struct ByteString: Hashable, Sendable {
    /// The text.
    package let text: String

    /// The key of a text.
    package init(_ text: String) { self.text = text }

    /// By bytes. O(length).
    package static func == (a: ByteString, b: ByteString) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

    /// Of the bytes. O(length).
    package func hash(into hasher: inout Hasher) {
        var word: UInt64 = 0
        var count: UInt64 = 0
        for byte in text.utf8 {
            word = word << 8 | UInt64(byte)
            count += 1
            if count % 8 == 0 { hasher.combine(word) }
        }
        hasher.combine(word)
        hasher.combine(count)
    }
}
