import CSCSwift
import Foundation

/// A JSON document of the interface: its fields are its coding keys, and no others are taken.
protocol Document: Decodable {
    associatedtype CodingKeys: CodingKey, CaseIterable
}

/// A document whose field names are checked before it is read.
struct Strict<Content: Document>: Decodable {
    let content: Content

    init(from decoder: any Decoder) throws {
        try KnownKeys.check(decoder, Content.CodingKeys.allCases.map(\.stringValue))
        content = try Content(from: decoder)
    }
}

extension Document {
    /// Reads a document. Throws `Misuse` with the path of what does not fit.
    init(json: String) throws {
        do {
            self = try JSONDecoder().decode(Strict<Self>.self, from: Data(json.utf8)).content
        } catch let error as DecodingError {
            throw Misuse(error.sentence)
        }
    }
}

/// Throws `Misuse` naming the field where a number is out of its range.
func check<Number: Comparable>(_ name: String, _ value: Number, _ range: ClosedRange<Number>) throws {
    guard range.contains(value) else {
        throw Misuse("\(name): \(value) is not in \(range.lowerBound)...\(range.upperBound)")
    }
}
