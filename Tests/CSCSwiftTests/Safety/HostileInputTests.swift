import CSCSwift
import Foundation
import Testing

/// Input that no honest user writes: refused with a sentence, never a trap, never without an end.
@Suite struct HostileInputTests {
    @Test func numbersFarOutsideAreNoNumbers() throws {
        for text in ["1e-9223372036854775808", "1e9223372036854775807", "1e99999", "-1e400", "1e-10000"] {
            let table = try CSVReader(text: "a\n\(text)\n")
            #expect(try table.next())
            #expect(throws: CSCError.self, "\(text)") { try table.double(0) }
        }
        let table = try CSVReader(text: "a\n1e-9999\n")
        #expect(try table.next())
        #expect(try table.double(0) == 0)
    }

    /// A kilobyte of aliases stands for 9^20 nodes.
    @Test(arguments: [false, true])
    func aliasesAreRefused(_ asKeys: Bool) throws {
        var text = asKeys ? "? &a0 {}\n: 1\n" : "a0: &a0 [1]\n"
        for level in 1...20 {
            let nine = (0..<9).map { asKeys ? "k\($0): *a\(level - 1)" : "*a\(level - 1)" }.joined(separator: ", ")
            text += asKeys ? "? &a\(level) {\(nine)}\n: 1\n" : "a\(level): &a\(level) [\(nine)]\n"
        }
        for read in Self.readers {
            let error = #expect(throws: CSCError.self) { try read(text) }
            #expect("\(error!)".contains("line 1") && "\(error!)".contains("anchor"), "\(error!)")
        }
        // In flow style a colon needs no blank behind a quoted key.
        #expect(throws: CSCError.self) {
            try TrainingConfiguration(yaml: "{\"seed\": &x 1, \"iterations\":*x}", path: "c")
        }
    }

    static let readers: [@Sendable (String) throws -> Void] = [
        { _ = try TrainingConfiguration(yaml: $0, path: "c.yaml") },
        { _ = try FixedHorizonConfiguration(yaml: $0, path: "c.yaml") },
        { _ = try Scenario.read(yaml: $0, path: "s.yaml") },
        { _ = try LearntCoalitionPolicy(text: $0) },
    ]

    /// Stars and ampersands in comments and quotes are texts.
    @Test func whatLooksLikeAnAliasInAComment() throws {
        let text = "# R&D *here* &now\nseed: 3 # *x\nepisodes: {orders: \"*a, *b\", part: '&c ''d'', *e'}\n"
        let read = try TrainingConfiguration(yaml: text, path: "c")
        #expect(read.seed == 3 && read.orders == "*a, *b" && read.part == "&c 'd', *e")
    }

    @Test(arguments: ["? {a: b}\n", "? [a, b]\n: 1\n", "seed:\n  ? {a: 1}\n  : 2\n"])
    func keysAreNames(_ text: String) {
        for read in Self.readers { #expect(throws: CSCError.self) { try read(text) } }
    }

    @Test func deepNestingIsRefused() {
        let text = String(repeating: "{a: ", count: 500) + "1" + String(repeating: "}", count: 500)
        for read in Self.readers { #expect(throws: (any Error).self) { try read(text) } }
    }

    @Test func byteOrderMarkInYAML() throws {
        let read = try TrainingConfiguration(yaml: "\u{FEFF}seed: 3\niterations: 9\n", path: "c")
        #expect(read.seed == 3 && read.iterations == 9)
    }

    @Test(arguments: [
        "ppo.maxGradNorm=1e-50", "vae.targetScale=1e-60", "vae.noiseVariance=1e-300", "reward.phi.share=1e300",
        "ppo.learningRate=1e-44", "game.window=1e-300", "game.window=0",
    ])
    func numbersThatSinglePrecisionLoses(_ override: String) {
        var configuration = TrainingConfiguration()
        #expect(throws: CSCError.self) { try configuration.apply(overrides: [override]) }
    }

    @Test func aNetworkHasAtMostFifteenHiddenLayers() throws {
        let fits = "[" + [String](repeating: "2", count: 15).joined(separator: ",") + "]"
        let more = fits.dropLast() + ",2]"
        for key in ["network.actorWidths", "network.criticWidths", "vae.encoderHidden", "vae.decoderHidden"] {
            var configuration = TrainingConfiguration()
            try configuration.set(key, to: fits)
            #expect(throws: CSCError.self) { try configuration.set(key, to: String(more)) }
        }
    }

    private func task(x: Double = 0, release: Double = 0, deadline: Double = 20, pay: Double = 1) -> SpatialTask {
        SpatialTask(
            release: release, x: x, y: 0, skill: 0, workload: 1, expected: 1, deadline: deadline, pay: pay,
            penaltyRate: 0.1)
    }
    private func worker(x: Double = 0) -> Worker {
        Worker(x: x, y: 0, skills: SkillSet(skill: 0), speed: 1, reach: 1e9, shiftStart: 0, shiftEnd: 100)
    }

    @Test func daysHaveAnEnd() throws {
        for task in [
            task(release: 1e9, deadline: 20), task(deadline: 1e9), task(x: .infinity), task(x: -1e10), task(pay: 1e40),
        ] {
            #expect(throws: CSCError.self) { try Instance(tasks: [task], workers: [], horizon: 10) }
        }
        for horizon in [1e9, .infinity, .nan] {
            #expect(throws: CSCError.self) { try Instance(tasks: [], workers: [], horizon: horizon) }
        }
        #expect(throws: CSCError.self) { try Instance(tasks: [], workers: [worker(x: 1e300)], horizon: 1) }
        _ = try Instance(tasks: [task(release: 5e5, deadline: 20)], workers: [worker()], horizon: 1)
        var city = Scenario.chengdu
        city.horizon = 1e9
        #expect(throws: CSCError.self) { try city.validate() }
        city = .chengdu
        city.grace = .init(1, 1e12)
        #expect(throws: CSCError.self) { try city.validate() }
    }

    /// A service may count minutes from 1970, and seconds too; nanoseconds are refused.
    @Test func momentsOfAnyClock() throws {
        let live = LiveDispatcher(
            try DispatcherKind.named("greedy").make(),
            scale: Snapshot.Scale(.chengdu, tasksPerWorker: 1))
        for now in [0, 29_000_000, 1.7e9, 1.7e12] {
            let pairs = try live.assign(
                workers: [
                    Worker(x: 0, y: 0, skills: SkillSet(skill: 0), speed: 1, reach: 9, shiftStart: 0, shiftEnd: 1e18)
                ],
                tasks: [task(release: now)], now: now)
            #expect(pairs.count == 1, "\(now)")
        }
        for now in [1e15, 1.7e18, 1e19, 1e300, .infinity, .nan, -1] {
            #expect(throws: CSCError.self, "\(now)") { try live.assign(workers: [worker()], tasks: [task()], now: now) }
        }
    }

    /// Places so far apart, or a question from so far away, that a grid's rings cannot be counted.
    @Test(arguments: [1e-9, 1, 1e200, 1e308])
    func farPlacesAreFound(_ spread: Double) {
        let index = SpatialIndex()
        for k in 0..<400 { index.append(x: Double(k % 20) / 20 * spread, y: Double(k / 20) / 20 * spread, skills: 1) }
        index.append(x: -spread, y: -spread, skills: 1)
        index.build()
        var found = [Int32](repeating: -1, count: 3)
        var distances = [Double](repeating: 0, count: 3)
        for place in [0, 1e9, -1e30, 1.7e308] {
            let count = index.nearest(
                3, x: place, y: 0, skills: 1, reach: .infinity, speed: 1, now: 0, found: &found, distances: &distances)
            var scanned = found, far = distances
            index.build(scanLimit: 1000)
            let same = index.nearest(
                3, x: place, y: 0, skills: 1, reach: .infinity, speed: 1, now: 0, found: &scanned, distances: &far)
            index.build()
            #expect(count == same && found == scanned && distances == far, "spread \(spread), from \(place)")
        }
    }

    @Test func tablesThatMemoryCannotHold() throws {
        #expect(throws: CSCError.self) { try Limits.checkMemory([1 << 40, 1 << 40], bytes: 8, "a table") }
        #expect(throws: CSCError.self) { try Limits.checkMemory([1 << 40], bytes: 8, "a table") }
        try Limits.checkMemory([1000, 1000], bytes: 8, "a table")
        #expect(Limits.product([1 << 40, 1 << 40]) == nil && Limits.product([3, 4, 5]) == 60)
        #expect(Limits.memory > 1 << 28)
    }

    /// docs/limits.md says what is refused.
    @Test func theRangesAreDocumented() throws {
        let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("docs/limits.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        for (name, limit) in Limits.all {
            let row = "| \(name) | \(limit.range.lowerBound) | \(limit.range.upperBound) |"
            #expect(text.contains(row), "docs/limits.md lacks: \(row)")
        }
    }
}
