internal import Foundation

/// GROUSE ([GROUSE10]): completes a low-rank matrix by gradient steps on the Grassmannian,
/// one column at a time.
package enum Grouse {
    /// The options of GROUSE.
    package struct Options: Sendable, Hashable, Codable {
        /// The rank of the subspace.
        package var rank: Int
        /// How often each column is visited.
        package var passes: Int
        /// The step size, divided by the number of columns visited so far.
        package var step: Double
        /// Decides the first subspace and the order of the columns in each pass.
        package var seed: UInt64

        /// Options, each with a default; `complete` checks the rank.
        package init(rank: Int = 2, passes: Int = 100, step: Double = 1, seed: UInt64 = 0) {
            self.rank = rank
            self.passes = passes
            self.step = step
            self.seed = seed
        }
    }

    /// The completed matrix [rows x columns], row-major; `values` holds NaN where nothing was observed.
    /// O(passes (observed rank^2 + columns (rows rank + rank^3))).
    package static func complete(_ values: [Double], rows: Int, columns: Int, options: Options) -> [Double] {
        let r = options.rank
        precondition(values.count == rows * columns, "Grouse: \(values.count) values for \(rows) x \(columns)")
        precondition(r >= 1 && r <= rows, "Grouse: rank \(r) of \(rows) rows")
        var stream = RandomStream(seed: options.seed, purpose: .completion)
        var u = orthonormal(rows: rows, rank: r, &stream)
        let observed = (0..<columns).map { c in (0..<rows).filter { !values[$0 * columns + c].isNaN } }
        var order = Array(0..<columns)
        var residual = [Double](repeating: 0, count: rows), fitted = residual
        for pass in 1...max(options.passes, 1) where options.passes > 0 {
            stream.shuffle(&order)
            for (k, column) in order.enumerated() where !observed[column].isEmpty {
                let omega = observed[column]
                let w = leastSquares(u, rank: r, rows: omega, target: { values[$0 * columns + column] })
                for row in 0..<rows {
                    var sum = 0.0
                    for j in 0..<r { sum += u[row * r + j] * w[j] }
                    fitted[row] = sum
                    residual[row] = 0
                }
                for row in omega { residual[row] = values[row * columns + column] - fitted[row] }
                let residualNorm = residual.reduce(0) { $0 + $1 * $1 }.squareRoot()
                let weightNorm = w.reduce(0) { $0 + $1 * $1 }.squareRoot()
                guard residualNorm > 1e-12, weightNorm > 1e-12 else { continue }
                let sigma = residualNorm * weightNorm
                let t = options.step * sigma / Double((pass - 1) * columns + k + 1)
                guard t < Double.pi / 2 else { continue }
                let along = (cos(t) - 1) / (weightNorm * weightNorm), across = sin(t) / sigma
                for row in 0..<rows {
                    let direction = along * fitted[row] + across * residual[row]
                    for j in 0..<r { u[row * r + j] += direction * w[j] }
                }
            }
        }
        var out = [Double](repeating: 0, count: rows * columns)
        for column in 0..<columns where !observed[column].isEmpty {
            let w = leastSquares(u, rank: r, rows: observed[column], target: { values[$0 * columns + column] })
            for row in 0..<rows {
                for j in 0..<r { out[row * columns + column] += u[row * r + j] * w[j] }
            }
        }
        return out
    }

    /// Completes a label table (workers are the rows, tasks the columns) and rounds to a label; observed labels are
    /// kept. Two classes are -1 and +1; with more, one matrix per class of 1 and 0, the largest wins. Exact zeros fall
    /// to the first class.
    package static func complete(_ table: LabelTable, options: Options = Options()) -> LabelMatrix {
        let incomplete = LabelMatrix(table)
        let rows = table.workers.count, columns = table.tasks.count, classes = table.classes.count
        var best = [Double](repeating: -.infinity, count: rows * columns)
        var entries = [Int32](repeating: 0, count: columns * rows)
        for c in classes == 2 ? 1..<2 : 0..<classes {
            var values = [Double](repeating: .nan, count: rows * columns)
            for label in table.labels {
                let hit = Int(label.label) == c
                values[Int(label.worker) * columns + Int(label.task)] = hit ? 1 : classes == 2 ? -1 : 0
            }
            let full = complete(values, rows: rows, columns: columns, options: options)
            for worker in 0..<rows {
                for task in 0..<columns {
                    let value = full[worker * columns + task], place = task * rows + worker
                    if classes == 2 {
                        entries[place] = value > 0 ? 1 : 0
                    } else if value > best[place] {
                        best[place] = value
                        entries[place] = Int32(c)
                    }
                }
            }
        }
        for (place, known) in incomplete.entries.enumerated() where known != LabelMatrix.missing {
            entries[place] = known
        }
        return LabelMatrix(
            tasks: table.tasks, workers: table.workers, contexts: table.contexts, classes: table.classes,
            entries: entries)
    }

    private static func orthonormal(rows: Int, rank: Int, _ stream: inout RandomStream) -> [Double] {
        var u = (0..<rows * rank).map { _ in stream.normal() }
        for j in 0..<rank {  // Gram-Schmidt, twice for orthogonality to rounding
            for _ in 0..<2 {
                for k in 0..<j {
                    var dot = 0.0
                    for row in 0..<rows { dot += u[row * rank + j] * u[row * rank + k] }
                    for row in 0..<rows { u[row * rank + j] -= dot * u[row * rank + k] }
                }
            }
            var norm = 0.0
            for row in 0..<rows { norm += u[row * rank + j] * u[row * rank + j] }
            for row in 0..<rows { u[row * rank + j] /= norm.squareRoot() }
        }
        return u
    }

    /// argmin_w || U_Omega w - v_Omega ||, by Cholesky on the normal equations with a ridge of 1e-9 of their trace:
    /// the least-norm solution, nearly, where there are fewer rows than columns.
    private static func leastSquares(
        _ u: [Double], rank r: Int, rows: [Int], target: (Int) -> Double
    ) -> [Double] {
        var a = [Double](repeating: 0, count: r * r), w = [Double](repeating: 0, count: r)
        for row in rows {
            let v = target(row)
            for j in 0..<r {
                w[j] += u[row * r + j] * v
                for k in 0...j { a[j * r + k] += u[row * r + j] * u[row * r + k] }
            }
        }
        var trace = 0.0
        for j in 0..<r { trace += a[j * r + j] }
        for j in 0..<r { a[j * r + j] += 1e-9 * trace + 1e-300 }
        for j in 0..<r {
            for k in 0...j {
                var sum = a[j * r + k]
                for l in 0..<k { sum -= a[j * r + l] * a[k * r + l] }
                a[j * r + k] = j == k ? max(sum, 1e-300).squareRoot() : sum / a[k * r + k]
            }
            for l in 0..<j { w[j] -= a[j * r + l] * w[l] }
            w[j] /= a[j * r + j]
        }
        for j in stride(from: r - 1, through: 0, by: -1) {
            for l in j + 1..<max(r, j + 1) { w[j] -= a[l * r + j] * w[l] }
            w[j] /= a[j * r + j]
        }
        return w
    }
}
