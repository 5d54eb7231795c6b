internal import Foundation

/// A schedule with the whole future known: each worker's list of tasks, and the exact times that follow from it.
///
/// Each worker leaves for the next task of its list at the first window at which it is free, on shift and the task is
/// released, and stays until that task ends: the rules of `GameState`. With `relocate` it moves towards that task as soon as
/// it is free, and leaves for it from where it has come to. A task's end is that of its team's arrivals. Only
/// useful trips are kept: a member who would come after the end, out of reach or after its shift is taken off the team,
/// and a task whose team would not finish by the deadline loses the team. So the times of a schedule are those that
/// the game gives it.
///
/// Representation: a node is a worker's start (`0 ..< workers`) or a seat of a task's team (`workers + task * cap +
/// seat`, the first `size` seats are taken). A worker's list is threaded through `next` and `previous`. A change marks
/// the tasks whose arrivals it moves; `settle` recomputes those in the order of their ends, and passes on what moves.
/// What is written is journalled, so that a move is undone in the time that it took. Nothing is allocated after
/// warm-up.
struct ScheduleState {
    let tasks: [SpatialTask]
    let workers: [Worker]
    let window: Double
    let rule: PaymentRule
    /// Seats of a task.
    let cap: Int
    /// How workers travel, and the places of workers and tasks in its table; nil: by Manhattan distance.
    private let travel: Travel?
    /// Workers move towards their next task before it is released.
    let relocates: Bool
    private let workerPlace: [Int32]
    private let taskPlace: [Int32]

    /// The node before and after in the worker's list (-1: none), the worker of a node, the seats taken by task.
    private var links: [Int32]
    /// Arrival by node, end by task (infinite without a team), payment by task.
    private var times: [Double]
    private let nodes: Int

    /// The sum of payments.
    private(set) var revenue = 0.0

    private var dirty: [Int32] = []
    private var isDirty: [Bool]
    private var linkJournal: [(at: Int32, old: Int32)] = []
    private var timeJournal: [(at: Int32, old: Double)] = []
    private var markedRevenue = 0.0
    private var arrivals: [Double] = []

    init(_ instance: Instance, options: GameOptions, seats: Int) {
        tasks = instance.tasks
        workers = instance.workers
        window = options.window
        rule = options.payment
        cap = min(seats, options.teamCap)
        travel = instance.extensions?.travel
        relocates = options.relocate && travel?.table == nil
        workerPlace = instance.extensions?.workerPlace ?? []
        taskPlace = instance.extensions?.taskPlace ?? []
        nodes = workers.count + tasks.count * cap
        links = Array(repeating: -1, count: 3 * nodes + tasks.count)
        times = Array(repeating: .infinity, count: nodes + 2 * tasks.count)
        isDirty = Array(repeating: false, count: tasks.count)
        for worker in workers.indices { links[2 * nodes + worker] = Int32(worker) }
        for task in tasks.indices {
            links[3 * nodes + task] = 0
            times[nodes + tasks.count + task] = 0
        }
    }

    // MARK: Looking

    @inline(__always) func next(_ node: Int) -> Int { Int(links[node]) }
    @inline(__always) func previous(_ node: Int) -> Int { Int(links[nodes + node]) }
    @inline(__always) func worker(_ node: Int) -> Int { Int(links[2 * nodes + node]) }
    @inline(__always) func size(_ task: Int) -> Int { Int(links[3 * nodes + task]) }
    @inline(__always) func arrival(_ node: Int) -> Double { times[node] }
    @inline(__always) func end(_ task: Int) -> Double { times[nodes + task] }
    @inline(__always) func paid(_ task: Int) -> Double { times[nodes + tasks.count + task] }
    /// The task of a seat. O(1).
    @inline(__always) func task(_ node: Int) -> Int { (node - workers.count) / cap }
    /// The first seat of a task. O(1).
    @inline(__always) func seats(_ task: Int) -> Int { workers.count + task * cap }
    @inline(__always) func isStart(_ node: Int) -> Bool { node < workers.count }

    /// When the worker of a node may leave its place. O(1).
    @inline(__always) func free(_ node: Int) -> Double {
        isStart(node) ? workers[node].shiftStart : end(task(node))
    }

    /// The distance from a node's place to a task (km). O(1).
    @inline(__always) func distance(_ node: Int, _ task: Int) -> Double {
        if !isStart(node) { return distance(task: self.task(node), task) }
        if travel != nil {
            return way(workers[node].x, workers[node].y, workerPlace.isEmpty ? 0 : workerPlace[node], task)
        }
        return abs(workers[node].x - tasks[task].x) + abs(workers[node].y - tasks[task].y)
    }

    /// The way from a place to a task where it is not by Manhattan distance. O(1).
    private func way(_ x: Double, _ y: Double, _ place: Int32, _ task: Int) -> Double {
        travel!.way(x, y, place, to: tasks[task].x, tasks[task].y, taskPlace.isEmpty ? 0 : taskPlace[task], at: 0)
    }

    /// The distance between two tasks (km). O(1).
    @inline(__always) func distance(task from: Int, _ task: Int) -> Double {
        if travel != nil { return way(tasks[from].x, tasks[from].y, taskPlace.isEmpty ? 0 : taskPlace[from], task) }
        return abs(tasks[from].x - tasks[task].x) + abs(tasks[from].y - tasks[task].y)
    }

    /// The first window that starts at or after `time`. O(1).
    @inline(__always) func windowStart(_ time: Double) -> Double {
        if window == 1 && time < 0x1p52 {
            let floor = Double(Int(time))
            return floor < time ? floor + 1 : floor
        }
        var index = (time / window).rounded(.up)
        while index * window < time { index += 1 }
        while (index - 1) * window >= time { index -= 1 }
        return index * window
    }

    /// When a worker who is free at a time would arrive at a task; infinite if out of reach or shift. O(1).
    @inline(__always) func arrival(_ worker: Int, free: Double, distance: Double, _ task: Int) -> Double {
        let leave = windowStart(max(free, tasks[task].release))
        if leave >= workers[worker].shiftEnd { return .infinity }
        var distance = distance
        if relocates { distance = max(0, distance - (leave - windowStart(free)) * workers[worker].speed) }
        if distance > workers[worker].reach { return .infinity }
        return leave + distance / workers[worker].speed
    }

    /// Whether a worker is in a task's team. O(team).
    @inline(__always) func isMember(_ worker: Int, _ task: Int) -> Bool {
        let first = seats(task)
        for seat in first..<(first + size(task)) where self.worker(seat) == worker { return true }
        return false
    }

    /// The end of a task if the member at `node` came at `time` (infinite: not at all). O(team^2).
    @inline(__always) func end(_ task: Int, if node: Int, arrives time: Double) -> Double {
        let count = size(task)
        let workload = tasks[task].workload
        if count == 1 { return TeamClock.finish(workload, alone: time) }
        let first = seats(task)
        if count == 2 {
            let other = times[node == first ? first + 1 : first]
            return TeamClock.finish(workload, time, other)
        }
        var last = -Double.infinity
        // The next arrival each time; equal ones are distinguished by their seat.
        var lastSeat = -1
        return TeamClock.finish(workload) {
            var next = Double.infinity
            var nextSeat = -1
            for seat in first..<(first + count) {
                let at = seat == node ? time : times[seat]
                if (at > last || at == last && seat > lastSeat) && at < next {
                    next = at
                    nextSeat = seat
                }
            }
            (last, lastSeat) = (next, nextSeat)
            return next
        }
    }

    /// The lists of tasks, by worker. O(seats taken).
    var lists: [[Int]] {
        workers.indices.map { worker in
            var list: [Int] = []
            var node = next(worker)
            while node >= 0 {
                list.append(task(node))
                node = next(node)
            }
            return list
        }
    }

    // MARK: Changing

    /// Makes the present state the one to which `undo` returns. O(1). Call it settled.
    mutating func mark() {
        linkJournal.removeAll(keepingCapacity: true)
        timeJournal.removeAll(keepingCapacity: true)
        markedRevenue = revenue
    }

    /// Returns to the marked state. O(changes).
    mutating func undo() {
        while let last = linkJournal.popLast() { links[Int(last.at)] = last.old }
        while let last = timeJournal.popLast() { times[Int(last.at)] = last.old }
        revenue = markedRevenue
    }

    @inline(__always) private mutating func write(link at: Int, _ value: Int) {
        linkJournal.append((Int32(at), links[at]))
        links[at] = Int32(value)
    }

    @inline(__always) private mutating func write(time at: Int, _ value: Double) {
        timeJournal.append((Int32(at), times[at]))
        times[at] = value
    }

    @inline(__always) private mutating func touch(_ node: Int) {
        if node < 0 { return }
        let task = task(node)
        if !isDirty[task] {
            isDirty[task] = true
            dirty.append(Int32(task))
        }
    }

    /// Gives a worker a seat at `task` after a node of its list. The task must have room. Call `computeEnd(task)` once
    /// its new members have their seats. O(1).
    mutating func add(after node: Int, task: Int) {
        let seat = seats(task) + size(task)
        write(link: 3 * nodes + task, size(task) + 1)
        let follower = next(node)
        write(link: 2 * nodes + seat, worker(node))
        write(link: seat, follower)
        write(link: nodes + seat, node)
        write(link: node, seat)
        if follower >= 0 { write(link: nodes + follower, seat) }
        touch(follower)
    }

    /// Gives a worker a seat at `task`, at the end of its list; see `add`. O(list).
    mutating func append(_ worker: Int, task: Int) {
        var node = worker
        while next(node) >= 0 { node = next(node) }
        add(after: node, task: task)
    }

    /// Takes a member off its team. O(1).
    mutating func remove(_ node: Int) {
        let task = task(node)
        let follower = next(node)
        write(link: previous(node), follower)
        if follower >= 0 { write(link: nodes + follower, previous(node)) }
        touch(follower)
        touch(node)
        let last = seats(task) + size(task) - 1
        write(link: 3 * nodes + task, size(task) - 1)
        if node == last { return }
        write(link: 2 * nodes + node, worker(last))
        write(link: node, next(last))
        write(link: nodes + node, previous(last))
        write(time: node, times[last])
        write(link: previous(node), node)
        if next(node) >= 0 { write(link: nodes + next(node), node) }
    }

    /// Takes the whole team off a task. O(team).
    mutating func clear(_ task: Int) {
        while size(task) > 0 { remove(seats(task) + size(task) - 1) }
    }

    /// Recomputes what the changes have moved. O(moved tasks * team).
    mutating func settle() {
        while !dirty.isEmpty {
            var first = 0
            for at in dirty.indices where end(Int(dirty[at])) < end(Int(dirty[first])) { first = at }
            let task = Int(dirty[first])
            dirty[first] = dirty[dirty.count - 1]
            dirty.removeLast()
            isDirty[task] = false
            computeEnd(task)
        }
    }

    /// Recomputes a task's arrivals and end from the ends of its members' tasks before, takes off members without use,
    /// and marks the tasks that follow. O(team^2).
    mutating func computeEnd(_ task: Int) {
        arrivals.removeAll(keepingCapacity: true)
        let first = seats(task)
        let deadline = tasks[task].deadlineTime
        var seat = first + size(task) - 1
        while seat >= first {
            let before = previous(seat)
            let time = arrival(worker(seat), free: free(before), distance: distance(before, task), task)
            if time < deadline {
                if time != times[seat] { write(time: seat, time) }
                TeamClock.insert(time, into: &arrivals)
            } else {
                remove(seat)
            }
            seat -= 1
        }
        var end = TeamClock.finish(tasks[task].workload, arrivals, count: arrivals.count)
        if end > deadline {
            end = .infinity
            clear(task)
        } else {
            seat = first + size(task) - 1
            while seat >= first {
                if times[seat] >= end { remove(seat) }
                seat -= 1
            }
        }
        if end != self.end(task) {
            write(time: nodes + task, end)
            let payment = tasks[task].payment(at: end, rule: rule)
            if payment != paid(task) {
                revenue += payment - paid(task)
                write(time: nodes + tasks.count + task, payment)
            }
            for seat in first..<(first + size(task)) { touch(next(seat)) }
        }
        // What took members off has marked the task itself again; its end is known.
        if isDirty[task], let place = dirty.firstIndex(of: Int32(task)) {
            dirty[place] = dirty[dirty.count - 1]
            dirty.removeLast()
            isDirty[task] = false
        }
    }
}
