import CSCSwift
import Foundation
import Testing

@Suite("Evolution of the coalition rule", .serialized)
struct CoalitionTrainerTests {
    private var small: EvolutionOptions {
        var options = EvolutionOptions()
        options.seed = 7
        options.population = 8
        options.settings = [.init(tasks: 40, workers: 12), .init(tasks: 60, workers: 12)]
        options.forecastEpisodes = 8
        options.referenceEpisodes = 4
        return options
    }

    @Test("gives the same bits at 1, 2 and 7 threads")
    func threads() throws {
        let before = Threads.count
        defer { Threads.count = before }
        let policies = try [1, 2, 7].map { count in
            Threads.count = count
            let trainer = try CoalitionTrainer(scenario: .chengdu, options: small)
            for _ in 0..<3 { _ = trainer.step() }
            return trainer.policy
        }
        #expect(policies[0] == policies[1] && policies[1] == policies[2])
        #expect(policies[0].weights != CoalitionWeights.constantPrice(0.15))
    }

    @Test("money of any unit is learnt on alike; where the plain rule earns nothing, that is said")
    func units() throws {
        func scores(_ unit: Double) throws -> [Double] {
            var city = Scenario.chengdu
            city.pay = Scenario.Interval(city.pay.low * unit, city.pay.high * unit)
            let trainer = try CoalitionTrainer(scenario: city, options: small)
            return (0..<2).map { _ in trainer.step().mean }
        }
        let unit = pow(2.0, -40)
        #expect(try scores(unit) == scores(1))
        var far = Scenario.chengdu
        far.reach = 1e-6
        #expect { try CoalitionTrainer(scenario: far, options: small) } throws: {
            "\($0)".contains("the plain rule earns nothing")
        }
    }

    @Test("a resumed run ends with the bits of one that was never stopped")
    func resume() throws {
        let folder = NSTemporaryDirectory() + "evolve-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let whole = try CoalitionTrainer(scenario: .haikou, options: small)
        for _ in 0..<8 { _ = whole.step() }

        do {
            let first = try EvolutionRun(creating: folder, scenario: .haikou, options: small)
            for _ in 0..<7 { _ = try first.step() }  // saved after 5; generations 6 and 7 are lost
        }
        let second = try EvolutionRun(resuming: folder)
        #expect(second.trainer.generation == 5)
        for _ in 0..<3 { _ = try second.step() }
        try second.save()
        #expect(second.trainer.policy == whole.policy)
        #expect(try LearntCoalitionPolicy(contentsOf: second.policyPath) == whole.policy)
        let rows = try String(contentsOfFile: folder + "/metrics.csv", encoding: .utf8).split(separator: "\n")
        #expect(rows.count == 9)

        #expect(throws: CSCError.self) { try EvolutionRun(creating: folder, scenario: .haikou, options: small) }
        var other = small
        other.population = 10
        let checkpoint = try whole.checkpoint()
        #expect(throws: CSCError.self) {
            try CoalitionTrainer(scenario: .haikou, options: other, checkpoint: checkpoint)
        }
    }

    @Test("the policy plans jointly, its candidates only if told to; options from before go on as they were")
    func joint() throws {
        #expect(small.joint && !small.jointTraining)
        func learnt(_ change: (inout EvolutionOptions) throws -> Void) throws -> LearntCoalitionPolicy {
            var options = small
            try change(&options)
            let trainer = try CoalitionTrainer(scenario: .chengdu, options: options)
            for _ in 0..<4 { _ = trainer.step() }
            return trainer.policy
        }
        let usual = try learnt { _ in }
        let greedy = try learnt { try $0.set("joint", to: "false") }
        let through = try learnt { try $0.set("jointTraining", to: "true") }
        #expect(usual.joint && !greedy.joint && through.joint)
        #expect(usual.weights == greedy.weights && usual.weights != through.weights)
        #expect(greedy.origin.contains("--set joint=false") && through.origin.contains("--set jointTraining=true"))

        let text = String(decoding: try JSONEncoder().encode(small), as: UTF8.self)
        let old = text.replacingOccurrences(of: "\"plansJointly\":true,", with: "")
            .replacingOccurrences(of: ",\"plansJointly\":true", with: "")
        #expect(old != text)
        let read = try JSONDecoder().decode(EvolutionOptions.self, from: Data(old.utf8))
        #expect(!read.joint && !read.jointTraining)
    }

    @Test("goes on from a policy's weights, also after a resume")
    func start() throws {
        let folder = NSTemporaryDirectory() + "evolve-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let artefact = try #require(LearntCoalitionPolicy.builtIn("cafe-chengdu"))
        var options = small
        options.jointTraining = true
        let whole = try CoalitionTrainer(scenario: .chengdu, options: options, start: artefact)
        #expect(whole.policy.weights == artefact.weights && whole.policy.origin.contains("--start cafe-chengdu"))
        for _ in 0..<7 { _ = whole.step() }
        let plain = try CoalitionTrainer(scenario: .chengdu, options: options)
        for _ in 0..<7 { _ = plain.step() }
        #expect(plain.policy.weights != whole.policy.weights)
        do {
            let first = try EvolutionRun(creating: folder, scenario: .chengdu, options: options, start: artefact)
            for _ in 0..<6 { _ = try first.step() }
        }
        let second = try EvolutionRun(resuming: folder)
        #expect(second.trainer.generation == 5)
        for _ in 0..<2 { _ = try second.step() }
        #expect(second.trainer.policy == whole.policy)
    }

    @Test("learns on recorded orders; a resumed run opens them again, and no others")
    func recordedOrders() throws {
        let folder = try ReaderTests.Folder()
        let recorded = try RecordedOrders.read(ReaderTests.threeDays(folder))
        let flags = ["orders": "orders.csv", "days": "0-1"]
        func source() throws -> RecordedDays { try RecordedDays(recorded, scenario: .haikou, days: 0..<2) }
        let whole = try CoalitionTrainer(scenario: .haikou, options: small, source: source(), recorded: flags)
        for _ in 0..<6 { _ = whole.step() }
        #expect(whole.policy.origin.contains("haikou-orders"))
        let generated = try CoalitionTrainer(scenario: .haikou, options: small)
        for _ in 0..<6 { _ = generated.step() }
        #expect(generated.policy.weights != whole.policy.weights)

        let path = folder.file("run")
        do {
            let first = try EvolutionRun(
                creating: path, scenario: .haikou, options: small, source: source(), recorded: flags)
            for _ in 0..<5 { _ = try first.step() }
        }
        #expect(throws: CSCError.self) { try EvolutionRun(resuming: path) }
        let second = try EvolutionRun(resuming: path) { kept, city in
            #expect(kept == flags && city == .haikou)
            return try source()
        }
        _ = try second.step()
        #expect(second.trainer.policy == whole.policy)
        #expect(throws: CSCError.self) {
            try CoalitionTrainer(
                scenario: .haikou, options: small, checkpoint: whole.checkpoint(), source: source(),
                recorded: ["orders": "orders.csv", "days": "2-2"])
        }
    }

    @Test("learns: above the rule that it starts from, on episodes that it has not seen")
    func learns() throws {
        // A price four times too high, and few generations: on tiny instances noise hides what is learnt.
        var options = small
        options.population = 16
        options.episodes = 2
        options.startPrice = 0.6
        options.settings = [.init(tasks: 200, workers: 100)]
        let trainer = try CoalitionTrainer(scenario: .chengdu, options: options)
        let start = trainer.policy
        for _ in 0..<20 { _ = trainer.step() }
        let game = SpatialCrowdsourcing()
        func revenue(_ policy: LearntCoalitionPolicy) -> [Double] {
            let rule = LearntCoalition(policy)
            return (0..<30).map { episode in
                let instance = Scenario.chengdu.instance(
                    tasks: 200, workers: 100, seed: 99, episode: EpisodeRange.evaluation[episode])
                return rule.play(instance, in: game, stream: RandomStream(seed: 0, purpose: .dispatcher))
            }
        }
        let gain = Summary.paired(revenue(trainer.policy), minus: revenue(start))
        #expect(gain.lower > 0)
    }

    @Test("options: keys are set by name, nonsense is refused by name")
    func options() throws {
        var options = EvolutionOptions()
        try options.set("settings", to: "200/50,350/200")
        #expect(options.settings == [.init(tasks: 200, workers: 50), .init(tasks: 350, workers: 200)])
        #expect { try options.set("settings", to: "200x50") } throws: { "\($0)".contains("200x50") }
        #expect { try options.set("populaton", to: "8") } throws: { "\($0)".contains("population") }
        try options.set("population", to: "3")
        #expect { try options.validate() } throws: { "\($0)".contains("population") }
        for key in EvolutionOptions.keys {
            #expect(throws: CSCError.self, "\(key)") { try options.set(key, to: "nonsense") }
        }
    }
}
