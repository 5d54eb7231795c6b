import CSCSwift
import Testing

/// A long session of BBTA, everything that may happen in one, folded into one number.
///
/// The numbers expected were those of the engine of commit c7827c2b, whose state was kept task by task, until the last
/// digits of exponentials changed (CHANGELOG, "in pairs"). From then on: what is only laid out otherwise must not decide
/// otherwise.
@Suite("BBTA's decisions from version to version")
struct BBTADigestTests {
    struct Setting: Sendable, CustomStringConvertible {
        var tasks, workers, contexts, classes, explore: Int
        var score: ExponentialWeights.Score
        var density: Double
        var digest: UInt64
        var description: String { "\(tasks) tasks, \(workers) workers, \(classes) classes, N' = \(explore)" }
    }

    /// FNV-1a over 64-bit words.
    struct Digest {
        private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325
        mutating func add(_ word: UInt64) {
            for byte in 0..<8 { value = (value ^ (word >> (8 * UInt64(byte)) & 255)) &* 0x100_0000_01b3 }
        }
        mutating func add(_ number: Int) { add(UInt64(bitPattern: Int64(number))) }
        mutating func add(_ number: Double) { add(number.bitPattern) }
    }

    /// The digest of a session's decisions, probabilities, scores, labels, losses and order of answers.
    static func play(_ setting: Setting) throws -> UInt64 {
        var stream = RandomStream(seed: 77, purpose: .test, index: UInt64(setting.tasks))
        let contexts = (0..<setting.tasks).map { _ in stream.index(below: setting.contexts) }
        let truth = (0..<setting.tasks).map { _ in stream.index(below: setting.classes) }
        let costs = (0..<setting.workers).map { 1 + Double($0 % 4) * 0.25 }
        var engine = BBTA(
            taskContexts: contexts, workers: setting.workers, classes: setting.classes,
            options: .init(
                explore: setting.explore, score: setting.score, densityExponent: setting.density,
                budget: Double(12 * setting.tasks), workerCosts: costs, seed: 5))
        func answer(_ task: Int, _ worker: Int) -> Int {
            var coin = RandomStream(seed: 8, stream: UInt64(task) << 24 | UInt64(worker))
            let right = coin.unit() < ((worker + contexts[task]) % 3 == 0 ? 0.9 : 0.55)
            return right ? truth[task] : (truth[task] + 1 + coin.index(below: setting.classes - 1)) % setting.classes
        }
        var digest = Digest(), waiting: [Assignment] = [], workers = setting.workers
        // Labels from elsewhere first, on tasks of every context, twice with a worker's contradiction among them.
        let adopted = (0..<setting.tasks / 4).map { k in
            Label(task: 4 * k, worker: (k * 7) % setting.workers, label: answer(4 * k, (k * 7) % setting.workers))
        }
        try engine.adopt(adopted.map { ($0, Int($0.task) % 8 == 0) })
        for round in 0..<10 * setting.tasks {
            if round % 997 == 500 && workers < setting.workers + 3 { workers = engine.addWorker(cost: 0.5) + 1 }
            if round % 400 == 100 || round % 400 == 300 { engine.setPresent(round % 400 == 300, worker: 1) }
            if let a = engine.next(available: round % 11 == 0 ? Array(0..<setting.workers / 2) : nil) {
                digest.add(a.task)
                digest.add(a.worker)
                digest.add(a.probability)
                digest.add(a.exploration ? 1 : 0)
                waiting.append(a)
            }
            guard waiting.count > round % 3 else { continue }
            let a = waiting.removeFirst()
            if stream.unit() < 0.03 {
                try engine.decline(task: a.task, worker: a.worker)
            } else {
                try engine.record(task: a.task, worker: a.worker, label: answer(a.task, a.worker))
            }
            digest.add(engine.label(of: a.task))
        }
        for (label, score) in zip(engine.labels, engine.confidence) {
            digest.add(label)
            digest.add(score)
        }
        for s in 0..<setting.contexts { for loss in engine.losses(context: s) { digest.add(loss) } }
        for answer in engine.answers {
            digest.add(Int(answer.task))
            digest.add(Int(answer.worker))
            digest.add(Int(answer.label))
        }
        for pair in engine.outstandingPairs {
            digest.add(pair.task)
            digest.add(pair.worker)
        }
        return digest.value
    }

    @Test(
        "a long session of every kind decides as it did before the layout changed",
        arguments: [
            Setting(
                tasks: 300, workers: 40, contexts: 3, classes: 2, explore: 1, score: .margin, density: 0,
                digest: 0x1fd7_fecf_4f94_df3d),  // answers to the exploration come after adaptive steps here: CHANGELOG
            Setting(
                tasks: 200, workers: 25, contexts: 7, classes: 4, explore: 0, score: .leastConfidence, density: 0.5,
                digest: 0xfbbd_a902_2d61_ebf6),
            Setting(
                tasks: 250, workers: 300, contexts: 2, classes: 3, explore: 0, score: .margin, density: 0,
                digest: 0x478e_85e7_55db_d250),
            Setting(
                tasks: 1000, workers: 254, contexts: 4, classes: 2, explore: 0, score: .margin, density: 0,
                digest: 0x6301_65ce_d1aa_386c),
        ])
    func unchanged(setting: Setting) throws {
        let digest = try Self.play(setting)
        #expect(digest == setting.digest, "0x\(String(digest, radix: 16))")
    }
}
