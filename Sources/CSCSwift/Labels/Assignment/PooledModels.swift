internal import Foundation

/// Two models of two classes: the simple one, by which `Pooled` asks, and what the other says of the tasks.
extension Pooled {
    /// The posteriors of the model by which nobody is asked, as they were when the models were last compared, and what has
    /// been said since.
    struct OtherModel: Sendable, Codable {
        /// [N]: the log odds of class 1; empty where there is no other model.
        var logOdds: [Double] = []
        /// How much of the posterior is its.
        var weight = 0.0

        /// The weight of the simple model at the least, and how many held-out labels at most the evidence is taken to be from:
        /// labels of a task depend on one another, so that all of them would decide for one model at once.
        static let simple = 1 / 3.0, heldOut = 200.0
    }

    /// Infers everything from nothing under each model, finds the workers who are alike, and weighs the models by how well
    /// each predicts labels from the others (`evidence`). O(models sweeps (labels kinds + K S kinds)).
    mutating func compareModels(sweeps: Int, after: Int = 0) {
        nextComparison = labelled.count + max(40, labelled.count / 4)
        guard labelled.count > 0 else { return }
        func fitted(_ model: CrowdModel, _ kin: WorkerFamilies) -> Pooled {
            var candidate = self
            candidate.kin = kin
            candidate.restart(model)
            candidate.refresh(sweeps: sweeps)
            candidate.unmirror()
            if after > 0 { candidate.refresh(sweeps: after) }
            return candidate
        }
        // Where some tasks may be hard for everybody, those who err alike on them are not taken for alike.
        var wide = fitted(.wide, families)
        let alike = wide.alikeWorkers, kin = families.adding(alike, workers: workerCount)
        if !alike.isEmpty { wide = fitted(.wide, kin) }
        self = fitted(.leaning, kin)
        let ahead = min(OtherModel.heldOut, Double(labelled.count)) * (wide.evidence - evidence)
        other.weight = (1 - OtherModel.simple) / (1 + exp(-ahead))
        other.logOdds = wide.reading(beside: self).map { log(max($0, 1e-12)) - log(max(1 - $0, 1e-12)) }
    }

    /// [N]: the probability of class 1 by this model; in a context whose classes it has exchanged, by the simple one.
    private func reading(beside simple: Pooled) -> [Double] {
        let mine = context.indices.map { calibrated(of: $0)[1] }
        let theirs = context.indices.map { simple.calibrated(of: $0)[1] }
        var agreement = [Double](repeating: 0, count: contexts)
        for task in context.indices { agreement[context[task]] += (mine[task] - 0.5) * (theirs[task] - 0.5) }
        return context.indices.map { agreement[context[$0]] < 0 ? theirs[$0] : mine[$0] }
    }

    /// Pairs of workers who give the same answers more often than their accuracies explain (`AlikeWorkers`).
    private var alikeWorkers: [(Int, Int)] {
        AlikeWorkers(labelled, contexts: contexts, workers: workerCount, tasks: context.count) { task, first, second in
            guard gold[task] < 0 else { return Double(gold[task]) }
            var row = Array(score[task * states..<(task + 1) * states])
            for e in [first, second] {
                let power = labelled.power.isEmpty ? 1 : labelled.power[e]
                for z in 0..<states { row[z] -= power * log(labelled.message[e * states + z]) }
            }
            let top = row.max() ?? 0, both = classes(of: row.map { exp($0 - top) })
            return both[1] / (both[0] + both[1])
        }.alike
    }

    /// All labels again, each with what it says by a workforce of which nothing is known. O(labels states + K S kinds).
    private mutating func restart(_ model: CrowdModel) {
        workforce = Workforce(classes: classCount, workers: workerCount, contexts: contexts, model: model)
        other = OtherModel()
        soft?.restart()
        prior = firstPrior
        score = freshScore
        let fresh = (0..<classCount).map { workforce.message(cell: 0, label: $0) }
        labelled.message = labelled.label.flatMap { fresh[Int($0)] }
        labelled.cavity = [Double](repeating: 0, count: labelled.message.count)
        labelled.apart = []
        labelled.power = kin.powers(kin.links(labelled, contexts: contexts), labels: labelled.count)
        for e in 0..<labelled.count {
            let power = labelled.power.isEmpty ? 1 : labelled.power[e]
            for z in 0..<states {
                score[Int(labelled.task[e]) * states + z] += power * log(labelled.message[e * states + z])
            }
        }
    }

    /// [class]: what the tasks' labels are read by, log posteriors up to a constant: those of both models where there are
    /// two. O(levels C).
    func reading(of task: Int) -> [Double] { other.logOdds.isEmpty ? classScores(of: task) : calibrated(of: task) }

    /// The log odds between a task's two best classes in the calibrated posterior. O(levels C).
    func sureness(_ task: Int) -> Double {
        guard !other.logOdds.isEmpty else { return lead(task) / temperature }
        let p = calibrated(of: task)
        return abs(log(max(p[0], 1e-300)) - log(max(p[1], 1e-300)))
    }

    /// Whether a task is as certain as `stopAt` wants. O(levels C).
    func isCertain(_ task: Int) -> Bool { closed < .infinity && sureness(task) >= closed }

    /// What has been found out about the workers, in a sentence, and how the models are weighed.
    public var findings: String {
        var text = workforce.findings
        if kin.pairs > families.pairs {
            let pairs = Terminal.counted(kin.pairs - families.pairs, "pair")
            text += "; \(pairs) of workers answer alike, right or wrong: one voice on a task"
        }
        guard comparesModels, !other.logOdds.isEmpty else { return text }
        let share = Terminal.decimal(100 * other.weight, 0)
        return text + "; the model with hard tasks and wide leanings weighs \(share) % by held-out labels"
    }
}
