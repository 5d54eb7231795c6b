// swift-tools-version: 6.2
import PackageDescription

// The targets here see what CAFE's package shares among its own targets (`package`): SwiftPM names a package in a folder
// after the folder, and a clone may have any.
let folder = Context.packageDirectory.split(separator: "/").dropLast(1).last.map(String.init) ?? "cafe"
let name = String(folder.lowercased().map { $0.isLetter || $0.isNumber ? $0 : "_" })
let inside: SwiftSetting = .unsafeFlags(["-package-name", name])

// A package of its own, so that neither a build nor a user of CAFE fetches the benchmark harness:
//   scripts/bench-suite           all cases
//   scripts/bench-suite check     the same against the thresholds in Thresholds/
let package = Package(
    name: "cafe-benchmarks",
    dependencies: [
        .package(name: "cafe", path: ".."),
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    ],
    targets: [
        // What an engineer writes first, in plain C, and a counter of heap allocations.
        .target(name: "Reference", path: "Reference", cSettings: [.unsafeFlags(["-O3", "-std=c11"])]),
        .executableTarget(
            name: "Cafe",
            dependencies: [
                "Reference",
                .product(name: "CSCSwift", package: "cafe"),
                .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Cafe",
            packageAccess: false,
            swiftSettings: [inside],
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
        ),
    ]
)
