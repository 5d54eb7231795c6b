/// A session's whole state, as a snapshot holds it.
struct SessionImage {
    /// The form of the state and what the engines make of events: raised with every change of either, so that a
    /// snapshot of another version is skipped and all events are followed again.
    static let revision = 5

    var options: LabelSession.Options
    var taskNames: [String]
    var taskContexts: [Int]
    var contexts: [String]
    var classes: [String]
    var workerNames: [String]
    var workerCosts: [Double]
    var goldTasks: [Int]
    var goldLabels: [Int]
    var soft: SoftLabels?
    var barred: [Bool]
    var ledger: SessionLedger
    var engine: (any LabelAssigner)?
    var families: [LabelFamily]

    init(_ session: LabelSession) {
        options = session.options
        taskNames = session.tasks.map(\.id)
        taskContexts = session.tasks.map(\.context)
        contexts = session.contexts
        classes = session.classes
        workerNames = session.workers.map(\.id)
        workerCosts = session.workers.map(\.cost)
        goldTasks = session.gold.keys.sorted()
        goldLabels = goldTasks.map { session.gold[$0] ?? 0 }
        soft = session.soft
        barred = session.barred
        ledger = session.ledger
        engine = session.engine
        families = session.families
    }

    /// The bytes of a snapshot; nil where something cannot be encoded. O(state).
    var bytes: [UInt8]? {
        let encoder = StateEncoder()
        do {
            try encoder.encode(Self.revision)
            try encoder.encode(options)
            try encoder.encode(taskNames)
            try encoder.encode(taskContexts)
            try encoder.encode(contexts)
            try encoder.encode(classes)
            try encoder.encode(workerNames)
            try encoder.encode(workerCosts)
            try encoder.encode(goldTasks)
            try encoder.encode(goldLabels)
            try encoder.encode(soft != nil)
            if let soft { try encoder.encode(soft) }
            try encoder.encode(barred)
            try encoder.encode(ledger)
            try encoder.encode(engine != nil)
            if let engine { try engine.encode(to: encoder) }
            // Where there are any: the state of a session without families is what it always was.
            if !families.isEmpty { try encoder.encode(families) }
        } catch { return nil }
        return encoder.bytes
    }

    /// The state of a snapshot's bytes; nil where they are another version's. O(state).
    init?(decoding bytes: [UInt8]) {
        let decoder = StateDecoder(bytes)
        do {
            guard try decoder.decode(Int.self) == Self.revision else { return nil }
            options = try decoder.decode(LabelSession.Options.self)
            taskNames = try decoder.decode([String].self)
            taskContexts = try decoder.decode([Int].self)
            contexts = try decoder.decode([String].self)
            classes = try decoder.decode([String].self)
            workerNames = try decoder.decode([String].self)
            workerCosts = try decoder.decode([Double].self)
            goldTasks = try decoder.decode([Int].self)
            goldLabels = try decoder.decode([Int].self)
            soft = try decoder.decode(Bool.self) ? decoder.decode(SoftLabels.self) : nil
            barred = try decoder.decode([Bool].self)
            ledger = try decoder.decode(SessionLedger.self)
            engine = try decoder.decode(Bool.self) ? options.method.assigner(from: decoder) : nil
            families = decoder.isAtEnd ? [] : try decoder.decode([LabelFamily].self)
        } catch { return nil }
        guard decoder.isAtEnd, taskNames.count == taskContexts.count, workerNames.count == workerCosts.count else {
            return nil
        }
    }
}

extension LabelSession {
    /// Keeps the state beside the events, so that the next opening follows only what comes after. O(state).
    /// - Throws: `CSCError.file` where it cannot be written; nothing is lost then.
    public func takeSnapshot() throws(CSCError) {
        try storage.keep(makeSnapshot())
        sinceSnapshot = 0
    }

    /// Takes a snapshot where following the events since the last one took longer than writing one does, or many have
    /// come. One that fails is left out: it is only a shortcut.
    func snapshotIfWorthwhile(after events: Int, seconds: Double) {
        sinceSnapshot += events
        guard takesSnapshots, sinceSnapshot >= 100 else { return }
        let many = sinceSnapshot >= max(2000, storage.end.count / 10)
        if many || seconds > 0.02 { try? takeSnapshot() }
    }

    /// The state's bytes: two sessions in the same state have the same ones, but for the order of sets. For tests.
    public var stateBytes: [UInt8] { SessionImage(self).bytes ?? [] }
}
