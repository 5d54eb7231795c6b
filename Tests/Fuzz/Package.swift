// swift-tools-version: 6.2
import PackageDescription

// A package of its own: libFuzzer instruments all that it builds. `scripts/fuzz SECONDS` builds and runs it.
let package = Package(
    name: "cafe-fuzz",
    dependencies: [.package(name: "cafe", path: "../..")],
    targets: [
        .target(name: "Driver"),
        .executableTarget(
            name: "Fuzz", dependencies: ["Driver", .product(name: "CSCSwift", package: "cafe")],
            swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
    ]
)
