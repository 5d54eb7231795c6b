// swift-tools-version: 6.2
import PackageDescription

// How it is built for looking for trouble (scripts/sanitize), by the environment:
//   CAFE_CHECKED=1  the release build checks at run time that no class is entered twice
//   CAFE_UBSAN=1    the C core ends at undefined behaviour, with a sentence; beside --sanitize=address, whose runtime
//                   holds what that needs
//   CAFE_TSAN=1     no functions that the loader chooses by processor: they are called before ThreadSanitizer is ready
let environment = Context.environment
let checked = environment["CAFE_CHECKED"] == "1"
let extraFlags: [String] =
    (environment["CAFE_UBSAN"] == "1"
        ? ["-fsanitize=undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"] : [])
    + (environment["CAFE_TSAN"] == "1" ? ["-DCAFE_ONE_TARGET"] : [])

// The C core takes OpenMP pragmas; unsafeFlags are accepted from an embedded package since tools 6.2.
// The portable x86-64 or aarch64 baseline is built; kernels choose wider vectors at run time.
let coreFlags: [CSetting] = [
    .unsafeFlags(["-O3", "-fopenmp", "-fno-math-errno", "-std=c11", "-Wall", "-Wextra"] + extraFlags),
    .headerSearchPath("Sources/CCore/runtime"), .headerSearchPath("Sources/CCore/simd"),
    .headerSearchPath("Sources/CCore/nets"), .headerSearchPath("Sources/CCore/policy"),
]

let swiftFlags: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

// Checks at run time that no class is entered twice cost a twelfth of a training; the compiler's own checks stay.
let librarySettings: [SwiftSetting] =
    swiftFlags
    + (checked ? [] : [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))])

// Tests of a release build are compiled without optimisation: what they call is optimised, and they build in half the time.
let testSettings: [SwiftSetting] = [.unsafeFlags(["-Onone"], .when(configuration: .release))]

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
                "Sources/CafeAPI", "Sources/CMPI", "Sources/cafe-cli",
            ],
            sources: ["Sources/CCore"],
            publicHeadersPath: "include",
            cSettings: coreFlags,
            linkerSettings: [
                .linkedLibrary("lapacke"), .linkedLibrary("openblas"), .linkedLibrary("omp5"), .linkedLibrary("m"),
            ]
        ),
        .systemLibrary(name: "CZlib", path: "Sources/CZlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CStartup", cSettings: [.unsafeFlags(["-std=c11", "-Wall", "-Wextra"])]),
        .target(
            name: "CSCSwift",
            dependencies: ["CCore", "CZlib", .product(name: "Yams", package: "Yams")],
            swiftSettings: librarySettings
        ),
        .executableTarget(
            name: "cafe-cli",
            dependencies: [
                "CSCSwift", "CStartup", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swiftFlags
        ),
        // The C ABI of include/cafe_api.h; `make wheel` links it into libcafe.so. Its verb `evaluate` is the command's.
        .target(name: "CafeAPI", dependencies: ["CSCSwift", "cafe-cli"], swiftSettings: swiftFlags),
        .testTarget(name: "CCoreTests", dependencies: ["CCore"], swiftSettings: testSettings),
        .testTarget(name: "CSCSwiftTests", dependencies: ["CSCSwift"], swiftSettings: swiftFlags + testSettings),
        .testTarget(name: "CLITests", dependencies: ["cafe-cli"], swiftSettings: swiftFlags + testSettings),
    ]
)
