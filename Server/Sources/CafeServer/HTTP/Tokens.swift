internal import CSCSwift
internal import Crypto
internal import Foundation
internal import GRDB
internal import Synchronization

/// Who asks.
enum Principal: Sendable, Hashable {
    /// Whoever runs the server.
    case admin
    /// Whoever made a study: may do with this one what an admin may.
    case requester(study: String)
    /// Who labels in a study.
    case worker(study: String, id: String)
}

/// The tokens: 256 random bits each; the server keeps their SHA-256 only.
///
/// A token is found by its hash and then compared in constant time, so that the time of an answer tells nothing of how
/// much of a guess was right.
final class Tokens: Sendable {
    private struct Entry: Sendable {
        let hash: [UInt8]
        let principal: Principal
    }

    private let known = Mutex<[Data: Entry]>([:])

    /// A new token.
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        return base64(
            (0..<4).flatMap { _ in
                (0..<8).map { [word = generator.next()] in UInt8(truncatingIfNeeded: word >> (8 * $0)) }
            })
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-").replacingOccurrences(
            of: "/", with: "_"
        )
        .replacingOccurrences(of: "=", with: "")
    }

    /// What is kept of a token.
    static func hash(_ token: String) -> Data { Data(SHA256.hash(data: Data(token.utf8))) }

    /// Whose token it is; nil where nobody's. O(1), in a time that does not depend on how much of it is right.
    func principal(of token: String) -> Principal? {
        let hash = Self.hash(token)
        guard let entry = known.withLock({ $0[hash] }) else { return nil }
        var difference: UInt8 = 0
        for (a, b) in zip(entry.hash, hash) { difference |= a ^ b }
        return difference == 0 ? entry.principal : nil
    }

    /// Takes a token that is kept elsewhere (the admin's, in a file), or one that was read.
    func learn(hash: Data, _ principal: Principal) {
        known.withLock { $0[hash] = Entry(hash: Array(hash), principal: principal) }
    }

    /// Makes a token for somebody and keeps its hash in the transaction.
    func issue(_ principal: Principal, _ context: CommitContext, at time: Double) throws -> String {
        let token = Self.make(), hash = Self.hash(token)
        let (role, study, worker): (String, String?, String?) =
            switch principal {
            case .admin: ("admin", nil, nil)
            case .requester(let study): ("requester", study, nil)
            case .worker(let study, let id): ("worker", study, id)
            }
        try context.database.execute(
            sql: "INSERT INTO tokens (hash, role, study, worker, created) VALUES (?, ?, ?, ?, ?)",
            arguments: [hash, role, study, worker, time])
        learn(hash: hash, principal)
        context.onRollback { self.known.withLock { $0[hash] = nil } }
        return token
    }

    /// Reads all tokens of a file. O(tokens).
    func load(_ context: CommitContext) throws {
        let rows = try Row.fetchCursor(context.database, sql: "SELECT hash, role, study, worker FROM tokens")
        while let row = try rows.next() {
            let hash: Data = row[0], role: String = row[1], study: String? = row[2], worker: String? = row[3]
            switch (role, study, worker) {
            case ("admin", _, _): learn(hash: hash, .admin)
            case ("requester", let study?, _): learn(hash: hash, .requester(study: study))
            case ("worker", let study?, let worker?): learn(hash: hash, .worker(study: study, id: worker))
            default: continue
            }
        }
    }
}
