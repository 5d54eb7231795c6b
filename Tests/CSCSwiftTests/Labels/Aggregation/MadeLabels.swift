import CSCSwift

/// Labels of `workers` workers on random tasks, `perTask` each, by the answer that `says` gives for (worker, truth).
func madeLabels(
    tasks: Int, workers: Int, perTask: Int, classes: Int, seed: UInt64 = 1,
    says: (Int, Int, Int, inout RandomStream) -> Int
) -> (store: LabelStore, truth: [Int?]) {
    var stream = RandomStream(seed: seed, purpose: .test)
    var rows: ([Int32], [Int32], [Int32]) = ([], [], [])
    var truth: [Int?] = []
    var pool = Array(0..<workers)
    for task in 0..<tasks {
        let z = stream.index(below: classes)
        truth.append(z)
        stream.shuffle(&pool)
        for worker in pool.prefix(perTask) {
            rows.0.append(Int32(task))
            rows.1.append(Int32(worker))
            rows.2.append(Int32(says(worker, z, task, &stream)))
        }
    }
    let store = LabelStore(
        tasks: rows.0, workers: rows.1, labels: rows.2, taskCount: tasks, workerCount: workers, classCount: classes)
    return (store, truth)
}
