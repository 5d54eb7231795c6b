import CSCSwift
import Foundation
import Testing

/// Checkpoints with right hashes and wrong content: whoever can write a run's folder can make them.
@Suite struct HostileCheckpointTests {
    /// Every number of a section replaced, and the section made longer and shorter.
    private func changes(_ checkpoint: Checkpoint, _ name: String) -> [Checkpoint] {
        var made: [Checkpoint] = []
        func change<Value>(_ values: [Value], _ wrong: [Value], _ set: (inout Checkpoint, [Value]) -> Void) {
            for value in wrong {
                for place in [0, values.count / 2, values.count - 1] where values.indices.contains(place) {
                    var changed = values
                    changed[place] = value
                    var copy = checkpoint
                    set(&copy, changed)
                    made.append(copy)
                }
            }
            for other in [Array(values.dropLast()), values + wrong.prefix(1), []] where other.count != values.count {
                var copy = checkpoint
                set(&copy, other)
                made.append(copy)
            }
        }
        if let values = try? checkpoint.floats(name, finite: false) {
            change(values, [.nan, .infinity, -.infinity]) { $0.set(name, floats: $1) }
        } else if let values = try? checkpoint.doubles(name, finite: false) {
            change(values, [.nan, .infinity]) { $0.set(name, doubles: $1) }
        } else if let values = try? checkpoint.integers(name) {
            change(values, [.max, .min, -1, 1 << 61]) { $0.set(name, integers: $1) }
        } else if let text = try? checkpoint.text(name) {
            change(Array(text.unicodeScalars), ["9", "-", "\u{0}"]) {
                var text = String.UnicodeScalarView()
                text.append(contentsOf: $1)
                $0.set(name, text: String(text))
            }
        }
        return made
    }

    @Test func statesOfATrainerAreRefusedOrBearable() throws {
        var settings = FixedHorizonSettings()
        settings.numEnvs = 2
        settings.numSteps = 8
        settings.actorWidths = [4]
        settings.criticWidths = [4]
        settings.numMinibatches = 2
        func make() throws -> FixedHorizonTrainer {
            try FixedHorizonTrainer(
                settings: settings, iterations: 3, seed: 1, makeEnvironment: { SimpleSpread(environmentCount: $0) })
        }
        let first = try make()
        _ = first.iterate()
        var saved = Checkpoint()
        first.save(to: &saved)
        var refused = 0, tried = 0
        for name in saved.names {
            for hostile in changes(saved, name) {
                let trainer = try make()
                tried += 1
                do {
                    try trainer.load(from: hostile)
                    _ = trainer.iterate()
                } catch {
                    refused += 1
                }
            }
        }
        #expect(tried > 100 && refused > tried / 2, "\(refused) of \(tried)")
    }

    @Test func statesOfAnEvolutionAreRefusedOrBearable() throws {
        var options = EvolutionOptions()
        options.population = 4
        options.settings = [.init(tasks: 6, workers: 4)]
        options.forecastEpisodes = 1
        options.referenceEpisodes = 1
        let trainer = try CoalitionTrainer(scenario: .chengdu, options: options)
        _ = trainer.step()
        let saved = try trainer.checkpoint()
        let text = try saved.text("state")
        var refused = 0
        let numbers = try Regex(#"-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?"#)
        let ranges = text.ranges(of: numbers)
        #expect(ranges.count > 200)
        for range in ranges.enumerated().filter({ $0.offset % 7 == 0 || $0.offset < 40 }).map(\.element) {
            for wrong in ["2305843009213693952", "-1", "1e308", "0"] {
                var hostile = saved
                hostile.set("state", text: text.replacingCharacters(in: range, with: wrong))
                do {
                    _ = try CoalitionTrainer(scenario: .chengdu, options: options, checkpoint: hostile).step()
                } catch {
                    refused += 1
                }
            }
        }
        #expect(refused >= 10)
        // The population that once went unchecked into the size of an array.
        let at = try #require(text.range(of: "\"population\":4"))
        for population in ["2305843009213693952", "9223372036854775807", "0", "-4", "5"] {
            var hostile = saved
            hostile.set(
                "state", text: text.replacingCharacters(in: at, with: "\"population\":\(population)"))
            #expect(throws: (any Error).self, "population \(population)") {
                try CoalitionTrainer(scenario: .chengdu, options: options, checkpoint: hostile)
            }
        }
    }

    @Test func aPolicyThatIsNotFiniteIsRefused() throws {
        let policy = ActorCritic(TrainingConfiguration().design, seed: 1)
        var saved = Checkpoint()
        policy.save(to: &saved)
        for hostile in changes(saved, "actor") + changes(saved, "critic") {
            #expect(throws: CSCError.self) { try policy.load(from: hostile) }
        }
    }
}
