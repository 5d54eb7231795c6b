internal import Foundation

/// Where and when tasks appear and when workers are on shift, counted over training episodes: all that a learnt
/// dispatcher knows about the future.
///
/// Separable parts, so that a few dozen episodes suffice: a square grid of relative task density over the area (1 is
/// the mean, smoothed over a cell's neighbours), a profile of release times and a profile of the workers on shift over
/// the horizon. Small enough to stand in a policy's file.
public struct DemandForecast: Sendable, Hashable, Codable {
    /// Cells along each side of the area.
    public static let side = 10
    /// Parts of the horizon.
    public static let bins = 24
    /// How many of the same length follow it in `onShift`.
    public static let binsAfter = 6

    /// The area's left edge (km).
    public let x: Double
    /// The area's lower edge (km).
    public let y: Double
    /// The area's side (km).
    public let extent: Double
    /// The length of the release period (min).
    public let horizon: Double
    /// The logarithm of the relative density of each cell, row-major from the lower left, `side * side`.
    public let logDensity: [Double]
    /// The part of the tasks released before the end of each bin, `bins`, the last one 1.
    public let releasedBy: [Double]
    /// The part of the workers on shift in the middle of each bin, `bins + binsAfter`.
    public let onShift: [Double]
    /// The mean time from a task's release to half of its grace, in which it pays (min); nil in files from before it was
    /// counted.
    public let lifetime: Double?
    /// The chance that a worker has the skill of a task; nil in files from before it was counted.
    public let qualified: Double?

    /// Counts tasks and workers of these episodes. O(tasks + workers * bins).
    ///
    /// - Precondition: at least one task.
    public init(_ episodes: [Instance]) {
        precondition(episodes.contains { !$0.tasks.isEmpty }, "DemandForecast: no task in \(episodes.count) episodes")
        let tasks = episodes.flatMap(\.tasks)
        let (low, high) = Self.box(tasks)
        let extent = max(high.x - low.x, high.y - low.y, 1e-9)
        let horizon = max(episodes.map(\.horizon).max()!, 1e-9)
        self.x = low.x
        self.y = low.y
        self.extent = extent
        self.horizon = horizon
        logDensity = Self.density(tasks, x: low.x, y: low.y, extent: extent)

        var releases = [Double](repeating: 0, count: Self.bins)
        for task in tasks { releases[Self.bin(task.release / horizon, of: Self.bins)] += 1 }
        var sum = 0.0
        releasedBy = releases.indices.map { bin in
            sum += releases[bin]
            return bin == Self.bins - 1 ? 1 : sum / Double(tasks.count)
        }

        var present = [Double](repeating: 0, count: Self.bins + Self.binsAfter)
        let workers = episodes.flatMap(\.workers)
        for bin in present.indices {
            let time = (Double(bin) + 0.5) * horizon / Double(Self.bins)
            let count = workers.count { $0.shiftStart <= time && time < $0.shiftEnd }
            present[bin] = Double(count) / Double(max(1, workers.count))
        }
        onShift = present
        lifetime = Self.lifetime(tasks)
        qualified = Self.qualified(tasks, workers)
    }

    /// The forecast of a source of episodes: counted over 48 of its training episodes, which no evaluation plays.
    /// O(episodes).
    ///
    /// - Parameters:
    ///   - tasks: how many tasks an episode has; few are drawn more often.
    ///   - workers: how many workers it has.
    static func counted(on source: some InstanceSource, tasks: Int, workers: Int) -> DemandForecast {
        let few = (tasks: min(2000, max(1, tasks)), workers: min(1000, max(1, workers)))
        let count = few.tasks > 500 ? 16 : 48
        let episodes = (0..<count).map { number in
            source.instance(
                tasks: few.tasks, workers: few.workers, seed: 1, episode: EpisodeRange.forecast[number])
        }
        return episodes.contains { !$0.tasks.isEmpty } ? DemandForecast(episodes) : .flat
    }

    /// The forecast of a policy that knows nothing of the day: all that counts is what a moment shows (`flatOver`).
    public static let flat = DemandForecast(
        x: 0, y: 0, extent: 0, horizon: 1, onShift: 1, lifetime: nil, qualified: nil)

    /// Whether it is `flat`.
    public var isFlat: Bool { extent == 0 }

    /// What a moment shows: tasks as dense everywhere and at every time of the day, over the square that holds the open
    /// tasks and the workers who are on shift; shifts as long as those of these workers, spread evenly over the day.
    /// O(tasks + workers).
    init(flatOver state: borrowing GameState) {
        var (low, high) = ((x: Double.infinity, y: Double.infinity), (x: -Double.infinity, y: -Double.infinity))
        func add(_ x: Double, _ y: Double) {
            low = (min(low.x, x), min(low.y, y))
            high = (max(high.x, x), max(high.y, y))
        }
        var tasks: [SpatialTask] = []
        for task in state.open {
            tasks.append(state.tasks[Int(task)])
            add(state.tasks[Int(task)].x, state.tasks[Int(task)].y)
        }
        var workers: [Worker] = []
        for worker in state.workers.indices
        where state.workers[worker].shiftStart <= state.now && state.now < state.workers[worker].shiftEnd {
            workers.append(state.workers[worker])
            add(state.workerX[worker], state.workerY[worker])
        }
        let isEmpty = !(low.x <= high.x)
        let shifts = workers.reduce(0) { $0 + min(state.horizon, $1.shiftEnd) - max(0, $1.shiftStart) }
        self.init(
            x: isEmpty ? 0 : low.x, y: isEmpty ? 0 : low.y,
            extent: isEmpty ? 1 : max(high.x - low.x, high.y - low.y, 1e-9), horizon: max(state.horizon, 1e-9),
            onShift: workers.isEmpty
                ? 1 : min(1, max(0.02, shifts / Double(workers.count) / max(state.horizon, 1e-9))),
            lifetime: tasks.isEmpty ? nil : Self.lifetime(tasks),
            qualified: tasks.isEmpty ? nil : Self.qualified(tasks, workers))
    }

    private init(
        x: Double, y: Double, extent: Double, horizon: Double, onShift: Double, lifetime: Double?, qualified: Double?
    ) {
        (self.x, self.y, self.extent, self.horizon) = (x, y, extent, horizon)
        logDensity = [Double](repeating: 0, count: Self.side * Self.side)
        releasedBy = (1...Self.bins).map { Double($0) / Double(Self.bins) }
        self.onShift = [Double](repeating: onShift, count: Self.bins + Self.binsAfter)
        self.lifetime = lifetime
        self.qualified = qualified
    }

    /// The mean of `expected` and half of the grace. O(tasks).
    private static func lifetime(_ tasks: [SpatialTask]) -> Double {
        tasks.reduce(0) { $0 + ($1.expected + $1.deadline) / 2 } / Double(max(1, tasks.count))
    }

    /// The mean over the tasks of the part of the workers who have their skill. O(tasks + workers * skills).
    private static func qualified(_ tasks: [SpatialTask], _ workers: [Worker]) -> Double? {
        if tasks.isEmpty || workers.isEmpty { return nil }
        var asking = [Double](repeating: 0, count: 64)
        for task in tasks { asking[task.skill] += 1 }
        var sum = 0.0
        for worker in workers {
            var bits = worker.skills.rawValue
            while bits != 0 {
                sum += asking[bits.trailingZeroBitCount]
                bits &= bits - 1
            }
        }
        return sum / Double(tasks.count) / Double(workers.count)
    }

    /// The part of the workers on shift, on average over the horizon. O(bins).
    var meanOnShift: Double { onShift[..<Self.bins].reduce(0, +) / Double(Self.bins) }

    /// The area over which tasks are spread (km^2): that of the square, less the more its density differs. O(cells).
    var area: Double {
        var (sum, squares) = (0.0, 0.0)
        for value in logDensity {
            let density = exp(value)
            sum += density
            squares += density * density
        }
        return extent * extent * sum * sum / (squares * Double(logDensity.count))
    }

    /// The corners of the rectangle that holds the tasks; of all but one in a hundred at each end where these few lie far
    /// outside of the others. O(tasks log tasks).
    private static func box(_ tasks: [SpatialTask]) -> (low: (x: Double, y: Double), high: (x: Double, y: Double)) {
        func ends(_ values: [Double]) -> (Double, Double) {
            let sorted = values.sorted()
            let cut = sorted.count / 100
            let (low, high) = (sorted[cut], sorted[sorted.count - 1 - cut])
            let (least, most) = (sorted[0], sorted[sorted.count - 1])
            return most - least > 4 * (high - low) && high > low ? (low, high) : (least, most)
        }
        let (x, y) = (ends(tasks.map(\.x)), ends(tasks.map(\.y)))
        return ((x.0, y.0), (x.1, y.1))
    }

    /// The bin in which a part of the whole lies; the first where it is below 0 or no number. O(1).
    private static func bin(_ part: Double, of count: Int) -> Int {
        let position = part * Double(count)
        return position >= Double(count) ? count - 1 : position > 0 ? Int(position) : 0
    }

    /// log relative density of each cell: smoothed by (1 2 1)/4 in both directions, a tenth of the mean added so that
    /// no cell is empty. O(tasks).
    private static func density(_ tasks: [SpatialTask], x: Double, y: Double, extent: Double) -> [Double] {
        var counts = [Double](repeating: 0, count: side * side)
        for task in tasks {
            let column = bin((task.x - x) / extent, of: side)
            let row = bin((task.y - y) / extent, of: side)
            counts[row * side + column] += 1
        }
        return (0..<side * side).map { cell in
            var sum = 0.0
            var mass = 0.0
            for dy in -1...1 {
                for dx in -1...1 {
                    let column = cell % side + dx
                    let row = cell / side + dy
                    guard (0..<side).contains(column) && (0..<side).contains(row) else { continue }
                    let weight = (dx == 0 ? 2.0 : 1) * (dy == 0 ? 2.0 : 1)
                    sum += weight * counts[row * side + column]
                    mass += weight
                }
            }
            return log(0.1 + 0.9 * sum / mass * Double(side * side) / Double(tasks.count))
        }
    }

    /// The logarithm of the relative density at a place; outside the area, of the nearest cell. O(1).
    func logDensity(x px: Double, y py: Double) -> Double {
        let scale = Double(Self.side) / extent
        let column = Int(min(Double(Self.side - 1), max(0, (px - x) * scale)))
        let row = Int(min(Double(Self.side - 1), max(0, (py - y) * scale)))
        return logDensity[row * Self.side + column]
    }

    /// The part of all tasks released before `time` (min), linear inside a bin. O(1).
    func released(by time: Double) -> Double {
        let position = time / horizon * Double(Self.bins)
        if position >= Double(Self.bins) { return 1 }
        if position <= 0 { return 0 }
        let bin = Int(position)
        let before = bin > 0 ? releasedBy[bin - 1] : 0
        return before + (releasedBy[bin] - before) * (position - Double(bin))
    }

    /// The part of all workers who are on shift at `time` (min), linear between the middles of the bins. O(1).
    func onShift(at time: Double) -> Double {
        let position = time / horizon * Double(Self.bins) - 0.5
        if position <= 0 { return onShift[0] }
        if position >= Double(onShift.count - 1) { return onShift[onShift.count - 1] }
        let bin = Int(position)
        return onShift[bin] + (onShift[bin + 1] - onShift[bin]) * (position - Double(bin))
    }

    /// Checks the sizes and values of a forecast that was read from a file. O(bins).
    ///
    /// - Throws: `CSCError.configuration` naming what does not fit.
    public func validate() throws {
        let numbers = [x, y, extent, horizon] + logDensity + releasedBy + onShift
        guard numbers.allSatisfy(\.isFinite), extent > 0, horizon > 0, lifetime.map({ $0 > 0 && $0.isFinite }) ?? true,
            qualified.map({ (0...1).contains($0) }) ?? true, onShift.allSatisfy({ $0 >= 0 })
        else {
            throw CSCError.configuration(key: "forecast", reason: "a number is not finite or a length is not positive")
        }
        guard logDensity.count == Self.side * Self.side, releasedBy.count == Self.bins,
            onShift.count == Self.bins + Self.binsAfter
        else {
            throw CSCError.configuration(
                key: "forecast",
                reason: "has \(logDensity.count) densities, \(releasedBy.count) releases and \(onShift.count) shifts; "
                    + "\(Self.side * Self.side), \(Self.bins) and \(Self.bins + Self.binsAfter) are needed")
        }
    }
}
