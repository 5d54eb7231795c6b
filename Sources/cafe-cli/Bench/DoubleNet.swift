internal import CSCSwift
internal import Foundation

/// A network in double precision, one row at a time: what the fast kernels are checked against.
struct DoubleNet {
    private let shape: MLPShape
    private let input: [Float]
    private let rows: Int

    /// The first `rows` rows of `input`.
    init(_ shape: MLPShape, _ input: [Float], rows: Int) {
        self.shape = shape
        self.input = input
        self.rows = rows
    }

    /// The layers' outputs for a row, the input first.
    private func layers(_ parameters: [Double], _ row: Int) -> [[Double]] {
        var layers = [input[row * shape.inputWidth..<(row + 1) * shape.inputWidth].map(Double.init)]
        for layer in 0..<shape.layerCount {
            let (rows, columns) = (shape.widths[layer], shape.widths[layer + 1])
            let start = shape.parameterRange(layer: layer).lowerBound
            layers.append(
                (0..<columns).map { column in
                    var z = parameters[start + rows * columns + column]
                    for k in 0..<rows { z += layers[layer][k] * parameters[start + k * columns + column] }
                    if layer == shape.layerCount - 1 { return z }
                    return shape.hidden == .tanh ? tanh(z) : max(0, z)
                })
        }
        return layers
    }

    /// The outputs of a row.
    func output(_ parameters: [Double], _ row: Int) -> [Double] { layers(parameters, row)[shape.layerCount] }

    /// The gradient by the parameters, where `head` gives dL/doutput from a row and its outputs.
    func gradient(_ parameters: [Double], head: (_ row: Int, _ output: [Double]) -> [Double]) -> [Double] {
        var gradient = [Double](repeating: 0, count: parameters.count)
        for row in 0..<rows {
            let layers = layers(parameters, row)
            var delta = head(row, layers[shape.layerCount])
            for layer in (0..<shape.layerCount).reversed() {
                let (rows, columns) = (shape.widths[layer], shape.widths[layer + 1])
                let start = shape.parameterRange(layer: layer).lowerBound
                for column in 0..<columns {
                    for k in 0..<rows { gradient[start + k * columns + column] += layers[layer][k] * delta[column] }
                    gradient[start + rows * columns + column] += delta[column]
                }
                guard layer > 0 else { break }
                delta = (0..<rows).map { k in
                    var sum = 0.0
                    for column in 0..<columns { sum += delta[column] * parameters[start + k * columns + column] }
                    let h = layers[layer][k]
                    return sum * (shape.hidden == .tanh ? 1 - h * h : h > 0 ? 1 : 0)
                }
            }
        }
        return gradient
    }
}
