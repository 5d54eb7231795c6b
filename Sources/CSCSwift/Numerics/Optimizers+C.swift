internal import CCore

/// Adam ([KB15], algorithm 1) with bias correction, in PyTorch's form.
package final class Adam {
    /// Everything that a checkpoint must keep besides the parameters and the hyperparameters.
    package struct State: Sendable, Hashable, Codable {
        /// Running mean of the gradient.
        package var m: [Float]
        /// Running mean of the squared gradient.
        package var v: [Float]
        /// Steps taken.
        package var step: Int
    }

    /// The step size; may be changed between steps.
    package var learningRate: Double
    /// The share of the gradient's running mean that a step keeps.
    package let beta1: Double
    /// The share of the squared gradient's running mean that a step keeps.
    package let beta2: Double
    /// Added to the root of the second moment.
    package let epsilon: Double
    // Properties of their own: both are modified at once, which one struct in a class would forbid.
    private var m: [Float]
    private var v: [Float]
    private var steps = 0

    /// An optimiser at step 0.
    package init(
        parameterCount: Int, learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-5
    ) {
        precondition(parameterCount >= 0, "Adam: parameterCount \(parameterCount) is negative")
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        m = [Float](repeating: 0, count: parameterCount)
        v = [Float](repeating: 0, count: parameterCount)
    }

    /// The moments and the step count, for a checkpoint. Setting traps where the sizes differ. O(P).
    package var state: State {
        get { State(m: m, v: v, step: steps) }
        set {
            requireCount(newValue.m.count, m.count, "Adam.state: m")
            requireCount(newValue.v.count, v.count, "Adam.state: v")
            (m, v, steps) = (newValue.m, newValue.v, newValue.step)
        }
    }

    /// parameters -= learningRate * m^ / (sqrt(v^) + epsilon). O(P).
    package func step(parameters: inout MutableSpan<Float>, gradient: Span<Float>) {
        requireCount(parameters.count, m.count, "Adam.step: parameters")
        requireCount(gradient.count, m.count, "Adam.step: gradient")
        steps += 1
        let (step, count) = (Int64(steps), Int64(m.count))
        m.withUnsafeMutableBufferPointer { m in
            v.withUnsafeMutableBufferPointer { v in
                cafe_adam_step(
                    parameters.base, m.baseAddress, v.baseAddress, gradient.base, count, step, learningRate, beta1,
                    beta2, epsilon)
            }
        }
    }
}

/// Operations on whole gradients.
package enum Gradient {
    /// Scales the gradient by maxNorm / norm where its Euclidean norm exceeds maxNorm. A norm that is not finite
    /// leaves it as it was: look at the result. O(P).
    ///
    /// - Returns: the norm before.
    @discardableResult
    package static func clipNorm(_ gradient: inout MutableSpan<Float>, maxNorm: Float) -> Float {
        precondition(maxNorm > 0, "Gradient.clipNorm: maxNorm \(maxNorm) is not positive")
        return Float(cafe_norm_clip(gradient.base, Int64(gradient.count), Double(maxNorm)))
    }
}

/// Long float vectors with double sums.
package enum Vector {
    /// The sum of a_k * b_k, accumulated in double, the same bits at any thread count. O(n).
    package static func dot(_ a: Span<Float>, _ b: Span<Float>) -> Double {
        requireCount(b.count, a.count, "Vector.dot: b")
        return cafe_dot(a.base, b.base, Int64(a.count))
    }

    /// y += scale * x. O(n).
    package static func add(_ x: Span<Float>, scale: Double, to y: inout MutableSpan<Float>) {
        requireCount(y.count, x.count, "Vector.add: y")
        cafe_axpy(y.base, scale, x.base, Int64(x.count))
    }
}
