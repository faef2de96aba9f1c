/// Goods of one kind from few places to many, at the least cost: the transportation problem, solved exactly by successive
/// shortest paths (Ahuja, Magnanti and Orlin, "Network Flows", 1993, section 9.7).
///
/// Sinks are served one after another. With few sources the residual network folds into a graph on the sources alone: an
/// edge from `a` to `b` is the cheapest way to let `a` serve a unit that `b` serves now, so that `b` has it to spare. Each
/// push costs O(sources³) at worst, not O(sinks).
public struct TransportProblem: Sendable {
  /// Units at each source.
  public var supply: [Int]
  /// Units wanted at each sink.
  public var demand: [Int]
  /// By source, then sink; nil: no way.
  public var cost: [[Int?]]
  /// What one unit costs that stays unserved, by sink: above every real cost for whatever shall be served when it can.
  public var penalty: [Int]

  public init(supply: [Int], demand: [Int], cost: [[Int?]], penalty: [Int]) {
    precondition(
      cost.count == supply.count && cost.allSatisfy { $0.count == demand.count } && penalty.count == demand.count)
    self.supply = supply
    self.demand = demand
    self.cost = cost
    self.penalty = penalty
  }

  public struct Solution: Sendable {
    /// Units by source and sink; nothing for none.
    public var flows: [(source: Int, sink: Int, units: Int)]
    /// Units that stay unserved, by sink.
    public var unserved: [Int]
    /// What one more unit at each source would save: 0 where some is left.
    public var scarcity: [Int]
    public var cost: Int
    /// The dual's value for `scarcity`: no plan can cost less. Equal to `cost` when that is the least.
    public var lowerBound: Int
  }

  private static let far = Int.max / 4

  public func solve() -> Solution {
    // The last source is "not served": it has enough of it for everybody.
    let sources = supply.count + 1
    let none = supply.count
    var left = supply + [Self.far]
    // Flat, so that the inner loops neither count references nor check twice.
    var price = [Int](repeating: Self.far, count: sources * demand.count)
    for source in supply.indices {
      for sink in demand.indices { price[source * demand.count + sink] = cost[source][sink] ?? Self.far }
    }
    for sink in demand.indices { price[none * demand.count + sink] = penalty[sink] }
    var flow = [Int](repeating: 0, count: sources * demand.count)
    var served: [[Int]] = Array(repeating: [], count: sources)
    // The cheapest sink by which `a` can relieve `b`, and at what cost.
    var relief = [Int](repeating: Self.far, count: sources * sources)
    var through = [Int](repeating: -1, count: sources * sources)

    func note(_ sink: Int, servedBy b: Int) {
      for a in 0..<sources where a != b && price[a * demand.count + sink] < Self.far {
        let change = price[a * demand.count + sink] - price[b * demand.count + sink]
        if change < relief[a * sources + b] {
          relief[a * sources + b] = change
          through[a * sources + b] = sink
        }
      }
    }
    func forget(_ sink: Int, servedBy b: Int) {
      served[b].removeAll { $0 == sink }
      for a in 0..<sources where through[a * sources + b] == sink {
        relief[a * sources + b] = Self.far
        through[a * sources + b] = -1
        for other in served[b] where price[a * demand.count + other] < Self.far {
          let change = price[a * demand.count + other] - price[b * demand.count + other]
          if change < relief[a * sources + b] {
            relief[a * sources + b] = change
            through[a * sources + b] = other
          }
        }
      }
    }
    func put(_ units: Int, at sink: Int, from source: Int) {
      let index = source * demand.count + sink
      if flow[index] == 0 {
        served[source].append(sink)
        note(sink, servedBy: source)
      }
      flow[index] += units
    }
    func take(_ units: Int, at sink: Int, from source: Int) {
      let index = source * demand.count + sink
      flow[index] -= units
      if flow[index] == 0 { forget(sink, servedBy: source) }
    }
    /// What it costs to have one unit to spare at each source, and who relieves it.
    func spare() -> (distance: [Int], before: [Int]) {
      var distance = left.map { $0 > 0 ? 0 : Self.far }
      var before = [Int](repeating: -1, count: sources)
      // Bellman and Ford: some reliefs are below zero, no circle is.
      var changes = true
      var rounds = 0
      while changes, rounds <= sources {
        changes = false
        rounds += 1
        for a in 0..<sources where distance[a] < Self.far {
          for b in 0..<sources where relief[a * sources + b] < Self.far {
            let way = distance[a] + relief[a * sources + b]
            if way < distance[b] {
              distance[b] = way
              before[b] = a
              changes = true
            }
          }
        }
      }
      return (distance, before)
    }

    for sink in demand.indices {
      var open = demand[sink]
      while open > 0 {
        let (distance, before) = spare()
        var best = none
        var least = Self.far
        for source in 0..<sources where distance[source] < Self.far && price[source * demand.count + sink] < Self.far {
          let total = distance[source] + price[source * demand.count + sink]
          // Of equal ways the one that moves nobody else's: a chain through this very sink costs what its beginning does, and goes
          // forward by as little as is there.
          if total < least || total == least && before[source] < 0 && before[best] >= 0 {
            (least, best) = (total, source)
          }
        }
        // How much can go that way.
        var chain: [(from: Int, to: Int, sink: Int)] = []
        var node = best
        while before[node] >= 0 {
          chain.append((before[node], node, through[before[node] * sources + node]))
          node = before[node]
        }
        var units = min(open, left[node])
        for step in chain { units = min(units, flow[step.to * demand.count + step.sink]) }
        left[node] -= units
        for step in chain {
          take(units, at: step.sink, from: step.to)
          put(units, at: step.sink, from: step.from)
        }
        put(units, at: sink, from: best)
        open -= units
      }
    }

    let (distance, _) = spare()
    var solution = Solution(
      flows: [], unserved: [], scarcity: distance.dropLast().map { min($0, Self.far) }, cost: 0, lowerBound: 0)
    for source in supply.indices {
      for sink in demand.indices where flow[source * demand.count + sink] > 0 {
        solution.flows.append((source, sink, flow[source * demand.count + sink]))
      }
    }
    solution.unserved = demand.indices.map { flow[none * demand.count + $0] }
    solution.cost = total(solution)
    solution.lowerBound = bound(solution.scarcity)
    return solution
  }

  /// What a plan costs.
  private func total(_ solution: Solution) -> Int {
    solution.flows.reduce(0) { $0 + $1.units * cost[$1.source][$1.sink]! }
      + demand.indices.reduce(0) { $0 + solution.unserved[$1] * penalty[$1] }
  }

  /// Weak duality: with any prices of at least 0 at the sources, every sink pays at least the least of cost and price, and
  /// the sources can take back no more than their supply is worth.
  public func bound(_ prices: [Int]) -> Int {
    let paid = demand.indices.reduce(0) { sum, sink in
      var least = penalty[sink]
      for source in supply.indices { if let cost = cost[source][sink] { least = min(least, cost + prices[source]) } }
      return sum + demand[sink] * least
    }
    return paid - supply.indices.reduce(0) { $0 + supply[$1] * prices[$1] }
  }
}
