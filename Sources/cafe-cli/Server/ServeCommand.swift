internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli serve`: becomes the program `cafe-server` beside this one.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve studies in the browser and dispatch over HTTP (the program cafe-server, by make server).",
        discussion: """
            All arguments go to cafe-server: --data DIR, --host, --port, --demo, --backup FILE and others; \
            cafe-cli serve --help lists them once it is built.
            """)

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws { try ServerProgram.become(arguments) }
}

/// `cafe-cli label export`: a session becomes a study of a server.
struct LabelExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Take a session into a server's data folder as a new study, with all its events.",
        discussion: """
            The server must not run meanwhile. The way back is label import FOLDER --server DIR --study ID, which writes a \
            new session's folder.
            """)

    @Argument(help: "The session's folder.") var folder: String
    @Option(help: "The server's data folder; made if absent.") var server: String
    @Option(help: "The id of the new study.") var study: String
    @Option(help: "The study's name, as pages show it; its id if left out.") var name: String?

    func run() throws {
        let more = name.map { ["--name", $0] } ?? []
        try ServerProgram.become(["import", "--data", server, "--study", study, "--folder", folder] + more)
    }
}
