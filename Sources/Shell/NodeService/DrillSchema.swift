import Causality
import ChangeModel
import Replica

/// Records without meaning, for drills: a lane is filled with them to see how a slow link behaves under a backlog.
/// Only a drill's federation takes them.
public enum DrillSchema {
  public static let records = CollectionSchema(
    90, "drill_records", lane: .registry, law: .open,
    fields: [FieldSchema(1, "filling", .register, .bytes, ja: "訓練用の詰め物", en: "filling")])

  /// Bytes of one record; each is a change set.
  static let recordBytes = 2_000
}

extension NodeCore {
  /// Writes at least `bytes` of drill records, one change set each.
  ///
  /// - Returns: how many.
  func fill(bytes: Int) throws -> Int {
    guard identity.federation.genesis.drill else {
      throw OperatorFailure(
        1, ja: "本番の連合では行えません。訓練用の連合(init --drill)で行ってください",
        en: "not in a real federation; use one made for a drill (init --drill)")
    }
    let count = (bytes + DrillSchema.recordBytes - 1) / DrillSchema.recordBytes
    return try edit { replica, now in
      var random = RandomNumbers(seed: UInt64(bitPattern: now.milliseconds))
      let effects = try replica.batch(at: now) {
        for row in try replica.newRows(count) {
          let filling = (0..<DrillSchema.recordBytes).map { _ in UInt8(truncatingIfNeeded: random.next()) }
          var draft = Draft(.registry)
          draft.edit(DrillSchema.records, row, [FieldEdit(1, .set(.bytes(filling)))])
          _ = try replica.commit(draft, at: now)
        }
      }
      return (count, effects)
    }
  }
}
