/// What an extended game adds to the state: each function is called only where `isExtended`, so that the plain game costs
/// what it did.
extension GameState {
    /// Takes over what an instance or a snapshot has beyond the plain rules. O(tasks + workers).
    mutating func extend(by other: GameExtensions?) {
        extensions = other
        isExtended = other != nil
        onlyMust = false
        if !isExtended { return }
        workerPlace = other!.workerPlace
        refill(&blockedUntil, workers.count, -.infinity)
    }

    // MARK: Teams

    /// Whether a task is open and its team has room. O(1).
    func hasRoom(_ task: Int) -> Bool { phase[task] == .open && Int(teamSize[task]) < cap(task) }

    /// The terms of a task that has roles, or nil. O(1).
    @inline(__always) func roles(_ task: Int) -> TeamTerms? {
        guard let all = extensions?.terms, !all.isEmpty, let terms = all[task], !terms.roles.isEmpty else { return nil }
        return terms
    }

    /// The largest team of a task. O(1).
    @inline(__always) func cap(_ task: Int) -> Int {
        if !isExtended { return options.teamCap }
        guard let all = extensions?.terms, !all.isEmpty, let terms = all[task] else { return options.teamCap }
        return min(options.teamCap, terms.cap)
    }

    /// The skills of which one makes a worker useful to a task now. O(1), with roles O(team).
    @inline(__always) func skillMask(_ task: Int) -> UInt64 {
        if isExtended, let terms = roles(task) { return terms.wanted(team(task)) }
        return 1 << UInt64(tasks[task].skill)
    }

    /// Whether a task comes before all that are not. O(1).
    func isMust(_ task: Int) -> Bool {
        guard let must = extensions?.must, !must.isEmpty else { return false }
        return must[task]
    }

    /// The team in order of arrival, with one more who joins and without another. O(team).
    func team(_ task: Int, joining: Double = .infinity, by worker: Int = -1, without: Int32 = -1) -> [TeamTerms.Member]
    {
        var members: [TeamTerms.Member] = []
        var node = teamHead[task]
        var joins = worker >= 0 && joining < .infinity
        while node >= 0 {
            if node != without {
                if joins && joining <= arrival[Int(node)] {
                    members.append(.init(arrival: joining, skills: workers[worker].skills.rawValue))
                    joins = false
                }
                members.append(.init(arrival: arrival[Int(node)], skills: workers[Int(node)].skills.rawValue))
            }
            node = teamNext[Int(node)]
        }
        if joins { members.append(.init(arrival: joining, skills: workers[worker].skills.rawValue)) }
        return members
    }

    /// Before when nobody works on a task, whoever is there. O(team).
    func opening(_ task: Int) -> Double {
        guard let terms = roles(task), terms.together else { return -.infinity }
        return terms.opening(team(task))
    }

    /// The minutes that a team has been at work by `time`. O(team).
    func minutes(_ task: Int, _ opening: Double, _ time: Double) -> Double {
        var sum = 0.0
        var node = teamHead[task]
        while node >= 0 {
            sum += max(0, time - max(opening, arrival[Int(node)]))
            node = teamNext[Int(node)]
        }
        return sum
    }

    // MARK: Ways

    var isManhattan: Bool { extensions?.travel.map { $0.metric == .manhattan } ?? true }

    /// The way of a worker to a task, from where it is or, busy, from its task, setting out at `time`. O(1).
    func way(_ worker: Int, _ task: Int, at time: Double) -> Double {
        let busy = Int(workerTask[worker])
        let (x, y) = busy < 0 ? (workerX[worker], workerY[worker]) : (tasks[busy].x, tasks[busy].y)
        guard let travel = extensions?.travel else { return abs(x - tasks[task].x) + abs(y - tasks[task].y) }
        var (from, to): (Int32, Int32) = (0, 0)
        if travel.metric == .table {
            from = busy < 0 ? workerPlace[worker] : extensions!.taskPlace[busy]
            to = extensions!.taskPlace[task]
        }
        return travel.way(x, y, from, to: tasks[task].x, tasks[task].y, to, at: time)
    }

    /// The worker is where the task is. O(1).
    mutating func stand(_ worker: Int, at task: Int) {
        if !workerPlace.isEmpty { workerPlace[worker] = extensions!.taskPlace[task] }
    }

    /// Whether nothing but skill, reach and room keeps a worker from a task where it would arrive at `time`: the pair is
    /// not barred, and no break comes before. O(breaks).
    func mayJoin(_ worker: Int, _ task: Int, arrival time: Double) -> Bool {
        guard let extensions else { return true }
        if !extensions.barred.isEmpty, extensions.barred.contains(.init(worker: worker, task: task)) { return false }
        return extensions.breaks.isEmpty || time < extensions.nextBreak(of: worker, after: now)
    }

    /// Whether a worker on shift can be sent: not in a break, not bound by an offer, not ill. O(breaks).
    func isAtHand(_ worker: Int) -> Bool {
        guard let extensions else { return true }
        if blockedUntil[worker] > now { return false }
        if !extensions.sickness.isEmpty && extensions.sickness[worker] <= now { return false }
        return extensions.breaks.isEmpty || extensions.nextBreak(of: worker, after: now) > now
    }

    // MARK: What goes wrong

    /// The workers sent in this window answer: who does not go is idle again and never sent to that task. O(idle * team).
    mutating func answerOffers() {
        guard let acceptance = extensions?.acceptance else { return }
        for position in idle.indices {
            let worker = Int(idle[position])
            let task = Int(workerTask[worker])
            if task < 0 || committed[worker] != now { continue }
            var stream = RandomStream(
                seed: extensions!.seed, purpose: .environment, index: UInt64(worker) << 24 | UInt64(task & 0xFF_FFFF))
            if stream.unit() < acceptance.base - acceptance.perMinute * (arrival[worker] - now) { continue }
            if stream.unit() < acceptance.lapse { blockedUntil[worker] = now + acceptance.lapseMinutes }
            leave(worker)
            extensions!.barred.insert(.init(worker: worker, task: task))
        }
    }

    /// Cancels the tasks whose time has come, and lets go who has fallen ill. O(open + workers).
    mutating func meetEvents() {
        if let times = extensions?.cancellation, !times.isEmpty {
            var kept = 0
            for position in open.indices {
                let task = Int(open[position])
                if times[task] <= now {
                    cancel(task)
                } else {
                    open[kept] = open[position]
                    kept += 1
                }
            }
            open.removeLast(open.count - kept)
        }
        if let times = extensions?.sickness, !times.isEmpty {
            for worker in workers.indices where times[worker] <= now && workerTask[worker] >= 0 { release(worker) }
        }
    }

    /// Frees the team of a task that is no more. O(team^2).
    private mutating func cancel(_ task: Int) {
        while teamHead[task] >= 0 { release(Int(teamHead[task])) }
        phase[task] = .cancelled
    }

    /// Takes a worker out of its team where it has come to; in the travel table, at the nearer end of its way. O(team).
    private mutating func release(_ worker: Int) {
        let task = Int(workerTask[worker])
        let place = road(worker, at: now)
        let isNearer = now - committed[worker] > arrival[worker] - now
        leave(worker)
        (workerX[worker], workerY[worker]) = place
        if isNearer { stand(worker, at: task) }
    }
}
