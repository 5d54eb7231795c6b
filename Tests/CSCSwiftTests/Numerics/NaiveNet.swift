import CSCSwift
import Foundation

/// The naive reference of CCore's mlp: double precision, one loop a sum, nothing blocked, nothing shared.
struct NaiveNet {
    let shape: MLPShape
    var parameters: [Double]

    func activate(_ z: Double, _ kind: Activation) -> Double {
        switch kind {
        case .identity: z
        case .tanh: tanhD(z)
        case .relu: z > 0 ? z : 0
        }
    }

    func slope(_ z: Double, _ kind: Activation) -> Double {
        switch kind {
        case .identity: 1
        case .tanh: 1 - tanhD(z) * tanhD(z)
        case .relu: z > 0 ? 1 : 0
        }
    }

    func kind(_ layer: Int) -> Activation { layer == shape.layerCount - 1 ? shape.output : shape.hidden }

    /// Pre-activations of every layer for one row, and the activations below them.
    func trace(_ row: [Double]) -> (z: [[Double]], h: [[Double]]) {
        var h = [row]
        var z: [[Double]] = []
        for layer in 0..<shape.layerCount {
            let start = shape.parameterRange(layer: layer).lowerBound
            let (rows, columns) = (shape.widths[layer], shape.widths[layer + 1])
            var sums = [Double](repeating: 0, count: columns)
            for j in 0..<columns {
                sums[j] = parameters[start + rows * columns + j]
                for i in 0..<rows { sums[j] += h[layer][i] * parameters[start + i * columns + j] }
            }
            z.append(sums)
            h.append(sums.map { activate($0, kind(layer)) })
        }
        return (z, h)
    }

    func forward(_ input: [Double]) -> [Double] {
        rows(of: input, shape.inputWidth).flatMap { trace($0).h.last! }
    }

    /// Gradient of sum(output * G) in the parameters and the input.
    func backward(_ input: [Double], _ outputGradient: [Double]) -> (parameters: [Double], input: [Double]) {
        var gradient = [Double](repeating: 0, count: parameters.count)
        var below: [Double] = []
        for (row, g) in zip(rows(of: input, shape.inputWidth), rows(of: outputGradient, shape.outputWidth)) {
            let (z, h) = trace(row)
            var e = g
            for layer in stride(from: shape.layerCount - 1, through: 0, by: -1) {
                let start = shape.parameterRange(layer: layer).lowerBound
                let (rows, columns) = (shape.widths[layer], shape.widths[layer + 1])
                let d = (0..<columns).map { e[$0] * slope(z[layer][$0], kind(layer)) }
                var next = [Double](repeating: 0, count: rows)
                for i in 0..<rows {
                    for j in 0..<columns {
                        gradient[start + i * columns + j] += h[layer][i] * d[j]
                        next[i] += d[j] * parameters[start + i * columns + j]
                    }
                }
                for j in 0..<columns { gradient[start + rows * columns + j] += d[j] }
                e = next
            }
            below += e
        }
        return (gradient, below)
    }

    /// This net with parameters moved by `step` along `direction`.
    func moved(_ direction: [Double], _ step: Double) -> NaiveNet {
        NaiveNet(shape: shape, parameters: zip(parameters, direction).map { $0 + step * $1 })
    }

    private func rows(of flat: [Double], _ width: Int) -> [[Double]] {
        stride(from: 0, to: flat.count, by: width).map { Array(flat[$0..<$0 + width]) }
    }
}

func tanhD(_ x: Double) -> Double { tanh(x) }

/// |a - b| / |b| in the Euclidean norm, or |a - b| where b is 0.
func relativeError(_ a: [Float], _ b: [Double]) -> Double {
    var difference = 0.0
    var size = 0.0
    for (x, y) in zip(a, b) {
        difference += (Double(x) - y) * (Double(x) - y)
        size += y * y
    }
    return size > 0 ? (difference / size).squareRoot() : difference.squareRoot()
}

/// Uniform floats in (-scale, scale) from the test stream.
func floats(_ count: Int, scale: Double = 1, seed: UInt64) -> [Float] {
    var stream = RandomStream(seed: seed, purpose: .test)
    return (0..<count).map { _ in Float(stream.uniform(-scale, scale)) }
}

func doubles(_ values: [Float]) -> [Double] { values.map(Double.init) }

/// What a call gives at 1, 2 and 7 threads: a kernel must give the same bits.
func atThreads<T>(_ body: () -> T) -> [T] {
    let before = Threads.count
    defer { Threads.count = before }
    return [1, 2, 7].map { threads in
        Threads.count = threads
        return body()
    }
}
