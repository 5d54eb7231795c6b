import CSCSwift

/// `cafe_api_call`: one JSON document in, one out.

private struct Names: Encodable {
    var names: [String]
}

/// What a verb does with a document.
private let verbs: [(name: String, run: @Sendable (UnsafePointer<CChar>?) throws -> UnsafeMutablePointer<CChar>)] = [
    ("aggregators", { _ in try encoded(Names(names: AggregationMethod.allCases.map(\.rawValue))) }),
    ("policies", { _ in try encoded(Names(names: LearntCoalitionPolicy.builtInNames)) }),
    ("scenarios", { _ in try encoded(Names(names: Scenario.all.map(\.name))) }),
    ("verbs", { _ in try encoded(Names(names: verbNames())) }),
]

private func verbNames() -> [String] { verbs.map(\.name) }

/// See cafe_api.h.
@_cdecl("cafe_api_call")
public func cafeAPICall(
    _ verb: UnsafePointer<CChar>?, _ json: UnsafePointer<CChar>?
) -> UnsafeMutablePointer<CChar>? {
    guarded {
        let name = try text(verb)
        guard let entry = verbs.first(where: { $0.name == name }) else {
            throw Misuse("unknown verb '\(name)'\(Spelling.hint(for: name, among: verbNames()))")
        }
        return try entry.run(json)
    }
}
