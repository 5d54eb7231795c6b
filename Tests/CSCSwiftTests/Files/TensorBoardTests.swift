import CSCSwift
import Foundation
import Testing

@Suite struct TensorBoardTests {
    /// The bytes that TensorFlow's own writer makes of `brain.Event:2` at time 0 and of one scalar, computed with
    /// tensorboard 2.20 (`Event.SerializeToString`, `masked_crc32c`).
    @Test func bytesAreThoseOfTensorBoard() throws {
        let folder = TemporaryFolder()
        let writer = try TensorBoardWriter(creating: folder.file("e"))
        try writer.append(iteration: 300, names: ["a/b", "c"], values: [1.5, .nan])
        let text = try AtomicFile.read(folder.file("e")).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
        #expect(text == Self.expected)
    }

    private static let expected =
        "0f000000000000006d532b091a0d627261696e2e4576656e743a32fc9851291a00000000000000129bd82d"
        + "090000000000c0724010ac022a0c0a0a0a03612f62150000c03fa0e152b3"

    /// Events after the iteration and a torn last one go; the rest stays as it was.
    @Test func aFileGoesOnAfterAnIteration() throws {
        let folder = TemporaryFolder()
        func write(_ writer: TensorBoardWriter, _ steps: ClosedRange<Int>) throws {
            for step in steps { try writer.append(iteration: step, names: ["x"], values: [Double(step) / 3]) }
        }
        try write(try TensorBoardWriter(creating: folder.file("whole")), 1...300)
        try write(try TensorBoardWriter(creating: folder.file("cut")), 1...200)
        let bytes = try AtomicFile.read(folder.file("cut"))
        try AtomicFile.write(Array(bytes.dropLast(5)), to: folder.file("cut"))
        try write(try TensorBoardWriter(resuming: folder.file("cut"), after: 150), 151...300)
        let same = try AtomicFile.read(folder.file("cut")) == AtomicFile.read(folder.file("whole"))
        #expect(same)
        try AtomicFile.write("no events", to: folder.file("cut"))
        try write(try TensorBoardWriter(resuming: folder.file("cut"), after: 5), 1...300)
        let anew = try AtomicFile.read(folder.file("cut")) == AtomicFile.read(folder.file("whole"))
        #expect(anew)
    }
}
