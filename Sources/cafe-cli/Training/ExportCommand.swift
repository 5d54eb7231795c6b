internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli export`
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a trained policy as ONNX or safetensors, for other tools.",
        discussion: """
            onnx: a graph with inputs context [B, C], candidates [B, K, D] and mask [B, K] (float32, 1 for an allowed \
            action) and outputs logits and probabilities [B, K] and value [B]. The last of the K actions is "stay".

            safetensors: actor.L.weight [out, in] and actor.L.bias [out] of each layer L, as PyTorch's Linear takes them, and \
            critic.L likewise; the design is in the header's __metadata__.

            Runs of train and refine hold a network; learnt coalition rules are YAML files already.

            Example: cafe-cli export runs/first --format onnx --out policy.onnx
            """)

    @Argument(help: ArgumentHelp("The run's folder.", valueName: "run"))
    var folder: String
    @Option(help: "onnx or safetensors.", transform: Self.format)
    var format: PolicyExport.Format = .onnx
    @Option(help: "The file (default: policy.onnx or policy.safetensors in the run's folder).")
    var out: String?

    private static func format(_ text: String) throws -> PolicyExport.Format {
        let names = PolicyExport.Format.allCases.map(\.rawValue)
        guard let format = PolicyExport.Format(rawValue: text) else {
            throw ValidationError("'\(text)' is none of \(names.joined(separator: ", "))")
        }
        return format
    }

    func run() throws {
        let bytes = try PolicyExport(contentsOf: folder).bytes(format)
        let path = out ?? AtomicFile.join(folder, "policy.\(format.rawValue)")
        try AtomicFile.write(bytes, to: path)
        print("wrote \(path) (\(Terminal.counted(bytes.count, "byte")))")
    }
}
