internal import ArgumentParser
internal import CafeServer

/// `cafe-server export`: a study becomes a session's folder.
struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a study's events to a new folder that `cafe-cli label` works on. The server must not run.")

    @Option(help: "The server's data folder.") var data: String
    @Option(help: "The study's id.") var study: String
    @Option(help: "The new folder.") var folder: String

    func run() async throws {
        let count = try await CafeService.exportStudy(data: data, study: study, to: folder)
        print("exported \(count) events of study '\(study)' to \(folder)")
    }
}

/// `cafe-server import`: a session's folder becomes a study.
struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Take a session's folder into a server's file as a new study. The server must not run.")

    @Option(help: "The server's data folder; made if absent.") var data: String
    @Option(help: "The id of the new study.") var study: String
    @Option(help: "The session's folder.") var folder: String
    @Option(help: "The study's name, as pages show it; its id if left out.") var name: String?

    func run() async throws {
        let count = try await CafeService.importStudy(data: data, study: study, name: name, from: folder)
        print("imported \(count) events from \(folder) as study '\(study)'")
    }
}
