import Causality

extension Links {
  /// What does not hold of the machine's own promises; empty when all do. Costs a look at each link and address.
  public func checkInvariants() -> [String] {
    var broken: [String] = []
    func expect(_ holds: Bool, _ promise: @autoclosure () -> String) { if !holds { broken.append(promise()) } }
    expect(links.count <= Self.linkLimit, "\(links.count) links")
    expect(linkTo.count == links.count, "\(links.count) links to \(linkTo.count) peers")
    for (peer, id) in linkTo {
      expect(links[id]?.peer == peer, "the link to \(peer) is another's")
      expect(peer != own && peer == peer.node, "a link to \(peer), of \(own)")
      expect(!isCut(peer), "a link to \(peer), which is cut")
      expect(ban(of: peer, at: latest) == nil, "a link to \(peer), which is banned")
    }
    for (index, address) in addresses.enumerated() {
      expect(
        (Address.firstPause...Address.longestPause).contains(address.pause),
        "address \(index) pauses \(address.pause) ms"
      )
      switch address.state {
      case .idle, .calling: break
      case .waiting(let until):
        let limit = latest.advanced(byMilliseconds: Address.longestPause)
        expect(until <= limit, "address \(index) waits until \(until.milliseconds), at \(latest.milliseconds)")
      case .linked(let id):
        expect(links[id]?.address == index, "address \(index) is not called by its link")
        expect(links[id]?.peer == address.answerer, "address \(index) is answered by another than its link's peer")
      }
    }
    for (id, link) in links {
      if let address = link.address {
        expect(addresses[address].state == .linked(id), "the link to \(link.peer) is not its address's")
      }
    }
    let calling = addresses.count { $0.state == .calling }
    expect(calling <= Self.callLimit, "\(calling) calls at once")
    return broken
  }
}
