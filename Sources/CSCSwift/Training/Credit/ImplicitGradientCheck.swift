internal import Foundation

/// One derivative, computed and measured by finite differences.
package struct GradientCheck: Sendable, Codable, Equatable {
    /// Which derivative, in words.
    package var name: String
    /// The derivative by the formula under test.
    package var computed: Double
    /// The same derivative by central differences.
    package var measured: Double
    /// |computed - measured| relative to the larger of the two and a floor that float rounding sets.
    package var error: Double
    /// The largest `error` that passes.
    package var tolerance: Double
    /// False also when a number is NaN or when both are zero: a derivative that vanishes proves nothing.
    package var passes: Bool { error <= tolerance && computed.isFinite && measured.isFinite && computed != 0 }

    /// Compares two numbers; `floor` is the least size that their difference is divided by.
    package init(name: String, computed: Double, measured: Double, floor: Double, tolerance: Double) {
        self.name = name
        self.computed = computed
        self.measured = measured
        self.tolerance = tolerance
        error = abs(computed - measured) / max(abs(computed), abs(measured), floor)
    }
}

extension PolicySurrogate {
    /// Slope and curvature of J along random directions against central differences of J and of its gradient.
    /// O(directions) gradients.
    package func checkDerivatives(_ advantages: [Float], directions: Int, seed: UInt64) -> [GradientCheck] {
        var stream = RandomStream(seed: seed, purpose: .test)
        let start = position
        defer { move(to: start) }
        var checks: [GradientCheck] = []
        for index in 0..<directions {
            // Half along the gradient, half random: a purely random direction in many dimensions has hardly any slope.
            move(to: start)
            let gradient = gradient(advantages)
            let size = max(norm(gradient), 1e-12)
            var direction = gradient.map { $0 / Float(size) }
            let random = direction.map { _ in Float(stream.normal()) }
            for j in direction.indices { direction[j] += random[j] / Float(norm(random)) }
            let unit = Float(norm(direction))
            for j in direction.indices { direction[j] /= unit }
            let slope = dot(gradient, direction)
            let curvature = dot(hessianProduct(advantages, direction.span), direction)
            let h: Float = 0.02
            var values: [Double] = [], slopes: [Double] = []
            for sign in [Float(1), -1] {
                move(to: start)
                move(to: moved(by: direction, scale: sign * h))
                values.append(value(advantages))
                slopes.append(dot(self.gradient(advantages), direction))
            }
            checks.append(
                GradientCheck(
                    name: "policy slope \(index)", computed: slope,
                    measured: (values[0] - values[1]) / Double(2 * h), floor: 1e-4, tolerance: 0.02))
            checks.append(
                GradientCheck(
                    name: "policy curvature \(index)", computed: curvature,
                    measured: (slopes[0] - slopes[1]) / Double(2 * h), floor: 1e-3, tolerance: 0.05))
        }
        return checks
    }

    /// The implicit gradient of the outer J against finite differences of a fully re-solved inner problem.
    ///
    /// The inner problem is J(theta; A(phi)) with a proximal term about the present parameters, as heavy as makes its
    /// exact Hessian definite; Newton's method solves it at phi and at phi +- step for each weight. `columns` are the
    /// advantages of each reward feature, `[K][count]`, `outer` those of the outer J, all of unit size.
    package func checkImplicitGradient(
        columns: [[Float]], phi: [Double], outer: [Float], options: ImplicitGradientOptions, step: Double = 0.1
    ) -> (checks: [GradientCheck], report: ImplicitGradientReport) {
        let start = position, savedOrigin = origin, savedWeight = proximalWeight
        defer {
            origin = savedOrigin
            proximalWeight = savedWeight
            move(to: start)
        }
        origin = start
        var exact = options
        exact.product = .exact
        exact.maxIterations = max(options.maxIterations, 200)
        exact.tolerance = 1e-5
        exact.minDamping = 1e-9
        exact.damping = 1e-9
        proximalWeight = 0.05
        func mixed(_ weights: [Double]) -> [Float] {
            (0..<batch.count).map { i in
                Float(columns.indices.reduce(0.0) { $0 + weights[$1] * Double(columns[$1][i]) })
            }
        }
        // A proximal weight under which a full solve at the start meets no negative curvature, then twice that.
        for _ in 0..<20 {
            let trial = ImplicitGradient.solve(
                gradient(mixed(phi)), options: exact, product: curvatureProduct(mixed(phi), options: exact))
            if trial.report.status == .usable && trial.report.attempts == 1 { break }
            proximalWeight *= 2
        }
        proximalWeight *= 2
        func solveInner(_ weights: [Double]) {
            let advantages = mixed(weights)
            for _ in 0..<30 {
                let slope = gradient(advantages)
                if norm(slope) < 1e-6 { return }
                let newton = ImplicitGradient.solve(
                    slope, options: exact, product: curvatureProduct(advantages, options: exact))
                guard newton.report.status == .usable else { return }
                let before = value(advantages), here = position
                var scale: Float = 1
                repeat {
                    move(to: here)
                    move(to: moved(by: newton.x, scale: scale))
                    scale /= 2
                } while value(advantages) < before - 1e-7 && scale > 1e-3
            }
        }
        func outerValue() -> Double {
            let saved = (entropyWeight, proximalWeight)
            (entropyWeight, proximalWeight) = (0, 0)
            defer { (entropyWeight, proximalWeight) = saved }
            return value(outer)
        }
        solveInner(phi)
        let optimum = position
        let report = ImplicitGradient.gradient(
            outerGradient: gradient(outer, pure: true), columns: columns.map { gradient($0, pure: true) },
            direct: phi.map { _ in 0 }, regularization: phi.map { _ in 0 }, options: exact,
            product: curvatureProduct(mixed(phi), options: exact))
        var checks: [GradientCheck] = []
        for k in phi.indices {
            var ends: [Double] = []
            for sign in [1.0, -1] {
                var weights = phi
                weights[k] += sign * step
                move(to: optimum)
                solveInner(weights)
                ends.append(outerValue())
            }
            checks.append(
                GradientCheck(
                    name: "implicit dF/dphi \(k)", computed: report.gradient[k],
                    measured: (ends[0] - ends[1]) / (2 * step), floor: 1e-4, tolerance: 0.05))
        }
        return (checks, report)
    }

    private func dot(_ a: [Float], _ b: [Float]) -> Double {
        zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    }
    private func norm(_ a: [Float]) -> Double { dot(a, a).squareRoot() }
}
