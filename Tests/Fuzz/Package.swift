// swift-tools-version: 6.2
import PackageDescription

// The targets here see what CAFE's package shares among its own targets (`package`): SwiftPM names a package in a folder
// after the folder, and a clone may have any.
let folder = Context.packageDirectory.split(separator: "/").dropLast(2).last.map(String.init) ?? "cafe"
let inside: SwiftSetting = .unsafeFlags([
    "-package-name", String(folder.lowercased().map { $0.isLetter || $0.isNumber ? $0 : "_" }),
])

// A package of its own: libFuzzer instruments all that it builds. `scripts/fuzz SECONDS` builds and runs it.
let package = Package(
    name: "cafe-fuzz",
    dependencies: [.package(name: "cafe", path: "../..")],
    targets: [
        .target(name: "Driver"),
        .executableTarget(
            name: "Fuzz", dependencies: ["Driver", .product(name: "CSCSwift", package: "cafe")],
            packageAccess: false, swiftSettings: [.unsafeFlags(["-parse-as-library"]), inside]),
    ]
)
