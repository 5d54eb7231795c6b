extension Scenario {
    /// Draws an instance: `tasks` tasks and `workers` workers.
    ///
    /// Tasks and workers come from separate streams seeded by two draws of `stream`, so the same stream gives the same
    /// tasks for any number of workers. A place drawn outside the square is drawn again from the same hot spot; a
    /// release drawn outside the horizon likewise. O(tasks log tasks + workers).
    public func instance(tasks: Int, workers: Int, stream: inout RandomStream) -> Instance {
        precondition(tasks >= 0 && workers >= 0, "Scenario.instance: \(tasks) tasks, \(workers) workers")
        var taskStream = RandomStream(seed: stream.next(), stream: 0)
        var workerStream = RandomStream(seed: stream.next(), stream: 1)
        let seed = stream.next()
        return instance(
            (0..<tasks).map { _ in drawTask(&taskStream) }, (0..<workers).map { _ in drawWorker(&workerStream) },
            seed: seed)
    }

    /// An instance of these tasks and workers; what the city's fieldwork adds is drawn from the seed. O(tasks log tasks).
    func instance(_ tasks: [SpatialTask], _ workers: [Worker], seed: UInt64) -> Instance {
        var stream = RandomStream(seed: seed, stream: 2)
        let extensions = fieldwork?.draw(tasks: tasks, workers: workers, skills: skills, stream: &stream)
        return Instance(
            trusted: tasks, workers: workers, horizon: horizon, seed: seed, side: side, extensions: extensions)
    }

    /// One task. O(hot spots + peaks).
    public func drawTask(_ stream: inout RandomStream) -> SpatialTask {
        let release = drawRelease(&stream)
        let place = drawTaskPlace(&stream)
        return drawTerms(release: release, x: place.x, y: place.y, stream: &stream)
    }

    /// A task at a given time and place: skill, workload, times and pay are drawn. O(1).
    public func drawTerms(release: Double, x: Double, y: Double, stream: inout RandomStream) -> SpatialTask {
        let skill = stream.index(below: skills)
        let work = workload.draw(&stream)
        let expected = expected.draw(&stream)
        let grace = grace.draw(&stream)
        let pay = drawPay(workload: work, stream: &stream)
        return SpatialTask(
            release: release, x: x, y: y, skill: skill, workload: work, expected: expected, deadline: expected + grace,
            pay: pay, penaltyRate: penalty * pay / grace)
    }

    /// rho of a task of that workload: `lo + (hi - lo) ((1 - w) u + w (workload - lo_wl) / (hi_wl - lo_wl))`. O(1).
    public func drawPay(workload work: Double, stream: inout RandomStream) -> Double {
        let width = workload.high - workload.low
        let relative = width > 0 ? min(1, max(0, (work - workload.low) / width)) : 0.5
        return pay.low + (pay.high - pay.low) * ((1 - payByWorkload) * stream.unit() + payByWorkload * relative)
    }

    /// One worker. O(hot spots + skills).
    public func drawWorker(_ stream: inout RandomStream) -> Worker {
        let place = drawPlace(&stream, weight: workerWeight)
        return drawWorker(x: place.x, y: place.y, stream: &stream)
    }

    /// A worker at a given place: skills, speed and shift are drawn. O(skills).
    public func drawWorker(x: Double, y: Double, stream: inout RandomStream) -> Worker {
        let count = fewestSkills + stream.index(below: mostSkills - fewestSkills + 1)
        var set = SkillSet()
        while set.size < count { set.insert(SkillSet(skill: stream.index(below: skills))) }
        let speed = speed.draw(&stream) / 60
        let start = shiftStart.draw(&stream)
        return Worker(
            x: x, y: y, skills: set, speed: speed, reach: reach, shiftStart: start,
            shiftEnd: start + shiftLength.draw(&stream))
    }

    /// A place of a task (km). O(hot spots).
    public func drawTaskPlace(_ stream: inout RandomStream) -> (x: Double, y: Double) {
        drawPlace(&stream, weight: \.taskWeight)
    }

    private func drawPlace(
        _ stream: inout RandomStream, weight: (HotSpot) -> Double
    ) -> (x: Double, y: Double) {
        if stream.unit() < uniformShare { return (stream.uniform(0, side), stream.uniform(0, side)) }
        let spot = hotSpots[pick(&stream, hotSpots, weight)]
        for _ in 0..<1000 {
            let x = spot.x + spot.spread * stream.normal()
            let y = spot.y + spot.spread * stream.normal()
            if (0...side).contains(x) && (0...side).contains(y) { return (x, y) }
        }
        return (min(side, max(0, spot.x)), min(side, max(0, spot.y)))
    }

    private func drawRelease(_ stream: inout RandomStream) -> Double {
        if stream.unit() < uniformReleases { return stream.uniform(0, horizon) }
        let peak = peaks[pick(&stream, peaks, \.weight)]
        for _ in 0..<1000 {
            let fraction = peak.mean + peak.spread * stream.normal()
            if (0..<1).contains(fraction) { return fraction * horizon }
        }
        return min(1, max(0, peak.mean)) * horizon
    }

    /// An index with probability proportional to its weight. O(n).
    private func pick<Element>(
        _ stream: inout RandomStream, _ elements: [Element], _ weight: (Element) -> Double
    ) -> Int {
        var left = stream.unit() * elements.reduce(0) { $0 + weight($1) }
        for (index, element) in elements.enumerated() {
            left -= weight(element)
            if left < 0 { return index }
        }
        return elements.count - 1
    }
}
