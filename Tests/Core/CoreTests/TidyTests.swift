import Foundation
import Testing

/// What people forget, looked after by a program: the rooms and their doors, what is banned in which, what nobody uses any
/// more, what documents name. In the manner of TigerBeetle's `tidy.zig`: an ordinary test.
@Suite struct TidyTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The groups of `Sources/`, the lowest first: a group imports from itself and those before it.
  private static let groups = ["Core", "Wards", "Shell", "Proof", "Commands"]

  struct File {
    var path: String
    var text: String
    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
  }

  static func files(_ folder: String, _ suffix: String = ".swift") -> [File] {
    let base = root.appendingPathComponent(folder)
    let all = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
    return all.filter { $0.hasSuffix(suffix) }.sorted().map { name in
      File(path: "\(folder)/\(name)", text: try! String(contentsOf: base.appendingPathComponent(name), encoding: .utf8))
    }
  }

  private static let sources = files("Sources")
  private static let tests = files("Tests")

  // MARK: Rooms

  struct Target {
    var name: String
    var group: String?
    var folder: String
    var dependencies: Set<String>
  }

  /// The targets as the manifest declares them.
  private static func targets() throws -> [Target] {
    let manifest = try String(contentsOf: root.appendingPathComponent("Package.swift"), encoding: .utf8)
    let products = Dictionary(
      uniqueKeysWithValues: manifest.matches(of: /let (\w+) = Target\.Dependency\.product\(name: "(\w+)"/)
        .map { (String($0.1), String($0.2)) })
    func dependencies(_ list: Substring?) -> Set<String> {
      Set(
        (list ?? "").split(whereSeparator: { ",\n ".contains($0) }).map { word in
          word.hasPrefix("\"") ? String(word.dropFirst().dropLast()) : products[String(word)] ?? String(word)
        })
    }
    var targets: [Target] = []
    for match in manifest.matches(of: /\b(room|tests)\(\s*\.(\w+), "([\w-]+)"(?:,\s*\[([^\]]*)\])?/) {
      let group = match.2.prefix(1).uppercased() + match.2.dropFirst()
      let top = match.1 == "room" ? "Sources" : "Tests"
      targets.append(
        Target(
          name: String(match.3), group: match.1 == "room" ? group : nil, folder: "\(top)/\(group)/\(match.3)",
          dependencies: dependencies(match.4)))
    }
    for match in manifest.matches(of: /\bcommand\(\s*"([\w-]+)",\s*\[([^\]]*)\]/) {
      targets.append(
        Target(
          name: String(match.1), group: "Commands", folder: "Sources/Commands/\(match.1)",
          dependencies: dependencies(match.2)))
    }
    for match in manifest.matches(of: /name: "TestSupport",\s*dependencies: \[([^\]]*)\]/) {
      targets.append(
        Target(name: "TestSupport", group: nil, folder: "Tests/TestSupport", dependencies: dependencies(match.1)))
    }
    return targets
  }

  /// What comes with the toolchain.
  private static let platform: Set<String> = [
    "Foundation", "FoundationXML", "Glibc", "Dispatch", "Synchronization", "Testing",
  ]

  @Test func `every target imports what it declares, and declares what it imports`() throws {
    let targets = try Self.targets()
    #expect(targets.count > 30)
    for target in targets {
      var imported: Set<String> = []
      for file in (Self.sources + Self.tests) where file.path.hasPrefix(target.folder + "/") {
        for match in file.text.matches(of: /(?m)^(?:@\w+ )*import (?:(?:struct|class|enum|func|protocol) )?(\w+)/) {
          imported.insert(String(match.1))
        }
      }
      imported.subtract(Self.platform)
      #expect(imported.subtracting(target.dependencies).isEmpty, "\(target.name) imports what it does not declare")
      #expect(target.dependencies.subtracting(imported).isEmpty, "\(target.name) declares what it does not import")
    }
  }

  @Test func `no group imports one below it`() throws {
    let targets = try Self.targets()
    let groups = Dictionary(targets.compactMap { target in target.group.map { (target.name, $0) } }) { first, _ in first
    }
    for target in targets {
      guard let group = target.group, let own = Self.groups.firstIndex(of: group) else { continue }
      for dependency in target.dependencies {
        guard let other = groups[dependency] else { continue }
        #expect(
          Self.groups.firstIndex(of: other)! <= own, "\(target.name) of \(group) imports \(dependency) of \(other)")
      }
    }
  }

  /// Every folder is a target's, so that nothing lies beside the rooms.
  @Test func `each folder of Sources is a room that the manifest knows`() throws {
    let folders = Set(try Self.targets().map(\.folder)).union(["Sources/Core/CSodium", "Sources/Commands/renkei-fuzz"])
    for file in Self.sources {
      #expect(file.path.split(separator: "/").count >= 4, "\(file.path) lies in no room")
      #expect(folders.contains { file.path.hasPrefix($0 + "/") }, "\(file.path) is in no target's folder")
    }
  }

  // MARK: Bans

  private struct Ban {
    var rooms: String
    var what: Regex<Substring>
    var except: Set<String> = []
    var why: String
  }

  private static var bans: [Ban] {
    [
      Ban(rooms: "Sources/Core/", what: /\b(?:Task\s*\{|await |async )/, why: "the closed core has no threads"),
      Ban(rooms: "Sources/Core/", what: /\b(?:Logger\(|print\()/, why: "the closed core says nothing"),
      Ban(
        rooms: "Sources/Core/", what: /secureRandomBytes|SystemRandomNumberGenerator|\.random\(|UUID\(\)/,
        except: ["Sources/Core/Sodium/Library.swift"], why: "the closed core draws nothing at random"),
      Ban(
        rooms: "Sources/", what: /\bDate\(\)|clock_gettime|DispatchTime\.now/,
        except: ["Sources/Shell/NodeService/SystemClock.swift", "Sources/Commands/Terminal/WallClock.swift"],
        why: "the wall clock is asked in one place for nodes and in one for commands"),
      Ban(
        rooms: "Sources/", what: /\bfatalError\(|try!\s*await/, why: "what cannot be is a precondition with its reason"),
      Ban(rooms: "Sources/", what: /\bTODO\b|\bFIXME\b|\bXXX\b/, why: "what is not done stands in the README"),
      Ban(
        rooms: "Sources/Shell/Site/", what: /\bimport GRDB/, why: "pages see answers, never tables"),
      Ban(
        rooms: "Sources/Wards/", what: /FieldEdit\(\d/, why: "a field is named, not numbered: it knows its own type"),
      Ban(rooms: "Sources/Core/Causality/", what: /import Foundation/, why: "Causality does without Foundation"),
    ]
  }

  @Test func `what a room bans is not in it`() {
    for ban in Self.bans {
      for file in Self.sources where file.path.hasPrefix(ban.rooms) && !ban.except.contains(file.path) {
        for (number, line) in file.lines.enumerated() {
          let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
          #expect(code.firstMatch(of: ban.what) == nil, "\(file.path):\(number + 1): \(ban.why)")
        }
      }
    }
  }

  // MARK: What nobody uses

  @Test func `nothing is declared that nobody uses`() {
    var counts: [Substring: Int] = [:]
    for file in Self.sources + Self.tests {
      for word in file.text.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "_") }) {
        counts[word, default: 0] += 1
      }
    }
    let declared =
      /(?m)^\s*(?:(?:public|private|fileprivate|internal|static|final|mutating|nonisolated|package) )*(?:func|var|let|case|struct|enum|class|actor|protocol|typealias) `?([A-Za-z]\w*)/
    // What libraries and the language call by its name.
    let called: Set<Substring> = [
      "main", "configuration", "description", "body", "_", "CodingKeys", "callAsFunction",
      // libFuzzer, NIO's handlers, swift-metrics' factories, X.509's keys, actors' executors.
      "testOneInput", "channelInactive", "decodeLast", "userInboundEventTriggered", "channelReadComplete",
      "channelWritabilityChanged", "makeCounter",
      "makeRecorder", "makeTimer", "makeMeter", "destroyCounter", "destroyRecorder", "destroyTimer", "destroyMeter",
      "recordNanoseconds", "decrement", "signatureAlgorithms", "decrypt", "unownedExecutor", "enqueue",
      // A decoder's.
      "userInfo", "allKeys", "unkeyedContainer",
      // An option's.
      "defaultValueDescription",
      // Begun by @main.
      "RenkeiBench", "RenkeiInspect", "RenkeiNode", "RenkeiSim",
    ]
    for file in Self.sources {
      for match in file.text.matches(of: declared) where counts[match.1] == 1 && !called.contains(match.1) {
        Issue.record("\(file.path): nobody uses \(match.1)")
      }
    }
  }

  // MARK: Size

  /// Functions longer than this are named here, each with what makes it long; no further one joins them unseen.
  private static let longest = 70
  private static let long: Set<String> = [
    "PersonPages.swift person",
    "PlanBench.swift run", "Planner+Faults.swift add",
    "Workload.swift draft", "SituationPage.swift situation",
  ]

  @Test func `functions of more than 70 lines are named`() {
    var stale = Self.long
    for file in Self.sources {
      var open: (name: String, line: Int, indent: Int)?
      for (number, line) in file.lines.enumerated() {
        let indent = line.prefix { $0 == " " }.count
        if let match = line.firstMatch(of: /^\s*(?:[\w@()]+ )*func `?(\w+)/), !line.hasSuffix("}") {
          open = (String(match.1), number, indent)
        } else if let function = open, indent == function.indent,
          line.trimmingPrefix(while: { $0 == " " }).hasPrefix("}")
        {
          let length = number - function.line + 1
          let name = "\(file.path.split(separator: "/").last!) \(function.name)"
          if length > Self.longest {
            #expect(Self.long.contains(name), "\(file.path): \(name) has \(length) lines")
            stale.remove(name)
          }
          open = nil
        }
      }
    }
    #expect(stale.isEmpty, "named, and not so long any more")
  }

  @Test func `no file has more than 500 lines`() {
    for file in Self.sources + Self.tests { #expect(file.lines.count <= 500, "\(file.path)") }
  }

  // MARK: Documents

  @Test func `documents name what is there, and the README is short`() throws {
    let documents =
      (Self.files("Sources", ".md") + Self.files(".github", ".md") + Self.files("Topology", ".md"))
      + [
        Self.File(
          path: "README.md",
          text: try String(contentsOf: Self.root.appendingPathComponent("README.md"), encoding: .utf8))
      ]
    #expect(documents.count >= 9)
    for document in documents {
      let folder = Self.root.appendingPathComponent(document.path).deletingLastPathComponent()
      for match in document.text.matches(of: /\]\(([^)#:\s]+)(?:#[^)]*)?\)/) {
        let target = folder.appendingPathComponent(String(match.1)).path
        #expect(FileManager.default.fileExists(atPath: target), "\(document.path) leads to \(match.1)")
      }
      for match in document.text.matches(of: /`((?:Sources|Tests|Tools|Topology)\/[\w.+\/-]+)`/) {
        let target = Self.root.appendingPathComponent(String(match.1)).path
        #expect(FileManager.default.fileExists(atPath: target), "\(document.path) names \(match.1)")
      }
    }
    #expect(documents.last!.lines.count <= 100)
  }
}
