internal import Foundation

/// Workers whose errors go together: language models of one make, people who share an answer sheet. On one task a family
/// counts as one voice, and none of it confirms another.
struct WorkerFamilies: Sendable, Codable {
    /// [workers]; empty where everyone is alone.
    private var family: [Int]

    /// - Parameter family: workers of one number are one; empty: everyone is alone.
    /// - Precondition: one number per worker, where there are any.
    init(_ family: [Int], workers: Int) {
        precondition(family.isEmpty || family.count == workers, "WorkerFamilies: \(family.count) of \(workers) workers")
        self.family = Set(family).count == family.count ? [] : family
    }

    var isEmpty: Bool { family.isEmpty }

    /// A worker who is alone.
    mutating func addWorker() { if !isEmpty { family.append((family.max() ?? 0) + 1) } }

    func areOne(_ a: Int, _ b: Int) -> Bool { a == b || (!isEmpty && family[a] == family[b]) }

    /// How much of an answer's information is new beside those who have been asked: 1 / (1 + of the family)^2.
    func newness(of worker: Int, beside heard: [Int]) -> Double {
        if heard.isEmpty { return 1 }
        let same = Double(heard.count(where: { family[$0] == family[worker] }))
        return 1 / ((1 + same) * (1 + same))
    }

    /// The labels of each task by each family that has given it two or more. O(labels log labels).
    func groups(_ labels: CrowdKernels.Labels, contexts: Int) -> [[Int]] {
        guard !isEmpty else { return [] }
        var found: [[Int]: [Int]] = [:]
        for e in 0..<labels.count {
            found[[Int(labels.task[e]), family[Int(labels.cell[e]) / contexts]], default: []].append(e)
        }
        return found.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
    }

    /// How much of each label counts; empty where everyone is alone.
    func powers(_ groups: [[Int]], labels: Int) -> [Double] {
        guard !isEmpty else { return [] }
        var power = [Double](repeating: 1, count: labels)
        for group in groups { for e in group { power[e] = 1 / Double(group.count) } }
        return power
    }

    /// For each label what it and the rest of its family said of the task; empty where everyone is alone. O(labels states).
    func apart(_ groups: [[Int]], _ labels: CrowdKernels.Labels, states: Int) -> [Double] {
        guard !isEmpty else { return [] }
        var apart = labels.message.map { log($0) }
        for group in groups {
            for z in 0..<states {
                let sum = group.reduce(0) { $0 + labels.power[$1] * apart[$1 * states + z] }
                for e in group { apart[e * states + z] = sum }
            }
        }
        return apart
    }
}
