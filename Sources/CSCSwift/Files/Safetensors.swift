/// Tensors of floats in Hugging Face's safetensors format: the header's length (u64), a JSON header with each tensor's
/// type, shape and place, then the data, all little-endian.
public struct Safetensors: Sendable {
    /// A tensor: [shape], row-major.
    public struct Tensor: Sendable, Hashable {
        /// The name by which programs find it.
        public var name: String
        /// Its sizes; empty for a single number.
        public var shape: [Int]
        /// As many numbers as the sizes' product.
        public var values: [Float]

        /// A tensor. Traps where the numbers are not as many as the shape has.
        public init(name: String, shape: [Int], values: [Float]) {
            precondition(
                shape.reduce(1, *) == values.count, "Safetensors: \(name) has \(values.count) numbers for \(shape)")
            self.name = name
            self.shape = shape
            self.values = values
        }
    }

    /// The tensors in the order of their data.
    public var tensors: [Tensor]
    /// Texts of the header's `__metadata__`, in their order.
    public var metadata: [(String, String)]

    /// A file's content.
    public init(tensors: [Tensor], metadata: [(String, String)] = []) {
        self.tensors = tensors
        self.metadata = metadata
    }

    /// The file's bytes; the data begin at a multiple of 8. O(size).
    public var bytes: [UInt8] {
        var fields: [(String, JSON)] = [("__metadata__", .object(metadata.map { ($0.0, .string($0.1)) }))]
        var data: [UInt8] = []
        for tensor in tensors {
            let start = data.count
            data += LittleEndian.bytes(tensor.values)
            fields.append(
                (
                    tensor.name,
                    .object([
                        ("dtype", .string("F32")), ("shape", .array(tensor.shape.map(JSON.integer))),
                        ("data_offsets", .array([.integer(start), .integer(data.count)])),
                    ])
                ))
        }
        var header = Array(JSON.object(fields).line.utf8)
        while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
        return LittleEndian.bytes(UInt64(header.count)) + header + data
    }
}
