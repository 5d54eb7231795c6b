internal import CCore

/// The label loops of belief propagation between tasks and workers, on arrays. Shapes are those of `cafe/labels.h`, section
/// "crowds".
enum CrowdKernels {
    /// What kinds of worker say: [levels, classes, kinds] by label, kinds a multiple of 4.
    struct Tables: Sendable, Codable {
        var own: [Double]
        var other: [Double]
        var add: [Double]
        let classes: Int
        let kinds: Int
        /// How many levels of difficulty tasks have, 1...4. A task's state is its level times `classes` plus its class.
        let levels: Int
        var states: Int { levels * classes }
    }

    /// The labels, and what is known of each without itself.
    struct Labels: Sendable, Codable {
        var task: [Int32] = []
        var cell: [Int32] = []
        var label: [Int32] = []
        /// [labels, states]: P(label | state) by the worker's other labels.
        var message: [Double] = []
        /// [labels, states]: the states' probabilities of the label's task without it.
        var cavity: [Double] = []
        /// [labels]: how much of what a label says counts; empty: all of it.
        var power: [Double] = []
        /// [labels, states]: the logs that are taken off a task's score to have it without a label; empty: those of the
        /// label's own message.
        var apart: [Double] = []

        var count: Int { task.count }

        /// Adds a label. Amortised O(classes).
        mutating func append(
            task i: Int, cell: Int, label y: Int, message told: [Double], cavity belief: [Double], power: Double? = nil
        ) {
            task.append(Int32(i))
            self.cell.append(Int32(cell))
            label.append(Int32(y))
            message.append(contentsOf: told)
            cavity.append(contentsOf: belief)
            if let power { self.power.append(power) }
        }

        /// Adds other labels; `apart`, which is of all labels, stays. O(labels added).
        mutating func append(_ other: Labels) {
            task += other.task
            cell += other.cell
            label += other.label
            message += other.message
            cavity += other.cavity
            power += other.power
        }

        /// Room for so many labels.
        mutating func reserve(_ labels: Int) {
            let classes = count > 0 ? message.count / count : 0
            task.reserveCapacity(labels)
            cell.reserveCapacity(labels)
            label.reserveCapacity(labels)
            message.reserveCapacity(labels * classes)
            cavity.reserveCapacity(labels * classes)
        }
    }

    /// What the labels say of the workers; added to.
    struct Sums: Sendable {
        /// [cells, kinds], a product but for e^scale.
        var evidence: [Double]
        /// [cells].
        var scale: [Double]
        /// [cells, class, label]; empty where it is not kept.
        var count: [Double]
        /// [class, label] off the diagonal.
        var spread: [Double]
    }

    /// From tasks to workers. O(labels levels (classes + levels kinds)).
    static func gather(
        _ labels: inout Labels, into sums: inout Sums, score: [Double], confusion: [Double], tables: Tables,
        gold: [Int32]
    ) {
        let n = Int64(labels.count), classes = Int32(tables.classes), kinds = Int32(tables.kinds)
        let apart = labels.apart.isEmpty ? nil : labels.apart
        func run(_ count: UnsafeMutablePointer<Double>?) {
            cafe_crowd_gather(
                &sums.evidence, &sums.scale, count, &sums.spread, &labels.cavity, score, labels.message, apart,
                confusion,
                tables.own, tables.other, tables.add, labels.task, labels.cell, labels.label, gold, n, classes, kinds,
                Int32(tables.levels))
        }
        guard !sums.count.isEmpty else { return run(nil) }
        var count = sums.count
        sums.count = []
        count.withUnsafeMutableBufferPointer { run($0.baseAddress) }
        sums.count = count
    }

    /// From workers to tasks: new messages, each without its own label's say, added to `score` as logs.
    /// O(labels levels (classes + levels kinds)).
    static func send(
        _ labels: inout Labels, to score: inout [Double], posterior: [Double], count: [Double], row: [Double],
        strength: Double, confusion: [Double], tables: Tables
    ) {
        let n = Int64(labels.count), classes = Int32(tables.classes), kinds = Int32(tables.kinds)
        let power = labels.power.isEmpty ? nil : labels.power
        func run(_ count: UnsafePointer<Double>?, _ row: UnsafePointer<Double>?) {
            cafe_crowd_send(
                &labels.message, &score, posterior, count, row, strength, labels.cavity, power, confusion, tables.own,
                tables.other, tables.add, labels.task, labels.cell, labels.label, n, classes, kinds,
                Int32(tables.levels))
        }
        guard !count.isEmpty else { return run(nil, nil) }
        count.withUnsafeBufferPointer { count in
            row.withUnsafeBufferPointer { run(count.baseAddress, $0.baseAddress) }
        }
    }
}
