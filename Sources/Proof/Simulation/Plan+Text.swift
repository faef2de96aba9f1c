extension Plan {
  /// What a step does, for people.
  public func text(of step: Step) -> String {
    func name(_ node: Int) -> String { nodes[node].name }
    func road(_ index: Int) -> String {
      "\(name(roads[index].ends[0]))–\(name(roads[index].ends[1])) \(roads[index].kind)"
    }
    switch step {
    case .work(let node, let seed): return "work at \(name(node)) (seed \(seed))"
    case .cut(let index): return "cut \(road(index))"
    case .heal(let index): return "heal \(road(index))"
    case .oneWay(let index, let from): return "\(road(index)) carries nothing from \(name(from))"
    case .rate(let index, let rate): return "\(road(index)) carries \(rate) bit/s"
    case .weather(let index, let weather):
      return
        "\(road(index)) loses \(weather.loss), doubles \(weather.duplicate), reorders \(weather.reorder), delays \(weather.late)"
    case .crash(let node, nil): return "power cut at \(name(node))"
    case .crash(let node, let count?): return "power cut at \(name(node)), at its write \(count) from now"
    case .start(let node): return "start \(name(node))"
    case .diskFull(let node, let isFull): return "the disk of \(name(node)) is \(isFull ? "full" : "no longer full")"
    case .diskErrors(let node, let rate): return "the disk of \(name(node)) fails at a rate of \(rate)"
    case .rot(let node, let bits): return "\(bits) bits turn on the disk of \(name(node))"
    case .backup(let node): return "back up \(name(node))"
    case .restore(let node, let withMark): return "restore \(name(node))\(withMark ? ", mark and all" : "")"
    case .copy(let node): return "start \(name(node))"
    case .clock(let node, let offset, let drift):
      return "the clock of \(name(node)) is \(offset) ms off and drifts by \(drift) in a million"
    case .liar(let node, let key, _, let lasting):
      return
        "a liar speaks to \(name(node))\(key.map { " with the key of \(name($0))" } ?? "") for \(Span.clock(lasting))"
    case .revoke(let node, let at): return "\(name(node)) is revoked at \(name(at))"
    case .join(let node): return "\(name(node)) joins"
    case .leave(let node): return "\(name(node)) leaves for good"
    case .carry(let from, let to, let lasting, let isLost):
      return "a card from \(name(from)) to \(name(to)) in \(Span.clock(lasting))\(isLost ? ", lost" : "")"
    case .upgrade(let node): return "\(name(node)) gets the newer program"
    case .expect(let expectation): return "expect that \(text(of: expectation))"
    }
  }

  /// What is expected, for people.
  public func text(of expectation: Expectation) -> String {
    func name(_ node: Int) -> String { nodes[node].name }
    switch expectation {
    case .agree(let all): return "\(all.map(name).joined(separator: ", ")) agree"
    case .lacks(let at, let of): return "\(name(at)) lacks something of \(name(of))"
    case .has(let at, let of, let by): return "\(name(at)) has all that \(name(of)) wrote by \(Span.clock(by))"
    case .refused(let at, let least): return "\(name(at)) refused at least \(least)"
    case .conflicts(let at, let least): return "\(name(at)) shows at least \(least) conflicts"
    case .fork(let of): return "somebody proves the fork of \(name(of))"
    case .newEpoch(let of): return "\(name(of)) writes in a new epoch"
    }
  }
}
