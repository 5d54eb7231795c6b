/// Answers dispatch requests: a document in, a plan out (docs/api.md). Keeps policies and memory between calls, so that
/// a stream of moments is answered in the time of the policy's own window.
///
///     let desk = DispatchDesk()
///     let plan = try desk.plan(DispatchRequest(json: bytes))
///     print(plan.json.line)
///
/// One object serves one thread at a time. The same request gets the same plan.
public final class DispatchDesk {
    /// The policy where a request names none.
    public static let defaultPolicy = "cafe"

    /// Who decides, and by which rules of the game.
    struct Policy {
        let dispatcher: any Dispatcher
        let game: SpatialCrowdsourcing
        /// Whether the rule has a price per worker-minute, which is 0.3 of the moment's mean pay per worker-minute.
        let kind: DispatcherKind?
    }

    private var policies: [String: Policy] = [:]
    private let services: TravelServices
    private let runs: Loader

    /// Loads the policy of a run's folder, with the rules of the game that it was trained in; nil where it is no run.
    public typealias Loader = (_ folder: String) throws -> (dispatcher: any Dispatcher, options: GameOptions)?

    /// A desk without a policy yet: each is loaded when a request first names it.
    ///
    /// - Parameter runs: loads trained networks; `DispatchPolicy.load` does. Without it a request can name rules and learnt
    ///   coalition rules only.
    public init(runs: @escaping Loader = { _ in nil }) {
        services = TravelServices()
        self.runs = runs
    }

    /// The plan of a moment.
    ///
    /// - Throws: `DispatchFault` naming the place in the document.
    ///
    /// O(what the policy takes for a window), and O(tasks * workers) for the reasons.
    public func plan(_ request: DispatchRequest) throws(DispatchFault) -> DispatchPlan {
        try answer(moment(request))
    }

    /// A request, checked and translated.
    func moment(_ request: DispatchRequest) throws(DispatchFault) -> DispatchMoment {
        try DispatchMoment(request) { [services] travel, places in
            try services.table(address: travel.osrm ?? "", profile: travel.profile ?? "driving", places: places)
        }
    }

    /// The policy of a name: a rule, a learnt rule, the folder of a run.
    func policy(_ name: String, rate: Double) throws(DispatchFault) -> Policy {
        if let known = policies[name], known.kind?.isPriced != true { return known }
        do {
            let (dispatcher, options, kind) = try Self.load(name, rate: rate, runs: runs)
            let policy = Policy(
                dispatcher: dispatcher, game: policies[name]?.game ?? SpatialCrowdsourcing(options: options), kind: kind
            )
            if policies.count > 32 { policies.removeAll() }
            policies[name] = policy
            return policy
        } catch {
            throw DispatchFault(path: "policy", reason: "\(error)")
        }
    }

    /// The dispatcher of a name and the rules of the game that it plays by: a rule (a price is 0.3 of `rate`, the mean pay
    /// per worker-minute), a learnt rule, the folder of a run. O(1) for a rule, O(size of its files) for a run.
    ///
    /// - Throws: `CSCError` with the nearest known name, or what is wrong with the folder.
    public static func dispatcher(
        _ name: String, rate: Double, runs: Loader
    ) throws -> (dispatcher: any Dispatcher, options: GameOptions) {
        let (dispatcher, options, _) = try load(name, rate: rate, runs: runs)
        return (dispatcher, options)
    }

    private static func load(
        _ name: String, rate: Double, runs: Loader
    ) throws -> (any Dispatcher, GameOptions, DispatcherKind?) {
        if let learnt = try LearntCoalitionPolicy.named(name) { return (LearntCoalition(learnt), GameOptions(), nil) }
        if let run = try runs(name) { return (run.dispatcher, run.options, nil) }
        let kind = try rule(name)
        return (kind.make(price: priceShare * rate), GameOptions(), kind)
    }

    /// The price of a worker-minute of the rules that have one, in mean pay per worker-minute (docs/dispatch.md).
    static let priceShare = 0.3

    private static func rule(_ name: String) throws -> DispatcherKind {
        if let kind = DispatcherKind(rawValue: name) { return kind }
        let names = DispatcherKind.allCases.map(\.rawValue) + LearntCoalitionPolicy.builtInNames
        throw CSCError.invalid("no policy is called '\(name)'\(Spelling.hint(for: name, among: names))")
    }

    // MARK: Deciding

    /// What was decided in a moment.
    struct Decision {
        /// Each worker's task, or -1, and its arrival there.
        var task: [Int]
        var arrival: [Double]
        /// Whether the worker had been promised to it.
        var isKept: [Bool]
        /// Each task's completion and team.
        var completion: [Double]
        var teams: [[Int]]
        /// What the policy holds a minute of a worker's time worth, where it has a price.
        var price: Double?
    }

    /// Lets the policy decide.
    func decide(_ moment: DispatchMoment) throws(DispatchFault) -> Decision {
        let name = moment.request.policy ?? Self.defaultPolicy
        let policy = try policy(name, rate: moment.scale.rate)
        let game = policy.game
        do {
            try game.restore(moment.snapshot, scale: moment.scale)
        } catch {
            throw DispatchFault(reason: "\(error)")
        }
        let seed = UInt64(clamping: moment.request.seed ?? 1)
        let window = UInt64(min(max(0, moment.now), 1e12))
        policy.dispatcher.begin(game, stream: RandomStream(seed: seed, purpose: .dispatcher, index: window))
        closePastTasks(moment, game)
        policy.dispatcher.dispatchWindow(game)
        keepOnTheWay(moment, game)
        var decision = Decision(
            task: moment.workers.indices.map { game.task(of: $0) }, arrival: game.state.arrival,
            isKept: Array(repeating: false, count: moment.workers.count), completion: game.state.completion, teams: [],
            price: nil)
        for commitment in moment.commitments + moment.movable
        where decision.task[commitment.worker] == commitment.task {
            decision.isKept[commitment.worker] = true
        }
        decision.teams = moment.tasks.indices.map { game.team(of: $0) }
        if policy.kind?.isPriced == true {
            decision.price = Self.priceShare * moment.scale.rate
        } else if let learnt = policy.dispatcher as? LearntCoalition {
            decision.price = learnt.meanPrice
        }
        return decision
    }

    /// Tasks that are over take nobody: their deadline is past or their team has finished.
    private func closePastTasks(_ moment: DispatchMoment, _ game: SpatialCrowdsourcing) {
        for task in moment.tasks.indices
        where moment.finished[task] != nil || moment.tasks[task].deadlineTime <= moment.now {
            game.close(task)
        }
    }

    /// Who was on the way and is sent nowhere else continues, with the arrival that was promised.
    private func keepOnTheWay(_ moment: DispatchMoment, _ game: SpatialCrowdsourcing) {
        for commitment in moment.movable {
            let task = game.task(of: commitment.worker)
            if task == commitment.task {
                game.state.withdraw(worker: commitment.worker)
            } else if task >= 0 || !game.state.hasRoom(commitment.task) {
                continue
            }
            game.state.commit(worker: commitment.worker, task: commitment.task, arrival: commitment.arrival)
        }
    }

    /// The plan that a decision stands for, with reasons where the request wants them.
    func answer(_ moment: DispatchMoment) throws(DispatchFault) -> DispatchPlan {
        let decision = try decide(moment)
        let request = moment.request
        let reasons = DispatchReasons(moment, decision)
        let explains = request.explain ?? true
        var plan = DispatchPlan()
        for worker in moment.workers.indices {
            let task = decision.task[worker]
            if task >= 0 {
                plan.assignments.append(
                    .init(
                        worker: request.workers[worker].id, task: request.tasks[task].id,
                        arrival: moment.time(decision.arrival[worker]), kept: decision.isKept[worker]))
            } else {
                plan.idle.append(
                    explains ? reasons.whyIdle(worker) : DispatchPlan.Idle(worker: request.workers[worker].id))
            }
        }
        for task in moment.tasks.indices {
            let id = request.tasks[task].id
            if decision.teams[task].isEmpty {
                if moment.finished[task] != nil { continue }
                plan.unassigned.append(
                    explains ? reasons.whyUnassigned(task) : DispatchPlan.Unassigned(task: id))
                continue
            }
            let end = decision.completion[task]
            let isPaid = end <= moment.tasks[task].deadlineTime
            var staffed = DispatchPlan.Staffed(
                id: id, team: decision.teams[task].map { request.workers[$0].id },
                completion: isPaid ? moment.time(end) : nil,
                payment: isPaid ? moment.tasks[task].payment(at: end, rule: .lateness) : 0)
            if explains { reasons.price(task, &staffed) }
            plan.tasks.append(staffed)
        }
        plan.notes = moment.notes
        return plan
    }
}
