internal import Foundation

/// A frozen batch of decisions as a smooth function of the actor's parameters: the inner level of CAFE.
///
///     J(theta; A) = mean_i [ exp(log pi_theta(a_i) - log pi_old(a_i)) A_i + c H(pi_theta(. | i)) ]
///                   - (kappa / 2) |theta - theta_0|^2
///
/// At `pi_old = pi_theta` its gradient is the policy gradient of the batch. Since the credit r(phi) is linear in phi,
/// `A = sum_k phi_k A_k` with the critic held fixed, so column k of d2J / (d theta d phi) is `gradient` with the
/// advantage A_k, without entropy and proximal term.
///
/// The actor is the pair-scoring net: one row per candidate, one logit per row, softmax over the rows of a decision.
/// Products with the Hessian are exact (Pearlmutter's R-operator through the head and the net); the Gauss-Newton
/// product is the Fisher matrix, which is positive semi-definite. The variables are the parameters of the last
/// `layers` layers, a suffix of the flat buffer; the others stay fixed.
package final class PolicySurrogate {
    /// The frozen decisions. Rows are candidates.
    package struct Batch: Sendable {
        /// Features of every candidate of every decision, `[offsets.last, D]`.
        package var rows: [Float]
        /// Decision i owns the rows `offsets[i]..<offsets[i + 1]`.
        package var offsets: [Int32]
        /// 0 forbids a row; nil allows all.
        package var mask: [UInt8]?
        /// The row taken, counted from the decision's first.
        package var actions: [Int32]
        /// log pi_old of the action taken.
        package var oldLogProbabilities: [Float]
        /// Number of decisions n.
        package var count: Int { actions.count }

        /// Traps where the numbers of offsets, mask bytes, actions and log-probabilities do not fit together.
        package init(
            rows: [Float], offsets: [Int32], mask: [UInt8]? = nil, actions: [Int32], oldLogProbabilities: [Float]
        ) {
            precondition(
                offsets.count == actions.count + 1 && oldLogProbabilities.count == actions.count
                    && (mask.map { $0.count == Int(offsets.last ?? 0) } ?? true),
                "PolicySurrogate.Batch: \(actions.count) actions, \(offsets.count) offsets, "
                    + "\(oldLogProbabilities.count) log-probabilities")
            self.rows = rows
            self.offsets = offsets
            self.mask = mask
            self.actions = actions
            self.oldLogProbabilities = oldLogProbabilities
        }
    }

    /// The actor: a row of D numbers to one logit.
    package let shape: MLPShape
    /// The decisions over which J is the mean.
    package let batch: Batch
    /// c: weight of the entropy.
    package var entropyWeight: Double
    /// kappa: weight of the proximal term about `origin`.
    package var proximalWeight: Double
    /// theta_0, `shape.parameterCount` numbers.
    package var origin: [Float]
    /// Variables are `parameters[firstVariable...]`.
    package let firstVariable: Int
    /// Number of variables P.
    package var dimension: Int { shape.parameterCount - firstVariable }
    private let rowCount: Int
    private let mask: [UInt8]
    private let workspace: MLPWorkspace
    private var parameters: [Float] = []
    private var logits: [Float]
    private var softmax: PolicySoftmax?
    // Scratch of a product: the direction and the answer in all parameters, the logits' tangent and the head's answer.
    private var full: [Float]
    private var product: [Float]
    private var tangent: [Float]
    private var slope: [Float]
    /// What the workspace holds the deltas of: twenty directions of conjugate gradient share them.
    private var prepared: (advantages: [Float], entropy: Double)?
    /// No clipping: at one point of the parameters the surrogate is PPO's without it.
    private static let open: Float = 1e30

    /// `layers` 0 means all.
    package init(
        shape: MLPShape, batch: Batch, origin: [Float], entropyWeight: Double = 0, proximalWeight: Double = 0,
        layers: Int = 0
    ) {
        rowCount = Int(batch.offsets.last ?? 0)
        precondition(
            shape.outputWidth == 1 && batch.rows.count == rowCount * shape.inputWidth
                && origin.count == shape.parameterCount,
            "PolicySurrogate: \(batch.rows.count) numbers for \(rowCount) rows of width \(shape.inputWidth), "
                + "\(origin.count) parameters of \(shape.parameterCount), \(shape.outputWidth) outputs of 1")
        self.shape = shape
        self.batch = batch
        self.origin = origin
        self.entropyWeight = entropyWeight
        self.proximalWeight = proximalWeight
        mask = batch.mask ?? [UInt8](repeating: 1, count: rowCount)
        let varying = layers == 0 ? shape.layerCount : min(layers, shape.layerCount)
        firstVariable = shape.parameterRange(layer: shape.layerCount - varying).lowerBound
        workspace = MLPWorkspace(shape: shape, maxRows: rowCount)
        logits = [Float](repeating: 0, count: rowCount)
        (tangent, slope) = (logits, logits)
        full = [Float](repeating: 0, count: shape.parameterCount)
        product = full
        move(to: origin)
    }

    /// Evaluates the net at all the actor's parameters; later calls use them. O(rows * parameters).
    package func move(to theta: [Float]) {
        precondition(theta.count == shape.parameterCount, "PolicySurrogate.move: \(theta.count) parameters")
        parameters = theta
        let (batch, mask) = (batch, mask)
        var output = [Float](repeating: 0, count: rowCount)
        var span = output.mutableSpan
        MLP.forward(
            shape, parameters: theta.span, input: batch.rows.span, rows: rowCount, output: &span,
            workspace: workspace)
        logits = output
        softmax = PolicySoftmax(logits: output.span, offsets: batch.offsets.span, mask: mask.span)
        prepared = nil
    }

    /// All the actor's parameters where the surrogate stands.
    package var position: [Float] { parameters }

    /// `position` with its variables moved by `step` (P numbers).
    package func moved(by step: [Float], scale: Float = 1) -> [Float] {
        precondition(step.count == dimension, "PolicySurrogate.moved: a step of \(step.count), \(dimension) variables")
        var theta = parameters
        for j in 0..<dimension { theta[firstVariable + j] += scale * step[j] }
        return theta
    }

    /// J at the position for these advantages (`[count]`). O(rows).
    package func value(_ advantages: [Float]) -> Double {
        let (loss, _) = head(advantages, entropy: entropyWeight)
        var distance = 0.0
        if proximalWeight > 0 {
            for j in firstVariable..<parameters.count {
                distance += Double(parameters[j] - origin[j]) * Double(parameters[j] - origin[j])
            }
        }
        return -loss.total(entCoef: Float(entropyWeight)) - 0.5 * proximalWeight * distance
    }

    /// dJ / d(variables); with `pure` the policy-gradient term alone (a column of d2J / (d theta d phi)).
    /// O(rows * parameters).
    package func gradient(_ advantages: [Float], pure: Bool = false) -> [Float] {
        let (_, slope) = head(advantages, entropy: pure ? 0 : entropyWeight)
        var result = backward(slope, sign: -1)
        if !pure && proximalWeight > 0 {
            for j in result.indices {
                result[j] -= Float(proximalWeight) * (parameters[firstVariable + j] - origin[firstVariable + j])
            }
        }
        return result
    }

    /// The primal backward pass, where it was not the last one.
    private func prepare(_ advantages: [Float]) {
        if let prepared, prepared.entropy == entropyWeight, prepared.advantages == advantages { return }
        let (slope, parameters) = (head(advantages, entropy: entropyWeight).slope, parameters)
        MLP.prepare(
            shape, parameters: parameters.span, rows: rowCount, outputGradient: slope.span, workspace: workspace)
        prepared = (advantages, entropyWeight)
    }

    /// output = (d2J / d(variables)2) v, exact. The first product for these advantages at this position makes one backward
    /// pass more; nothing else is allocated. O(rows * parameters).
    package func hessianProduct(
        _ advantages: [Float], _ direction: Span<Float>, into output: inout MutableSpan<Float>
    ) {
        prepare(advantages)
        moveLogits(along: direction)
        let (logits, mask, batch, parameters, tangent, full) = (logits, mask, batch, parameters, tangent, full)
        lend(&slope) { curve in
            Policy.clippedLossR(
                logits: logits.span, rLogits: tangent.span, offsets: batch.offsets.span, mask: mask.span,
                softmax: softmax, actions: batch.actions.span, oldLogProbabilities: batch.oldLogProbabilities.span,
                advantages: advantages.span, clipCoef: Self.open, entCoef: Float(entropyWeight),
                rLogitGradient: &curve)
        }
        Rows.zero(&product)
        let head = self.slope
        lend(&product) { gradient in
            MLP.rBackward(
                shape, parameters: parameters.span, direction: full.span, input: batch.rows.span, rows: rowCount,
                rOutputGradient: head.span, rParameterGradient: &gradient, workspace: workspace)
        }
        for j in 0..<dimension { output[j] = -product[firstVariable + j] }
        if proximalWeight > 0 {
            for j in 0..<dimension { output[j] -= Float(proximalWeight) * direction[j] }
        }
    }

    /// As above, as an array.
    package func hessianProduct(_ advantages: [Float], _ direction: Span<Float>) -> [Float] {
        array { hessianProduct(advantages, direction, into: &$0) }
    }

    /// output = Fisher matrix times v: mean of G^T (diag p - p p^T) G v with G the net's Jacobian; positive semi-definite.
    /// Nothing is allocated. O(rows * parameters).
    package func fisherProduct(_ direction: Span<Float>, into output: inout MutableSpan<Float>) {
        moveLogits(along: direction)
        let (logits, mask, batch, parameters, tangent) = (logits, mask, batch, parameters, tangent)
        lend(&slope) { out in
            Policy.fisher(
                logits: logits.span, rLogits: tangent.span, offsets: batch.offsets.span, mask: mask.span,
                softmax: softmax, scale: 1 / Float(max(batch.count, 1)), product: &out)
        }
        Rows.zero(&product)
        let head = self.slope
        lend(&product) { gradient in
            MLP.backward(
                shape, parameters: parameters.span, input: batch.rows.span, rows: rowCount, outputGradient: head.span,
                parameterGradient: &gradient, workspace: workspace)
        }
        for j in 0..<dimension { output[j] = product[firstVariable + j] }
    }

    /// As above, as an array.
    package func fisherProduct(_ direction: Span<Float>) -> [Float] { array { fisherProduct(direction, into: &$0) } }

    private func array(_ write: (inout MutableSpan<Float>) -> Void) -> [Float] {
        var answer = [Float](repeating: 0, count: dimension)
        var span = answer.mutableSpan
        write(&span)
        return answer
    }

    /// `tangent` = how the logits move along a direction of the variables.
    private func moveLogits(along direction: Span<Float>) {
        precondition(
            direction.count == dimension, "PolicySurrogate: direction \(direction.count), \(dimension) variables")
        for j in 0..<dimension { full[firstVariable + j] = direction[j] }
        let (batch, parameters, moved) = (batch, parameters, self.full)
        lend(&tangent) { out in
            MLP.rForward(
                shape, parameters: parameters.span, direction: moved.span, input: batch.rows.span, rows: rowCount,
                rOutput: &out, workspace: workspace)
        }
    }

    /// A property's elements, for one call: a span cannot outlive an access to a class.
    private func lend(_ array: inout [Float], _ body: (inout MutableSpan<Float>) -> Void) {
        var span = array.mutableSpan
        body(&span)
    }

    /// Mean KL(pi_here || pi_there) over the decisions, nats, where "there" is another parameter vector. O(rows *
    /// parameters).
    package func divergence(to theta: [Float]) -> Double {
        let (here, first, mask, batch) = (parameters, logits, mask, batch)
        move(to: theta)
        let second = logits
        move(to: here)
        var kl = [Float](repeating: 0, count: batch.count)
        var span = kl.mutableSpan
        Categorical.kl(
            logitsP: first.span, logitsQ: second.span, offsets: batch.offsets.span, mask: mask.span, kl: &span)
        return kl.reduce(0.0) { $0 + Double($1) } / Double(max(batch.count, 1))
    }

    /// PPO's loss without clipping, which is -J without the proximal term, and its gradient in the logits.
    private func head(_ advantages: [Float], entropy: Double) -> (loss: PolicyLoss, slope: [Float]) {
        let (logits, mask, batch) = (logits, mask, batch)
        var slope = [Float](repeating: 0, count: rowCount)
        var span = slope.mutableSpan
        let loss = Policy.clippedLoss(
            logits: logits.span, offsets: batch.offsets.span, mask: mask.span, actions: batch.actions.span,
            oldLogProbabilities: batch.oldLogProbabilities.span, advantages: advantages.span, clipCoef: Self.open,
            entCoef: Float(entropy), logitGradient: &span)
        return (loss, slope)
    }

    private func backward(_ slope: [Float], sign: Float) -> [Float] {
        let (batch, parameters) = (batch, parameters)
        var result = [Float](repeating: 0, count: shape.parameterCount)
        var span = result.mutableSpan
        MLP.backward(
            shape, parameters: parameters.span, input: batch.rows.span, rows: rowCount, outputGradient: slope.span,
            parameterGradient: &span, workspace: workspace)
        return result[firstVariable...].map { sign * $0 }
    }
}
