import Foundation

/// The network as the node sees it: who is there, by which links, and how old what it knows of each is.
public struct NetworkView: Codable, Sendable {
  public struct Node: Codable, Sendable {
    public var node: String
    public var ward: String?
    public var wardName: String?
    public var isSelf: Bool
    /// Of its newest change set that is known here, milliseconds since 1970.
    public var newestChangeSet: Int64?
    public var lastHeard: Int64?
    public var lacksAtMost: Int
  }

  public struct Link: Codable, Sendable {
    public var from: String
    public var to: String
    /// `up`, `down`, `cut`, or `unknown` when no running node says so.
    public var state: String
    public var road: PlannedRoad?
    public var address: String?
    public var roundTripMilliseconds: Int64?
    public var bytesIn: Int?
    public var bytesOut: Int?
  }

  public var schema = "renkei-inspect/graph/1"
  public var source: Source
  public var nodes: [Node]
  public var links: [Link]
}

extension NetworkView {
  public init(_ overview: Overview) {
    source = overview.source
    let own = overview.node ?? "?"
    // Every epoch of this node: its number but for the last part.
    let prefix = own.split(separator: ".").dropLast().joined(separator: ".") + "."
    let newest = overview.clock.filter { $0.log.author.hasPrefix(prefix) }.map(\.time).max()
    nodes = [
      Node(
        node: own, ward: overview.ward, wardName: overview.wardName, isSelf: true, newestChangeSet: newest,
        lastHeard: nil,
        lacksAtMost: 0)
    ]
    links = []
    for peer in overview.peers {
      nodes.append(
        Node(
          node: peer.node, ward: peer.ward, wardName: peer.wardName, isSelf: false,
          newestChangeSet: peer.newestChangeSet,
          lastHeard: peer.live?.lastHeard ?? peer.lastHeard, lacksAtMost: peer.live?.lacks ?? peer.lacksAtMost))
      links.append(
        Link(
          from: own, to: peer.node, state: peer.live?.state ?? "unknown", road: peer.road, address: peer.live?.address,
          roundTripMilliseconds: peer.live?.roundTripMilliseconds, bytesIn: peer.live?.bytesIn,
          bytesOut: peer.live?.bytesOut))
    }
  }

  /// For Graphviz: `neato -Tsvg`.
  public func dot() -> String {
    var lines = [
      "graph network {", "  layout=neato; overlap=false; node [shape=ellipse, fontname=\"Noto Sans CJK JP\"];",
    ]
    func name(_ node: Node) -> String {
      "\"\((node.wardName ?? "").replacingOccurrences(of: "\"", with: "\\\""))\\n\(node.node)\""
    }
    for (index, node) in nodes.enumerated() {
      lines.append(
        "  n\(index) [label=\(name(node))\(node.isSelf ? ", style=bold" : node.lacksAtMost > 0 ? ", color=orange" : "")];"
      )
    }
    for link in links {
      guard let to = nodes.firstIndex(where: { $0.node == link.to }) else { continue }
      let style =
        ["up": "color=darkgreen", "down": "color=red3, style=dashed", "cut": "color=orange, style=dashed"][link.state]
        ?? "color=gray, style=dotted"
      lines.append("  n0 -- n\(to) [\(style)];")
    }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }
}
