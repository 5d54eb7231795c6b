internal import ArgumentParser
internal import CafeServer
internal import Foundation

@main
struct Main: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cafe-server", abstract: "The CAFE service: people label in a browser, programs ask over HTTP.",
        subcommands: [Serve.self, Export.self, Import.self], defaultSubcommand: Serve.self)
}

/// `cafe-server`: listens until SIGTERM.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve the studies and cities of a data folder (the default command).")

    @Option(help: "The folder of the one SQLite file; made if absent.") var data: String
    @Option(help: "The address to listen at.") var host = "127.0.0.1"
    @Option(help: "The port; 0 takes a free one and prints it.") var port = 8080
    @Option(help: "A file with the admin's token; made with a new one if absent.") var adminTokenFile: String?
    @Option(help: "Write a copy of the data folder's file to FILE and end; the server may run on meanwhile.")
    var backup: String?
    @Option(help: "The path under which a proxy shows the server, such as /cafe.") var basePath = ""
    @Option(help: "How the server is reached from outside, such as https://label.example.org, for links.")
    var publicURL: String?
    @Option(
        help:
            "A proxy that is believed in X-Forwarded-For: its address, or a network such as 10.0.0.0/8; may be repeated."
    )
    var trustProxy: [String] = []
    @Option(help: "PEM file with the certificate chain; with --tls-key.") var tlsCert: String?
    @Option(help: "PEM file with the private key; with --tls-cert.") var tlsKey: String?
    @Option(help: "Requests a second for each token, twice as many at once; 0: no limit.") var rateLimit = 100.0
    @Option(help: "What is logged at least: debug, info (each request), notice, warning, error.") var logLevel = "info"
    @Flag(help: "Make a demo study and a demo city, print their links, and play the city.") var demo = false

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port is 0 to 65535, not \(port)") }
        guard (tlsCert == nil) == (tlsKey == nil) else { throw ValidationError("--tls-cert and --tls-key go together") }
        guard rateLimit >= 0, rateLimit <= 1e6 else { throw ValidationError("--rate-limit is 0 to 1000000") }
        guard basePath.isEmpty || (basePath.hasPrefix("/") && !basePath.hasSuffix("/") && !basePath.contains("//"))
        else {
            throw ValidationError("--base-path begins with / and does not end with it, such as /cafe")
        }
        for proxy in trustProxy where !CafeService.isNetwork(proxy) {
            throw ValidationError("--trust-proxy is an address or a network such as 10.0.0.0/8, not \(proxy)")
        }
        let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
        guard levels.contains(logLevel) else {
            throw ValidationError("--log-level is one of \(levels.joined(separator: ", "))")
        }
    }

    func run() async throws {
        if let backup {
            try CafeService.backUp(data: data, to: backup)
            print("backup: \(backup)")
            return
        }
        Memory.keepPages()
        var options = ServiceOptions(data: data)
        options.host = host
        options.port = port
        options.adminTokenFile = adminTokenFile
        options.basePath = basePath
        options.publicURL = publicURL
        options.trustedProxies = trustProxy
        if let tlsCert, let tlsKey { options.tls = (tlsCert, tlsKey) }
        options.rateLimit = rateLimit
        options.logLevel = logLevel
        options.demo = demo
        let service = try CafeService(options) { sentence in
            FileHandle.standardOutput.write(Data((sentence + "\n").utf8))
        }
        try await service.run()
    }
}
