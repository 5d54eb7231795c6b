/// SipHash-2-4 (Aumasson and Bernstein, 2012): a 64-bit keyed hash whose value changes, as good as at random, with
/// any change of the content: torn, shifted, swapped or zeroed blocks, not only flipped bits.
public enum ContentHash {
    /// The hash of `bytes` under the 128-bit key (k0, k1). One pass, 8 bytes a round.
    public static func sipHash(_ bytes: [UInt8], k0: UInt64 = 0, k1: UInt64 = 0) -> UInt64 {
        var v0: UInt64 = k0 ^ 0x736f_6d65_7073_6575
        var v1: UInt64 = k1 ^ 0x646f_7261_6e64_6f6d
        var v2: UInt64 = k0 ^ 0x6c79_6765_6e65_7261
        var v3: UInt64 = k1 ^ 0x7465_6462_7974_6573

        func rotated(_ x: UInt64, _ by: UInt64) -> UInt64 { x << by | x >> (64 - by) }
        func round() {
            v0 = v0 &+ v1
            v1 = rotated(v1, 13) ^ v0
            v0 = rotated(v0, 32)
            v2 = v2 &+ v3
            v3 = rotated(v3, 16) ^ v2
            v0 = v0 &+ v3
            v3 = rotated(v3, 21) ^ v0
            v2 = v2 &+ v1
            v1 = rotated(v1, 17) ^ v2
            v2 = rotated(v2, 32)
        }
        func absorb(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }

        let content = bytes.span
        var position = 0
        while position + 8 <= content.count {
            var word: UInt64 = 0
            for k in 0..<8 { word |= UInt64(content[position + k]) << UInt64(8 * k) }
            absorb(word)
            position += 8
        }
        var last = UInt64(truncatingIfNeeded: content.count) << 56
        for k in position..<content.count { last |= UInt64(content[k]) << UInt64(8 * (k - position)) }
        absorb(last)
        v2 ^= 0xff
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }
}
