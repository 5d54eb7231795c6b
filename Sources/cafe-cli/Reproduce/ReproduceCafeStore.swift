internal import CSCSwift
internal import Foundation

/// One finished measurement: a method on one setting with one seed. A file of its own, so that a cut reproduction
/// continues with the cells that are missing.
struct ReproduceCafeCell: Codable, Sendable {
    var method: String
    var city: String
    var tasks: Int
    var workers: Int
    var seed: Int
    /// Revenue of each evaluation episode; the same episodes for every method of one seed.
    var revenues: [Double]
    /// Policy updates for this cell alone, beyond its city's shared run.
    var extraUpdates = 0
    var seconds: Double
    var mean: Double { revenues.isEmpty ? .nan : revenues.reduce(0, +) / Double(revenues.count) }
}

/// The folder `cells/` of a reproduction.
struct ReproduceCafeStore: Sendable {
    let folder: String

    /// Whether no cell has been measured yet.
    var isEmpty: Bool {
        let names = try? FileManager.default.contentsOfDirectory(atPath: AtomicFile.join(folder, "cells"))
        return names?.isEmpty ?? true
    }

    private func path(_ method: String, _ city: String, _ tasks: Int, _ workers: Int, _ seed: Int) -> String {
        AtomicFile.join(AtomicFile.join(folder, "cells"), "\(method)-\(city)-\(tasks)-\(workers)-s\(seed).json")
    }

    /// A collective: the first rank reads the cell, so that all have the same ones.
    func load(_ method: String, _ city: String, _ tasks: Int, _ workers: Int, _ seed: Int) -> ReproduceCafeCell? {
        let data = Data(
            Ranks.first {
                [UInt8](FileManager.default.contents(atPath: path(method, city, tasks, workers, seed)) ?? Data())
            })
        if data.isEmpty { return nil }
        return try? JSONDecoder().decode(ReproduceCafeCell.self, from: data)
    }

    func save(_ cell: ReproduceCafeCell) throws {
        try AtomicFile.makeFolder(AtomicFile.join(folder, "cells"))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try AtomicFile.write(
            Array(try encoder.encode(cell)), to: path(cell.method, cell.city, cell.tasks, cell.workers, cell.seed))
    }
}

/// How long the cells that are left will take, by those that were measured.
final class ReproduceCafeClock {
    private let cells: Int
    private var done = 0
    private let start = ContinuousClock.now

    init(cells: Int) { self.cells = cells }

    /// Since it was made.
    var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }

    /// Counts a cell; what to add to its line, empty after the last one.
    func measured() -> String {
        done += 1
        guard done < cells else { return "" }
        return
            " (\(done) of \(cells) cells, about \(Terminal.duration(seconds / Double(done) * Double(cells - done))) left)"
    }
}

/// A row of the tables.
struct ReproduceCafeMethod: Sendable, Hashable {
    let key: String
    let title: String
    /// The paper's name of this row, if it has one.
    let paper: String?
    /// The credit variant with which it is trained; nil for a rule or a bound.
    let variant: String?
    /// Refined on each setting's training episodes before the evaluation.
    var refined = false
    /// Evolved inside the coalition rule (`cafe-cli evolve`).
    var evolved = false

    static let all: [ReproduceCafeMethod] = [
        .init(key: "greedy", title: "Greedy", paper: "Greedy", variant: nil),
        .init(key: "ippo", title: "IPPO (team)", paper: "IPPO", variant: "team"),
        .init(key: "pau", title: "PAU (uniform)", paper: "PAU", variant: "uniform"),
        .init(key: "ca-nofe", title: "CA-noFE", paper: "CA-noFE", variant: "share+difference+signed"),
        .init(key: "cafe", title: "CAFE", paper: "CAFE", variant: "share+difference+signed", refined: true),
        .init(key: "nearest", title: "nearest", paper: nil, variant: nil),
        .init(key: "marginal", title: "marginal", paper: nil, variant: nil),
        .init(key: "coalition", title: "coalition", paper: nil, variant: nil),
        .init(key: "evolved", title: "CAFE, learnt coalition", paper: nil, variant: nil, evolved: true),
        .init(key: "annealing", title: "full information, annealing", paper: nil, variant: nil),
        .init(key: "bound", title: "upper bound", paper: nil, variant: nil),
    ]
}
