internal import Foundation

/// One HTML file that shows episodes: the city with workers, ways and tasks moving, lanes for each worker and task, the
/// revenue so far; several policies on the same episode side by side. It needs no network and no other file.
public struct ReplayPage: Sendable {
    /// The title.
    public var title: String
    /// The tasks and workers; x and y in km.
    public var tasks: [SpatialTask]
    /// See `tasks`.
    public var workers: [Worker]
    /// What each policy did.
    public var records: [EpisodeRecord]
    /// Names of workers and tasks; empty: their numbers.
    public var workerNames: [String] = []
    /// See `workerNames`.
    public var taskNames: [String] = []
    /// Minutes after midnight at minute 0, where times are shown as of a day; nil: minutes.
    public var clock: Double?

    /// A page of an episode.
    public init(title: String, instance: Instance, records: [EpisodeRecord]) {
        self.title = title
        tasks = instance.tasks
        workers = instance.workers
        self.records = records
    }

    /// The file's text. O(tasks + workers + trips).
    public var html: String {
        ReplayTemplate.html.replacingOccurrences(of: "<!--TITLE-->", with: Self.escape(title))
            .replacingOccurrences(of: "/*DATA*/null", with: Self.embed(data))
    }

    /// JSON that may stand in a script: no `</script` can end it.
    static func embed(_ json: JSON) -> String {
        json.line.replacingOccurrences(of: "<", with: "\\u003c").replacingOccurrences(of: "\u{2028}", with: "\\u2028")
            .replacingOccurrences(of: "\u{2029}", with: "\\u2029")
    }

    static func escape(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
    }

    private var data: JSON {
        func number(_ value: Double) -> JSON { value.isFinite ? .number((value * 1000).rounded() / 1000) : .null }
        func money(_ value: Double) -> JSON { .number((value * 1e6).rounded() / 1e6) }
        return .object([
            ("title", .string(title)), ("clock", clock.map(JSON.number) ?? .null),
            ("taskNames", .array(taskNames.map(JSON.string))), ("workerNames", .array(workerNames.map(JSON.string))),
            (
                "tasks",
                .array(
                    tasks.map {
                        .array([
                            number($0.x), number($0.y), number($0.release), number($0.expectedTime),
                            number($0.deadlineTime),
                            money($0.pay), number($0.workload), .integer($0.skill),
                        ])
                    })
            ),
            (
                "workers",
                .array(
                    workers.map {
                        .array([
                            number($0.x), number($0.y), number($0.shiftStart), number($0.shiftEnd),
                            .array($0.skills.skills.prefix(8).map(JSON.integer)),
                        ])
                    })
            ),
            (
                "runs",
                .array(
                    records.map { record in
                        .object([
                            ("name", .string(record.policy)), ("revenue", money(record.revenue)),
                            (
                                "trips",
                                .array(
                                    record.trips.map {
                                        .array(
                                            [.integer($0.worker), .integer($0.task)]
                                                + [$0.leave, $0.arrive, $0.end, $0.fromX, $0.fromY, $0.toX, $0.toY].map(
                                                    number))
                                    })
                            ),
                            (
                                "ends",
                                .array(
                                    record.endings.map {
                                        .array([.integer($0.task), number($0.time), money($0.payment)])
                                    })
                            ),
                        ])
                    })
            ),
        ])
    }
}
