import CSCSwift
import Foundation
import Testing

/// The autoencoder on data whose dependence on the action is known.
@Suite struct RewardVAETests {
    /// y = o_0 + strength * a_0 + noise; o_1 and a_1 say nothing about y. A third of the actions is "none" (zeros).
    static func synthetic(strength: Double, count: Int, seed: UInt64) -> RewardVAEBatch {
        var stream = RandomStream(seed: seed, purpose: .test)
        var batch = RewardVAEBatch(observations: [], actions: [], targets: [])
        for _ in 0..<count {
            let o = [stream.normal(), stream.normal()]
            var a = [stream.normal(), stream.normal()]
            if stream.unit() < 1.0 / 3 { a = [0, 0] }
            batch.observations += o.map { Float($0) }
            batch.actions += a.map { Float($0) }
            batch.targets.append(Float(o[0] + strength * a[0] + 0.1 * stream.normal()))
        }
        return batch
    }

    static func small() -> RewardVAEOptions {
        var options = RewardVAEOptions()
        options.latent = 2
        options.encoderHidden = [16]
        options.decoderHidden = [8]
        options.learningRate = 5e-3
        options.batchSize = 256
        options.epochs = 20
        return options
    }

    @Test func elboGradientMatchesFiniteDifferences() {
        var options = Self.small()
        options.latent = 3
        options.encoderHidden = [7, 5]
        let vae = RewardVAE(observationWidth: 2, actionWidth: 2, options: options, seed: 3)
        let batch = Self.synthetic(strength: 1, count: 40, seed: 5)
        var stream = RandomStream(seed: 9, purpose: .test)
        let noise = (0..<40 * 3).map { _ in Float(stream.normal()) }
        let masked = (0..<40).map { _ in stream.unit() < 0.4 }
        let gradient = vae.elbo(batch, noise: noise, masked: masked).gradient
        let start = vae.parameters
        for _ in 0..<6 {
            let direction = start.map { _ in Float(stream.normal()) }
            let slope = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            let h: Float = 2e-3
            var ends: [Double] = []
            for sign in [Float(1), -1] {
                vae.parameters = zip(start, direction).map { $0 + sign * h * $1 }
                ends.append(vae.elbo(batch, noise: noise, masked: masked).report.elbo)
            }
            let measured = (ends[0] - ends[1]) / Double(2 * h)
            #expect(abs(measured - slope) < 0.01 * max(abs(slope), 0.5), "slope \(slope), measured \(measured)")
        }
    }

    @Test func irrelevantActionHasNoInfluenceAndStrengthIncreasesIt() {
        var means: [Double] = []
        for strength in [0.0, 0.5, 2.0] {
            let vae = RewardVAE(observationWidth: 2, actionWidth: 2, options: Self.small(), seed: 1)
            var report = RewardVAEReport()
            for round in 0..<4 {
                report = vae.fit(Self.synthetic(strength: strength, count: 1500, seed: 20 + UInt64(round)))
            }
            #expect(report.squaredError < 0.25 + 0.4 * strength, "strength \(strength): \(report)")
            let fresh = Self.synthetic(strength: strength, count: 500, seed: 99)
            let influence = vae.influence(
                observations: fresh.observations, actions: fresh.actions, noAction: [0, 0])
            #expect(influence.cmi.allSatisfy { $0 >= 0 && $0.isFinite })
            means.append(influence.cmi.reduce(0) { $0 + Double($1) } / 500)
            guard strength > 1 else { continue }
            // The decoder's mean moves by strength * a_0, in the target's own unit.
            var cross = 0.0, square = 0.0
            for i in 0..<500 {
                let expected = strength * Double(fresh.actions[2 * i])
                cross += Double(influence.signed[i]) * expected
                square += expected * expected
            }
            #expect(abs(cross / square - 1) < 0.2, "regression of the signed change on the truth: \(cross / square)")
            // An action that is "none" changes nothing, exactly.
            for i in 0..<500 where fresh.actions[2 * i] == 0 && fresh.actions[2 * i + 1] == 0 {
                #expect(influence.cmi[i] == 0 && influence.signed[i] == 0)
            }
        }
        #expect(means[0] < 0.02, "an irrelevant action: \(means[0])")
        #expect(means[1] > 5 * means[0] && means[2] > 2 * means[1], "CMI by strength 0, .5, 2: \(means)")
    }

    @Test func theThreeCounterfactualsAgreeWhereTheyShould() {
        let vae = RewardVAE(observationWidth: 2, actionWidth: 2, options: Self.small(), seed: 4)
        vae.fit(Self.synthetic(strength: 1, count: 2000, seed: 6))
        let batch = Self.synthetic(strength: 1, count: 50, seed: 7)
        // A policy that surely takes no task is the counterfactual "none".
        var sure = ActionAlternatives(actions: [], offsets: [0], probabilities: [])
        for i in 0..<50 {
            sure.actions += [0, 0]
            sure.actions += batch.actions[2 * i..<2 * i + 2]
            sure.offsets.append(Int32(2 * i + 2))
            sure.probabilities += [1, 0]
        }
        let none = vae.influence(observations: batch.observations, actions: batch.actions, noAction: [0, 0])
        let average = vae.influence(
            observations: batch.observations, actions: batch.actions, noAction: [0, 0], counterfactual: .policy,
            alternatives: sure)
        for i in 0..<50 {
            #expect(abs(none.cmi[i] - average.cmi[i]) < 1e-3 * (1 + none.cmi[i]))
            #expect(abs(none.signed[i] - average.signed[i]) < 1e-4)
        }
        // Hiding the action leaves a belief that is wider than knowing it, so the two differ from "none".
        let masked = vae.influence(
            observations: batch.observations, actions: batch.actions, noAction: [0, 0], counterfactual: .masked)
        #expect(masked.cmi.reduce(0, +) > 0)
        #expect(masked.cmi != none.cmi)
    }

    @Test func sameBitsAtAnyThreadCountAndAfterRestoring() {
        func run(threads: Int, restoreAfter: Int?) -> [Float] {
            Threads.count = threads
            defer { Threads.count = 0 }
            var vae = RewardVAE(observationWidth: 2, actionWidth: 2, options: Self.small(), seed: 8)
            for round in 0..<3 {
                vae.fit(Self.synthetic(strength: 1, count: 700, seed: UInt64(round)))
                if round == restoreAfter {
                    let other = RewardVAE(observationWidth: 2, actionWidth: 2, options: Self.small(), seed: 8)
                    other.state = vae.state
                    vae = other
                }
            }
            return vae.parameters
        }
        let once = run(threads: 1, restoreAfter: nil)
        #expect(once == run(threads: 2, restoreAfter: nil))
        #expect(once == run(threads: 7, restoreAfter: 0))
        #expect(once.allSatisfy { $0.isFinite })
    }

    @Test func optionsOutOfRangeAreRefusedByName() {
        var options = RewardVAEOptions()
        options.noiseVariance = 0
        #expect(throws: CSCError.self) { try options.validate() }
        options = .authors
        options.counterfactual = .masked
        let expected = CSCError.configuration(
            key: "vae.counterfactual", reason: "is 'masked', which needs maskProbability above 0")
        #expect(throws: expected) { try options.validate() }
        #expect(throws: Never.self) { try RewardVAEOptions.authors.validate() }
    }
}
