internal import CCore

/// Points of the plane, each with a set of skills and a latest useful arrival, that answers who is nearest by
/// Manhattan distance. Few points are scanned; many are kept in a uniform grid (`cafe_spatial_*`). Both ways give the
/// same answer: nearest first, lower index first among equals.
///
/// Used for the open tasks of a game (a task has one skill, who asks has several) and for its idle workers (who asks
/// is a task with one skill). The arrays grow and are never given back: no allocation after warm-up.
package final class SpatialIndex {
    /// Above this many points the grid is used (measured: the scan of fewer is faster).
    package static let scanLimit = 320

    /// How many points there are.
    package private(set) var count = 0
    private var capacity = 0
    private var x: UnsafeMutablePointer<Double>
    private var y: UnsafeMutablePointer<Double>
    private var skills: UnsafeMutablePointer<UInt64>
    private var latest: UnsafeMutablePointer<Double>
    private var start: UnsafeMutablePointer<Int32>
    private var order: UnsafeMutablePointer<Int32>
    /// Place and skills of the points in the grid's order.
    private var placed: UnsafeMutablePointer<cafe_placed>
    private var grid = cafe_grid()
    private var gridded = false

    /// An empty index with room for this many points before it first grows.
    package init(capacity: Int = 64) {
        self.capacity = max(1, capacity)
        x = .allocate(capacity: self.capacity)
        y = .allocate(capacity: self.capacity)
        skills = .allocate(capacity: self.capacity)
        latest = .allocate(capacity: self.capacity)
        start = .allocate(capacity: self.capacity + 2)
        order = .allocate(capacity: self.capacity)
        placed = .allocate(capacity: self.capacity)
    }

    deinit {
        x.deallocate()
        y.deallocate()
        skills.deallocate()
        latest.deallocate()
        start.deallocate()
        order.deallocate()
        placed.deallocate()
    }

    /// Forgets all points. O(1).
    package func removeAll() {
        count = 0
        gridded = false
    }

    /// Adds a point; its index is the number of points before it. Call `build` before asking. Amortised O(1).
    package func append(x px: Double, y py: Double, skills set: UInt64, latest time: Double = .infinity) {
        if count == capacity { grow() }
        x[count] = px
        y[count] = py
        skills[count] = set
        latest[count] = time
        count += 1
    }

    /// Makes the index ready for questions: sorts the points into the grid if there are many. O(n).
    ///
    /// - Parameter scanLimit: above this many points the grid is used.
    package func build(scanLimit: Int = SpatialIndex.scanLimit) {
        gridded = count > scanLimit
        guard gridded else { return }
        grid = cafe_spatial_grid(x, y, Int32(count), Int32(capacity))
        cafe_spatial_build(start, order, placed, x, y, skills, Int32(count), grid)
    }

    /// Sets until when arriving at a point is useful; -infinity takes it out. No rebuild is needed. O(1).
    package func setLatest(_ index: Int, _ time: Double) {
        precondition(index < count, "SpatialIndex.setLatest: index \(index) of \(count) points")
        latest[index] = time
    }

    /// Until when arriving at a point is useful. O(1).
    package func latest(_ index: Int) -> Double {
        precondition(index < count, "SpatialIndex.latest: index \(index) of \(count) points")
        return latest[index]
    }

    /// The nearest points that share a skill with `skills`, lie within `reach` (km) and are reached at `speed`
    /// (km/min) from `now` on before their latest useful arrival.
    ///
    /// Writes indices and distances, nearest first, from position `offset` of the two arrays on; returns how many.
    /// O(points looked at * k).
    package func nearest(
        _ k: Int, x px: Double, y py: Double, skills set: UInt64, reach: Double, speed: Double, now: Double,
        found: inout [Int32], distances: inout [Double], offset: Int = 0
    ) -> Int {
        precondition(
            offset + k <= found.count && offset + k <= distances.count,
            "SpatialIndex.nearest: \(k) results at \(offset) into arrays of \(found.count) and \(distances.count)")
        let who = cafe_traveller(x: px, y: py, reach: reach, speed: speed, now: now, skills: set)
        return found.withUnsafeMutableBufferPointer { found in
            distances.withUnsafeMutableBufferPointer { distances in
                let out = found.baseAddress! + offset
                let far = distances.baseAddress! + offset
                if gridded {
                    return Int(cafe_spatial_nearest(out, far, start, order, placed, latest, grid, who, Int32(k)))
                }
                return Int(cafe_spatial_nearest_scan(out, far, x, y, skills, latest, Int32(count), who, Int32(k)))
            }
        }
    }

    /// How many points that share a skill with `skills` and whose latest useful arrival is after `now` lie within
    /// `radius` (km) of a place. O(points looked at).
    package func count(x px: Double, y py: Double, radius: Double, skills set: UInt64, now: Double) -> Int {
        if gridded {
            return Int(cafe_spatial_count(start, order, placed, latest, grid, px, py, radius, set, now))
        }
        return Int(cafe_spatial_count_scan(x, y, skills, latest, Int32(count), px, py, radius, set, now))
    }

    private func grow() {
        func larger<Element>(_ old: UnsafeMutablePointer<Element>, extra: Int = 0) -> UnsafeMutablePointer<Element> {
            let new = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2 + extra)
            new.update(from: old, count: count)
            old.deallocate()
            return new
        }
        x = larger(x)
        y = larger(y)
        skills = larger(skills)
        latest = larger(latest)
        start.deallocate()
        start = .allocate(capacity: capacity * 2 + 2)
        order.deallocate()
        order = .allocate(capacity: capacity * 2)
        placed.deallocate()
        placed = .allocate(capacity: capacity * 2)
        capacity *= 2
    }
}
