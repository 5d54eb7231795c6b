internal import CCore

/// The element-wise function of a layer.
public enum Activation: Int32, Sendable, Codable {
    /// z itself.
    case identity = 0
    /// tanh(z).
    case tanh = 1
    /// max(0, z), with derivative 0 at 0.
    case relu = 2
}

/// The widths and activations of a multilayer perceptron.
///
/// Layer l computes `h' = f(h W + b)`, W of widths[l] x widths[l + 1], row-major.
public struct MLPShape: Sendable, Hashable, Codable {
    /// Input width, hidden widths, output width: at least two numbers, each at least 1.
    public let widths: [Int]
    /// Applied after every layer but the last.
    public let hidden: Activation
    /// Applied after the last layer.
    public let output: Activation

    /// A shape. Traps unless there are 2 to 17 widths, each from 1 to 2^20. O(layers).
    public init(widths: [Int], hidden: Activation = .tanh, output: Activation = .identity) {
        precondition(
            widths.count >= 2 && widths.count <= CAFE_MLP_LAYERS + 1,
            "MLPShape: \(widths.count) widths, 2 to \(CAFE_MLP_LAYERS + 1) expected")
        precondition(
            widths.allSatisfy { $0 >= 1 && $0 <= 1 << 20 }, "MLPShape: widths \(widths) are not all from 1 to 2^20")
        self.widths = widths
        self.hidden = hidden
        self.output = output
    }

    private enum CodingKeys: CodingKey { case widths, hidden, output }

    /// Decodes a shape; throws where the widths could not make one. O(layers).
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let widths = try container.decode([Int].self, forKey: .widths)
        guard widths.count >= 2, widths.count <= CAFE_MLP_LAYERS + 1,
            widths.allSatisfy({ $0 >= 1 && $0 <= 1 << 20 })
        else {
            throw DecodingError.dataCorruptedError(
                forKey: .widths, in: container, debugDescription: "\(widths) are not the widths of a net")
        }
        self.widths = widths
        self.hidden = try container.decode(Activation.self, forKey: .hidden)
        self.output = try container.decode(Activation.self, forKey: .output)
    }

    /// How many numbers a row of input has.
    public var inputWidth: Int { widths[0] }
    /// How many numbers a row of output has.
    public var outputWidth: Int { widths[widths.count - 1] }
    /// How many layers of weights there are.
    public var layerCount: Int { widths.count - 1 }

    /// How many floats the parameters take: the sum of (in + 1) * out. O(layers).
    public var parameterCount: Int {
        var count = 0
        for layer in 0..<layerCount { count += (widths[layer] + 1) * widths[layer + 1] }
        return count
    }

    /// Where W and b of a layer lie in the flat parameters; b is the last widths[layer + 1] of them. O(layers).
    public func parameterRange(layer: Int) -> Range<Int> {
        precondition(layer >= 0 && layer < layerCount, "MLPShape: layer \(layer) of \(layerCount)")
        var start = 0
        for lower in 0..<layer { start += (widths[lower] + 1) * widths[lower + 1] }
        return start..<start + (widths[layer] + 1) * widths[layer + 1]
    }
}

/// The scratch memory of one net: activations of up to `maxRows` rows, and what the derivative passes keep.
///
/// Nothing is allocated after `init`; pages that no call has touched take no memory, so a workspace that only ever
/// serves `MLP.predict` stays small. One workspace serves one thread at a time: it may be handed from thread to
/// thread (hence `Sendable`), but two calls must not use it at once.
public final class MLPWorkspace: @unchecked Sendable {
    /// The net that it serves.
    public let shape: MLPShape
    /// The most rows of one call.
    public let maxRows: Int

    let net: cafe_mlp
    let floats: UnsafeMutablePointer<Float>
    private let memory: UnsafeMutableRawPointer
    private let widths: UnsafeMutablePointer<Int32>

    /// Rows of the last `MLP.forward`, -1 where its activations are gone.
    var forwardRows = -1
    /// Rows of the last `MLP.rForward` and `MLP.prepare` that are still valid for those activations.
    var tangentRows = -1
    var deltaRows = -1

    /// Memory for one net. O(layers); about 4 * maxRows * (sum of widths) floats are reserved.
    public init(shape: MLPShape, maxRows: Int) {
        precondition(maxRows >= 0 && maxRows < 1 << 31, "MLPWorkspace: maxRows \(maxRows) is not in 0..<2^31")
        self.shape = shape
        self.maxRows = maxRows
        widths = .allocate(capacity: shape.widths.count)
        for (index, width) in shape.widths.enumerated() { (widths + index).initialize(to: Int32(width)) }
        net = cafe_mlp(
            widths: widths, layers: Int32(shape.layerCount), hidden: shape.hidden.rawValue,
            output: shape.output.rawValue)
        let count = withUnsafePointer(to: net) { Int(cafe_mlp_workspace($0, Int64(maxRows))) }
        memory = .allocate(byteCount: count * MemoryLayout<Float>.stride, alignment: 64)
        floats = memory.bindMemory(to: Float.self, capacity: count)
    }

    deinit {
        memory.deallocate()
        widths.deallocate()
    }
}
