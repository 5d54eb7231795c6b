extension GameState {
    /// Puts what another episode has after now in the place of what is still to come: tasks not yet released, and workers
    /// whose shift has not begun, as many as there are there and no more than here. O(tasks + workers).
    mutating func replaceFuture(by other: Instance) {
        tasks.removeLast(tasks.count - nextRelease)
        for task in other.tasks where task.release > now { tasks.append(task) }
        resize(&phase, .unreleased)
        resize(&teamHead, -1)
        resize(&teamSize, 0)
        resize(&completion, .infinity)
        var next = 0
        for worker in workers.indices where workers[worker].shiftStart > now {
            while next < other.workers.count && other.workers[next].shiftStart <= now { next += 1 }
            if next < other.workers.count {
                workers[worker] = other.workers[next]
                (workerX[worker], workerY[worker]) = (other.workers[next].x, other.workers[next].y)
                next += 1
            } else {
                (workers[worker].shiftStart, workers[worker].shiftEnd) = (.infinity, .infinity)
            }
        }
    }

    /// Makes a column of the tasks as long as there are tasks.
    private func resize<Element>(_ column: inout [Element], _ value: Element) {
        if column.count > tasks.count {
            column.removeLast(column.count - tasks.count)
        } else {
            column.append(contentsOf: repeatElement(value, count: tasks.count - column.count))
        }
    }

    /// The minutes of their shifts that workers are still bound to their tasks, in all. O(workers).
    var minutesBound: Double {
        var minutes = 0.0
        for worker in workers.indices where workerTask[worker] >= 0 {
            let task = Int(workerTask[worker])
            let free = min(completion[task], tasks[task].deadlineTime, workers[worker].shiftEnd)
            minutes += max(0, free - now)
        }
        return minutes
    }
}
