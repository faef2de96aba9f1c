// swift-tools-version:6.2
import PackageDescription

// A folder under `Sources/` is a group of layers, a folder in it one layer: a target. Each target names everything that it
// imports and nothing else, and a group imports only from groups above it: the order of this file is the order of the
// layers. `TidyTests` holds both.

/// Bugs to plant come only into a build that is made for them: `Tools/mutants`.
let mutants: [SwiftSetting] = Context.environment["RENKEI_MUTANTS"] == nil ? [] : [.define("MUTANTS")]
/// The fuzz targets come only into a build that is made for them: `Tools/fuzz`.
let isFuzzing = Context.environment["RENKEI_FUZZ"] != nil
/// What `--version` tells; `Tools/prepare` knows it. Only one file is compiled anew when it changes.
let commit = Context.environment["RENKEI_COMMIT"]
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)] + mutants

/// Where a target lies, in `Sources/` and in `Tests/`.
enum Group: String {
  case core = "Core"
  case wards = "Wards"
  case shell = "Shell"
  case proof = "Proof"
  case commands = "Commands"
}

func room(
  _ group: Group, _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [],
  resources: [Resource]? = nil
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Sources/\(group.rawValue)/\(name)", exclude: exclude,
    resources: resources, swiftSettings: strict)
}

func command(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, path: "Sources/Commands/\(name)", exclude: exclude, swiftSettings: strict)
}

func tests(_ group: Group, _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, path: "Tests/\(group.rawValue)/\(name)", exclude: exclude,
    swiftSettings: strict)
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
let deques = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heaps = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")

let package = Package(
  name: "renkei",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "renkei-node", targets: ["renkei-node"]),
    .executable(name: "renkei-bench", targets: ["renkei-bench"]),
    .executable(name: "renkei-sim", targets: ["renkei-sim"]),
    .executable(name: "renkei-inspect", targets: ["renkei-inspect"]),
    .executable(name: "renkei-bid", targets: ["renkei-bid"]),
  ],
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
    .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
    .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: ["FullFoundation"]),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", exact: "2.1.1"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
  ],
  targets: [
    // The closed core: no network, no clock, no randomness, no concurrency.
    .systemLibrary(
      name: "CSodium", path: "Sources/Core/CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    .target(
      name: "CBuild", path: "Sources/Core/CBuild",
      cSettings: commit.map { [.define("RENKEI_COMMIT", to: "\"\($0)\"")] } ?? []),
    room(.core, "Build", ["CBuild"]),
    .target(name: "CFile", path: "Sources/Core/CFile"),
    room(.core, "Causality"),
    room(.core, "ChangeModel", ["Causality"], exclude: ["FORMAT.md"]),
    room(.core, "Sodium", ["CSodium"]),
    .systemLibrary(name: "CZlib", path: "Sources/Core/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    room(.core, "SignedLog", ["CZlib", "Causality", "ChangeModel", "Sodium"]),
    room(.core, "Federation", ["Causality", "ChangeModel", "Sodium", "SignedLog"], exclude: ["TRUST.md"]),
    room(.core, "Merge", ["Causality", "ChangeModel"]),
    room(.core, "Store", ["CFile", "Causality", "ChangeModel", "Sodium", "SignedLog", "Merge", grdb, sqlite]),
    room(.core, "Replica", ["Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Merge", "Store", grdb]),
    room(.core, "Gossip", ["Causality", "ChangeModel", "Sodium", "SignedLog", "Store", "Replica"]),
    room(.core, "Links", ["Causality", "Federation", "Gossip"]),

    // What wards do: the engine that services are declared for, the services, their formats and their map.
    room(.wards, "Topology", [yams], resources: [.embedInCode("Assets")]),
    room(.wards, "Formats"),
    room(.wards, "Desk", ["Causality", "ChangeModel", "Sodium", "Federation", "Merge", "Store", "Replica", grdb]),
    room(.wards, "Places", ["Causality", "ChangeModel", "Sodium", "Merge", "Replica", "Desk", grdb]),
    room(.wards, "Office", ["Causality", "ChangeModel", "Sodium", "Federation", "Replica", "Desk", "Places", grdb]),
    room(
      .wards, "People",
      ["Causality", "ChangeModel", "Sodium", "Federation", "Store", "Replica", "Desk", "Places", grdb]),
    room(
      .wards, "Goods",
      [
        "Causality", "ChangeModel", "Sodium", "Federation", "Replica", "Topology", "Desk", "Places", grdb,
      ]),
    room(
      .wards, "Disaster",
      ["Causality", "ChangeModel", "Sodium", "Replica", "Topology", "Formats", "Desk", "Places", "Goods", grdb]),
    // Sealed bids: pure, in the manner of the closed core.
    room(.wards, "Bids", ["Sodium"]),
    room(
      .wards, "Procurement",
      [
        "Causality", "ChangeModel", "Sodium", "Federation", "Replica", "Formats", "Desk", "Places", "Goods", "Bids",
        grdb,
      ]),
    room(
      .wards, "OwnRegisters",
      ["Causality", "ChangeModel", "Sodium", "Replica", "Formats", "Desk", "People", grdb]),
    // The definition language and the fold of a case: pure, in the manner of the closed core.
    room(.wards, "Procedures", ["Sodium", yams], resources: [.embedInCode("Assets")]),
    room(
      .wards, "Casework",
      ["Causality", "ChangeModel", "Sodium", "Federation", "Replica", "Desk", "People", "Procedures", grdb]),
    room(
      .wards, "Catalogue",
      [
        "Causality", "ChangeModel", "Sodium", "Federation", "Replica", "Desk", "Places", "Office", "People", "Goods",
        "Disaster", "Procurement", "OwnRegisters", "Casework", grdb,
      ], exclude: ["SERVICES.md"]),
    room(.wards, "Exchange", ["ChangeModel", "Sodium", "Federation", "Topology", "Formats", "Desk", "Places", grdb]),

    // Sockets, timers, HTTP, pages; and what an engineer on call is told.
    room(.shell, "Runbook"),
    room(
      .shell, "NodeService",
      [
        "Build", "Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Store", "Replica", "Gossip", "Links",
        "Topology", "Formats", "Desk", "Places", "Goods", "Disaster", "Catalogue", "Exchange", "CZlib", "Runbook", grdb,
        deques, logging, metrics,
        lifecycle,
        nioCore,
        nioTLS, nioConcurrency, nioPosix, nioSSL, asn1, x509, crypto,
      ]),
    .systemLibrary(
      name: "CPostgres", path: "Sources/Shell/CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    room(.shell, "Feed", ["CPostgres", "ChangeModel", "Desk", "Store", grdb]),
    room(.shell, "Site", ["Topology", "Desk", mustache], resources: [.embedInCode("Assets")]),
    room(
      .shell, "Web",
      [
        "Build", "Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Store", "Replica", "Gossip",
        "Topology",
        "Formats", "Desk", "Places", "Office", "People", "Goods", "OwnRegisters", "Procedures", "Casework", "Catalogue",
        "Exchange",
        "CZlib", "Runbook",
        "NodeService",
        "Site",
        grdb, logging,
        coreMetrics, nioCore, nioTLS, nioSSL, hummingbird, httpTypes, hummingbirdCore,
      ]),

    // Simulated nights, and read-only reports on a replica, a bundle or a copy of either.
    room(
      .proof, "Simulation",
      [
        "Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Store", "Replica", "Gossip", "Links",
        "Topology", "Desk", "Places", "People", "Goods", "Disaster", "Catalogue", grdb, sqlite, yams, heaps,
      ]),
    room(
      .proof, "Inspection",
      [
        "Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Store", "Replica", "Gossip", "Runbook", grdb,
        sqlite,
      ]),

    // The commands, and what they share.
    room(.commands, "Terminal"),
    command(
      "renkei-node",
      [
        "Build", "Causality", "ChangeModel", "Sodium", "Federation", "Topology", "Desk", "Places", "Catalogue",
        "Formats", "Exchange", "Feed", "Runbook",
        "NodeService", "Web", "Terminal", arguments, logging, metrics, lifecycle,
      ]),
    command(
      "renkei-sim",
      [
        "Build", "Causality", "ChangeModel", "Sodium", "Federation", "Store", "Replica", "Gossip", "Topology",
        "Simulation", "Terminal", grdb, arguments,
      ]),
    command(
      "renkei-inspect",
      [
        "Build", "Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Store", "Replica", "Gossip",
        "Topology", "Desk", "Procurement", "Runbook", "NodeService", "Inspection", "Terminal", grdb, arguments, nioCore,
        nioHTTP, nioPosix, nioSSL, asn1, x509,
      ], exclude: ["OUTPUT.md"]),
    command("renkei-bid", ["Build", "ChangeModel", "Sodium", "Bids", "Desk", "Procurement", "Terminal", arguments]),
    command(
      "renkei-bench",
      [
        "Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Store", "Replica", "Gossip", "Topology",
        "Desk", "People", "Goods", "Catalogue", "Simulation", "Inspection", grdb, sqlite, arguments,
      ]),

    // Tests, by the same groups. `TestSupport` makes federations, nodes and random edits for all of them.
    .target(
      name: "TestSupport",
      dependencies: [
        "Causality", "ChangeModel", "Replica", "Desk", "Catalogue", "Simulation",
      ], path: "Tests/TestSupport", swiftSettings: strict),
    tests(
      .core, "CoreTests",
      [
        "Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Merge", "TestSupport",
      ], exclude: ["Vectors"]),
    tests(
      .core, "ReplicaTests",
      [
        "Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Merge", "Store", "Replica", "Simulation",
        "TestSupport", grdb,
      ]),
    tests(
      .core, "GossipTests",
      [
        "Causality", "ChangeModel", "SignedLog", "Federation", "Replica", "Gossip", "Sodium", "TestSupport", grdb,
      ]),
    tests(.core, "LinksTests", ["Causality", "Gossip", "Links"]),
    tests(
      .wards, "ServicesTests",
      [
        "Causality", "ChangeModel", "Sodium", "Federation", "Replica", "Topology", "Desk", "Places", "Office", "People",
        "Goods", "Disaster", "Bids", "Procurement", "OwnRegisters", "Procedures", "Casework", "Formats", "Catalogue",
        "TestSupport",
        grdb,
      ], exclude: ["schema.txt"]),
    tests(
      .wards, "ExchangeTests",
      [
        "Causality", "ChangeModel", "SignedLog", "Replica", "Topology", "Formats", "Desk", "Places", "Exchange",
        "TestSupport",
        grdb,
      ]),
    tests(
      .shell, "NodeTests",
      [
        "Causality", "ChangeModel", "Federation", "Store", "Replica", "Topology", "Desk", "Places", "Office",
        "Catalogue", "NodeService", "Site", "Web", "TestSupport", grdb, logging, lifecycle, hummingbird,
        hummingbirdTesting,
      ]),
    tests(.proof, "SimulationTests", ["Topology", "Simulation", sqlite], exclude: ["Regressions"]),
    tests(
      .proof, "InspectionTests",
      [
        "Causality", "ChangeModel", "SignedLog", "Federation", "Store", "Replica", "Gossip", "Inspection", "Terminal",
        "TestSupport", grdb,
      ]),
  ]
    + (isFuzzing
      ? [
        command(
          "renkei-fuzz",
          [
            "Causality", "ChangeModel", "Sodium", "SignedLog", "Federation", "Replica", "Gossip", "Topology",
            "Catalogue",
            "Exchange", "Simulation",
          ], exclude: ["corpus"])
      ] : [])
)
