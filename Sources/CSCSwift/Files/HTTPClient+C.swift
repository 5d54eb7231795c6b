internal import Foundation

/// The smallest client of HTTP that a service on one's own machine or net needs: GET without encryption.
package enum HTTPClient {
    /// So many bytes of an answer are read.
    package static let largest = 1 << 30

    /// The body of the answer to `GET path` at `host:port`.
    ///
    /// - Parameter seconds: how long to wait for the connection and for each piece of the answer.
    /// - Throws: `CSCError.invalid` that says what the service did: nobody listens, it is silent, it answers an error.
    package static func get(host: String, port: Int, path: String, seconds: Int = 10) throws(CSCError) -> [UInt8] {
        func fail(_ reason: String) -> CSCError { .invalid("\(host):\(port) \(reason)") }
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0 else { throw fail("is not known") }
        defer { freeaddrinfo(found) }
        var descriptor: Int32 = -1
        var next = found
        while let entry = next, descriptor < 0 {
            descriptor = open(entry.pointee, seconds)
            next = entry.pointee.ai_next
        }
        guard descriptor >= 0 else { throw fail("cannot be reached") }
        defer { close(descriptor) }
        let request = Array(
            "GET \(path) HTTP/1.0\r\nHost: \(host):\(port)\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
                .utf8)
        var sent = 0
        while sent < request.count {
            let count = request[sent...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw fail("does not take the request") }
            sent += count
        }
        var answer: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = piece.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count == 0 { break }
            guard count > 0 else { throw fail("does not answer within \(seconds) s") }
            answer += piece[..<count]
            if answer.count > largest { throw fail("answers more than \(largest) bytes") }
        }
        return try body(of: answer, fail)
    }

    private static func open(_ entry: addrinfo, _ seconds: Int) -> Int32 {
        let descriptor = socket(entry.ai_family, entry.ai_socktype, entry.ai_protocol)
        if descriptor < 0 { return -1 }
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        if connect(descriptor, entry.ai_addr, entry.ai_addrlen) == 0 { return descriptor }
        close(descriptor)
        return -1
    }

    /// Splits the head off, looks at the status, and joins the pieces of a chunked body.
    private static func body(of answer: [UInt8], _ fail: (String) -> CSCError) throws(CSCError) -> [UInt8] {
        let gap = Array("\r\n\r\n".utf8)
        guard let split = answer.indices.dropLast(3).first(where: { answer[$0..<$0 + 4].elementsEqual(gap) }) else {
            throw fail("does not answer in HTTP")
        }
        let head = String(decoding: answer[..<split], as: UTF8.self)
        let lines = head.components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        guard lines[0].hasPrefix("HTTP/"), words.count >= 2, let status = Int(words[1]) else {
            throw fail("does not answer in HTTP")
        }
        var rest = Array(answer[(split + 4)...])
        let fields = lines.dropFirst().map { $0.lowercased() }
        if fields.contains(where: { $0.hasPrefix("transfer-encoding:") && $0.contains("chunked") }) {
            guard let joined = dechunk(rest) else { throw fail("ends its answer too early") }
            rest = joined
        }
        if let field = fields.first(where: { $0.hasPrefix("content-length:") }),
            let length = Int(field.dropFirst(15).trimmingCharacters(in: .whitespaces)), length > rest.count
        {
            throw fail("ends its answer too early")
        }
        guard status == 200 else {
            throw fail("answers \(status): \(String(decoding: rest.prefix(200), as: UTF8.self))")
        }
        return rest
    }

    private static func dechunk(_ bytes: [UInt8]) -> [UInt8]? {
        var joined: [UInt8] = []
        var at = 0
        while let end = bytes[at...].firstIndex(of: 13), end + 1 < bytes.count {
            let size = String(decoding: bytes[at..<end], as: UTF8.self).split(separator: ";").first ?? ""
            guard let count = Int(size, radix: 16), count >= 0, count <= bytes.count - end - 2 else { return nil }
            if count == 0 { return joined }
            joined += bytes[end + 2..<end + 2 + count]
            at = min(bytes.count, end + 2 + count + 2)
        }
        return nil
    }
}
