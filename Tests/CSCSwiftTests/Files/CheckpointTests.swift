import CSCSwift
import Foundation
import Testing

@Suite struct CheckpointTests {
    private func sample(_ tag: Int) -> Checkpoint {
        var checkpoint = Checkpoint()
        checkpoint.set("actor", floats: (0..<100).map { Float($0) / 7 + Float(tag) })
        checkpoint.set("moments", doubles: [.pi, -0.0, .infinity, 2.3e-308])
        checkpoint.set("state", integers: [tag, Int.min, Int.max, -1])
        checkpoint.set("configuration", text: "seed: 1 # é\n")
        checkpoint.set("empty", floats: [])
        return checkpoint
    }

    @Test func everySectionComesBack() throws {
        let folder = TemporaryFolder()
        try sample(3).write(to: folder.file("a.ckpt"))
        let read = try Checkpoint(contentsOf: folder.file("a.ckpt"))
        #expect(read == sample(3))
        #expect(read.names == ["actor", "moments", "state", "configuration", "empty"])
        #expect(try read.floats("actor", count: 100)[7] == 4)
        #expect(try read.doubles("moments", finite: false)[1].sign == .minus)
        #expect(throws: CSCError.self) { try read.doubles("moments") }
        #expect(throws: CSCError.self) { try read.integers("state", in: 0...9) }
        #expect(try read.integers("state") == [3, Int.min, Int.max, -1])
        #expect(try read.text("configuration") == "seed: 1 # é\n")
        #expect(try read.floats("empty") == [])
        #expect(throws: CSCError.damaged(path: folder.file("a.ckpt"), reason: "section 'critic' is missing")) {
            try read.floats("critic")
        }
        #expect(throws: CSCError.self) { try read.doubles("actor") }
        #expect(throws: CSCError.self) { try read.floats("actor", count: 99) }
    }

    /// Every byte of the file matters: one flipped bit anywhere is found, and so is any other length.
    @Test func anyDamageIsFound() throws {
        let bytes = sample(1).encoded()
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= UInt8(1 << (index % 8))
            #expect(throws: CSCError.self, "byte \(index)") { try Checkpoint(decoding: damaged, path: "p") }
        }
        for length in stride(from: 0, to: bytes.count, by: 7) {
            #expect(throws: CSCError.self, "\(length) bytes") {
                try Checkpoint(decoding: Array(bytes[..<length]), path: "p")
            }
        }
        #expect(throws: CSCError.self) { try Checkpoint(decoding: bytes + [0], path: "p") }
        // A block of an older file over a newer one: torn, though each block is whole in itself.
        var torn = bytes
        let older = sample(0).encoded()
        let middle = bytes.count / 2 - 64
        torn.replaceSubrange(middle..<middle + 64, with: older[middle..<middle + 64])
        #expect(throws: CSCError.self) { try Checkpoint(decoding: torn, path: "p") }
        #expect(try Checkpoint(decoding: bytes, path: "p") == sample(1))
    }

    @Test func damagedSectionIsNamed() throws {
        var bytes = sample(1).encoded()
        bytes[bytes.count - 1] ^= 1  // the last byte belongs to the text
        #expect(throws: CSCError.damaged(path: "p", reason: "section 'configuration' does not match its hash")) {
            try Checkpoint(decoding: bytes, path: "p")
        }
    }

    @Test func folderKeepsTheLastAndTheBestAndPassesOverDamage() throws {
        let folder = TemporaryFolder()
        let checkpoints = CheckpointFolder(path: folder.file("checkpoints"), keepLast: 3)
        #expect(throws: CSCError.self) { try checkpoints.latest() }
        for k in 1...6 { try checkpoints.save(sample(k), iteration: 10 * k) }
        try checkpoints.saveBest(sample(2))
        #expect(checkpoints.iterations() == [40, 50, 60])
        #expect(try Checkpoint(contentsOf: checkpoints.bestPath) == sample(2))
        #expect(try checkpoints.latest().iteration == 60)

        var bytes = try AtomicFile.read(checkpoints.file(iteration: 60))
        bytes.removeLast(10)
        try AtomicFile.write(bytes, to: checkpoints.file(iteration: 60))
        let found = try checkpoints.latest()
        #expect(found.iteration == 50 && found.checkpoint == sample(5))
        #expect(found.refused.count == 1)
        #expect(found.refused[0].description.contains("iteration-000060.ckpt: damaged"))

        for k in [40, 50] { try AtomicFile.write("rubbish", to: checkpoints.file(iteration: k)) }
        let best = try checkpoints.latest()
        #expect(best.iteration == nil && best.checkpoint == sample(2) && best.refused.count == 3)
        try AtomicFile.write("rubbish", to: checkpoints.bestPath)
        #expect(throws: CSCError.self) { try checkpoints.latest() }
        #expect(checkpoints.iterations() == [40, 50, 60])
    }

    /// A newer format, or a file that may not be read, is not damage: nothing else is taken in its place.
    @Test func whatCannotBeReadIsNotPassedOver() throws {
        let folder = TemporaryFolder()
        let checkpoints = CheckpointFolder(path: folder.file("checkpoints"), keepLast: 3)
        for k in 1...2 { try checkpoints.save(sample(k), iteration: k) }
        let newest = checkpoints.file(iteration: 2)
        var bytes = try AtomicFile.read(newest)
        bytes[8] = 2
        try AtomicFile.write(bytes, to: newest)
        #expect { try checkpoints.latest() } throws: { "\($0)".contains("format 2") }
        bytes[8] = 0
        try AtomicFile.write(bytes, to: newest)
        #expect(try checkpoints.latest().iteration == 1)
        try FileManager.default.removeItem(atPath: newest)
        try FileManager.default.createDirectory(atPath: newest, withIntermediateDirectories: false)
        #expect { try checkpoints.latest() } throws: { "\($0)".contains("cannot be read") }
    }

    /// Checkpoints off schedule go when the next one is there, and do not count among those that are kept.
    @Test func checkpointsOffScheduleGo() throws {
        let folder = TemporaryFolder()
        let checkpoints = CheckpointFolder(path: folder.file("checkpoints"), keepLast: 2, every: 10)
        for k in [0, 10, 17, 20, 23] { try checkpoints.save(sample(k), iteration: k) }
        #expect(checkpoints.iterations() == [20, 23])
        try checkpoints.save(sample(30), iteration: 30)
        #expect(checkpoints.iterations() == [20, 30])
    }
}
