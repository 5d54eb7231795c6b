/// Tensors of floats in Hugging Face's safetensors format: the header's length (u64), a JSON header with each tensor's
/// type, shape and place, then the data, all little-endian.
package struct Safetensors: Sendable {
    /// A tensor: [shape], row-major.
    package struct Tensor: Sendable, Hashable {
        /// The name by which programs find it.
        package var name: String
        /// Its sizes; empty for a single number.
        package var shape: [Int]
        /// As many numbers as the sizes' product.
        package var values: [Float]

        /// A tensor. Traps where the numbers are not as many as the shape has.
        package init(name: String, shape: [Int], values: [Float]) {
            precondition(
                shape.reduce(1, *) == values.count, "Safetensors: \(name) has \(values.count) numbers for \(shape)")
            self.name = name
            self.shape = shape
            self.values = values
        }
    }

    /// The tensors in the order of their data.
    package var tensors: [Tensor]
    /// Texts of the header's `__metadata__`, in their order.
    package var metadata: [(String, String)]

    /// A file's content.
    package init(tensors: [Tensor], metadata: [(String, String)] = []) {
        self.tensors = tensors
        self.metadata = metadata
    }

    /// The file's bytes; the data begin at a multiple of 8. O(size).
    package var bytes: [UInt8] {
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
