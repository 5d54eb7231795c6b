// swift-tools-version: 6.2
import PackageDescription

// A package in a folder goes by the folder's name: a clone may have any.
let cafe = Context.packageDirectory.split(separator: "/").dropLast().last.map(String.init) ?? "cafe"

let swiftFlags: [SwiftSetting] = [.enableUpcomingFeature("InternalImportsByDefault")]

let package = Package(
    name: "cafe-server",
    products: [.executable(name: "cafe-server", targets: ["cafe-server"])],
    dependencies: [
        .package(path: ".."),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", "3.12.3"..<"5.0.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .target(
            name: "CafeServer",
            dependencies: [
                .product(name: "CSCSwift", package: cafe),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: [.embedInCode("Pages")],
            swiftSettings: swiftFlags
        ),
        .executableTarget(
            name: "cafe-server",
            dependencies: [
                "CafeServer", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swiftFlags
        ),
        .testTarget(
            name: "CafeServerTests",
            dependencies: [
                "CafeServer", .product(name: "HummingbirdTesting", package: "hummingbird"),
            ],
            swiftSettings: swiftFlags
        ),
    ]
)
