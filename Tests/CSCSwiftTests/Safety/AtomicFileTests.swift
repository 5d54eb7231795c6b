import CSCSwift
import Foundation
import Testing

/// What is written to a path leaves what stands there the kind of thing that it is.
@Suite struct AtomicFileTests {
    private func status(_ path: String) -> stat {
        var status = stat()
        lstat(path, &status)
        return status
    }

    @Test(
        "the folder above a path, of names of one character too",
        arguments: [
            ("a", "."), ("abc", "."), ("a/", "."), ("/a", "/"), ("/", "/"), ("//", "/"), ("a/b", "a"), ("a//b//", "a"),
            ("", "."),
            ("./é", "."), ("/x/y/z", "/x/y"),
        ])
    func parents(path: String, above: String) { #expect(AtomicFile.parent(of: path) == above) }

    @Test func aLinkStaysALink() throws {
        let folder = TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.file("deep"), withIntermediateDirectories: true)
        try AtomicFile.write("old", to: folder.file("deep/target"))
        #expect(symlink("deep/target", folder.file("link")) == 0)
        #expect(symlink("link", folder.file("second")) == 0)
        try AtomicFile.write("new", to: folder.file("second"))
        #expect(status(folder.file("second")).st_mode & S_IFMT == S_IFLNK)
        #expect(status(folder.file("link")).st_mode & S_IFMT == S_IFLNK)
        #expect(try AtomicFile.readText(folder.file("deep/target")) == "new")
        #expect(symlink("nowhere", folder.file("dangling")) == 0)
        try AtomicFile.write("made", to: folder.file("dangling"))
        #expect(try AtomicFile.readText(folder.file("nowhere")) == "made")
        #expect(symlink("circle", folder.file("circle")) == 0)
        #expect(throws: CSCError.self) { try AtomicFile.write("x", to: folder.file("circle")) }
    }

    @Test func theModeIsKept() throws {
        let folder = TemporaryFolder()
        for mode: mode_t in [0o600, 0o640, 0o755] {
            try AtomicFile.write("secret", to: folder.file("f"))
            chmod(folder.file("f"), mode)
            try AtomicFile.write("more", to: folder.file("f"))
            #expect(status(folder.file("f")).st_mode & 0o777 == mode)
            var table = CSVWriter(header: ["a"])
            table.append(["1"])
            try table.write(to: folder.file("f"))
            #expect(status(folder.file("f")).st_mode & 0o777 == mode)
        }
    }

    @Test(arguments: [0, 1, 1000, 1001, 2500])
    func aPaceChangesOnlyTheTime(count: Int) throws {
        let folder = TemporaryFolder()
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try AtomicFile.write(bytes, to: folder.file("f"), mode: 0o600, pace: .init(stretch: 1000, pause: 1))
        #expect(try AtomicFile.read(folder.file("f")) == bytes)
        #expect(status(folder.file("f")).st_mode & 0o777 == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("")) == ["f"])
    }

    @Test func aPipeIsWrittenThrough() throws {
        let folder = TemporaryFolder()
        let path = folder.file("pipe")
        #expect(mkfifo(path, 0o600) == 0)
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        try AtomicFile.checkWritable(path)
        try AtomicFile.write("through", to: path)
        var bytes = [UInt8](repeating: 0, count: 16)
        #expect(read(reader, &bytes, 16) == 7)
        #expect(status(path).st_mode & S_IFMT == S_IFIFO)
    }

    @Test func devicesAreWrittenToAndStay() throws {
        try AtomicFile.write("gone", to: "/dev/null")
        #expect(status("/dev/null").st_mode & S_IFMT == S_IFCHR)
        let error = #expect(throws: CSCError.self) { try AtomicFile.write("x", to: "/dev/full") }
        #expect("\(error!)".contains("No space left"))
        #expect(status("/dev/full").st_mode & S_IFMT == S_IFCHR)
    }

    @Test func foldersAndMissingFoldersAreRefused() {
        let folder = TemporaryFolder()
        for path in [folder.path, folder.file("missing/f"), ""] {
            #expect(throws: CSCError.self) { try AtomicFile.checkWritable(path) }
            #expect(throws: CSCError.self) { try AtomicFile.write("x", to: path) }
        }
        #expect(try! FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    /// Names of temporary files cannot be foreseen, and one that is there already is never opened.
    @Test func plantedLinksAreNotFollowed() throws {
        let folder = TemporaryFolder()
        try AtomicFile.write("mine", to: folder.file("victim"))
        for number in 1...2000 { symlink("victim", folder.file("o.json.partial-\(number)")) }
        try AtomicFile.write("theirs", to: folder.file("o.json"))
        #expect(try AtomicFile.readText(folder.file("victim")) == "mine")
        #expect(try AtomicFile.readText(folder.file("o.json")) == "theirs")
    }

    /// What a killed writer left is removed; what a living one holds locked stays.
    @Test func leftoversAreRemoved() throws {
        let folder = TemporaryFolder()
        let dead = ["a.ckpt.partial-0123456789abcdef", "policy.ckpt.partial-4711"]
        for name in dead + ["kept.partial-", "kept.partial-xyz", "kept"] {
            try "x".write(toFile: folder.file(name), atomically: false, encoding: .utf8)
        }
        let living = folder.file("b.ckpt.partial-00000000000000aa")
        let descriptor = open(living, O_WRONLY | O_CREAT, 0o644)
        defer { close(descriptor) }
        #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        AtomicFile.removeLeftovers(in: folder.path)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(left == ["b.ckpt.partial-00000000000000aa", "kept", "kept.partial-", "kept.partial-xyz"])
    }
}
