/// BBTA's losses `L[s][j]`, appearances `t[s]` and weights `exp(-eta_s L[s][j])`, one row per context.
///
/// Up to `samplingFrom` workers a row's weights are all computed at each appearance, one pass of C. From there on the
/// draw comes from a `SamplerRows`, exact as well, and only the weights of workers whose labels are being voted on are
/// computed, so that a step costs less than O(K). Both give the same distribution; the draws themselves differ.
struct ContextWeights: Sendable, Codable {
    /// From this many workers on, draws go through the sampler.
    static let samplingFrom = 256

    private var contexts: Int
    private(set) var workers: Int
    /// `t[s]`.
    private(set) var appearances: [Int]
    /// [context, stride]: relative to a weight of the row's own choice; from `samplingFrom` on only what `weigh` has
    /// been asked for is up to date.
    private(set) var weight: [Double]
    private var loss: [Double]
    private var stride: Int
    /// The sum of each row's weights as of `refresh`.
    private var total: [Double]
    /// The appearance count at which the weights were computed, -1 if the losses have changed since.
    private var weighedAt: [Int]
    private var sampler: SamplerRows

    init(contexts: Int, workers: Int) {
        self.contexts = contexts
        self.workers = workers
        stride = workers
        loss = [Double](repeating: 0, count: contexts * workers)
        weight = [Double](repeating: 1, count: contexts * workers)
        total = [Double](repeating: Double(workers), count: contexts)
        appearances = [Int](repeating: 0, count: contexts)
        weighedAt = [Int](repeating: 0, count: contexts)
        sampler = SamplerRows(rows: contexts, arms: workers >= Self.samplingFrom ? workers : 0)
    }

    /// Where a context's row of `weight` begins.
    func start(_ s: Int) -> Int { s * stride }

    private func rate(_ s: Int) -> Double {
        appearances[s] == 0 ? 0 : ExponentialWeights.rate(appearances: appearances[s], arms: workers)
    }

    // MARK: Appearances and draws

    /// `t[s] += 1`.
    mutating func appear(_ s: Int) { appearances[s] += 1 }
    /// As though the context had not appeared.
    mutating func withdraw(_ s: Int) { appearances[s] -= 1 }

    /// Brings the weights of a context up to its losses and rate. Before its first appearance they are all 1. O(K);
    /// from `samplingFrom` workers on O(1), and O(K) O(log t) times in t appearances.
    mutating func refresh(_ s: Int) {
        let t = appearances[s]
        if !sampler.isEmpty {
            total[s] =
                t == 0 ? Double(workers) : sampler.total(s, losses: loss, start: s * stride, rate: rate(s))
            return
        }
        guard weighedAt[s] != t else { return }
        weighedAt[s] = t
        guard t > 0 else {
            for j in s * stride..<s * stride + workers { weight[j] = 1 }
            total[s] = Double(workers)
            return
        }
        total[s] = ExponentialWeights.fill(
            &weight, losses: loss, start: s * stride, arms: workers, rate: rate(s))
    }

    /// Draws an allowed worker with probability proportional to the weight, after `refresh`. `excluded` are those who
    /// would be allowed but for this task; `everyone`: but for them all are allowed. One number of the stream is used.
    /// O(K); from `samplingFrom` workers on O(log K + excluded) expected where everyone is allowed.
    mutating func draw(
        _ s: Int, allowed: [UInt8], excluded: [Int], everyone: Bool, stream: inout RandomStream
    ) -> (worker: Int, probability: Double) {
        let bits = stream.next(), uniform = Double(bits >> 11) * 0x1p-53
        if !sampler.isEmpty {
            if everyone, let found = sample(s, allowed: allowed, excluded: excluded, seed: bits, stream: stream) {
                return found
            }
            ExponentialWeights.fill(&weight, losses: loss, start: s * stride, arms: workers, rate: rate(s))
        }
        if let drawn = ExponentialWeights.draw(
            weight, start: s * stride, allowed: allowed, arms: workers, uniform: uniform)
        {
            return (drawn.arm, drawn.probability)
        }
        return drawAmong(allowed, s, uniform: uniform)
    }

    /// A draw from the tree, unless those excluded have over half of the weight.
    private func sample(
        _ s: Int, allowed: [UInt8], excluded: [Int], seed: UInt64, stream: RandomStream
    ) -> (worker: Int, probability: Double)? {
        let least = sampler.least(s), eta = rate(s)
        var left = total[s]
        for worker in excluded {
            left -= ExponentialWeights.weight(loss: loss[s * stride + worker] - least, rate: eta)
        }
        guard left > 0.5 * total[s] else { return nil }
        return sampler.draw(
            s, losses: loss, start: s * stride, rate: eta, total: left, allowed: allowed,
            stream: RandomStream(seed: seed, stream: stream.stream)
        ).map { ($0.arm, $0.probability) }
    }

    /// The draw when all those allowed have weights that underflow beside the best worker's: the same probabilities,
    /// from weights relative to the best of those allowed.
    private func drawAmong(_ allowed: [UInt8], _ s: Int, uniform: Double) -> (worker: Int, probability: Double) {
        let arms = (0..<workers).filter { allowed[$0] != 0 }
        let losses = arms.map { loss[s * stride + $0] }
        var weights = losses
        ExponentialWeights.fill(&weights, losses: losses, start: 0, arms: arms.count, rate: rate(s))
        let all = [UInt8](repeating: 1, count: arms.count)
        let drawn = ExponentialWeights.draw(weights, start: 0, allowed: all, arms: arms.count, uniform: uniform)!
        return (arms[drawn.arm], drawn.probability)
    }

    // MARK: Votes

    /// Makes `weight` hold, for the workers who labelled the tasks of these rows of one context, weights of one scale;
    /// returns the sum of all workers' weights on that scale. Call `refresh` first where appearances or losses have
    /// changed. O(1); from `samplingFrom` workers on O(least of K and the rows' labels).
    mutating func weigh(_ tasks: Range<Int>, pairs: PairStore, context s: Int) -> Double {
        if sampler.isEmpty { return total[s] }
        let labels = pairs.total(tasks)
        if labels >= workers {
            return ExponentialWeights.fill(
                &weight, losses: loss, start: s * stride, arms: workers, rate: rate(s))
        }
        if appearances[s] > 0 || labels > 0 { refresh(s) }
        let least = appearances[s] > 0 ? sampler.least(s) : 0
        ExponentialWeights.fill(
            &weight, losses: loss, start: s * stride, least: least, rate: rate(s), workersOf: tasks, pairs: pairs)
        return total[s]
    }

    // MARK: Losses

    /// `L[s][j] += amount`, in the course of the bandit. O(1); from `samplingFrom` workers on O(log K).
    mutating func charge(_ s: Int, worker: Int, _ amount: Double) {
        let value = loss[s * stride + worker] + amount
        if sampler.isEmpty {
            loss[s * stride + worker] = value
            weighedAt[s] = -1
        } else {
            sampler.charge(s, losses: &loss, start: s * stride, arm: worker, to: value)
        }
    }

    /// `L[s][j] += amount`, in the exploration phase; call `adjusted` after the last of them. O(1).
    mutating func adjust(_ s: Int, worker: Int, _ amount: Double) { loss[s * stride + worker] += amount }

    mutating func adjusted(_ s: Int) {
        weighedAt[s] = -1
        if !sampler.isEmpty { sampler.forget(s) }
    }

    // MARK: Contexts

    /// Contexts that have not appeared, after the others. O(S K).
    mutating func addContexts(_ more: Int) {
        guard more > 0 else { return }
        contexts += more
        loss += [Double](repeating: 0, count: more * stride)
        weight += [Double](repeating: 1, count: more * stride)
        total += [Double](repeating: Double(workers), count: more)
        appearances += [Int](repeating: 0, count: more)
        weighedAt += [Int](repeating: 0, count: more)
        if !sampler.isEmpty { sampler = SamplerRows(rows: contexts, arms: workers) }
    }

    // MARK: Workers

    /// A worker who joins starts, in each context, at the loss that the strategy itself carries in expectation,
    /// `sum_j p_j L[s][j]`. O(S K).
    mutating func addWorker() {
        let worker = workers
        if worker == stride { widen() }
        for s in 0..<contexts {
            let row = s * stride
            if sampler.isEmpty {
                refresh(s)
            } else {
                total[s] = ExponentialWeights.fill(&weight, losses: loss, start: row, arms: workers, rate: rate(s))
            }
            var mean = 0.0
            for j in row..<row + worker { mean += weight[j] * loss[j] }
            loss[row + worker] = mean / total[s]
            weight[row + worker] = 1
            total[s] += 1
            weighedAt[s] = -1
        }
        workers += 1
        if workers >= Self.samplingFrom { sampler = SamplerRows(rows: contexts, arms: workers) }
    }

    /// Doubles the row length of losses and weights.
    private mutating func widen() {
        let old = stride
        stride *= 2
        var wideLoss = [Double](repeating: 0, count: contexts * stride), wideWeight = wideLoss
        for s in 0..<contexts {
            for j in 0..<old {
                wideLoss[s * stride + j] = loss[s * old + j]
                wideWeight[s * stride + j] = weight[s * old + j]
            }
        }
        loss = wideLoss
        weight = wideWeight
    }

    // MARK: Reading

    /// `L[s][j]` of one context. O(K).
    func losses(_ s: Int) -> [Double] { Array(loss[s * stride..<s * stride + workers]) }

    /// `w_j` of one context as of its last step, relative to the best worker's. O(K).
    func weights(_ s: Int) -> [Double] {
        guard !sampler.isEmpty else { return Array(weight[s * stride..<s * stride + workers]) }
        let losses = losses(s)
        var weights = losses
        ExponentialWeights.fill(&weights, losses: losses, start: 0, arms: workers, rate: rate(s))
        return weights
    }
}
