/// A graph of ONNX operators under construction, float32, of operator set 13: what `PolicyExport` writes. Field numbers are
/// those of onnx.proto3.
struct OnnxGraph {
    /// A size of an input or output: a number, or a name where it is the caller's choice.
    enum Size {
        case fixed(Int)
        case named(String)
    }

    private var nodes: [ProtocolBuffer] = []
    private var constants: [ProtocolBuffer] = []
    private var inputs: [ProtocolBuffer] = []
    private var outputs: [ProtocolBuffer] = []

    /// An input of this name, float32. Returns the name.
    mutating func input(_ name: String, _ shape: [Size]) -> String {
        inputs.append(Self.value(name, shape))
        return name
    }

    /// Makes a value an output of the graph, float32.
    mutating func output(_ name: String, _ shape: [Size]) { outputs.append(Self.value(name, shape)) }

    /// A constant of floats.
    mutating func constant(_ name: String, _ shape: [Int], _ values: [Float]) -> String {
        constants.append(Self.tensor(name, shape, type: 1, LittleEndian.bytes(values)))
        return name
    }

    /// A constant list of whole numbers, as axes and shapes are given.
    mutating func constant(_ name: String, _ values: [Int]) -> String {
        let data = values.flatMap { LittleEndian.bytes(Int64($0)) }
        constants.append(Self.tensor(name, [values.count], type: 7, data))
        return name
    }

    /// An operator with one output, whose name it returns.
    @discardableResult
    mutating func node(_ type: String, _ inputs: [String], _ output: String, attributes: [(String, Int)] = []) -> String
    {
        nodes.append(
            ProtocolBuffer { node in
                for input in inputs { node.text(1, input) }
                node.text(2, output)
                node.text(3, output)
                node.text(4, type)
                for (name, value) in attributes {
                    node.message(
                        5,
                        ProtocolBuffer { attribute in
                            attribute.text(1, name)
                            attribute.integer(3, value)
                            attribute.integer(20, 2)
                        })
                }
            })
        return output
    }

    /// The model file. O(size).
    func model(name: String, metadata: [(String, String)]) -> [UInt8] {
        let graph = ProtocolBuffer { graph in
            for node in nodes { graph.message(1, node) }
            graph.text(2, name)
            for constant in constants { graph.message(5, constant) }
            for input in inputs { graph.message(11, input) }
            for output in outputs { graph.message(12, output) }
        }
        let model = ProtocolBuffer { model in
            model.integer(1, 8)
            model.text(2, "cafe")
            model.message(7, graph)
            model.message(8, ProtocolBuffer { $0.integer(2, 13) })
            for (key, value) in metadata {
                model.message(
                    14,
                    ProtocolBuffer { entry in
                        entry.text(1, key)
                        entry.text(2, value)
                    })
            }
        }
        return model.bytes
    }

    private static func tensor(_ name: String, _ shape: [Int], type: Int, _ data: [UInt8]) -> ProtocolBuffer {
        ProtocolBuffer { tensor in
            for size in shape { tensor.integer(1, size) }
            tensor.integer(2, type)
            tensor.text(8, name)
            tensor.data(9, data)
        }
    }

    private static func value(_ name: String, _ shape: [Size]) -> ProtocolBuffer {
        let sizes = ProtocolBuffer { sizes in
            for size in shape {
                sizes.message(
                    1,
                    ProtocolBuffer { dimension in
                        switch size {
                        case .fixed(let number): dimension.integer(1, number)
                        case .named(let name): dimension.text(2, name)
                        }
                    })
            }
        }
        let type = ProtocolBuffer { type in
            type.integer(1, 1)
            type.message(2, sizes)
        }
        return ProtocolBuffer { value in
            value.text(1, name)
            value.message(2, ProtocolBuffer { $0.message(1, type) })
        }
    }
}
