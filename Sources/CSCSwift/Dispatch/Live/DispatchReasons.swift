/// Why a task got nobody and why a worker waits, in codes and numbers that anybody can check against the request.
struct DispatchReasons {
    /// What a worker is doing at the moment of the question.
    private enum Status {
        case offShift, onBreak, promised, sent, free
    }

    private let moment: DispatchMoment
    private let decision: DispatchDesk.Decision
    private let status: [Status]
    private let hasBarred: Bool

    init(_ moment: DispatchMoment, _ decision: DispatchDesk.Decision) {
        self.moment = moment
        self.decision = decision
        hasBarred = !moment.extensions.barred.isEmpty
        let now = moment.now
        let status: [Status] = moment.workers.indices.map { worker in
            if decision.task[worker] >= 0 { return decision.isKept[worker] ? .promised : .sent }
            if !(moment.workers[worker].shiftStart <= now && now < moment.workers[worker].shiftEnd) { return .offShift }
            return moment.extensions.nextBreak(of: worker, after: now) <= now ? .onBreak : .free
        }
        self.status = status
    }

    // MARK: Tasks

    /// A worker who could come, and when.
    private struct Helper {
        var worker: Int
        var arrival: Double
    }

    /// Why nobody was sent to a task. O(workers * team) at most.
    func whyUnassigned(_ task: Int) -> DispatchPlan.Unassigned {
        let terms = moment.tasks[task]
        var answer = DispatchPlan.Unassigned(task: moment.request.tasks[task].id)
        func because(_ reason: DispatchPlan.TaskReason, _ detail: String) -> DispatchPlan.Unassigned {
            (answer.reason, answer.detail) = (reason, detail)
            return answer
        }
        if terms.release > moment.now { return because(.notReleased, "opens at \(text(terms.release))") }
        if terms.deadlineTime <= moment.now {
            return because(.notReachableInTime, "its deadline, \(text(terms.deadlineTime)), is past")
        }
        let mask = moment.mask(task)
        var (onShift, qualified) = (0, 0)
        var (willing, loose): ([Int], [Int]) = ([], [])
        for worker in status.indices where status[worker] != .offShift {
            onShift += 1
            if moment.workers[worker].skills.rawValue & mask == 0 { continue }
            qualified += 1
            if hasBarred && moment.extensions.barred.contains(.init(worker: worker, task: task)) { continue }
            willing.append(worker)
            if status[worker] == .free || status[worker] == .sent { loose.append(worker) }
        }
        if qualified == 0 {
            return because(.noQualifiedWorker, "needs \(needs(task)); of \(onShift) on shift nobody has it")
        }
        if willing.isEmpty {
            return because(.allDeclined, "all \(qualified) on shift with its skill have declined or are forbidden")
        }
        if loose.isEmpty {
            let bound = willing.filter { status[$0] == .promised }
            answer.tasks = names(of: bound)
            if bound.isEmpty {
                answer.tasks = nil
                return because(.onBreak, "all \(willing.count) who could come have a break")
            }
            return because(
                .lockedElsewhere,
                "\(bound.count) who could come \(bound.count == 1 ? "is" : "are") bound elsewhere"
                    + (bound.count < willing.count ? ", \(willing.count - bound.count) have a break" : ""))
        }
        let able = helpers(task, loose)
        if able.isEmpty { return because(.notReachableInTime, tooFar(task, loose)) }
        if let missing = missingRole(task, able) { return because(.roleMissing, missing) }
        let best = fastest(task, able)
        if best > terms.deadlineTime {
            return because(
                .notFinishedInTime,
                "all \(able.count) who can come would finish at \(text(best)), after the deadline \(text(terms.deadlineTime))"
            )
        }
        let left = able.filter { status[$0.worker] == .free }
        guard let offer = bestOffer(task, left) else {
            let taken = able.filter { status[$0.worker] == .sent }.map(\.worker)
            if taken.isEmpty {
                (answer.gain, answer.price) = (payment(task, best), decision.price)
                return because(
                    .notWorthItsTime,
                    "all \(able.count) who can come would finish at \(text(best)): pays \(figure(payment(task, best)))")
            }
            answer.tasks = names(of: taken)
            return because(
                .workersBetterUsed,
                "\(taken.count) of the \(able.count) who can come went to "
                    + (answer.tasks ?? []).map { "'\($0)'" }.joined(separator: ", "))
        }
        (answer.gain, answer.minutes, answer.price) = (offer.gain, offer.minutes, decision.price)
        var detail =
            "\(offer.size) left over would finish at \(text(offer.end)): pays \(figure(offer.gain)) for \(figure(offer.minutes)) "
            + "worker-minutes"
        if let price = decision.price { detail += " at \(figure(price)) each" }
        return because(.notWorthItsTime, detail)
    }

    /// Who of some workers can be at a task in time, in order of arrival. O(workers log workers).
    private func helpers(_ task: Int, _ workers: [Int]) -> [Helper] {
        let mask = moment.mask(task)
        var found: [Helper] = []
        for worker in workers where moment.workers[worker].skills.rawValue & mask != 0 {
            let way = moment.way(worker, task)
            let arrival = moment.now + way / moment.workers[worker].speed
            if way <= moment.workers[worker].reach && arrival < moment.tasks[task].deadlineTime
                && arrival < moment.extensions.nextBreak(of: worker, after: moment.now)
                && !(hasBarred && moment.extensions.barred.contains(.init(worker: worker, task: task)))
            {
                found.append(Helper(worker: worker, arrival: arrival))
            }
        }
        return found.sorted { ($0.arrival, $0.worker) < ($1.arrival, $1.worker) }
    }

    /// The end with everybody there, within the largest team. O(helpers * seats^2).
    private func fastest(_ task: Int, _ helpers: [Helper]) -> Double {
        moment.completion(task, pick(task, helpers, moment.cap(task)).map { ($0.worker, $0.arrival) })
    }

    /// Those who fill the roles, then the first to arrive, so many.
    private func pick(_ task: Int, _ helpers: [Helper], _ count: Int) -> [Helper] {
        guard let roles = moment.roles(task) else { return Array(helpers.prefix(count)) }
        let first = roles.chosen(from: helpers.lazy.map { moment.workers[$0.worker].skills.rawValue }, beside: [])
        let others = helpers.indices.filter { !first.contains($0) }
        return (first + others).prefix(count).map { helpers[$0] }
    }

    /// What a role lacks if everybody of these came, or nil.
    private func missingRole(_ task: Int, _ helpers: [Helper]) -> String? {
        guard let roles = moment.roles(task) else { return nil }
        var seats = RoleSeats(roles)
        for helper in helpers { _ = seats.add(moment.workers[helper.worker].skills.rawValue) }
        if seats.isFull { return nil }
        let skill = seats.missing[0]
        let wanted = roles.roles.filter { $0.skill == skill }.reduce(0) { $0 + $1.count }
        let found = helpers.count { moment.workers[$0.worker].skills.has(skill) }
        return "needs \(needs(task)); \(found) of \(wanted) '\(moment.skillNames[skill])' can come"
            + (found >= wanted ? ", and not all roles can be filled at once" : "")
    }

    /// A team that could be sent.
    struct Offer {
        var team: [Int]
        var arrivals: [Double]
        var size: Int { team.count }
        var end: Double
        var gain: Double
        var minutes: Double
    }

    /// The team of these helpers that pays most per minute, or nil if none is paid. O(helpers * team).
    private func bestOffer(_ task: Int, _ helpers: [Helper]) -> Offer? {
        offers(task, helpers).max { $0.gain / $0.minutes < $1.gain / $1.minutes }
    }

    /// The teams of the first so many helpers, beside who is on the task already, that raise its payment; larger ones only
    /// until one is in time to be paid in full. O(helpers * team).
    private func offers(_ task: Int, _ helpers: [Helper]) -> [Offer] {
        let terms = moment.tasks[task]
        let present = decision.teams[task].map { (worker: $0, arrival: decision.arrival[$0]) }
        let before = payment(task, moment.completion(task, present))
        let room = min(helpers.count, moment.cap(task) - present.count)
        let ordered = pick(task, helpers, max(0, room))
        var found: [Offer] = []
        for size in 1..<ordered.count + 1 {
            let team = ordered.prefix(size)
            let end = moment.completion(task, present + team.map { ($0.worker, $0.arrival) })
            let gain = payment(task, end) - before
            if end > terms.deadlineTime || gain <= 0 { continue }
            found.append(
                Offer(
                    team: team.map(\.worker), arrivals: team.map(\.arrival), end: end, gain: gain,
                    minutes: Double(size) * (end - moment.now)))
            if end <= terms.expectedTime { break }
        }
        return found
    }

    private func payment(_ task: Int, _ end: Double) -> Double { moment.tasks[task].payment(at: end, rule: .lateness) }

    /// What those who were sent now add to a task, and for how long they are bound.
    func price(_ task: Int, _ staffed: inout DispatchPlan.Staffed) {
        let team = decision.teams[task]
        let kept = team.filter { decision.isKept[$0] }
        if kept.count == team.count { return }
        let before = moment.completion(task, kept.map { ($0, decision.arrival[$0]) })
        staffed.gain = payment(task, decision.completion[task]) - payment(task, before)
        let end = min(decision.completion[task], moment.tasks[task].deadlineTime)
        staffed.minutes = Double(team.count - kept.count) * (end - moment.now)
    }

    /// The best offers for one task by what they earn beyond `price` for each of their minutes: teams of the first to
    /// come, and single workers. At most `count`.
    func recommend(_ task: Int, count: Int, price: Double) -> [Offer] {
        let able = helpers(task, status.indices.filter { status[$0] == .free || status[$0] == .sent })
        var all = offers(task, able)
        if moment.roles(task) == nil {
            for helper in able.dropFirst() { all += offers(task, [helper]) }
        }
        all.sort { ($0.gain - price * $0.minutes, -$0.end) > ($1.gain - price * $1.minutes, -$1.end) }
        return Array(all.prefix(count))
    }

    // MARK: Workers

    /// Why a worker has no task. O(tasks).
    func whyIdle(_ worker: Int) -> DispatchPlan.Idle {
        let terms = moment.workers[worker]
        var answer = DispatchPlan.Idle(worker: moment.request.workers[worker].id)
        func because(_ reason: DispatchPlan.WorkerReason, _ detail: String) -> DispatchPlan.Idle {
            (answer.reason, answer.detail) = (reason, detail)
            return answer
        }
        switch status[worker] {
        case .offShift:
            return because(
                .offShift,
                moment.now < terms.shiftStart
                    ? "its shift begins at \(text(terms.shiftStart))" : "its shift ended at \(text(terms.shiftEnd))")
        case .onBreak:
            let span = moment.extensions.breaks[worker].first { $0.end > moment.now }!
            return because(.onBreak, "its break lasts until \(text(span.end))")
        default: break
        }
        var fits = 0
        var nearest = Double.infinity
        var best: (task: Int, gain: Double, minutes: Double)?
        for task in moment.tasks.indices {
            let job = moment.tasks[task]
            if job.release > moment.now || job.deadlineTime <= moment.now || moment.finished[task] != nil { continue }
            if terms.skills.rawValue & moment.mask(task) == 0 { continue }
            if decision.teams[task].count >= moment.cap(task) || decision.completion[task] <= job.expectedTime {
                continue
            }
            fits += 1
            nearest = min(nearest, moment.way(worker, task))
            guard let helper = helpers(task, [worker]).first else { continue }
            if helper.arrival >= min(decision.completion[task], job.deadlineTime) { continue }
            let present = decision.teams[task].map { (worker: $0, arrival: decision.arrival[$0]) }
            let end = moment.completion(task, present + [(worker, helper.arrival)])
            let gain = payment(task, end) - payment(task, decision.completion[task])
            let minutes = min(end, job.deadlineTime) - moment.now
            if best == nil || gain > best!.gain { best = (task, gain, minutes) }
        }
        guard let best else {
            let unit = moment.extensions.travel?.metric == .table ? "min" : "km"
            return because(
                .nothingInReach,
                fits == 0
                    ? "no open task needs more people with its skills"
                    : "\(fits) open task\(fits == 1 ? " needs" : "s need") its skills; the nearest is \(figure(nearest)) \(unit) away, "
                        + (terms.reach >= 1e9
                            ? "too far to be of use in time" : "its reach is \(figure(terms.reach)) \(unit)"))
        }
        let id = moment.request.tasks[best.task].id
        (answer.task, answer.gain, answer.minutes) = (id, best.gain, best.minutes)
        return because(
            .keptForLater,
            best.gain > 0
                ? "would add \(figure(best.gain)) to '\(id)' for \(figure(best.minutes)) minutes"
                : "alone it would add nothing to any task that it can reach")
    }

    // MARK: Words

    private func text(_ minutes: Double) -> String { moment.time(minutes).text }

    private func figure(_ value: Double) -> String {
        let rounded = abs(value) >= 0.01 ? (value * 100).rounded() / 100 : value
        return rounded == rounded.rounded() && abs(rounded) < 1e15 ? String(Int(rounded)) : "\(rounded)"
    }

    /// The tasks of some workers, each once, at most five.
    private func names(of workers: [Int]) -> [String] {
        var tasks: [Int] = []
        for worker in workers where tasks.count < 5 {
            let task = decision.task[worker]
            if task >= 0 && !tasks.contains(task) { tasks.append(task) }
        }
        return tasks.map { moment.request.tasks[$0].id }
    }

    private func needs(_ task: Int) -> String {
        let entry = moment.request.tasks[task]
        if let roles = entry.roles { return roles.map { "\($0.count ?? 1) '\($0.skill)'" }.joined(separator: " and ") }
        return entry.skill.map { "'\($0)'" } ?? "anybody"
    }

    private func tooFar(_ task: Int, _ workers: [Int]) -> String {
        let unit = moment.extensions.travel?.metric == .table ? "min" : "km"
        let near = workers.min { moment.way($0, task) < moment.way($1, task) }!
        let way = moment.way(near, task)
        let arrival = moment.now + way / moment.workers[near].speed
        let id = moment.request.workers[near].id
        if !way.isFinite { return "none of \(workers.count) who are free has a way there" }
        if way > moment.workers[near].reach {
            return
                "the nearest of \(workers.count) who are free, '\(id)', is \(figure(way)) \(unit) away, its reach is "
                + "\(figure(moment.workers[near].reach)) \(unit)"
        }
        return "the nearest of \(workers.count) who are free, '\(id)', would come at \(text(arrival)); the deadline is "
            + text(moment.tasks[task].deadlineTime)
            + (moment.extensions.nextBreak(of: near, after: moment.now) <= arrival ? ", and it has a break before" : "")
    }
}
