/// Relocation (`GameOptions.relocate`): idle workers on their way to a place, without a task.
///
/// Who is on such a way is idle: at every window it stands where it has come to, and may be sent to a task or another
/// place from there, which ends the way. It goes along x, then along y, at its own speed; in a straight line where
/// travel is by straight lines. A way ends too where the shift ends, a break begins or the worker falls ill: it then
/// stands where it has come to. Columns are empty and nothing is done where the option is off.
extension GameState {
    /// A way without a task.
    struct Way {
        /// Where it began (km).
        var fromX = 0.0
        /// See `fromX`.
        var fromY = 0.0
        /// Where it leads (km).
        var toX = 0.0
        /// See `toX`.
        var toY = 0.0
        /// When it began (min); infinite: there is none.
        var since = Double.infinity

        /// Whether a worker is on it. O(1).
        var isUnderway: Bool { since < .infinity }
    }

    /// Whether idle workers can be moved: the option is on, and travel is not by a table, which does not say where a
    /// worker is between two places. O(1).
    var canRelocate: Bool { options.relocate && extensions?.travel?.table == nil }

    /// Sends an idle worker to a place; one who is on the way there goes on. O(1).
    mutating func relocate(_ worker: Int, toX x: Double, _ y: Double) {
        let way = ways[worker]
        if way.isUnderway && way.toX == x && way.toY == y { return }
        stay(worker)
        if workerX[worker] == x && workerY[worker] == y { return }
        ways[worker] = Way(fromX: workerX[worker], fromY: workerY[worker], toX: x, toY: y, since: now)
        tally.relocations += 1
    }

    /// Ends an idle worker's way: it stands where it has come to. O(1).
    mutating func stay(_ worker: Int) { ways[worker].since = .infinity }

    /// Where an idle worker will be if nobody sends it elsewhere (km). O(1).
    func destination(_ worker: Int) -> (x: Double, y: Double) {
        guard options.relocate, ways[worker].isUnderway else { return (workerX[worker], workerY[worker]) }
        return (ways[worker].toX, ways[worker].toY)
    }

    /// Puts a worker where its way has led it by now; there, or off duty, the way ends. O(1).
    mutating func carry(_ worker: Int, onDuty: Bool) {
        let way = ways[worker]
        let end = onDuty ? now : min(now, max(way.since, workers[worker].shiftEnd))
        let (dx, dy) = (way.toX - way.fromX, way.toY - way.fromY)
        let length = isManhattan ? abs(dx) + abs(dy) : (dx * dx + dy * dy).squareRoot()
        let gone = (end - way.since) * workers[worker].speed
        tally.relocationMinutes +=
            max(0, min(end, way.since + length / workers[worker].speed) - max(way.since, now - options.window))
        if gone >= length {
            (workerX[worker], workerY[worker]) = (way.toX, way.toY)
            stay(worker)
            return
        }
        if !isManhattan {
            let part = gone / length
            (workerX[worker], workerY[worker]) = (way.fromX + part * dx, way.fromY + part * dy)
        } else if gone <= abs(dx) {
            (workerX[worker], workerY[worker]) = (way.fromX + (dx < 0 ? -gone : gone), way.fromY)
        } else {
            let rest = gone - abs(dx)
            (workerX[worker], workerY[worker]) = (way.toX, way.fromY + (dy < 0 ? -rest : rest))
        }
        if !onDuty { stay(worker) }
    }
}
