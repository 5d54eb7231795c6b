internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli policies`
struct PoliciesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policies",
        abstract: "List what --policy can name: dispatchers and trained artefacts; or print an artefact's file.",
        discussion: """
            A trained artefact is a learnt coalition rule that comes with the program. Its file says by which command \
            it was made; running that again gives the same weights on the same kind of processor.

            Example:
              cafe-cli policies
              cafe-cli policies cafe-chengdu > mine.yaml
              cafe-cli evaluate --scenario chengdu --policy coalition,mine.yaml
            """)

    @Argument(help: "An artefact, or a policy's file or folder, to print in full.")
    var policy: String?

    func run() throws {
        if let policy {
            guard let learnt = try LearntCoalitionPolicy.named(policy) else {
                throw ValidationError(
                    "\(policy) is no learnt coalition rule; known: "
                        + LearntCoalitionPolicy.builtInNames.joined(separator: ", "))
            }
            print(try learnt.text(), terminator: "")
            return
        }
        let width = 14
        for kind in DispatcherKind.allCases {
            let tuned = kind.isPriced ? " (its price is tuned)" : ""
            print(Terminal.left(kind.rawValue, width) + kind.summary + tuned)
        }
        for name in LearntCoalitionPolicy.builtInNames {
            let origin = LearntCoalitionPolicy.builtIn(name)?.origin ?? ""
            print(Terminal.left(name, width) + origin)
        }
        print(
            "RUN           the folder of a run of train (RUN:sampled draws its actions) or of evolve, or a policy's file"
        )
    }
}
