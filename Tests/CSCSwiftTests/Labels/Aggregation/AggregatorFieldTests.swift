import CSCSwift
import Foundation
import Testing

@Suite("Aggregators of the field")
struct AggregatorFieldTests {
    private func coin(_ accuracy: Double, _ z: Int, _ classes: Int, _ stream: inout RandomStream) -> Int {
        stream.unit() < accuracy ? z : (z + 1 + stream.index(below: classes - 1)) % classes
    }

    @Test(
        "experts among coins: each is well above the majority",
        arguments: [AggregationMethod.mace, .bcc, .zeroBasedSkill, .mmsr, .kos, .pooled, .dawidSkene, .twoStage])
    func experts(method: AggregationMethod) throws {
        let (store, truth) = madeLabels(tasks: 1500, workers: 24, perTask: 8, classes: 2) { worker, z, _, stream in
            self.coin(worker % 3 == 0 ? 0.93 : 0.52, z, 2, &stream)
        }
        let majority = try #require(MajorityVote().predict(store).expectedAccuracy(truth: truth))
        var model = method.aggregator(seed: 3)
        let result = model.fitPredict(store)
        let accuracy = try #require(result.accuracy(truth: truth))
        #expect(accuracy > majority + 0.06, "\(method.rawValue): \(accuracy), majority \(majority)")
        #expect(result.posterior.allSatisfy { $0.isFinite && $0 >= 0 && $0 <= 1 })
    }

    @Test("two-stage: confusion matrices from moments, the known ones; where there are none it is Dawid-Skene")
    func twoStage() throws {
        let (store, truth) = madeLabels(tasks: 2000, workers: 30, perTask: 12, classes: 3) { worker, z, _, stream in
            worker % 3 == 0 ? self.coin(0.4, z, 3, &stream) : self.coin(0.85, z, 3, &stream)
        }
        var model = TwoStage(seed: 4)
        let result = model.fitPredict(store)
        #expect(model.isSpectral)
        #expect(try #require(result.accuracy(truth: truth)) > 0.95)
        // A confusion matrix is found to within what so many labels leave open.
        for worker in 0..<30 {
            let right = (0..<3).map { model.confusion[(worker * 3 + $0) * 3 + $0] }.reduce(0, +) / 3
            #expect(abs(right - (worker % 3 == 0 ? 0.4 : 0.85)) < 0.1, "worker \(worker): \(right)")
        }
        #expect(model.prior.allSatisfy { abs($0 - 1.0 / 3) < 0.05 }, "\(model.prior)")
        let again = model.predict(store)
        #expect(zip(again.posterior, result.posterior).allSatisfy { abs($0 - $1) < 1e-3 })
        // Two workers have no three groups: as Dawid-Skene.
        let (pair, _) = madeLabels(tasks: 50, workers: 2, perTask: 2, classes: 2) { _, z, _, stream in
            self.coin(0.8, z, 2, &stream)
        }
        var plain = DawidSkene(), small = TwoStage()
        #expect(small.fitPredict(pair).posterior == plain.fitPredict(pair).posterior && !small.isSpectral)
    }

    @Test("MACE tells who answers blindly, and what")
    func spammers() throws {
        let (store, truth) = madeLabels(tasks: 800, workers: 12, perTask: 6, classes: 4) { worker, z, _, stream in
            // Four know; four know half of the time and say 2 else; four always say 1.
            worker < 4 ? self.coin(0.97, z, 4, &stream) : worker < 8 ? (stream.unit() < 0.5 ? z : 2) : 1
        }
        var model = MACE(seed: 1)
        let result = model.fitPredict(store)
        for worker in 0..<12 {
            let expected = worker < 4 ? 0.96 : worker < 8 ? 0.5 : 0
            #expect(abs(model.competence[worker] - expected) < 0.08, "\(worker): \(model.competence[worker])")
        }
        #expect(try #require(result.accuracy(truth: truth)) > 0.97)
        #expect(model.predict(store).labels == result.labels)
    }

    @Test("M-MSR recovers skills of rank one, also beside workers who attack")
    func attack() throws {
        let accuracies = [0.9, 0.8, 0.7, 0.6, 0.85, 0.75, 0.65, 0.95]
        let (store, truth) = madeLabels(tasks: 6000, workers: 9, perTask: 9, classes: 2) { worker, z, _, stream in
            worker == 8 ? 1 - z : self.coin(accuracies[worker], z, 2, &stream)
        }
        var model = MMSR(trim: 0.15)
        let result = model.fitPredict(store)
        for worker in 0..<8 {
            #expect(
                abs(model.skills[worker] - (2 * accuracies[worker] - 1)) < 0.08, "\(worker): \(model.skills[worker])")
        }
        #expect(model.skills[8] < -0.8)
        #expect(try #require(result.accuracy(truth: truth)) > 0.99)
    }

    @Test("KOS: liars are turned round, by hand on three workers")
    func kos() {
        // Workers 0 and 1 agree on every task, worker 2 contradicts: worker 2 has a negative message.
        let truth = (0..<30).map { $0 % 2 }
        let store = LabelStore(
            tasks: (0..<90).map { Int32($0 / 3) }, workers: (0..<90).map { Int32($0 % 3) },
            labels: (0..<90).map { Int32($0 % 3 == 2 ? 1 - truth[$0 / 3] : truth[$0 / 3]) }, taskCount: 30,
            workerCount: 3, classCount: 2)
        var model = KOS(seed: 5)
        #expect(model.fitPredict(store).labels == truth)
        #expect(model.reliability[0] > 0 && model.reliability[1] > 0 && model.reliability[2] < 0)
    }

    @Test("the hierarchical model finds leanings, near classes and contexts")
    func hierarchical() throws {
        // Twelve workers miss three of four of class 1 and never invent one; majority vote fails on class 1.
        let (store, truth) = madeLabels(tasks: 1200, workers: 24, perTask: 8, classes: 2) { worker, z, _, stream in
            worker % 2 == 0
                ? (stream.unit() < (z == 1 ? 0.25 : 0.02) ? 1 : 0) : self.coin(0.75, z, 2, &stream)
        }
        var model = HierarchicalBayes()
        let result = model.fitPredict(store)
        let majority = try #require(MajorityVote().predict(store).accuracy(truth: truth))
        let accuracy = try #require(result.accuracy(truth: truth))
        #expect(accuracy > majority + 0.1 && accuracy > 0.88, "\(accuracy), majority \(majority)")
        // What is said with 0.9 is right in about 0.9 of the cases where the model holds.
        var said = 0.0, right = 0.0, count = 0.0
        for task in 0..<1200 {
            let p = result.probabilities(of: task).max()!
            guard p > 0.8, p < 0.97 else { continue }
            (said, right, count) = (said + p, right + (result.labels[task] == truth[task] ? 1 : 0), count + 1)
        }
        #expect(abs(said / count - right / count) < 0.06, "said \(said / count), right \(right / count), of \(count)")

        // Two contexts; each worker is good in one of them: only who tells them apart sees it.
        let contexts = (0..<1200).map { $0 % 2 }
        let (split, splitTruth) = madeLabels(tasks: 1200, workers: 30, perTask: 5, classes: 3) {
            worker, z, task, stream in
            self.coin(worker % 2 == task % 2 ? 0.95 : 0.34, z, 3, &stream)
        }
        var blind = HierarchicalBayes(), seeing = HierarchicalBayes(contexts: contexts)
        let without = try #require(blind.fitPredict(split).accuracy(truth: splitTruth))
        let with = try #require(seeing.fitPredict(split).accuracy(truth: splitTruth))
        #expect(with > without + 0.05 && with > 0.95, "\(with), without contexts \(without)")
    }

    @Test("held-out labels recommend the model that made them, and say when there is nothing in it")
    func comparison() {
        let (store, _) = madeLabels(tasks: 600, workers: 20, perTask: 6, classes: 2) { worker, z, _, stream in
            self.coin(worker % 4 == 0 ? 0.95 : 0.55, z, 2, &stream)
        }
        let compared = AggregatorComparison(store, methods: [.majority, .dawidSkene, .pooled])
        #expect(compared.entries[0].method != .majority && compared.entries.last?.method == .majority)
        #expect(compared.entries[0].agreement == 1 && compared.entries[0].standardError == 0)
        let last = compared.entries[2]
        #expect(compared.entries[0].evidence - last.evidence > 4 * last.standardError)
        // All the same: methods agree.
        let (same, _) = madeLabels(tasks: 200, workers: 10, perTask: 3, classes: 2) { _, z, _, _ in z }
        #expect(AggregatorComparison(same, methods: [.majority, .pooled]).entries.allSatisfy { $0.agreement == 1 })
    }

    @Test("digamma: the values at 1, 1/2 and 10, and the recurrence")
    func digammaValues() {
        // Through BCC's scores is the only way in: a worker with no label has a posterior of the prior alone, so the
        // answer of one task with one label by a fresh worker is known in closed form.
        let store = LabelStore(tasks: [0], workers: [0], labels: [1], taskCount: 1, workerCount: 1, classCount: 2)
        var model = BCC(options: EMOptions(maxIterations: 1, priorRight: 2, priorWrong: 1, smoothing: 1))
        let p = model.fitPredict(store).probabilities(of: 0)[1]
        // Counts after the majority's shares: class 1 said 1 once. E[ln pi(1|1)] = psi(3) - psi(4) = -1/3;
        // E[ln pi(1|0)] = psi(1) - psi(3) = -3/2; class frequencies 2/3 and 1/3.
        let odds = 2 * exp(-1.0 / 3 + 1.5)
        #expect(abs(p - odds / (1 + odds)) < 1e-9)
    }
}
