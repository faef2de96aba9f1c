#if MUTANTS
  /// Bugs that can be planted into the core, one at a time, to see that the simulator's checkers find them. Compiled only
  /// into a build with `RENKEI_MUTANTS` set, which makes nothing but the simulator: see `Tools/mutants`.
  public enum PlantedBug: String, CaseIterable, Sendable {
    // What is taken from peers.
    case takesUnsigned, mergesTooEarly, losesWaiting, trapsOnNoise, repeatsNonce
    // What a merge does.
    case overwritesUnseen, showsEarliest, showsLastArrived, removeBeatsAdd, countsOnlyLast, deletesUnseen
    case hidesConflicts, ordersEntriesByArrival, forgetsUnknownFields
    // What is promised.
    case overspends, syncsLate, forgetsMark, ignoresMark
    // What goes between nodes.
    case neverAsks, asksEverybody, ignoresForks, floodsSlowLines
    // Who talks to whom.
    case forgetsFailedCalls
    // What is void.
    case leavesVoidRows, forgetsWaitingFacts
    // What the services do.
    case givesBackTwice, countsTwice, hidesDoubles, keepsClosedKeys

    /// Only the services' own scenario can find it.
    public var isOfServices: Bool {
      [.givesBackTwice, .countsTwice, .hidesDoubles, .keepsClosedKeys].contains(self)
    }

    /// The one that is planted in this process. Set once, before anything runs.
    nonisolated(unsafe) public static var planted: PlantedBug?

    public var isPlanted: Bool { Self.planted == self }
  }
#endif
