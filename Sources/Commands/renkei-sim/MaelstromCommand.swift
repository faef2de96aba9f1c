import Terminal
import ArgumentParser
import Causality
import Foundation
import Gossip
import Replica
import Simulation
import Store

struct MaelstromCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "maelstrom",
    abstract: Language.pick(
      "標準入出力で Maelstrom の規約を話すノード。他の試験装置のため。",
      "A node that speaks Maelstrom's protocol on standard input and output, for somebody else's harness."),
    discussion: Language.pick(
      """
      仕事: broadcast、g-set、g-counter、pn-counter。init の名前のノードは DIR/NODE_ID にファイルを置き、止められても続きから動きます。
      鍵は名前から決まります。試験の外では何の値打ちもありません。
      """,
      """
      Workloads: broadcast, g-set, g-counter, pn-counter; on the node's own replica and gossip. The node that `init` names
      keeps its file under DIR/NODE_ID and goes on from it after a kill. Its keys follow from the nodes' names: they are
      worth nothing outside of a test.
      """))
  @Option(help: ArgumentHelp(Language.pick("ノードのファイルを置くフォルダ。", "Where nodes keep their files."))) var data: String
  @Option(
    help: ArgumentHelp(
      Language.pick(
        "何を尋ねるか。読みの答えは、その仕事の項目だけを持ちます。",
        "What is asked of it: a read's answer has the members of that workload and no others.")))
  var workload = MaelstromWorkload.broadcast

  func run() throws {
    let loop = MaelstromLoop(folder: data, workload: workload)
    try loop.run()
  }
}

enum MaelstromWorkload: String, ExpressibleByArgument, CaseIterable {
  case broadcast
  case gSet = "g-set"
  case gCounter = "g-counter"
  case pnCounter = "pn-counter"
}

/// Reads lines, and lets time pass: one thread, one place that waits.
private final class MaelstromLoop {
  private let folder: String
  private let workload: MaelstromWorkload
  private var node: MaelstromNode?
  private var buffer: [UInt8] = []
  private let start = ContinuousClock.now

  init(folder: String, workload: MaelstromWorkload) {
    self.folder = folder
    self.workload = workload
  }

  func run() throws {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let now = steady
      let pause = node?.nextDeadline.map { max(0, min($0.milliseconds(since: now), 60_000)) } ?? 60_000
      var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      let ready = poll(&input, 1, Int32(pause))
      if ready < 0 {
        if errno == EINTR { continue }
        throw Problem("標準入力を待てません", "cannot wait for standard input")
      }
      if ready > 0 {
        let count = read(STDIN_FILENO, &chunk, chunk.count)
        if count == 0 { return }
        if count > 0 { buffer += chunk[..<count] }
      }
      try turn()
    }
  }

  private func turn() throws {
    var lines: [[UInt8]] = []
    while let end = buffer.firstIndex(of: 10) {
      lines.append(Array(buffer[..<end]))
      buffer.removeFirst(end + 1)
    }
    var messages: [MaelstromMessage] = []
    for line in lines where !line.isEmpty {
      guard let message = MaelstromMessage(line) else {
        FileHandle.standardError.write(Data("not a message: \(String(decoding: line, as: UTF8.self))\n".utf8))
        continue
      }
      if message.type == "init" {
        node = try node ?? MaelstromNode(message, in: folder, for: workload)
        MaelstromMessage.reply(to: message, ["type": "init_ok"]).send()
      } else {
        messages.append(message)
      }
    }
    try node?.turn(messages, at: steady, wall: Instant(milliseconds: WallClock.milliseconds))
    fflush(nil)
  }

  private var steady: Tick { Tick(milliseconds: Int64((ContinuousClock.now - start) / .milliseconds(1))) }
}

/// One line of the protocol.
struct MaelstromMessage {
  var source: String
  var destination: String
  var body: [String: Any]

  var type: String { body["type"] as? String ?? "" }

  init(from source: String, to destination: String, _ body: [String: Any]) {
    self.source = source
    self.destination = destination
    self.body = body
  }

  /// Nil when the line is no message.
  init?(_ line: [UInt8]) {
    guard let object = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any],
      let source = object["src"] as? String, let destination = object["dest"] as? String,
      let body = object["body"] as? [String: Any], body["type"] is String
    else { return nil }
    self.init(from: source, to: destination, body)
  }

  static func reply(to message: MaelstromMessage, _ body: [String: Any]) -> MaelstromMessage {
    var body = body
    body["in_reply_to"] = message.body["msg_id"]
    return MaelstromMessage(from: message.destination, to: message.source, body)
  }

  func send() {
    let object: [String: Any] = ["src": source, "dest": destination, "body": body]
    guard
      let data = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    else { return }
    print(String(decoding: data, as: UTF8.self))
  }
}
