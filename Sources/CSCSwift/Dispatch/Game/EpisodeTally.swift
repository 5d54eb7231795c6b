/// What became of the tasks and workers of an episode: figures beside its revenue. Sums, so that episodes add up.
package struct EpisodeTally: Sendable, Hashable, BitwiseCopyable {
    /// Tasks of the episode.
    package var tasks = 0
    /// Tasks finished while they were still paid in full, finished later, and not finished by their deadline.
    package var onTime = 0
    /// See `onTime`.
    package var late = 0
    /// See `onTime`; tasks that have not ended yet are in none of the three.
    package var expired = 0
    /// What was paid, and what all tasks would have paid at best (money).
    package var paid = 0.0
    /// See `paid`.
    package var payable = 0.0
    /// How often a worker was sent to a task that has ended.
    package var sendings = 0
    /// How long these were on the road, those who arrived after the end up to the end (min).
    package var travelMinutes = 0.0
    /// How often an idle worker was sent to a place without a task, and for how long such workers moved (min).
    package var relocations = 0
    /// See `relocations`.
    package var relocationMinutes = 0.0
    /// How long workers were bound to tasks during their shifts (min).
    package var busyMinutes = 0.0
    /// The length of all shifts (min).
    package var shiftMinutes = 0.0

    /// Nothing has happened yet.
    package init() {}

    /// An episode that begins. O(tasks + workers).
    init(_ instance: Instance) {
        tasks = instance.tasks.count
        payable = instance.tasks.reduce(0) { $0 + $1.pay }
        shiftMinutes = instance.workers.reduce(0) { $0 + max(0, $1.shiftEnd - $1.shiftStart) }
    }

    /// Adds another episode's.
    package mutating func add(_ other: EpisodeTally) {
        tasks += other.tasks
        onTime += other.onTime
        late += other.late
        expired += other.expired
        paid += other.paid
        payable += other.payable
        sendings += other.sendings
        travelMinutes += other.travelMinutes
        relocations += other.relocations
        relocationMinutes += other.relocationMinutes
        busyMinutes += other.busyMinutes
        shiftMinutes += other.shiftMinutes
    }

    /// A task that ends at `time`.
    mutating func end(_ task: SpatialTask, at time: Double, done: Bool, payment: Double) {
        if !done { expired += 1 } else if time <= task.expectedTime { onTime += 1 } else { late += 1 }
        paid += payment
    }

    /// A member of its team, sent at `committed`.
    mutating func free(_ worker: Worker, committed: Double, arrival: Double, at time: Double) {
        sendings += 1
        travelMinutes += max(0, min(arrival, time) - committed)
        busyMinutes += max(0, min(time, worker.shiftEnd) - committed)
    }

    /// The share of the tasks that were finished, on time or late; 0 without tasks.
    package var served: Double { share(Double(onTime + late), Double(tasks)) }
    /// The share of the tasks that were finished while they were paid in full.
    package var servedOnTime: Double { share(Double(onTime), Double(tasks)) }
    /// The share of what could have been paid.
    package var paidShare: Double { share(paid, payable) }
    /// The mean time on the road of a worker who is sent (min).
    package var meanTravel: Double { share(travelMinutes, Double(sendings)) }
    /// The share of their shifts for which workers were bound to tasks.
    package var utilisation: Double { share(busyMinutes, shiftMinutes) }

    private func share(_ part: Double, _ whole: Double) -> Double { whole > 0 ? part / whole : 0 }
}
