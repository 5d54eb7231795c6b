internal import CZlib

/// Unpacks a stream of gzip members (RFC 1952) by zlib, piece by piece. Not thread-safe.
final class Inflater {
    private var stream = z_stream()
    private var isOpen = false
    /// A member has been begun and not ended: the data is cut off if nothing follows.
    private(set) var isInside = false

    private static let piece = 1 << 17

    init() {
        // 15 bits of window, + 16: a gzip header is expected.
        isOpen = inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    }

    deinit { if isOpen { inflateEnd(&stream) } }

    /// Appends what `input` unpacks to. What follows a member begins the next one; zero bytes between members are passed
    /// over. O(input + output).
    /// - Returns: nil, or what is wrong with the data.
    func inflate(_ input: [UInt8], into output: inout [UInt8]) -> String? {
        guard isOpen else { return "zlib cannot be started" }
        var buffer = [UInt8](repeating: 0, count: Self.piece)
        return input.withUnsafeBufferPointer { bytes in
            stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
            stream.avail_in = UInt32(bytes.count)
            while stream.avail_in > 0 || stream.avail_out == 0 {
                if !isInside {
                    while stream.avail_in > 0, let next = stream.next_in, next.pointee == 0 {
                        (stream.next_in, stream.avail_in) = (next + 1, stream.avail_in - 1)
                    }
                    if stream.avail_in == 0 { break }
                    isInside = true
                }
                let status = buffer.withUnsafeMutableBufferPointer { room in
                    stream.next_out = room.baseAddress
                    stream.avail_out = UInt32(room.count)
                    return CZlib.inflate(&stream, Z_NO_FLUSH)
                }
                output.append(contentsOf: buffer[..<(buffer.count - Int(stream.avail_out))])
                switch status {
                case Z_OK: continue
                case Z_BUF_ERROR: return nil
                case Z_STREAM_END:
                    isInside = false
                    inflateReset(&stream)
                    stream.avail_out = 1
                default: return stream.msg.map { String(cString: $0) } ?? "zlib's status \(status)"
                }
            }
            return nil
        }
    }
}
