/// How a server is started.
public struct ServiceOptions: Sendable {
    /// The folder of the one file; made if absent.
    public var data: String
    /// The address to listen at.
    public var host = "127.0.0.1"
    /// The port; 0 takes a free one.
    public var port = 8080
    /// The path under which a proxy shows the server, such as `/cafe`; empty for none.
    public var basePath = ""
    /// How the server is reached from outside, such as `https://label.example.org`; nil: as the request says.
    public var publicURL: String?
    /// Proxies that are believed when they say in `X-Forwarded-For` who asks: addresses, or networks such as 10.0.0.0/8.
    /// One on this machine is believed besides where `basePath` or `publicURL` says that there is one.
    public var trustedProxies: [String] = []
    /// A file with the admin's token; made with a new one if absent. nil: a token is made at the first start and printed.
    public var adminTokenFile: String?
    /// Certificate chain and private key, PEM files; nil: no TLS.
    public var tls: (certificate: String, key: String)?
    /// Requests a second for each token, twice as many at once; 0: no limit.
    public var rateLimit = 100.0
    /// Whether a demo study and a demo city are made and played.
    public var demo = false
    /// The least level of what is logged: `info` logs each request.
    public var logLevel = "info"

    /// A server over the file in `data`.
    public init(data: String) { self.data = data }
}
