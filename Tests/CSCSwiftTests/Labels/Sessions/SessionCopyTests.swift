import CSCSwift
import Foundation
import Testing

/// A session's copy: what reports and snapshots are made from while the session goes on.
@Suite("Copies of a session")
struct SessionCopyTests {
    @Test(
        "a copy stays as it was and takes nothing; its snapshot opens the session", arguments: AssignmentMethod.allCases
    )
    func copy(method: AssignmentMethod) throws {
        let folder = FileManager.default.temporaryDirectory.path + "/copy-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let session = try LabelSession.create(
            folder: folder, tasks: (0..<6).map { LabelingTask(id: "t\($0)", context: 0) }, classes: ["no", "yes"],
            workers: [LabelingWorker(id: "a"), LabelingWorker(id: "b")], options: .init(method: method, budget: 12))
        for _ in 0..<5 {
            let question = try #require(try session.next(workers: ["a", "b"]))
            try session.record(question: question.id, label: "yes")
        }
        let copy = session.copy(), bytes = session.stateBytes
        let more = try #require(try session.next(workers: ["a", "b"]))
        try session.record(question: more.id, label: "no")
        #expect(copy.stateBytes == bytes && session.stateBytes != bytes)
        #expect(copy.labelCount == 5 && session.labelCount == 6 && copy.hasJoined("a") && !copy.hasJoined("c"))
        #expect(try copy.makeSnapshot().state == bytes)
        #expect(throws: CSCError.self) { _ = try copy.next(workers: ["a"]) }
        #expect(session.labelCount == 6)
    }
}
