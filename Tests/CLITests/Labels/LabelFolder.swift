import Foundation
import Testing

/// Tests of `cafe-cli label` in a folder of their own.
protocol LabelFolder {
    var folder: TestFolder { get }
}

extension LabelFolder {
    /// Runs `cafe-cli label`.
    func label(_ arguments: String...) throws -> CommandLineTool.Result {
        try CommandLineTool.run(["label"] + arguments)
    }

    /// Writes a file into the folder and gives its path.
    func write(_ text: String, _ name: String) throws -> String {
        try text.write(toFile: folder.file(name), atomically: true, encoding: .utf8)
        return folder.file(name)
    }

    /// A JSON object that was printed.
    func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }
}
