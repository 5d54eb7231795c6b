internal import CSCSwift
internal import Foundation
internal import GRDB
internal import HTTPTypes
public import Hummingbird
internal import HummingbirdCore
internal import HummingbirdTLS
internal import Logging
internal import NIOCore
internal import NIOSSL
internal import ServiceLifecycle
internal import Synchronization

/// The service: studies that people label in a browser, cities that are dispatched, over HTTP and one SQLite file.
///
///     let service = try CafeService(ServiceOptions(data: "data"))
///     try await service.run()   // until SIGTERM or SIGINT
public final class CafeService: Sendable {
    let options: ServiceOptions
    let file: ServerFile
    let queue: CommitQueue
    let studies: StudyBook
    let cities: CityBook
    let tokens: Tokens
    let clock: ServiceClock
    let meters: Meters
    let logger: Logger
    let limiter: RateLimiter
    let isReady = Mutex(false)
    /// Where sessions' snapshots lie, and the thread that writes them.
    let snapshots: SnapshotFolder
    let behind = BackgroundThread(name: "cafe.snapshots")
    /// What is printed once the port is known; nil prints nothing.
    private let say: @Sendable (String) -> Void
    private let listening = Mutex<String?>(nil)

    /// Opens or makes the file. Nothing is listened at yet.
    /// - Parameter say: takes the sentences for who starts the server, such as the admin's link.
    /// - Throws: an error in a sentence where the folder is another server's, or a file cannot be used.
    public init(_ options: ServiceOptions, say: @escaping @Sendable (String) -> Void = { _ in }) throws {
        self.options = options
        self.say = say
        let level = Logger.Level(rawValue: options.logLevel) ?? .info
        logger = Logger(label: "cafe-server") { JSONLogHandler(label: $0, level: level) }
        meters = Meters(logger: logger)
        limiter = RateLimiter(rate: options.rateLimit)
        clock = ServiceClock()
        tokens = Tokens()
        file = try ServerFile(folder: options.data)
        queue = CommitQueue(file, meters: meters)
        studies = StudyBook(clock: clock, tokens: tokens)
        cities = CityBook(clock: clock, queue: queue)
        snapshots = SnapshotFolder(beside: file.path)
        startRefits()
    }

    /// Listens until SIGTERM or SIGINT: then answers what was asked, keeps snapshots, and closes the file.
    public func run() async throws {
        let token = try await prepare()
        try await application(adminToken: token).runService()
        file.closeFile()
    }

    /// Reads tokens, and makes the admin's at the first start: it is returned where it may be shown.
    public func prepare() async throws -> String? {
        let token = try adminTokenOfFile()
        return try await queue.perform { [tokens, clock] context in
            try tokens.load(context)
            let latest = try Double.fetchOne(context.database, sql: "SELECT MAX(time) FROM actions")
            if let latest { clock.notBefore(latest) }
            if let token {
                tokens.learn(hash: Tokens.hash(token.text), .admin)
                return token.isNew ? token.text : nil
            }
            let known = try Int.fetchOne(context.database, sql: "SELECT COUNT(*) FROM tokens WHERE role = 'admin'") ?? 0
            return known > 0 ? nil : try tokens.issue(.admin, context, at: clock.now)
        }
    }

    /// The token in the file that the options name; a new one is written where there is no file.
    private func adminTokenOfFile() throws -> (text: String, isNew: Bool)? {
        guard let path = options.adminTokenFile else { return nil }
        if FileManager.default.fileExists(atPath: path) {
            let text = try AtomicFile.readText(path).trimmingCharacters(in: .whitespacesAndNewlines)
            guard text.utf8.count >= 16 else {
                throw ServiceError("\(path): the token has \(text.utf8.count) bytes; at least 16 are wanted")
            }
            return (text, false)
        }
        let token = Tokens.make()
        guard
            FileManager.default.createFile(
                atPath: path, contents: Data((token + "\n").utf8), attributes: [.posixPermissions: 0o600])
        else { throw ServiceError("\(path): cannot be written") }
        return (token, true)
    }

    /// The HTTP application, with what runs beside it.
    /// - Parameter adminToken: shown as a link once the port is known; nil shows none.
    /// - Throws: an error where certificate or key cannot be read.
    public func application(adminToken: String?) throws -> some ApplicationProtocol {
        let front = Front(
            routes: routes, basePath: options.basePath, tokens: tokens, meters: meters, limiter: limiter,
            proxies: TrustedProxies(
                options.trustedProxies, loopback: !options.basePath.isEmpty || options.publicURL != nil))
        return Application(
            responder: front, server: try server(),
            configuration: ApplicationConfiguration(
                address: .hostname(options.host, port: options.port), serverName: "cafe", backlog: 1024),
            services: [Housekeeping(service: self)],
            onServerRunning: { [self] channel in await started(channel, adminToken) }, logger: logger)
    }

    /// Whether `ServiceOptions.trustedProxies` can hold this: an address, or a network such as 10.0.0.0/8.
    public static func isNetwork(_ text: String) -> Bool { TrustedProxies.isNetwork(text) }

    var routes: [Route] { pageRoutes + studyRoutes + reportRoutes + cityRoutes + operationRoutes }

    private func server() throws -> HTTPServerBuilder {
        let plain = HTTPServerBuilder.http1(configuration: .init(idleTimeout: .seconds(120)))
        guard let tls = options.tls else { return plain }
        let chain = try NIOSSLCertificate.fromPEMFile(tls.certificate).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: tls.key, format: .pem)
        return try .tls(
            plain, tlsConfiguration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key)))
    }

    private func started(_ channel: any Channel, _ adminToken: String?) async {
        let port = channel.localAddress?.port ?? options.port
        let host = options.host.contains(":") ? "[\(options.host)]" : options.host
        let base = options.publicURL ?? "\(options.tls == nil ? "http" : "https")://\(host):\(port)"
        listening.withLock { $0 = base }
        say("listening on \(base)\(options.basePath)")
        if let adminToken { say("admin link: \(base)\(options.basePath)/admin?t=\(adminToken)") }
        Task {
            await openAll()
            if options.demo { await Demo(service: self, base: base + options.basePath).start(say) }
        }
    }

    /// Opens all studies and cities, so that the first request finds them in memory.
    func openAll() async {
        do {
            let ids = try await queue.perform { [studies] context in try studies.ids(context) }
            for id in ids {
                do { try await queue.perform { [studies] context in _ = try studies.study(id, context) } } catch {
                    logger.error("study \(id) cannot be opened: \(Problem(any: error).detail)")
                }
            }
            for id in try await cities.ids() {
                do { _ = try await cities.city(id) } catch {
                    logger.error("city \(id) cannot be opened: \(Problem(any: error).detail)")
                }
            }
        } catch { logger.error("the studies cannot be listed: \(error)") }
        isReady.withLock { $0 = true }
    }

    /// The address of the server as this request sees it, with the base path.
    func base(_ call: Call) -> String {
        let proto = call.request.headers[.forwardedProto] ?? (options.tls == nil ? "http" : "https")
        let host = call.request.head.authority ?? ""
        let isPlain = !host.isEmpty && host.utf8.allSatisfy { $0 > 32 && $0 < 127 && !"<>\"'&/\\".utf8.contains($0) }
        let seen = isPlain ? "\(proto == "https" ? "https" : "http")://\(host)" : listening.withLock { $0 } ?? ""
        return (options.publicURL ?? seen) + options.basePath
    }
}

extension HTTPField.Name {
    /// `X-Forwarded-Proto`.
    static let forwardedProto = HTTPField.Name("X-Forwarded-Proto")!
}
