import CSCSwift
import cafe_cli

/// Verb `evaluate`: the options of `cafe-cli evaluate` as fields, in camel case.
struct EvaluationQuestion: Document {
    var policies: [String]
    var seeds: [UInt64]?
    var tasks: Int?
    var workers: Int?
    var episodes: Int?
    var reroute: Bool?
    var relocate: Bool?
    var bounds: Bool?
    var boundEpisodes: Int?
    var annealingMoves: Int?
    var lookahead: [String]?
    var futureDays: String?
    var futurePart: String?
    var scenario: String?
    var orders: String?
    var workersFile: String?
    var format: String?
    var columns: String?
    var units: String?
    var zone: String?
    var cut: String?
    var days: String?
    var from: String?
    var part: String?
    var terms: String?
    var skipBadRows: Bool?
    var travel: String?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case policies, seeds, tasks, workers, episodes, reroute, relocate, bounds, boundEpisodes
        case annealingMoves, lookahead
        case futureDays, futurePart, scenario, orders, workersFile, format, columns, units, zone, cut, days, from, part
        case terms, skipBadRows, travel
    }

    /// The document of `cafe-cli evaluate --json`. Throws `Misuse` with a sentence that names the field.
    func answer() throws -> JSON {
        if policies.isEmpty && bounds != true { throw Misuse("policies: there is none, and bounds is not true") }
        do {
            return try EvaluationDocument.evaluate(policies, options: options)
        } catch let error as CSCError {
            throw Misuse(Self.fields(in: error.description))
        }
    }

    private var options: [String] {
        let numbers: [(CodingKeys, Int?)] = [
            (.tasks, tasks), (.workers, workers), (.episodes, episodes), (.boundEpisodes, boundEpisodes),
            (.annealingMoves, annealingMoves),
        ]
        let texts: [(CodingKeys, String?)] = [
            (.seeds, seeds.map { $0.map(String.init).joined(separator: ",") }), (.futureDays, futureDays),
            (.futurePart, futurePart), (.scenario, scenario), (.orders, orders), (.workersFile, workersFile),
            (.format, format), (.columns, columns), (.units, units), (.zone, zone), (.cut, cut), (.days, days),
            (.from, from), (.part, part), (.terms, terms), (.travel, travel),
        ]
        let flags: [(CodingKeys, Bool?)] = [
            (.reroute, reroute), (.relocate, relocate), (.bounds, bounds), (.skipBadRows, skipBadRows),
        ]
        return numbers.compactMap { key, value in value.map { Self.flag(key.rawValue) + "=\($0)" } }
            + texts.compactMap { key, value in value.map { Self.flag(key.rawValue) + "=" + $0 } }
            + flags.compactMap { key, value in value == true ? Self.flag(key.rawValue) : nil }
            + (lookahead ?? []).map { "--lookahead=" + $0 }
    }

    /// `boundEpisodes` as `--bound-episodes`.
    private static func flag(_ field: String) -> String {
        "--" + field.map { $0.isUppercase ? "-" + $0.lowercased() : String($0) }.joined()
    }

    /// A sentence of the command line with fields in place of its options.
    private static func fields(in sentence: String) -> String {
        CodingKeys.allCases.map(\.rawValue).sorted { $0.count > $1.count }
            .reduce(sentence) { $0.replacing(flag($1), with: $1) }
    }
}
