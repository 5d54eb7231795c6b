import CSCSwift
import Foundation
import Testing

/// Dense algebra in double: the references.
enum Dense {
    /// Solves A x = b by Gaussian elimination with partial pivoting; A is n x n row-major.
    static func solve(_ matrix: [Double], _ right: [Double]) -> [Double] {
        let n = right.count
        var a = matrix, b = right
        for column in 0..<n {
            let pivot = (column..<n).max { abs(a[$0 * n + column]) < abs(a[$1 * n + column]) }!
            for k in 0..<n { a.swapAt(column * n + k, pivot * n + k) }
            b.swapAt(column, pivot)
            for row in (column + 1)..<max(n, column + 1) {
                let factor = a[row * n + column] / a[column * n + column]
                for k in column..<n { a[row * n + k] -= factor * a[column * n + k] }
                b[row] -= factor * b[column]
            }
        }
        for row in stride(from: n - 1, through: 0, by: -1) {
            for k in (row + 1)..<max(n, row + 1) { b[row] -= a[row * n + k] * b[k] }
            b[row] /= a[row * n + row]
        }
        return b
    }

    static func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
}

@Suite struct ImplicitGradientTests {
    /// 30 decisions of 2 to 5 candidates with 3 features, one masked row in some, under a net 3-6-4-1.
    static func surrogate(proximal: Double = 0, layers: Int = 0) -> (PolicySurrogate, [Float]) {
        var stream = RandomStream(seed: 17, purpose: .test)
        let shape = MLPShape(widths: [3, 6, 4, 1])
        var offsets: [Int32] = [0], rows: [Float] = [], mask: [UInt8] = [], actions: [Int32] = []
        for _ in 0..<30 {
            let size = 2 + stream.index(below: 4)
            rows += (0..<3 * size).map { _ in Float(stream.normal()) }
            let action = stream.index(below: size)
            mask += (0..<size).map { $0 != action && $0 == 1 && size > 3 ? 0 : 1 }
            actions.append(Int32(action))
            offsets.append(offsets.last! + Int32(size))
        }
        let theta = (0..<shape.parameterCount).map { _ in Float(0.5 * stream.normal()) }
        let advantages = (0..<30).map { _ in Float(stream.normal()) }
        let old = (0..<30).map { _ in Float(-1 - 0.5 * stream.unit()) }
        let made = PolicySurrogate(
            shape: shape,
            batch: .init(rows: rows, offsets: offsets, mask: mask, actions: actions, oldLogProbabilities: old),
            origin: theta.map { $0 + 0.1 }, entropyWeight: 0.3, proximalWeight: proximal, layers: layers)
        made.move(to: theta)
        return (made, advantages)
    }

    @Test(arguments: [0, 1, 2])
    func gradientAndHessianProductMatchFiniteDifferences(layers: Int) {
        let (surrogate, advantages) = Self.surrogate(proximal: 0.2, layers: layers)
        var stream = RandomStream(seed: 2, purpose: .test)
        let start = surrogate.position
        let gradient = surrogate.gradient(advantages)
        for _ in 0..<4 {
            let direction = (0..<surrogate.dimension).map { _ in Float(stream.normal()) }
            let product = surrogate.hessianProduct(advantages, direction.span)
            let h: Float = 2e-3
            surrogate.move(to: start)
            let ahead = surrogate.moved(by: direction, scale: h), behind = surrogate.moved(by: direction, scale: -h)
            surrogate.move(to: ahead)
            let (valueAhead, slopeAhead) = (surrogate.value(advantages), surrogate.gradient(advantages))
            surrogate.move(to: behind)
            let (valueBehind, slopeBehind) = (surrogate.value(advantages), surrogate.gradient(advantages))
            surrogate.move(to: start)
            let slope = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            let measured = (valueAhead - valueBehind) / Double(2 * h)
            #expect(abs(slope - measured) < 2e-3 * max(1, abs(slope)), "slope \(slope), finite difference \(measured)")
            let scale = product.map { abs($0) }.max()!
            for j in product.indices {
                let difference = (slopeAhead[j] - slopeBehind[j]) / (2 * h)
                #expect(abs(product[j] - difference) < 5e-3 * scale, "component \(j): \(product[j]) and \(difference)")
            }
        }
    }

    @Test(arguments: ImplicitGradientOptions.Product.allCases)
    func solveMatchesAnExplicitInverse(product: ImplicitGradientOptions.Product) {
        let (surrogate, advantages) = Self.surrogate(proximal: 1.5)
        var options = ImplicitGradientOptions()
        options.product = product
        options.fisherWeight = 0.7
        options.damping = 0.3
        options.maxIterations = 200
        options.tolerance = 1e-5
        let apply = surrogate.curvatureProduct(advantages, options: options)
        let n = surrogate.dimension
        var matrix = [Double](repeating: 0, count: n * n)
        for j in 0..<n {
            var unit = [Float](repeating: 0, count: n)
            unit[j] = 1
            var column = unit
            var span = column.mutableSpan
            apply(unit.span, &span)
            for i in 0..<n { matrix[i * n + j] = Double(column[i]) }
        }
        for i in 0..<n {
            for j in 0..<n { #expect(abs(matrix[i * n + j] - matrix[j * n + i]) < 1e-4, "not symmetric at \(i), \(j)") }
        }
        let b = surrogate.gradient(advantages, pure: true)
        let solved = ImplicitGradient.solve(b, options: options, product: apply)
        #expect(solved.report.status == .usable)
        #expect(solved.report.attempts == 1)
        for i in 0..<n { matrix[i * n + i] += 0.3 }
        let reference = Dense.solve(matrix, b.map(Double.init))
        let size = reference.map { abs($0) }.max()!
        for j in 0..<n { #expect(abs(Double(solved.x[j]) - reference[j]) < 1e-3 * size) }
    }

    /// J(theta, phi) = -1/2 (theta - M phi)^T A (theta - M phi), outer J = -1/2 |theta - t|^2, L = 1/2 |phi|^2.
    @Test func quadraticAgreesWithResolvingTheInnerProblem() {
        let n = 6, p = 2
        var stream = RandomStream(seed: 4, purpose: .test)
        let root = (0..<n * n).map { _ in stream.normal() }
        var a = [Double](repeating: 0, count: n * n)
        for i in 0..<n {
            for j in 0..<n {
                a[i * n + j] = (i == j ? 0.5 : 0) + (0..<n).reduce(0) { $0 + root[i * n + $1] * root[j * n + $1] } / 6
            }
        }
        let m = (0..<n * p).map { _ in stream.normal() }, t = (0..<n).map { _ in stream.normal() }
        let phi = [0.7, -0.3]
        // The inner problem is solved again from its first-order condition A theta = A M phi.
        func outer(_ phi: [Double]) -> Double {
            let right = (0..<n).map { i in
                (0..<n).reduce(0.0) { s, j in s + a[i * n + j] * (0..<p).reduce(0) { $0 + m[j * p + $1] * phi[$1] } }
            }
            let theta = Dense.solve(a, right)
            return -0.5 * zip(theta, t).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } - 0.5 * Dense.dot(phi, phi)
        }
        let theta = (0..<n).map { i in (0..<p).reduce(0) { $0 + m[i * p + $1] * phi[$1] } }
        let columns = (0..<p).map { k in
            (0..<n).map { i in Float((0..<n).reduce(0) { $0 + a[i * n + $1] * m[$1 * p + k] }) }
        }
        var options = ImplicitGradientOptions()
        options.damping = 1e-6
        options.minDamping = 1e-6
        options.maxIterations = 100
        options.tolerance = 1e-6
        let report = ImplicitGradient.gradient(
            outerGradient: zip(theta, t).map { Float($1 - $0) }, columns: columns, direct: [0, 0],
            regularization: phi, options: options
        ) { direction, output in
            for i in 0..<n {
                var sum = 0.0
                for j in 0..<n { sum += a[i * n + j] * Double(direction[j]) }
                output[i] = Float(sum)
            }
        }
        #expect(report.status == .usable)
        for k in 0..<p {
            var up = phi, down = phi
            up[k] += 1e-5
            down[k] -= 1e-5
            let measured = (outer(up) - outer(down)) / 2e-5
            #expect(abs(report.gradient[k] - measured) < 1e-3, "phi \(k): \(report.gradient[k]), \(measured)")
        }
    }

    /// One state, arms with reward f . phi and entropy weight c: pi* = softmax(f phi / c), and for the real reward R
    /// d(sum pi R)/d phi_k = Cov_pi(R, f_k) / c.
    @Test(arguments: ImplicitGradientOptions.Product.allCases)
    func softmaxBanditHasItsKnownAnswer(product: ImplicitGradientOptions.Product) {
        let features = [[1.0, 0.2], [0.1, 0.9], [-0.5, 0.4], [0.3, -0.8]], truth = [0.2, 1.0, 0.5, -0.4]
        let phi = [0.6, 0.8], c = 0.5, arms = 4
        func policy(_ phi: [Double]) -> [Double] {
            let weights = features.map { exp(Dense.dot($0, phi) / c) }
            return weights.map { $0 / weights.reduce(0, +) }
        }
        let pi = policy(phi)
        // Every arm once, drawn from the uniform policy: mean ratio * f is then sum pi f exactly.
        var rows = [Float](repeating: 0, count: arms * arms * arms)
        for i in 0..<arms { for a in 0..<arms { rows[(i * arms + a) * arms + a] = 1 } }
        let shape = MLPShape(widths: [arms, 1])
        let surrogate = PolicySurrogate(
            shape: shape,
            batch: .init(
                rows: rows, offsets: (0...arms).map { Int32($0 * arms) }, actions: (0..<arms).map { Int32($0) },
                oldLogProbabilities: [Float](repeating: Float(-log(4.0)), count: arms)),
            origin: features.map { Float(Dense.dot($0, phi) / c) } + [0], entropyWeight: c)
        let advantages = features.map { Float(Dense.dot($0, phi)) }
        #expect(surrogate.gradient(advantages).allSatisfy { abs($0) < 1e-5 }, "not at the inner optimum")
        var options = ImplicitGradientOptions()
        options.product = product
        options.fisherWeight = c  // at the optimum the Hessian in logit space is exactly c times the Fisher matrix
        options.damping = 1e-4
        options.minDamping = 1e-6
        options.tolerance = 1e-5
        let columns = (0..<2).map { k in surrogate.gradient(features.map { Float($0[k]) }, pure: true) }
        let report = ImplicitGradient.gradient(
            outerGradient: surrogate.gradient(truth.map { Float($0) }, pure: true), columns: columns, direct: [0, 0],
            regularization: [0, 0], options: options,
            product: surrogate.curvatureProduct(advantages, options: options))
        #expect(report.status == .usable, "\(report.solve)")
        let mean = Dense.dot(pi, truth)
        for k in 0..<2 {
            let column = features.map { $0[k] }
            let known = (Dense.dot(pi, zip(truth, column).map { $0 * $1 }) - mean * Dense.dot(pi, column)) / c
            var up = phi, down = phi
            up[k] += 1e-4
            down[k] -= 1e-4
            let resolved = (Dense.dot(policy(up), truth) - Dense.dot(policy(down), truth)) / 2e-4
            #expect(abs(known - resolved) < 1e-6)
            #expect(abs(report.gradient[k] - known) < 5e-3 * abs(known), "phi \(k): \(report.gradient[k]), \(known)")
        }
        // The literal single J: at the inner optimum its gradient in theta is the entropy's pull against the reward's,
        // so the implicit term vanishes.
        let same = ImplicitGradient.gradient(
            outerGradient: surrogate.gradient(advantages), columns: columns, direct: [0, 0], regularization: [0, 0],
            options: options, product: surrogate.curvatureProduct(advantages, options: options))
        #expect(same.implicit.allSatisfy { abs($0) < 1e-4 })
    }

    @Test func zeroNaNAndIndefiniteAreNeverSilent() {
        let options = ImplicitGradientOptions()
        func run(_ b: [Float], _ column: [Float], _ curvature: Float, damping: Double = 0.1) -> ImplicitGradientReport {
            ImplicitGradient.gradient(
                outerGradient: b, columns: [column], direct: [0], regularization: [0], options: options,
                damping: damping
            ) { v, output in
                for j in 0..<v.count { output[j] = curvature * v[j] }
            }
        }
        #expect(run([1, 2], [1, 0], 1).status == .usable)
        #expect(run([0, 0], [1, 0], 1).status == .zero)
        #expect(run([1, 2], [0, 0], 1).status == .zero)
        #expect(run([1, .nan], [1, 0], 1).status == .nonFinite)
        #expect(run([1, 2], [.infinity, 0], 1).status == .nonFinite)
        #expect(run([1, 2], [1, 0], .nan).status == .nonFinite)
        #expect(run([1, 2], [1, 0], -1e6).status == .indefinite)
        // Moderate negative curvature is met by raising the damping until the matrix is definite.
        let raised = run([1, 2], [1, 0], -1)
        #expect(raised.status == .usable && raised.solve.attempts > 1 && raised.solve.damping > 1)
        #expect(raised.solve.curvature > 0)
    }

    @Test func fisherProductIsSemidefiniteAndIgnoresAdvantages() {
        let (surrogate, _) = Self.surrogate()
        var stream = RandomStream(seed: 6, purpose: .test)
        for _ in 0..<10 {
            let v = (0..<surrogate.dimension).map { _ in Float(stream.normal()) }
            let product = surrogate.fisherProduct(v.span)
            #expect(zip(v, product).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } > 0)
            // Second-order meaning: KL(theta || theta + h v) = h^2 / 2 v^T F v.
            let h: Float = 5e-3
            let curvature = zip(v, product).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            let measured = surrogate.divergence(to: surrogate.moved(by: v, scale: h)) * 2 / Double(h * h)
            #expect(abs(measured - curvature) < 0.1 * curvature, "KL \(measured), Fisher \(curvature)")
        }
    }
}

@Suite struct CreditRegularizerTests {
    static func many(seed: UInt64, count: Int) -> CreditRegularizer {
        var stream = RandomStream(seed: seed, purpose: .test)
        var made = CreditRegularizer(features: 3)
        for _ in 0..<count {
            let row = (0..<3).map { _ in stream.normal() }
            made.append(sums: row, target: 0.4 * row[0] - 0.7 * row[1] + 0.2 * stream.normal())
        }
        return made
    }

    @Test func derivativesAreThoseOfTheQuadratic() {
        let quadratic = Self.many(seed: 1, count: 20), phi = [0.3, 0.1, -0.8], here = quadratic.evaluate(phi)
        let step = [0.5, -1.5, 0.25]
        let there = quadratic.evaluate(zip(phi, step).map(+))
        var predicted = here.value + Dense.dot(here.gradient, step)
        for k in 0..<3 { for l in 0..<3 { predicted += 0.5 * step[k] * here.hessian[3 * k + l] * step[l] } }
        #expect(abs(predicted - there.value) < 1e-12 * max(1, there.value))
    }

    @Test func solveIsExactOnTheBatchInOneStep() throws {
        let quadratic = Self.many(seed: 2, count: 50)
        let solution = try quadratic.solve(from: [1, 1, 1], damping: 0)
        #expect(solution.rank == 3)
        #expect(quadratic.evaluate(solution.phi).gradient.allSatisfy { abs($0) < 1e-10 })
        #expect(solution.after < solution.before)
    }

    /// One trajectory determines one direction; the step must be the shortest that meets it, not twice that.
    @Test func oneTrajectoryGivesTheMinimumNormStep() throws {
        var one = CreditRegularizer(features: 2)
        one.append(sums: [3, 4], target: 2)
        let solution = try one.solve(from: [1, 1], damping: 0)
        let error = (3.0 + 4.0 - 2.0) / 25
        #expect(solution.rank == 1)
        #expect(abs(solution.phi[0] - (1 - 3 * error)) < 1e-12 && abs(solution.phi[1] - (1 - 4 * error)) < 1e-12)
        #expect(solution.after < 1e-24)
    }

    @Test func boundsHoldAndTheRestIsSolvedAgain() throws {
        let quadratic = Self.many(seed: 3, count: 50)
        let free = try quadratic.solve(from: [1, 1, 1], damping: 0)
        #expect(free.phi[1] < 0)
        let bounded = try quadratic.solve(from: [1, 1, 1], damping: 0, lower: [nil, 0.2, nil])
        #expect(bounded.phi[1] == 0.2 && bounded.bounded == [false, true, false])
        let gradient = quadratic.evaluate(bounded.phi).gradient
        #expect(abs(gradient[0]) < 1e-10 && abs(gradient[2]) < 1e-10)
        #expect(gradient[1] > 0, "the bound must be active for a reason")
    }
}
