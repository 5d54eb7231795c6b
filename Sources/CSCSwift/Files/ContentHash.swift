internal import Foundation

/// SipHash-2-4 ([SipHash12]): a 64-bit keyed hash whose value changes, as good as at random, with
/// any change of the content: torn, shifted, swapped or zeroed blocks, not only flipped bits.
package enum ContentHash {
    /// The hash of `bytes` under the 128-bit key (k0, k1). One pass, 8 bytes per round.
    package static func sipHash(_ bytes: [UInt8], k0: UInt64 = 0, k1: UInt64 = 0) -> UInt64 {
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

    /// A fast hash of the first `count` bytes, four words abreast: finds damage and other content, and nothing that was
    /// made on purpose. Some bytes a cycle.
    package static func quick(_ bytes: [UInt8], upTo count: Int) -> UInt64 {
        precondition(count >= 0 && count <= bytes.count, "ContentHash.quick: \(count) of \(bytes.count) bytes")
        let content = bytes.span.bytes
        let prime: UInt64 = 0x9E37_79B9_7F4A_7C15
        func word(_ at: Int) -> UInt64 {
            UInt64(littleEndian: content.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self))
        }
        func mixed(_ state: UInt64, _ word: UInt64) -> UInt64 {
            let product = (state ^ word) &* prime
            return product ^ product >> 29
        }
        var (a, b, c, d) = (prime, prime &* 3, prime &* 5, prime &* 7)
        var at = 0
        while at + 32 <= count {
            a = mixed(a, word(at))
            b = mixed(b, word(at + 8))
            c = mixed(c, word(at + 16))
            d = mixed(d, word(at + 24))
            at += 32
        }
        while at < count {
            a = mixed(a, UInt64(content.unsafeLoadUnaligned(fromByteOffset: at, as: UInt8.self)))
            at += 1
        }
        var hash = UInt64(count)
        for lane in [a, b, c, d] { hash = mixed(hash, lane) }
        return mixed(hash, prime)
    }

    /// The hash of a file's content, 16 hexadecimal digits: of the hashes of its pieces of a mebibyte. Throws
    /// `CSCError.file`. O(size), a mebibyte of memory.
    package static func file(_ path: String) throws(CSCError) -> String {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw .file(path: path, reason: "cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { try? file.close() }
        var hashes: [UInt8] = []
        do {
            while let piece = try file.read(upToCount: 1 << 20), !piece.isEmpty {
                let hash = sipHash([UInt8](piece))
                for shift in stride(from: 0, to: 64, by: 8) {
                    hashes.append(UInt8(truncatingIfNeeded: hash >> UInt64(shift)))
                }
            }
        } catch {
            throw .file(path: path, reason: "cannot be read: \(error.localizedDescription)")
        }
        return digits(sipHash(hashes))
    }

    /// A hash as 16 hexadecimal digits.
    package static func digits(_ hash: UInt64) -> String {
        let text = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
