// swift-tools-version:6.2
import PackageDescription

// A folder under `Sources/` is a layer. Each target names everything that it may import, and names only
// what stands above it here: the order of this file is the order of the layers.

/// Bugs to plant come only into a build that is made for them: `Tools/mutants`.
let mutants: [SwiftSetting] = Context.environment["RENKEI_MUTANTS"] == nil ? [] : [.define("MUTANTS")]
/// The fuzz targets come only into a build that is made for them: `Tools/fuzz`.
let isFuzzing = Context.environment["RENKEI_FUZZ"] != nil
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)] + mutants

/// A layer of ours: `Sources/NAME`.
func layer(
  _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [], resources: [Resource]? = nil
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Sources/\(name)", exclude: exclude, resources: resources,
    swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: exclude, swiftSettings: strict)
}

let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioConcurrency = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let heaps = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTLS = Target.Dependency.product(name: "HummingbirdTLS", package: "hummingbird")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")

let fuzzer = Target.executableTarget(
  name: "renkei-fuzz",
  dependencies: [
    "Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Replica", "Gossip", "Simulation", "Services",
    "Exchange", "Topology",
  ],
  path: "Tools/renkei-fuzz", exclude: ["corpus"], swiftSettings: strict)

let package = Package(
  name: "renkei",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "renkei-node", targets: ["renkei-node"]),
    .executable(name: "renkei-bench", targets: ["renkei-bench"]),
    .executable(name: "renkei-sim", targets: ["renkei-sim"]),
    .executable(name: "renkei-inspect", targets: ["renkei-inspect"]),
  ],
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", "3.0.0"..<"6.0.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.0.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: ["FullFoundation"]),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // The closed core: no network, no clock, no randomness, no concurrency.
    .systemLibrary(
      name: "CSodium", path: "Sources/CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    layer("Causality"),
    layer("ChangeModel", ["Causality"], exclude: ["FORMAT.md"]),
    layer("Sodium", ["CSodium"]),
    layer("SignedLog", ["Causality", "ChangeModel", "Sodium"]),
    layer("Federation", ["Causality", "ChangeModel", "Sodium", "SignedLog"], exclude: ["TRUST.md"]),
    layer("Merge", ["Causality", "ChangeModel"]),
    layer("Store", ["Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Merge", grdb, sqlite]),
    layer("Replica", ["Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Merge", "Store", grdb]),
    layer("Gossip", ["Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Replica"]),

    // The wards' work, and its formats.
    layer("Topology", [yams]),
    layer(
      "Desk",
      ["Causality", "ChangeModel", "Sodium", "Federation", "Merge", "Store", "Replica", grdb]),
    layer(
      "Registry",
      ["Causality", "ChangeModel", "Sodium", "Federation", "Store", "Replica", "Desk", grdb]),
    layer("Shelters", ["Causality", "ChangeModel", "Sodium", "Merge", "Store", "Replica", "Desk", grdb]),
    layer(
      "Accounts",
      ["Causality", "ChangeModel", "Sodium", "Federation", "Replica", "Desk", "Shelters", grdb]),
    layer(
      "People",
      ["Causality", "ChangeModel", "Sodium", "Replica", "Desk", "Registry", "Shelters", grdb]),
    layer(
      "Stock",
      ["Causality", "ChangeModel", "Sodium", "Federation", "Replica", "Desk", "Shelters", grdb]),
    layer(
      "Orders",
      ["Causality", "ChangeModel", "Sodium", "Replica", "Desk", "Shelters", "Stock", "Topology", grdb]),
    layer("Phases", ["Causality", "ChangeModel", "Sodium", "Replica", "Desk", grdb]),
    layer(
      "Services",
      [
        "Causality", "ChangeModel", "Sodium", "Federation", "Merge", "Replica", "Desk", "Registry", "Shelters",
        "Accounts", "People",
        "Stock",
        "Orders", "Phases", grdb,
      ],
      exclude: ["SERVICES.md"]),
    layer("Exchange", ["Shelters", "Topology", "ChangeModel"]),

    // A whole federation in one process, on virtual time, roads and disks.
    layer(
      "Simulation",
      [
        "Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Store", "Replica", "Gossip", "Topology",
        "Desk", "Registry", "Shelters", "People", "Stock", "Orders", "Phases", "Services", yams, heaps, sqlite, grdb,
      ]),

    // What the commands share.
    layer("Terminal"),

    // Read-only reports on a replica, a bundle or a copy of either, damaged or not.
    layer(
      "Inspection",
      [
        "Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Merge", "Store", "Replica", "Gossip", grdb,
        sqlite,
      ]),

    // The shell: sockets, timers, pages, commands.
    layer(
      "NodeService",
      [
        "Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Store", "Replica", "Gossip", "Topology",
        "Desk", "Shelters", "Accounts", "Orders", "Services", "Exchange", logging, metrics, lifecycle, nioCore,
        nioPosix,
        nioTLS, nioConcurrency, nioSSL, asn1, x509, crypto, grdb,
      ]),
    layer("Pages", ["ChangeModel", "Desk", "Topology", mustache], resources: [.embedInCode("Assets")]),
    layer(
      "Web",
      [
        "Pages", "NodeService", "Causality", "ChangeModel", "SignedLog", "Store", "Shelters", "Replica", "Gossip",
        "Topology",
        "Desk", "Orders", "Registry", "Services", "Sodium", "Accounts", "Federation", "Merge",
        hummingbird, hummingbirdCore, hummingbirdTLS, httpTypes, nioSSL, logging, metrics, coreMetrics,
        nioCore,
      ]),
    .executableTarget(
      name: "renkei-node",
      dependencies: [
        "NodeService", "Web", "Terminal", "Topology", "Exchange", "Shelters", "Federation", "Sodium", "Desk", arguments,
        logging, metrics, lifecycle,
      ],
      path: "Sources/renkei-node", swiftSettings: strict),
    .executableTarget(
      name: "renkei-bench",
      dependencies: [
        "Inspection", "Replica", "Gossip", "Federation", "Store", "SignedLog", "Sodium", "Causality", "ChangeModel",
        "Desk", "Registry", "People", "Orders", "Services", "Simulation", "Topology", arguments, grdb, sqlite,
      ],
      path: "Tools/renkei-bench", swiftSettings: strict),
    .executableTarget(
      name: "renkei-sim",
      dependencies: [
        "Simulation", "Terminal", "Replica", "Gossip", "Federation", "Store", "SignedLog", "Sodium", "Causality",
        "ChangeModel", "Topology", arguments, grdb,
      ],
      path: "Tools/renkei-sim", swiftSettings: strict),
    .executableTarget(
      name: "renkei-inspect",
      dependencies: [
        "Inspection", "Terminal", "NodeService", "Federation", "Store", "SignedLog", "Sodium", "Causality",
        "ChangeModel", "Topology", arguments, nioCore, nioPosix, nioHTTP, nioSSL, grdb,
      ],
      path: "Tools/renkei-inspect", exclude: ["OUTPUT.md"], swiftSettings: strict),

    // Tests. `TestSupport` makes federations, nodes and random edits for all of them.
    .target(
      name: "TestSupport",
      dependencies: [
        "Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Merge", "Store", "Replica", "Simulation",
      ],
      path: "Tests/TestSupport", swiftSettings: strict),
    tests(
      "CoreTests", ["Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Merge", "TestSupport"],
      exclude: ["Vectors"]),
    tests(
      "ExchangeTests",
      [
        "Exchange", "Shelters", "Topology", "Replica", "Store", "Federation", "SignedLog", "Causality", "ChangeModel",
        "TestSupport", grdb,
      ]),
    tests("GossipTests", ["Gossip", "Replica", "Federation", "SignedLog", "TestSupport", grdb]),
    tests(
      "NodeTests",
      [
        "NodeService", "Web", "Shelters", "Topology", "Federation", "Replica", "Store", "ChangeModel", "Causality",
        "Desk", "Accounts", "Services", "Sodium", "Pages", "TestSupport", logging, lifecycle, hummingbird,
        .product(name: "HummingbirdTesting", package: "hummingbird"),
        grdb,
      ]),
    tests(
      "InspectionTests",
      [
        "Inspection", "Terminal", "Gossip", "Replica", "Store", "Federation", "SignedLog", "ChangeModel", "Causality",
        "TestSupport", grdb,
      ]),
    tests(
      "ServicesTests",
      [
        "Services", "Desk", "Registry", "Shelters", "People", "Stock", "Orders", "Phases", "Topology", "Replica",
        "Store",
        "Federation", "Sodium", "ChangeModel", "Causality", "TestSupport", grdb,
      ]),
    tests("SimulationTests", ["Simulation", "Topology", sqlite], exclude: ["Regressions"]),
    tests(
      "ReplicaTests",
      ["Replica", "Simulation", "Store", "Merge", "Federation", "SignedLog", "Sodium", "TestSupport", grdb]),
  ] + (isFuzzing ? [fuzzer] : [])
)
