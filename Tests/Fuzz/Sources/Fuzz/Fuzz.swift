import CSCSwift
import Foundation

/// What libFuzzer calls with every input. A reader may throw whatever it likes; a trap, a hang of ten seconds or more
/// than 2 GB of memory are findings.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = data.map { Array(UnsafeBufferPointer(start: $0, count: size)) } ?? []
    do {
        try chosen(bytes)
    } catch {
        precondition(!"\(error)".isEmpty, "an error without a sentence")
    }
    return 0
}

/// What is done with an input.
private typealias Reader = @Sendable ([UInt8]) throws -> Void

/// The reader that FUZZ_READER names.
private let chosen: Reader = {
    let name = ProcessInfo.processInfo.environment["FUZZ_READER"] ?? ""
    guard let reader = readers[name] else {
        fatalError("FUZZ_READER is one of \(readers.keys.sorted().joined(separator: " "))")
    }
    return reader
}()

/// Where inputs that are read from files lie; one process works in it.
private let folder: String = {
    let path = "/dev/shm/cafe-fuzz-\(getpid())"
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
}()

private func file(_ name: String, _ bytes: some Sequence<UInt8>) -> String {
    let path = folder + "/" + name
    _ = FileManager.default.createFile(atPath: path, contents: Data(bytes))
    return path
}

private func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

/// Parts of an input that stand for several files: separated by a line of four equal signs.
private func parts(_ bytes: [UInt8], _ count: Int) -> [[UInt8]] {
    var found = text(bytes).components(separatedBy: "====\n").map { Array($0.utf8) }
    while found.count < count { found.append([]) }
    return found
}

private let readers: [String: Reader] = [
    "csv": { bytes in
        let table = try CSVReader(bytes: bytes, name: "f")
        try table.forEachRow(badRows: .skip) { row throws(CSCError) in
            for column in 0..<row.fieldCount {
                _ = try? row.double(column)
                _ = try? row.int(column)
                _ = try? row.time(column)
                _ = try? row.bool(column)
                _ = try? row.string(column)
            }
        }
    },
    "labels": { bytes in
        let part = parts(bytes, 3)
        let files = LabelFiles(badRows: .skip)
        let table = try files.read(
            labels: file("labels.csv", part[0]), tasks: part[1].isEmpty ? nil : file("tasks.csv", part[1]),
            truth: part[2].isEmpty ? nil : file("truth.csv", part[2])
        ).table
        for method in AggregationMethod.allCases {
            try table.checkSize(for: method, labels: "labels.csv")
            guard table.tasks.count < 200, table.workers.count < 200, table.classes.count < 20 else { continue }
            guard (try? method.check(classes: table.classes.count)) != nil else { continue }
            var aggregator = method.aggregator(seed: 1)
            _ = aggregator.fitPredict(LabelStore(table))
        }
    },
    "matrix": { bytes in
        let matrix = try LabelMatrix(wideCSV: file("matrix.csv", bytes))
        if !matrix.isComplete && matrix.workers.count >= 2 && matrix.tasks.count < 100 {
            _ = Grouse.complete(matrix.table, options: .init(rank: 2, passes: 2))
        }
    },
    "uci": { bytes in _ = try UCIDataset(path: file("uci.data", bytes)) },
    "orders": { bytes in
        let path = file("orders.csv", bytes)
        var reading = OrderReading()
        reading.badRows = .skip
        let orders = try RecordedOrders.read(path, reading)
        let days = try RecordedDays(orders, scenario: .chengdu)
        _ = days.instance(tasks: 5, workers: 5, seed: 1, episode: EpisodeRange.evaluation[0])
    },
    "instance": { bytes in
        let part = parts(bytes, 2)
        let instance = try Instance.read(
            tasks: file("tasks.csv", part[0]), workers: file("workers.csv", part[1]), badRows: .skip
        ).instance
        guard instance.tasks.count < 50, instance.workers.count < 50 else { return }
        // Each window of an episode is played; long days are for the machine's patience, not for this one's.
        guard instance.tasks.allSatisfy({ $0.deadlineTime < 20_000 }) else { return }
        let game = SpatialCrowdsourcing()
        for name in ["greedy", "nearest", "marginal", "coalition"] {
            let rule = try DispatcherKind.named(name).make(price: 0.1)
            _ = rule.play(instance, in: game, stream: RandomStream(seed: 1, purpose: .dispatcher))
        }
        if !instance.tasks.isEmpty { _ = try? LearntCoalitionPolicy(untrained: [instance]).text() }
    },
    "scenario": { bytes in
        let city = try Scenario.read(yaml: text(bytes))
        _ = city.instance(tasks: 20, workers: 20, seed: 1, episode: EpisodeRange.evaluation[0])
    },
    "configuration": { bytes in
        var read = try TrainingConfiguration(yaml: text(bytes), path: "c")
        let again = try TrainingConfiguration(yaml: read.text, path: "c")
        precondition(again == read, "a configuration does not read back")
        read.iterations = 1
    },
    "spread": { bytes in
        let read = try FixedHorizonConfiguration(yaml: text(bytes), path: "c")
        let again = try FixedHorizonConfiguration(yaml: read.text, path: "c")
        precondition(again == read, "a configuration does not read back")
    },
    "policy": { bytes in
        let policy = try LearntCoalitionPolicy(text: text(bytes))
        _ = Evaluation.run(policy.source(), on: [day], seed: 1)
    },
    "checkpoint": { bytes in
        let read = try Checkpoint(decoding: bytes, path: "f")
        for name in read.names {
            _ = try? read.floats(name)
            _ = try? read.doubles(name)
            _ = try? read.integers(name)
            _ = try? read.text(name)
        }
    },
    "dispatch": dispatch,
    "travel": { bytes in
        let table = try TravelTable(contentsOf: file("zones.json", bytes))
        let game = SpatialCrowdsourcing()
        _ = DispatcherKind.nearest.make().play(
            day.travelling(by: Travel(table: table)), in: game, stream: RandomStream(seed: 1, purpose: .dispatcher))
    },
    "log": { bytes in _ = try DispatchLog(contentsOf: file("dispatch.jsonl", bytes)).page(title: "log") },
    "jsonl": { bytes in
        let table = try LabelFiles(badRows: .skip).read(labels: file("labels.jsonl", bytes)).table
        precondition(!table.labels.isEmpty, "a table without labels was read")
    },
    "state": state,
    "journal": journal,
]

private let day = Scenario.chengdu.instance(tasks: 20, workers: 8, seed: 3, episode: EpisodeRange.evaluation[0])

/// A moment, answered, checked and asked for advice; travel services are left out, for they would be looked for.
@Sendable private func dispatch(_ bytes: [UInt8]) throws {
    let (request, plan) = try DispatchRequest.withPlan(json: bytes)
    guard request.travel?.osrm == nil, request.workers.count < 50, request.tasks.count < 50 else { return }
    let desk = DispatchDesk()
    if let plan { _ = try desk.check(plan, against: request) }
    let made = try desk.plan(request)
    let violations = try desk.check(made, against: request)
    precondition(
        !(request.commitments ?? []).isEmpty || violations.isEmpty,
        "a plan breaks a rule: \(violations.map(\.json.line))")
    _ = try DispatchPlan(json: Array(made.json.line.utf8))
    if let task = request.tasks.first { _ = try desk.recommend(task.id, count: 3, in: request) }
}

/// A trainer's saved state with right hashes and sections that the input changes: three bytes choose a section, a place
/// and a kind of change; eight more are the value. What is taken is trained on for an iteration.
@Sendable private func state(_ bytes: [UInt8]) throws {
    var checkpoint = saved
    var at = 0
    while at + 11 <= bytes.count {
        let name = saved.names[Int(bytes[at]) % saved.names.count]
        let place = Int(bytes[at + 1])
        let value = bytes[at + 3..<at + 11].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let shorter = bytes[at + 2] & 1 == 1, longer = bytes[at + 2] & 2 == 2
        func change<Value>(_ values: [Value], _ new: Value) -> [Value] {
            var values = values
            if !values.isEmpty { values[place % values.count] = new }
            if shorter && !values.isEmpty { values.removeLast() }
            if longer { values.append(new) }
            return values
        }
        if let old = try? checkpoint.floats(name, finite: false) {
            checkpoint.set(name, floats: change(old, Float(bitPattern: UInt32(truncatingIfNeeded: value))))
        } else if let old = try? checkpoint.doubles(name, finite: false) {
            checkpoint.set(name, doubles: change(old, Double(bitPattern: value)))
        } else if let old = try? checkpoint.integers(name) {
            checkpoint.set(name, integers: change(old, Int(bitPattern: UInt(value))))
        } else if let old = try? checkpoint.text(name) {
            checkpoint.set(name, text: text(change(Array(old.utf8), UInt8(truncatingIfNeeded: value))))
        }
        at += 11
    }
    let trainer = try makeTrainer()
    try trainer.load(from: checkpoint)
    _ = trainer.iterate()
}

private func makeTrainer() throws -> FixedHorizonTrainer {
    var settings = FixedHorizonSettings()
    (settings.numEnvs, settings.numSteps, settings.actorWidths, settings.criticWidths) = (2, 8, [4], [4])
    settings.numMinibatches = 2
    return try FixedHorizonTrainer(
        settings: settings, iterations: 3, seed: 1, makeEnvironment: { SimpleSpread(environmentCount: $0) })
}

private let saved: Checkpoint = {
    var checkpoint = Checkpoint()
    if let trainer = try? makeTrainer() {
        _ = trainer.iterate()
        trainer.save(to: &checkpoint)
    }
    return checkpoint
}()

/// A session's journal whose lines are the input's, with the checksums that they should have: what its events say is
/// what is tried, not its hashes. What opens is asked for a question and its answers.
@Sendable private func journal(_ bytes: [UInt8]) throws {
    var chain: UInt64 = 0
    var sealed = ""
    for (index, line) in text(bytes).split(separator: "\n").enumerated() {
        chain = ContentHash.sipHash(Array(line.utf8), k0: chain, k1: UInt64(index + 1))
        let digits = String(chain, radix: 16)
        sealed += line + "\t" + String(repeating: "0", count: 16 - digits.count) + digits + "\n"
    }
    let path = folder + "/session"
    try? FileManager.default.removeItem(atPath: path)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    _ = FileManager.default.createFile(atPath: path + "/journal.tsv", contents: Data(sealed.utf8))
    let session = try LabelSession(opening: path)
    guard session.tasks.count < 100, session.workers.count < 100 else { return }
    _ = session.answers
    let round = try session.ask(workers: nil, count: 2)
    for question in round.asked {
        _ = try session.record(task: question.task, worker: question.worker, label: session.classes[0])
    }
    precondition(session.budget.spent <= session.budget.limit + 1e-6, "more is spent than the budget")
}
