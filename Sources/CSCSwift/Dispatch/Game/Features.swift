/// The columns of a candidate's row: what one worker sees of one task. The names of the cases are the columns' names.
///
/// Each value is scaled to about [-2, 2] and cut off there. Times are relative to now; money is relative to the mean
/// pay of the instance. "With me" means: the present team and this worker, nobody else. The row of the action "wait"
/// is 0 but for `wait`. The choice of features is ours.
package enum PairFeature: Int, CaseIterable, Sendable {
    /// My travel time, in 15 min.
    case travel
    /// From my arrival to the end of full payment, in 15 min.
    case slackToExpected
    /// From my arrival to the deadline, in 20 min.
    case slackToDeadline
    /// Work left now, in 20 worker-minutes.
    case workLeft
    /// Committed workers, in 4.
    case team
    /// Completion by the present team after the end of full payment, in 15 min (2 if never).
    case completionWithout
    /// Completion with me after the end of full payment, in 15 min.
    case completionWith
    /// The agents' estimate with me, (sum of travel still to go + work left) / team, after the end of full payment, in
    /// 15 min.
    case estimateWith
    /// The payment on the present course.
    case paymentBefore
    /// The payment with me.
    case paymentAfter
    /// `paymentAfter - paymentBefore`.
    case marginal
    /// The marginal payment per minute that it occupies me, times the mean workload.
    case marginalRate
    /// My share of the payment by work done, with me.
    case share
    /// rho, the full payment.
    case pay
    /// How long it occupies me, in 30 min.
    case occupied
    /// Further workers like me needed to be paid in full, in 3.
    case needed
    /// My rank by arrival among the idle workers who could come, in 4.
    case arrivalRank
    /// Other idle workers who could be there within 10 min, in 6.
    case helpersNear
    /// The best coalition of idle workers: payment gained per worker-minute, times the mean workload.
    case coalitionRate
    /// Its size, in 4.
    case coalitionSize
    /// 1 if I belong to it.
    case inCoalition
    /// Tasks that need workers within 2 km of the task, in 5.
    case localNeed
    /// 1 in the row of "wait".
    case wait

    /// The optional position columns: the task's place from the middle of the city's square, and the way to it, in halves
    /// of its side.
    static let positionNames = ["taskX", "taskY", "wayX", "wayY"]
}

/// The columns of an acting agent's context row. Scaled like `PairFeature`.
package enum ContextFeature: Int, CaseIterable, Sendable {
    /// Time to the end of my shift, in 60 min.
    case shiftLeft
    /// The share of the workers on shift who are idle.
    case idleShare
    /// log of (tasks that need workers + 1) / (idle workers + 1), halved.
    case needPerIdle
    /// log of tasks / workers of the instance, by 1.5.
    case tasksPerWorker
    /// My speed, in 25 km/h, less 1, times 3.
    case speed
    /// How many skills I have, in 2.
    case skillCount
    /// How many candidates I have, as a share of k.
    case candidateCount
    /// The best marginal payment among my candidates.
    case bestMarginal
    /// The mean marginal payment of my candidates.
    case meanMarginal
    /// The travel time to the nearest candidate, in 15 min.
    case nearestTravel
    /// The best coalition rate among my candidates.
    case bestCoalitionRate
    /// The best coalition rate among the candidates whose coalition I am in.
    case bestOwnCoalitionRate

    /// The optional position columns: my place from the middle of the city's square, in halves of its side.
    static let positionNames = ["x", "y"]
}
