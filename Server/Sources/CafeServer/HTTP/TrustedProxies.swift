internal import Foundation

/// Which proxies are believed when they say in `X-Forwarded-For` where a request came from.
struct TrustedProxies: Sendable {
    /// The first bits of addresses of one length.
    private struct Network: Sendable {
        let bytes: [UInt8]
        let bits: Int

        func contains(_ address: [UInt8]) -> Bool {
            guard address.count == bytes.count else { return false }
            return (0..<bits).allSatisfy { bit in
                (address[bit / 8] ^ bytes[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
            }
        }
    }
    private let networks: [Network]
    private let trustsLoopback: Bool

    /// - Parameters:
    ///   - texts: addresses or networks; what is neither is left out (`isNetwork`).
    ///   - loopback: whether this machine's own addresses are believed.
    init(_ texts: [String], loopback: Bool) {
        networks = texts.compactMap(Self.network)
        trustsLoopback = loopback
    }

    /// Whether this is an address, or a network such as `10.0.0.0/8` or `fd00::/8`.
    static func isNetwork(_ text: String) -> Bool { network(text) != nil }

    private static func network(_ text: String) -> Network? {
        let halves = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let bytes = bytes(String(halves[0])) else { return nil }
        guard halves.count == 2 else { return Network(bytes: bytes, bits: 8 * bytes.count) }
        guard let bits = Int(halves[1]), (0...8 * bytes.count).contains(bits) else { return nil }
        return Network(bytes: bytes, bits: bits)
    }

    /// The bytes of an address: 4, or 16; an IPv4 address in IPv6's form is taken as one.
    private static func bytes(_ text: String) -> [UInt8]? {
        var four = in_addr(), six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: four) { Array($0) } }
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        let bytes = withUnsafeBytes(of: six) { Array($0) }
        let mapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 255 && bytes[11] == 255
        return mapped ? Array(bytes[12...]) : bytes
    }

    private func trusts(_ address: String) -> Bool {
        if trustsLoopback, ["127.0.0.1", "::1", "local"].contains(address) { return true }
        guard !networks.isEmpty, let bytes = Self.bytes(address) else { return false }
        return networks.contains { $0.contains(bytes) }
    }

    /// The last address of the chain that no trusted proxy has: what came before it, the asker may have made up.
    /// - Parameters:
    ///   - remote: the other end of the connection.
    ///   - fields: the values of `X-Forwarded-For`, in their order.
    func client(of remote: String, forwardedFor fields: [String]) -> String {
        var client = remote
        var chain = fields.flatMap { $0.split(separator: ",") }
            .map { String($0.trimmingCharacters(in: .whitespaces).prefix(64)) }
        while trusts(client), let before = chain.popLast(), !before.isEmpty { client = before }
        return client
    }
}
