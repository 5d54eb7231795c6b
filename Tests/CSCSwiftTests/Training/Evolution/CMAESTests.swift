import CSCSwift
import Foundation
import Testing

@Suite("CMA-ES")
struct CMAESTests {
    /// Runs until the best loss is below `target`; returns the losses computed, or nil where `budget` did not suffice.
    private func evaluations(
        _ search: inout CMAES, target: Double, budget: Int, _ loss: ([Double]) -> Double
    ) -> Int? {
        while search.evaluations < budget {
            search.tell(search.ask().map(loss))
            if search.bestLoss < target { return search.evaluations }
        }
        return nil
    }

    private func rosenbrock(_ x: [Double]) -> Double {
        zip(x, x.dropFirst()).reduce(0) { sum, pair in
            sum + 100 * pow(pair.1 - pair.0 * pair.0, 2) + pow(1 - pair.0, 2)
        }
    }

    /// sum_i 10^(6 i / (n - 1)) (r_i . x)^2 for a random rotation r (Gram-Schmidt on normal draws).
    private func rotatedEllipsoid(_ n: Int) -> ([Double]) -> Double {
        var stream = RandomStream(seed: 5, purpose: .test)
        var rows: [[Double]] = []
        for _ in 0..<n {
            var row = (0..<n).map { _ in stream.normal() }
            for earlier in rows {
                let product = zip(row, earlier).reduce(0) { $0 + $1.0 * $1.1 }
                for i in row.indices { row[i] -= product * earlier[i] }
            }
            let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            rows.append(row.map { $0 / length })
        }
        return { x in
            rows.enumerated().reduce(0) { sum, entry in
                let projection = zip(entry.element, x).reduce(0) { $0 + $1.0 * $1.1 }
                return sum + pow(10, 6 * Double(entry.offset) / Double(n - 1)) * projection * projection
            }
        }
    }

    // Budgets: published figures for 10 dimensions, target 1e-10 or so, are about 1.8e3 (sphere), 6e3 (Rosenbrock),
    // 6e3 (ellipsoid) losses; half as many again are allowed.
    @Test("sphere in 10 dimensions within 2,700 losses", arguments: [1, 2, 3] as [UInt64])
    func sphere(seed: UInt64) {
        var search = CMAES(
            start: [Double](repeating: 1, count: 10), options: .init(stepSize: 0.5), seed: seed)
        let used = evaluations(&search, target: 1e-10, budget: 2700) { $0.reduce(0) { $0 + $1 * $1 } }
        #expect(used != nil)
        #expect(search.mean.allSatisfy { abs($0) < 1e-3 })
    }

    @Test("Rosenbrock in 8 dimensions within 9,000 losses", arguments: [1, 2, 3] as [UInt64])
    func banana(seed: UInt64) {
        // One of the function's two minima in 8 dimensions is only local: a restart leaves it.
        var search = CMAES(
            start: [Double](repeating: 0, count: 8), options: .init(stepSize: 0.5, maxRestarts: 2), seed: seed)
        #expect(evaluations(&search, target: 1e-9, budget: 9000, rosenbrock) != nil)
    }

    @Test("rotated ellipsoid of condition 1e6 in 10 dimensions within 9,000 losses", arguments: [1, 2, 3] as [UInt64])
    func ellipsoid(seed: UInt64) {
        var search = CMAES(
            start: [Double](repeating: 1, count: 10), options: .init(stepSize: 1), seed: seed)
        #expect(evaluations(&search, target: 1e-9, budget: 9000, rotatedEllipsoid(10)) != nil)
    }

    @Test("coordinates of very different scale, once told, cost no more than equal ones")
    func scales() {
        let scales = (0..<6).map { pow(10, Double($0)) }
        let sphere: ([Double]) -> Double = { zip($0, scales).reduce(0) { $0 + pow($1.0 / $1.1, 2) } }
        var told = CMAES(start: scales.map { 2 * $0 }, scales: scales, seed: 9)
        var untold = CMAES(start: scales.map { 2 * $0 }, seed: 9)
        #expect(evaluations(&told, target: 1e-8, budget: 1500, sphere) != nil)
        #expect(evaluations(&untold, target: 1e-8, budget: 1500, sphere) == nil)
    }

    @Test("finds the minimum's neighbourhood under noise by its mean")
    func noise() {
        var stream = RandomStream(seed: 3, purpose: .test)
        var search = CMAES(start: [3, -2, 4, 1], options: .init(population: 24, stepSize: 1), seed: 4)
        for _ in 0..<150 {
            search.tell(search.ask().map { $0.reduce(0) { $0 + $1 * $1 } + 0.5 * stream.normal() })
        }
        #expect(search.mean.reduce(0) { $0 + $1 * $1 } < 0.5)
    }

    @Test("a decoded copy continues with the same bits")
    func resume() throws {
        var search = CMAES(start: [0, 0, 0, 0, 0], options: .init(stepSize: 0.5, maxRestarts: 1), seed: 11)
        for _ in 0..<37 { search.tell(search.ask().map(rosenbrock)) }
        var copy = try JSONDecoder().decode(CMAES.self, from: JSONEncoder().encode(search))
        #expect(copy == search)
        for _ in 0..<40 {
            search.tell(search.ask().map(rosenbrock))
            copy.tell(copy.ask().map(rosenbrock))
        }
        #expect(copy == search)
        #expect(copy.mean.map(\.bitPattern) == search.mean.map(\.bitPattern))
    }

    @Test("restarts with twice the population where the losses are flat, then stalls")
    func flat() {
        var search = CMAES(start: [1, 1], options: .init(population: 6, maxRestarts: 1), seed: 1)
        var statuses: Set<CMAES.Status> = []
        for _ in 0..<200 { statuses.insert(search.tell(search.ask().map { _ in 1 })) }
        #expect(search.restarts == 1)
        #expect(search.population == 12)
        #expect(statuses.contains { if case .stalled = $0 { true } else { false } })
    }

    @Test("a loss that is not a number counts as the worst")
    func notANumber() {
        var search = CMAES(start: [2, 2, 2], options: .init(stepSize: 0.5), seed: 8)
        for _ in 0..<120 {
            search.tell(search.ask().map { x in x[0] < 0 ? .nan : x.reduce(0) { $0 + $1 * $1 } })
        }
        #expect(search.mean[0] >= -1e-3)
        #expect(search.bestLoss < 1e-6)
    }
}

@Suite("Symmetric eigen-decomposition")
struct SymmetricEigenTests {
    // Identities: A v_k = l_k v_k and V V' = 1, both to 1e-12 of the matrix's size; trace = sum of the values.
    @Test("reconstructs the matrix", arguments: [1, 2, 3, 17, 40])
    func identities(n: Int) throws {
        var stream = RandomStream(seed: UInt64(n), purpose: .test)
        var a = [Double](repeating: 0, count: n * n)
        for i in 0..<n {
            for j in i..<n {
                a[i * n + j] = stream.normal()
                a[j * n + i] = a[i * n + j]
            }
        }
        let eigen = try SymmetricEigen(a, dimension: n)
        #expect(zip(eigen.values, eigen.values.dropFirst()).allSatisfy { $0 <= $1 })
        for k in 0..<n {
            for i in 0..<n {
                let product = (0..<n).reduce(0) { $0 + a[i * n + $1] * eigen.vectors[k * n + $1] }
                #expect(abs(product - eigen.values[k] * eigen.vectors[k * n + i]) < 1e-11)
            }
            for l in 0..<n {
                let product = (0..<n).reduce(0) { $0 + eigen.vectors[k * n + $1] * eigen.vectors[l * n + $1] }
                #expect(abs(product - (k == l ? 1 : 0)) < 1e-12)
            }
        }
    }

    @Test("knows a two by two by heart, whatever stands below the diagonal")
    func known() throws {
        let eigen = try SymmetricEigen([2, 1, .nan, 2], dimension: 2)
        #expect(abs(eigen.values[0] - 1) < 1e-15 && abs(eigen.values[1] - 3) < 1e-15)
        #expect(eigen.vectors.map { abs($0) }.allSatisfy { abs($0 - 0.5.squareRoot()) < 1e-15 })
    }

    @Test("refuses what is not finite")
    func refuses() {
        #expect(throws: CSCError.self) { try SymmetricEigen([1, .infinity, 0, 1], dimension: 2) }
    }
}
