// swift-tools-version: 6.2
import PackageDescription

// A program of one's own that asks a trained rule for assignments, and networks where folders of runs are named. Build
// and run it from this folder:
//   swift run -c release Embed [a run's folder ...]
let package = Package(
    name: "Embed",
    dependencies: [.package(name: "cafe", path: "../..")],
    targets: [.executableTarget(name: "Embed", dependencies: [.product(name: "CSCSwift", package: "cafe")])]
)
