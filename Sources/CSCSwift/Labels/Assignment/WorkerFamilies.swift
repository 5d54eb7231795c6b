internal import Foundation

/// Workers whose errors go together: language models of one make, people who share an answer sheet. On one task they
/// count as one voice, and none of them confirms another.
struct WorkerFamilies: Sendable, Codable {
    /// [workers]: those whose errors go with the worker's, in ascending order; empty where everyone is alone.
    private(set) var kin: [[Int32]]

    /// - Parameter family: workers of one number are one; empty: everyone is alone.
    /// - Precondition: one number per worker, where there are any.
    init(_ family: [Int], workers: Int) {
        precondition(family.isEmpty || family.count == workers, "WorkerFamilies: \(family.count) of \(workers) workers")
        kin = []
        guard Set(family).count < family.count else { return }
        var members: [Int: [Int32]] = [:]
        for (worker, number) in family.enumerated() { members[number, default: []].append(Int32(worker)) }
        kin = family.enumerated().map { worker, number in members[number]!.filter { $0 != Int32(worker) } }
    }

    var isEmpty: Bool { kin.isEmpty }

    /// How many pairs of workers there are whose errors go together. O(kin).
    var pairs: Int { kin.reduce(0) { $0 + $1.count } / 2 }

    /// These, and the pairs besides. O(workers + kin).
    func adding(_ pairs: [(Int, Int)], workers: Int) -> WorkerFamilies {
        guard !pairs.isEmpty else { return self }
        var more = self
        if isEmpty { more.kin = [[Int32]](repeating: [], count: workers) }
        for (a, b) in pairs where !areOne(a, b) {
            more.kin[a].append(Int32(b))
            more.kin[b].append(Int32(a))
        }
        for worker in more.kin.indices { more.kin[worker].sort() }
        return more
    }

    /// A worker who is alone.
    mutating func addWorker() { if !isEmpty { kin.append([]) } }

    /// Whether there is anybody whose errors go with this worker's.
    func isAlone(_ worker: Int) -> Bool { kin.isEmpty || kin[worker].isEmpty }

    /// Whether they are one worker, or two whose errors go together. O(kin of a).
    func areOne(_ a: Int, _ b: Int) -> Bool { a == b || (!isAlone(a) && kin[a].contains(Int32(b))) }

    /// How much of an answer's information is new beside those who have been asked: 1 / (1 + of the family)^2.
    func newness(of worker: Int, beside heard: [Int]) -> Double {
        if heard.isEmpty || isAlone(worker) { return 1 }
        let same = Double(heard.count(where: { areOne(worker, $0) }))
        return 1 / ((1 + same) * (1 + same))
    }

    /// A label, and another of its task by one of its worker's kin.
    struct Link: Sendable {
        let label: Int
        let other: Int
    }

    /// All links, those of a label one after the other. O(labels + links of kin).
    func links(_ labels: CrowdKernels.Labels, contexts: Int) -> [Link] {
        guard !isEmpty else { return [] }
        var found: [Int32: [Int]] = [:]
        for e in 0..<labels.count where !isAlone(Int(labels.cell[e]) / contexts) {
            found[labels.task[e], default: []].append(e)
        }
        var links: [Link] = []
        for e in 0..<labels.count where !isAlone(Int(labels.cell[e]) / contexts) {
            for other in found[labels.task[e]] ?? [] where other != e {
                if areOne(Int(labels.cell[e]) / contexts, Int(labels.cell[other]) / contexts) {
                    links.append(Link(label: e, other: other))
                }
            }
        }
        return links
    }

    /// How much of each label counts; empty where everyone is alone.
    func powers(_ links: [Link], labels: Int) -> [Double] {
        guard !isEmpty else { return [] }
        var voices = [Double](repeating: 1, count: labels)
        for link in links { voices[link.label] += 1 }
        return voices.map { 1 / $0 }
    }

    /// For each label what it and the labels of its worker's kin said of the task; empty where everyone is alone.
    /// O(labels states + links).
    func apart(_ links: [Link], _ labels: CrowdKernels.Labels, states: Int) -> [Double] {
        guard !isEmpty else { return [] }
        var said = labels.message.map { log($0) }
        for e in 0..<labels.count where labels.power[e] != 1 {
            for z in 0..<states { said[e * states + z] *= labels.power[e] }
        }
        var apart = said
        for link in links {
            for z in 0..<states { apart[link.label * states + z] += said[link.other * states + z] }
        }
        return apart
    }
}
