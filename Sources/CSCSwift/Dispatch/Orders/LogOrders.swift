internal import Foundation

/// Orders out of what a service was asked: the log of `cafe-cli dispatch --log` or of a server's city.
extension RawOrders {
    /// Each task that was ever open is an order: placed at its release, or when it was first seen; with its pay and
    /// workload. Each worker is placed where it was first seen. O(bytes).
    /// - Throws: `CSCError` naming the line and the place in it where a task or a worker has no place on a map.
    mutating func readLog(_ reading: OrderReading) throws {
        guard reading.workersPath == nil else {
            throw CSCError.invalid(
                "\(path): the layout \(format.rawValue) holds its workers itself; leave out --workers-file")
        }
        let log = try DispatchLog(contentsOf: path)
        var seen: Set<ExactName> = [], known: Set<ExactName> = []
        var unit: Bool?
        func place(_ location: [Double]?, _ xy: [Double]?, _ line: Int, _ what: String) throws(CSCError) -> (
            Double, Double
        ) {
            guard let point = location ?? xy, point.count == 2, unit ?? (location != nil) == (location != nil) else {
                throw .row(
                    path: path, line: line, column: what, value: "",
                    reason: "has no place in the unit of the others: all have location, or all xy")
            }
            unit = location != nil
            return (point[0], point[1])
        }
        for (at, moment) in log.moments.enumerated() {
            for (number, task) in moment.request.tasks.enumerated() where seen.insert(ExactName(task.id)).inserted {
                let (x, y) = try place(task.location, task.xy, at + 1, "request.tasks[\(number)]")
                orders.append(
                    RecordedOrders.Order(
                        day: 0, minute: seconds(task.release ?? moment.request.now, reading.zone), x: x, y: y,
                        duration: task.workload > 0 || !reading.needsTerms ? task.workload : nil, fare: task.pay,
                        patience: nil))
            }
            for (number, worker) in moment.request.workers.enumerated()
            where known.insert(ExactName(worker.id)).inserted {
                let (x, y) = try place(worker.location, worker.xy, at + 1, "request.workers[\(number)]")
                workers.append(RecordedOrders.Place(x: x, y: y, reach: nil))
            }
        }
        degrees = unit ?? true
        report.rows = orders.count
        if case .moment(_, let zone) = log.moments[0].request.now {
            clockText = reading.zone?.name ?? (zone == 0 ? "UTC" : PlanTime.moment(0, zone: zone).zoneText)
        }
        notes.append(
            "\(Terminal.counted(log.moments.count, "moment")) of a log: \(Terminal.counted(orders.count, "task")) and "
                + "\(Terminal.counted(workers.count, "worker")) were seen")
    }

    /// Seconds from a midnight, on the clock in which days are cut.
    private func seconds(_ time: PlanTime, _ zone: DayZone?) -> Double {
        switch time {
        case .minutes(let value): return value * 60
        case .moment(let value, let own):
            return value * 60 + (zone.map { Double($0.offset(at: value * 60)) } ?? Double(own) * 60)
        }
    }
}

extension PlanTime {
    /// The zone as times are written: `+08:00`.
    fileprivate var zoneText: String { String(text.suffix(6)) }
}
