// swift-tools-version: 6.2
import PackageDescription

// The C core takes OpenMP pragmas; unsafeFlags are accepted from an embedded package since tools 6.2.
// The portable x86-64 or aarch64 baseline is built; kernels choose wider vectors at run time.
let coreFlags: [CSetting] = [
    .unsafeFlags(["-O3", "-fopenmp", "-fno-math-errno", "-std=c11", "-Wall", "-Wextra"]),
    .headerSearchPath("Sources/CCore/runtime"), .headerSearchPath("Sources/CCore/simd"),
    .headerSearchPath("Sources/CCore/nets"), .headerSearchPath("Sources/CCore/policy"),
]

let swiftFlags: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

// Checks at run time that no class is entered twice cost a twelfth of a training; the compiler's own checks stay.
let librarySettings: [SwiftSetting] =
    swiftFlags + [
        .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
    ]

let package = Package(
    name: "cafe",
    products: [
        .library(name: "CSCSwift", targets: ["CSCSwift"]),
        .executable(name: "cafe-cli", targets: ["cafe-cli"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(
            name: "CCore",
            path: ".",
            exclude: [
                "Benchmarks", "CHANGELOG.md", "CONTRIBUTING.md", "Examples", "LICENSE", "Makefile", "README.md", "docs",
                "Python", "Server", "scripts", "Tests", "Sources/CSCSwift", "Sources/CStartup", "Sources/CZlib",
                "Sources/CafeAPI", "Sources/cafe-cli",
            ],
            sources: ["Sources/CCore"],
            publicHeadersPath: "include",
            cSettings: coreFlags,
            linkerSettings: [
                .linkedLibrary("lapacke"), .linkedLibrary("openblas"), .linkedLibrary("omp5"), .linkedLibrary("m"),
            ]
        ),
        .systemLibrary(name: "CZlib", path: "Sources/CZlib", providers: [.apt(["zlib1g-dev"])]),
        .target(
            name: "CSCSwift",
            dependencies: ["CCore", "CZlib", .product(name: "Yams", package: "Yams")],
            swiftSettings: librarySettings
        ),
        .executableTarget(
            name: "cafe-cli",
            dependencies: ["CSCSwift", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: swiftFlags
        ),
        // The C ABI of include/cafe_api.h; `make wheel` links it into libcafe.so.
        .target(name: "CafeAPI", dependencies: ["CSCSwift"], swiftSettings: swiftFlags),
        .testTarget(name: "CCoreTests", dependencies: ["CCore"]),
        .testTarget(name: "CSCSwiftTests", dependencies: ["CSCSwift"], swiftSettings: swiftFlags),
        .testTarget(name: "CLITests", dependencies: ["cafe-cli"], swiftSettings: swiftFlags),
    ]
)
