import CSCSwift

/// Random requests of every kind: places in km, by index with a table, times in minutes or dates, roles, breaks, promises.
struct RandomMoments {
    var stream: RandomStream

    init(seed: UInt64) { stream = RandomStream(seed: seed, purpose: .test) }

    private mutating func chance(_ share: Double) -> Bool { stream.unit() < share }

    private mutating func between(_ low: Double, _ high: Double) -> Double {
        (stream.uniform(low, high) * 8).rounded() / 8
    }

    mutating func next() -> DispatchRequest {
        let base = chance(0.5) ? 0 : 29_300_000.0
        let isDate = base > 0
        func time(_ minutes: Double) -> PlanTime {
            isDate ? .moment(base + minutes, zone: 480) : .minutes(minutes)
        }
        let now = between(0, 300)
        let places = chance(0.3) ? 6 : 0
        var request = DispatchRequest(now: time(now), workers: [], tasks: [])
        request.policy = ["coalition", "cafe-chengdu", "greedy", "hungarian", "marginal"][stream.index(below: 5)]
        let skills = ["plumber", "électricien", "crane", "a\"b\\c"]
        for number in 0..<stream.index(below: 14) {
            var worker = DispatchRequest.Worker(id: "w\(number)é")
            worker.skills = skills.filter { _ in stream.unit() < 0.45 }
            if places > 0 {
                worker.index = stream.index(below: places)
            } else {
                worker.xy = [between(0, 12), between(0, 12)]
            }
            if chance(0.6) { worker.speed = between(10, 40) }
            if chance(0.5) { worker.reach = between(1, 12) }
            if chance(0.6) {
                let start = between(now - 200, now + 30)
                worker.shift = [time(start), time(start + between(30, 300))]
            }
            if chance(0.3) {
                let start = between(now - 20, now + 40)
                worker.breaks = [[time(start), time(start + 15)]]
            }
            request.workers.append(worker)
        }
        for number in 0..<stream.index(below: 12) { request.tasks.append(task(number, places, skills, now, time)) }
        if places > 0 {
            var travel = DispatchRequest.Travel()
            travel.durations = (0..<places).map { from in
                (0..<places).map { to in from == to ? 0 : chance(0.05) ? nil : between(2, 40) }
            }
            request.travel = travel
        } else if chance(0.3) {
            var travel = DispatchRequest.Travel()
            travel.metric = .euclidean
            request.travel = travel
        }
        addPairs(&request, now, time)
        return request
    }

    private mutating func task(
        _ number: Int, _ places: Int, _ skills: [String], _ now: Double, _ time: (Double) -> PlanTime
    ) -> DispatchRequest.Task {
        var task = DispatchRequest.Task(id: "t\(number)", workload: between(1, 50))
        if places > 0 { task.index = stream.index(below: places) } else { task.xy = [between(0, 12), between(0, 12)] }
        let release = between(now - 30, now + 6)
        if chance(0.8) { task.release = time(release) }
        if chance(0.5) {
            task.skill = skills[stream.index(below: skills.count)]
        } else if chance(0.6) {
            task.roles = (0..<1 + stream.index(below: 3)).map { _ in
                .init(skill: skills[stream.index(below: skills.count)], count: 1 + stream.index(below: 2))
            }
            if chance(0.5) { task.start = chance(0.5) ? .together : .any }
        }
        let from = task.release.map { _ in release } ?? now
        if chance(0.8) {
            let deadline = max(from, between(now - 5, now + 90))
            task.deadline = time(deadline)
            if chance(0.6) { task.expected = time(between(from - 1, deadline)) }
            if let expected = task.expected, expected.value > time(deadline).value { task.expected = time(deadline) }
        }
        if chance(0.8) { task.pay = between(0, 60) }
        if chance(0.5) { task.penalty = between(0, 2) }
        if chance(0.4) { task.maxTeam = (task.roles?.reduce(0) { $0 + ($1.count ?? 1) } ?? 1) + stream.index(below: 3) }
        if chance(0.1) { task.must = true }
        return task
    }

    private mutating func addPairs(_ request: inout DispatchRequest, _ now: Double, _ time: (Double) -> PlanTime) {
        if request.workers.isEmpty || request.tasks.isEmpty { return }
        func pair(_ draw: inout RandomStream) -> DispatchRequest.Pair {
            .init(
                worker: request.workers[draw.index(below: request.workers.count)].id,
                task: request.tasks[draw.index(below: request.tasks.count)].id)
        }
        request.forbidden = (0..<stream.index(below: 6)).map { _ in pair(&stream) }
        request.declined = (0..<stream.index(below: 20)).map { _ in pair(&stream) }
        var commitments: [DispatchRequest.Commitment] = []
        for worker in request.workers where chance(0.3) {
            let task = request.tasks[stream.index(below: request.tasks.count)]
            if let release = task.release, release.value > request.now.value { continue }
            var entry = DispatchRequest.Commitment(worker: worker.id, task: task.id)
            if chance(0.8) { entry.arrival = time(between(now - 20, now + 20)) }
            if chance(0.5) { entry.locked = chance(0.6) }
            commitments.append(entry)
        }
        request.commitments = commitments
    }
}
