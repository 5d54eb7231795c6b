internal import Foundation

/// Where everybody is and how far it is: positions in kilometres, and tables of travel times.
extension DispatchMoment {
    /// Positions and ways.
    mutating func setPlaces(
        _ table: (DispatchRequest.Travel, [[Double]]) throws -> TravelTable
    ) throws(DispatchFault) {
        let travel = request.travel
        let isIndexed = travel?.durations != nil || travel?.hourly != nil
        var degrees: [[Double]] = []
        var isInDegrees: Bool?
        func check(
            _ location: [Double]?, _ xy: [Double]?, _ index: Int?, _ path: @autoclosure () -> String
        ) throws(DispatchFault) {
            if location != nil && xy != nil {
                throw DispatchFault(path: path(), reason: "has location and xy; one of them is wanted")
            }
            if isIndexed && index == nil {
                throw DispatchFault(path: path() + ".index", reason: "is missing: durations are between indexed places")
            }
            if location == nil && xy == nil {
                if isIndexed { return }
                throw DispatchFault(
                    path: path(),
                    reason: index == nil
                        ? "has no place: location, xy or index is wanted"
                        : "has an index, but there is no table of durations")
            }
            for numbers in [location, xy].compactMap(\.self) where numbers.count != 2 || !numbers.allSatisfy(\.isFinite)
            {
                throw DispatchFault(path: path(), reason: "a place is two numbers")
            }
            if let isInDegrees, isInDegrees != (location != nil) {
                throw DispatchFault(
                    path: path(),
                    reason: "has \(isInDegrees ? "xy" : "location") where those before it have "
                        + "\(isInDegrees ? "location" : "xy")")
            }
            isInDegrees = location != nil
            degrees.append(location ?? xy ?? [])
        }
        for (number, worker) in request.workers.enumerated() {
            try check(worker.location, worker.xy, worker.index, "workers[\(number)]")
        }
        for (number, task) in request.tasks.enumerated() {
            try check(task.location, task.xy, task.index, "tasks[\(number)]")
        }
        let isPlaced = degrees.count == workers.count + tasks.count
        if isPlaced {
            let points = isInDegrees == true ? Self.project(degrees) : degrees.map { ($0[0], $0[1]) }
            for number in workers.indices { (workers[number].x, workers[number].y) = points[number] }
            for number in tasks.indices { (tasks[number].x, tasks[number].y) = points[workers.count + number] }
        }
        guard let travel else { return }
        if travel.metric == .euclidean { extensions.travel = .euclidean }
        if isIndexed {
            try setTable(try Self.table(travel, minuteOfDay: request.now.at(origin).minuteOfDay))
        } else if travel.osrm != nil {
            guard isPlaced, isInDegrees == true else {
                throw DispatchFault(path: "travel.osrm", reason: "wants the location of every worker and task")
            }
            do {
                setService(try table(travel, degrees))
            } catch {
                throw DispatchFault(code: 3, path: "travel.osrm", reason: "\(error)")
            }
        }
    }

    /// Kilometres around the middle of the points, which lies at (5, 5): an equirectangular projection.
    private static func project(_ degrees: [[Double]]) -> [(Double, Double)] {
        guard let first = degrees.first else { return [] }
        // Longitudes as seen from the first point, so that the date line is no border.
        let east = degrees.map { ($0[0] - first[0]).remainder(dividingBy: 360) }
        let middle = (east.min()! + east.max()!) / 2
        let latitudes = degrees.map { $0[1] }
        let latitude = (latitudes.min()! + latitudes.max()!) / 2
        return degrees.indices.map {
            kilometres([first[0] + east[$0], degrees[$0][1]], around: (first[0] + middle, latitude))
        }
    }

    /// A place given as longitude and latitude, in kilometres around another, which lies at (5, 5).
    static func kilometres(_ place: [Double], around middle: (Double, Double)) -> (Double, Double) {
        let degree = 6371.0088 * Double.pi / 180
        let east = (place[0] - middle.0).remainder(dividingBy: 360)
        return (5 + east * degree * cos(middle.1 * .pi / 180), 5 + (place[1] - middle.1) * degree)
    }

    private static func table(
        _ travel: DispatchRequest.Travel, minuteOfDay: Double
    ) throws(DispatchFault) -> TravelTable {
        let name = travel.durations != nil ? "travel.durations_min" : "travel.durations_min_by_hour"
        let hours = travel.hourly ?? [travel.durations ?? []]
        if travel.hourly != nil && hours.count != 24 {
            throw DispatchFault(path: name, reason: "has \(hours.count) tables, 24 are wanted")
        }
        let places = hours[0].count
        guard (1...TravelTable.mostPlaces).contains(places) else {
            throw DispatchFault(path: name, reason: "has \(places) rows; 1 to \(TravelTable.mostPlaces) are taken")
        }
        var minutes: [Double] = []
        minutes.reserveCapacity(hours.count * places * places)
        for (hour, rows) in hours.enumerated() {
            let path = travel.hourly != nil ? "\(name)[\(hour)]" : name
            guard rows.count == places else {
                throw DispatchFault(path: path, reason: "has \(rows.count) rows, \(places) are wanted")
            }
            for (at, row) in rows.enumerated() {
                guard row.count == places else {
                    throw DispatchFault(
                        path: "\(path)[\(at)]", reason: "has \(row.count) numbers, \(places) are wanted")
                }
                for value in row { minutes.append(value ?? .infinity) }
            }
        }
        do {
            return try TravelTable(places: places, minutes: minutes, dayStart: minuteOfDay)
        } catch {
            throw DispatchFault(path: name, reason: "\(error)")
        }
    }

    private mutating func setTable(_ table: TravelTable) throws(DispatchFault) {
        var places: [Int32] = []
        for (number, worker) in request.workers.enumerated() {
            guard let index = worker.index, index < table.places else {
                throw DispatchFault(
                    path: "workers[\(number)].index", reason: "is not in 0 to \(table.places - 1)")
            }
            places.append(Int32(index))
        }
        extensions.workerPlace = places
        places = []
        for (number, task) in request.tasks.enumerated() {
            guard let index = task.index, index < table.places else {
                throw DispatchFault(path: "tasks[\(number)].index", reason: "is not in 0 to \(table.places - 1)")
            }
            places.append(Int32(index))
        }
        extensions.taskPlace = places
        useTable(table)
    }

    /// The table of a service: workers first, then tasks.
    private mutating func setService(_ table: TravelTable) {
        extensions.workerPlace = workers.indices.map { Int32($0) }
        extensions.taskPlace = tasks.indices.map { Int32(workers.count + $0) }
        useTable(table)
    }

    private mutating func useTable(_ table: TravelTable) {
        extensions.travel = Travel(table: table)
        for number in workers.indices {
            workers[number].reach = min(1e9, workers[number].reach / workers[number].speed)
            workers[number].speed = 1
        }
    }
}
