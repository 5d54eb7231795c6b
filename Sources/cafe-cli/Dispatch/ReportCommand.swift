internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli report`
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Show a training run: one HTML file with its curves, phases, configuration and comparisons.",
        discussion: """
            Reads the folder of a run of train or evolve and writes a page that any browser shows, without a network: \
            every measurement by iteration, where the time went, configuration and scenario, and a comparison for each \
            result of `cafe-cli evaluate --json` that lies in the folder or is named.

            Example:
              cafe-cli report runs/first --out first.html
              cafe-cli report runs/first --result 200-50.json --result 200-200.json
            """)

    @Argument(help: "The folder of the run.")
    var folder: String
    @Option(name: .customLong("result"), help: "A result of evaluate --json to show; may be given several times.")
    var results: [String] = []
    @Option(help: "The page; report.html in the folder if it is not given, - for standard output.")
    var out: String?

    func run() throws {
        let path = out ?? AtomicFile.join(folder, "report.html")
        try FileOptions.checkOutputs([out])
        let page = try ReportPage(run: folder, results: results)
        try FileOptions.write(page.html, to: path)
        if path != "-" { print("The page is \(path): open it in a browser.") }
    }
}
