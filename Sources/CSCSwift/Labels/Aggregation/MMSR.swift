internal import Foundation

/// M-MSR ([MMSR20]): skills from pairwise agreement, robust to workers who attack together.
///
/// Two workers of skill s, t (the part of their labels that is better than chance) agree beyond chance by `s t`: the
/// matrix of agreements `(C / (C - 1)) (share - 1 / C)` is of rank one. The size of each skill is the mean, weighted by
/// common tasks, of `|agreement| / skill` over the others, without the `trim` share of the largest and of the smallest, in
/// turn until it settles. A sign is that of the agreement with the others, weighted by their skills; of the two assignments
/// of signs that fit alike, the one by which most labels are better than chance. Labels are then weighed by
/// `ln((C - 1) p / (1 - p))`, p = s (1 - 1 / C) + 1 / C. O(labels per task squared x tasks + iterations pairs).
public struct MMSR: LabelAggregator {
    /// The share of values that is left out at each end.
    public var trim: Double
    /// How often all skills are computed.
    public var iterations: Int
    /// Decides ties.
    public var seed: UInt64
    /// The skill of each worker, in [-1, 1]; empty before a fit.
    public private(set) var skills: [Double] = []

    /// A model that is not fitted yet.
    public init(trim: Double = 0.1, iterations: Int = 100, seed: UInt64 = 0) {
        self.trim = trim
        self.iterations = iterations
        self.seed = seed
    }

    private struct Pair {
        var other: Int
        var common: Double
        var agreement: Double
    }

    /// Estimates the skills. O(labels per task^2 * tasks + iterations * pairs).
    public mutating func fit(_ labels: LabelStore) {
        let partners = self.partners(labels)
        // The first skill: the root of what a worker agrees with the others beyond chance.
        skills = partners.map { list in
            let weight = list.reduce(0) { $0 + $1.common }
            let mean = weight > 0 ? list.reduce(0) { $0 + $1.common * abs($1.agreement) } / weight : 0
            return min(1, max(0.05, mean).squareRoot())
        }
        for _ in 0..<iterations {
            var change = 0.0
            for worker in skills.indices where !partners[worker].isEmpty {
                let ratios = partners[worker].map {
                    (value: abs($0.agreement) / max(0.02, skills[$0.other]), weight: $0.common)
                }
                .sorted { $0.value < $1.value }
                let cut = Int(trim * Double(ratios.count))
                let kept = ratios[cut..<ratios.count - cut]
                let weight = kept.reduce(0) { $0 + $1.weight }
                let new = min(1, max(0, kept.reduce(0) { $0 + $1.value * $1.weight } / weight))
                change = max(change, abs(new - skills[worker]))
                skills[worker] = new
            }
            if change < 1e-6 { break }
        }
        settleSigns(labels, partners)
    }

    /// Gives the skills their signs, which the sizes of agreements do not show. O(rounds pairs).
    private mutating func settleSigns(_ labels: LabelStore, _ partners: [[Pair]]) {
        let sizes = skills
        for _ in 0..<50 {
            var isSettled = true
            for worker in skills.indices {
                let agreed = partners[worker].reduce(0) { $0 + $1.common * $1.agreement * skills[$1.other] }
                let signed = agreed < 0 ? -sizes[worker] : sizes[worker]
                if signed != skills[worker] { isSettled = false }
                skills[worker] = signed
            }
            if isSettled { break }
        }
        let beyondChance = labels.cell.reduce(0) { $0 + skills[Int($1) / labels.classCount] }
        if beyondChance < 0 { skills = skills.map { -$0 } }
    }

    private func partners(_ labels: LabelStore) -> [[Pair]] {
        var seen: [UInt64: (common: Int, agreed: Int)] = [:]
        for task in 0..<labels.taskCount {
            let own = labels.labels(of: task)
            for a in own.indices {
                for b in 0..<a {
                    let (low, high) = (min(own[a].worker, own[b].worker), max(own[a].worker, own[b].worker))
                    seen[UInt64(low) << 32 | UInt64(high), default: (0, 0)].common += 1
                    if own[a].label == own[b].label { seen[UInt64(low) << 32 | UInt64(high)]?.agreed += 1 }
                }
            }
        }
        let chance = 1 / Double(labels.classCount)
        var partners = [[Pair]](repeating: [], count: labels.workerCount)
        for key in seen.keys.sorted() {
            guard let found = seen[key] else { continue }
            let agreement = (Double(found.agreed) / Double(found.common) - chance) / (1 - chance)
            let low = Int(key >> 32), high = Int(key & 0xFFFF_FFFF)
            partners[low].append(Pair(other: high, common: Double(found.common), agreement: agreement))
            partners[high].append(Pair(other: low, common: Double(found.common), agreement: agreement))
        }
        return partners
    }

    /// The vote weighted by the log odds of the skills. O(labels x classes).
    /// - Precondition: fitted, on labels of as many workers.
    public func predict(_ labels: LabelStore) -> Aggregation {
        precondition(skills.count == labels.workerCount, "MMSR: fitted on \(skills.count) workers")
        let classes = labels.classCount, chance = 1 / Double(classes)
        let weights = skills.map { skill -> Double in
            let p = min(0.999, max(0.001, skill * (1 - chance) + chance))
            return log(Double(classes - 1) * p / (1 - p))
        }
        var posterior = [Double](repeating: 0, count: labels.taskCount * classes)
        for task in 0..<labels.taskCount {
            let row = task * classes
            for (worker, label) in labels.labels(of: task) { posterior[row + label] += weights[worker] }
            let top = posterior[row..<row + classes].max()!
            for c in row..<row + classes { posterior[c] = exp(posterior[c] - top) }
            let sum = posterior[row..<row + classes].reduce(0, +)
            for c in row..<row + classes { posterior[c] /= sum }
        }
        return Aggregation(posterior: posterior, of: labels, seed: seed)
    }
}
