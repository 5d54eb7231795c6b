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
        replaceFutureEvents(by: other)
        var next = 0
        for worker in workers.indices where workers[worker].shiftStart > now {
            while next < other.workers.count && other.workers[next].shiftStart <= now { next += 1 }
            if next < other.workers.count {
                workers[worker] = other.workers[next]
                (workerX[worker], workerY[worker]) = (other.workers[next].x, other.workers[next].y)
                if isExtended { takeEvents(of: next, from: other, for: worker) }
                next += 1
            } else {
                (workers[worker].shiftStart, workers[worker].shiftEnd) = (.infinity, .infinity)
            }
        }
    }

    /// The same for what the game has beyond the plain rules: the tasks to come are the other episode's, and so is what will
    /// go wrong with those that are known: no rule may know it. O(tasks + workers + pairs).
    private mutating func replaceFutureEvents(by other: Instance) {
        guard var events = extensions else { return }
        let theirs = other.extensions ?? GameExtensions()
        let coming = other.tasks.indices.filter { other.tasks[$0].release > now }
        func column<Element>(_ own: [Element], _ others: [Element], _ value: Element) -> [Element] {
            own.isEmpty ? [] : own.prefix(nextRelease) + coming.map { others.isEmpty ? value : others[$0] }
        }
        events.taskPlace = column(events.taskPlace, theirs.taskPlace, 0)
        events.terms = column(events.terms, theirs.terms, nil)
        events.must = column(events.must, theirs.must, false)
        events.cancellation = column(
            events.cancellation.map { $0 <= now ? $0 : .infinity }, theirs.cancellation, .infinity)
        events.sickness = events.sickness.map { $0 <= now ? $0 : .infinity }
        events.barred = events.barred.filter { $0.task < nextRelease }
        events.seed = theirs.seed
        extensions = events
    }

    /// A worker to come is the other episode's, with its place, breaks and illness. O(breaks).
    private mutating func takeEvents(of person: Int, from other: Instance, for worker: Int) {
        let theirs = other.extensions ?? GameExtensions()
        if !workerPlace.isEmpty && !theirs.workerPlace.isEmpty { workerPlace[worker] = theirs.workerPlace[person] }
        if extensions?.breaks.isEmpty == false && !theirs.breaks.isEmpty {
            extensions!.breaks[worker] = theirs.breaks[person]
        }
        if extensions?.sickness.isEmpty == false && !theirs.sickness.isEmpty {
            extensions!.sickness[worker] = theirs.sickness[person]
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
