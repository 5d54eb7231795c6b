/// Who could take a task: the answer of `DispatchDesk.recommend`.
public struct DispatchAdvice: Sendable, Hashable, Codable {
    /// A worker or a team.
    public struct Option: Sendable, Hashable, Codable {
        /// The workers' ids in order of arrival.
        public var team: [String]
        /// When each arrives.
        public var arrivals: [PlanTime]
        /// When they finish, with who is on the task already.
        public var completion: PlanTime
        /// What is paid then (money).
        public var payment: Double
        /// What they add to the payment (money).
        public var gain: Double
        /// For how many minutes they are bound in all.
        public var minutes: Double
        /// `gain - price * minutes`: what options are ranked by (money).
        public var net: Double
    }

    /// 0.
    public var code = 0
    /// The task's id.
    public var task: String
    /// What a worker-minute is held worth (money).
    public var price: Double
    /// The best options, the best first.
    public var options: [Option]
    /// Why there is none.
    public var reason: DispatchPlan.TaskReason?
    /// The reason in numbers, for people.
    public var detail: String?

    /// The document. O(size).
    public var json: JSON {
        var fields: [(String, JSON)] = [
            ("code", .integer(code)), ("task", .string(task)), ("price", DispatchPlan.figure(price)),
            (
                "options",
                .array(
                    options.map {
                        .object([
                            ("team", .array($0.team.map(JSON.string))),
                            ("arrivals", .array($0.arrivals.map { DispatchPlan.time($0) })),
                            ("completion", DispatchPlan.time($0.completion)),
                            ("payment", DispatchPlan.figure($0.payment)),
                            ("gain", DispatchPlan.figure($0.gain)), ("minutes", DispatchPlan.figure($0.minutes)),
                            ("net", DispatchPlan.figure($0.net)),
                        ])
                    })
            ),
        ]
        if let reason { fields.append(("reason", .string(reason.rawValue))) }
        if let detail { fields.append(("detail", .string(detail))) }
        return .object(fields)
    }
}

extension DispatchDesk {
    /// The best workers and teams for one task among all who are free now, at most `count`: single workers, and teams of
    /// the first to arrive (with roles, of the first who fill them). Ranked by what they earn beyond 0.3 of the moment's
    /// mean pay per worker-minute for each of their minutes. O(workers log workers + team^2).
    ///
    /// - Throws: `DispatchFault` where the request is wrong or has no such task.
    public func recommend(
        _ task: String, count: Int = 5, in request: DispatchRequest
    ) throws(DispatchFault) -> DispatchAdvice {
        let moment = try moment(request)
        guard let index = moment.taskIndex[ByteString(task)] else {
            throw DispatchFault(
                path: "tasks",
                reason:
                    "there is no task '\(task.prefix(60))'\(Spelling.hint(for: task, among: request.tasks.map(\.id)))")
        }
        let reasons = DispatchReasons(moment, Decision(promised: moment))
        let price = Self.priceShare * moment.scale.rate
        let offers = reasons.recommend(index, count: count, price: price)
        var advice = DispatchAdvice(
            task: task, price: price,
            options: offers.map { offer in
                DispatchAdvice.Option(
                    team: offer.team.map { request.workers[$0].id }, arrivals: offer.arrivals.map(moment.time),
                    completion: moment.time(offer.end),
                    payment: moment.tasks[index].payment(at: offer.end, rule: .lateness), gain: offer.gain,
                    minutes: offer.minutes, net: offer.gain - price * offer.minutes)
            })
        if offers.isEmpty {
            if moment.finished[index] != nil {
                advice.detail = "its team has finished"
            } else {
                let why = reasons.whyUnassigned(index)
                (advice.reason, advice.detail) = (why.reason, why.detail)
            }
        }
        return advice
    }
}

extension DispatchDesk.Decision {
    /// Nothing is decided: only promises stand.
    init(promised moment: DispatchMoment) {
        task = Array(repeating: -1, count: moment.workers.count)
        arrival = Array(repeating: 0, count: moment.workers.count)
        isKept = Array(repeating: false, count: moment.workers.count)
        teams = Array(repeating: [], count: moment.tasks.count)
        for promise in moment.commitments + moment.movable {
            task[promise.worker] = promise.task
            arrival[promise.worker] = promise.arrival
            isKept[promise.worker] = true
            teams[promise.task].append(promise.worker)
        }
        let arrivals = arrival
        for index in teams.indices { teams[index].sort { arrivals[$0] < arrivals[$1] } }
        completion = teams.indices.map { [teams] index in
            moment.completion(index, teams[index].map { ($0, arrivals[$0]) })
        }
        price = nil
    }
}
