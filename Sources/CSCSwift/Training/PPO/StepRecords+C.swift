internal import CCore

/// The steps of a fixed-horizon rollout, all shards one after the other, as records that lie side by side: minibatches
/// take them in random order, and a rollout of many environments fits no cache.
struct StepRecords {
    /// Numbers of an observation.
    let width: Int
    /// The advantage of each step, in the order of the records.
    private(set) var advantages: [Float] = []
    private var records: [Float] = []

    init(width: Int) { self.width = width }

    /// Forgets the steps and makes room for `count`. No allocation where there was room before.
    mutating func removeAll(reserving count: Int) {
        let floats = count * Int(cafe_record_floats(Int32(width)))
        if records.count != floats { records = [Float](repeating: 0, count: floats) }
        advantages.removeAll(keepingCapacity: true)
        advantages.reserveCapacity(count)
    }

    /// Adds steps after those that are there: as many as there are actions, of observations the first ones. O(n D).
    mutating func append(
        observations: [Float], actions: [Int32], logProbabilities: [Float], advantages: [Float], returns: [Float]
    ) {
        let (count, size) = (actions.count, Int(cafe_record_floats(Int32(width))))
        let start = self.advantages.count * size
        precondition(
            observations.count >= count * width && records.count >= start + count * size,
            "StepRecords.append: \(observations.count) numbers seen for \(count) steps of \(width), "
                + "room for \(records.count) floats, \(start) taken")
        requireCount(logProbabilities.count, count, "StepRecords.append: logProbabilities")
        requireCount(advantages.count, count, "StepRecords.append: advantages")
        requireCount(returns.count, count, "StepRecords.append: returns")
        var all = records.mutableSpan
        var room = all.part(start..<start + count * size)
        cafe_records_pack(
            room.base, observations, actions, logProbabilities, advantages, returns, Int64(count), Int32(width))
        self.advantages.append(contentsOf: advantages)
    }

    /// Copies the steps `indices` to the fronts of the outputs. Traps where there is no such step. O(n D).
    func gather(
        _ indices: ArraySlice<Int32>, observations: inout [Float], actions: inout [Int32],
        logProbabilities: inout [Float], advantages: inout [Float], returns: inout [Float]
    ) {
        let (count, steps) = (indices.count, self.advantages.count)
        precondition(
            observations.count >= count * width && actions.count >= count && logProbabilities.count >= count
                && advantages.count >= count && returns.count >= count,
            "StepRecords.gather: \(count) steps do not fit into the outputs")
        for index in indices {
            precondition(Int(index) >= 0 && Int(index) < steps, "StepRecords.gather: step \(index) of \(steps)")
        }
        indices.withUnsafeBufferPointer {
            cafe_records_gather(
                &observations, &actions, &logProbabilities, &advantages, &returns, records, $0.baseAddress,
                Int64(count), Int32(width))
        }
    }
}
