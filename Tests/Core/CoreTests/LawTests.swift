import Causality
import ChangeModel
import TestSupport
import Testing

/// Who may write what, decided by a row's id and an edit alone: each law against what its words say, for every ward, every form
/// of a row's id and every field.
struct LawTests {
  private static let wards: Range<UInt32> = 0..<4

  private static func collection(_ law: Law) -> CollectionSchema {
    CollectionSchema(
      9, "rows", lane: .life, law: law,
      fields: [
        FieldSchema(1, "low", .register, .integer, isRow: true, ja: "前", en: "low"),
        FieldSchema(2, "high", .register, .integer, isRow: true, ja: "後", en: "high"),
        FieldSchema(3, "ward", repeats: .first, ja: "区", en: "ward"),
        FieldSchema(4, "other", repeats: .second, ja: "他の区", en: "other"),
        FieldSchema(5, "at", .register, .integer, isPast: true, ja: "日時", en: "at"),
        FieldSchema(6, "goods", .stock, .integer, ja: "在庫", en: "goods"),
      ])
  }

  private static func author(_ ward: UInt32) -> AuthorNumber { AuthorNumber(ward: ward, serial: 1, epoch: 0) }

  /// Rows of ward 0 or, where it says so, of wards 0 and 1.
  private static let rows: [(row: RowID, first: UInt32, second: UInt32?, isMade: Bool)] = [
    (RowID(author: author(0), counter: 5), 0, nil, true),
    (RowID(derivedFrom: 0x1234_5678_9abc_def0, ward: 0), 0, nil, false),
    (RowID(derivedFrom: 0x1234_5678_9abc_def0, ward: 0, and: 1), 0, 1, false),
    (RowID(made: author(0), counter: 5, with: 1)!, 0, 1, false),
  ]

  private static func sets(_ numbers: ClosedRange<UInt32>) -> [FieldEdit] {
    numbers.map { $0 == 3 || $0 == 4 ? FieldEdit($0, .set(.text("x"))) : FieldEdit($0, .set(.integer(1))) }
  }

  /// The fields that are left of an edit of all, by a node of a ward; nil when nothing is.
  private static func left(_ law: Law, _ row: RowID, from ward: UInt32) -> [UInt32]? {
    guard let edit = collection(law).admitted(RowEdit(9, row, .edit(sets(1...5))), from: ward),
      case .edit(let fields) = edit.action
    else { return nil }
    return fields.map(\.field)
  }

  private static func mayDelete(_ law: Law, _ row: RowID, from ward: UInt32) -> Bool {
    collection(law).admitted(RowEdit(9, row, .delete(shares: [])), from: ward) != nil
  }

  @Test func `each law lets those write whom it names, and nobody else`() {
    for (row, first, second, isMade) in Self.rows {
      for ward in Self.wards {
        #expect(Self.left(.open, row, from: ward) == [1, 2, 3, 4, 5] && Self.mayDelete(.open, row, from: ward))
        #expect(Self.left(.shared, row, from: ward) == [1, 2, 3, 4, 5] && !Self.mayDelete(.shared, row, from: ward))
        let isMaker = isMade && ward == first
        #expect(Self.left(.keptByMaker, row, from: ward) == (isMaker ? [1, 2, 3, 4, 5] : nil))
        #expect(Self.mayDelete(.keptByMaker, row, from: ward) == isMaker)
        let kept = Law.keptByWard(open: [4])
        #expect(Self.left(kept, row, from: ward) == (ward == first ? [1, 2, 3, 4, 5] : [4]))
        #expect(Self.mayDelete(kept, row, from: ward) == (ward == first))
        let parties = Law.keptByParties(first: [1, 3], second: [2, 3])
        // A made row names one ward alone, and a derived one of one ward whatever its hash holds: only rows of two are tried.
        if second != nil {
          let expected: [UInt32]? = ward == first ? [1, 3] : ward == second ? [2, 3] : nil
          #expect(Self.left(parties, row, from: ward) == expected, "\(row) by \(ward)")
        } else if isMade {
          #expect(Self.left(parties, row, from: ward) == nil)
        }
        #expect(!Self.mayDelete(parties, row, from: ward))
      }
    }
  }

  @Test func `a statement on a pair stands under the pair's own id, by a ward of one of the two`() {
    let (low, high) = (RowID(author: Self.author(0), counter: 1), RowID(author: Self.author(1), counter: 1))
    let pair = RowID(pair: low, high, in: 9)
    func names(_ first: RowID, _ second: RowID) -> [FieldEdit] {
      [FieldEdit(1, .set(.integer(first.rawValue))), FieldEdit(2, .set(.integer(second.rawValue)))]
    }
    let law = Self.collection(.pair(1, 2))
    for ward in Self.wards {
      func isAdmitted(_ row: RowID, _ fields: [FieldEdit]) -> Bool {
        law.admitted(RowEdit(9, row, .edit(fields)), from: ward) != nil
      }
      let isParty = ward < 2
      #expect(isAdmitted(pair, names(low, high)) == isParty)
      // What says nothing of the pair changes nothing of it.
      #expect(isAdmitted(pair, [FieldEdit(5, .set(.integer(1)))]) == isParty)
      let third = RowID(author: Self.author(ward), counter: 9)
      for (row, fields) in [
        (pair, names(high, low)), (pair, names(low, third)), (pair, [names(low, high)[0]]),
        (pair, names(low, high) + names(low, third)), (RowID(pair: low, high, in: 8), names(low, high)),
        (RowID(rawValue: -5), names(low, high)), (third, names(low, high)),
        (pair, [FieldEdit(1, .set(.null)), FieldEdit(2, .set(.null))]),
      ] { #expect(!isAdmitted(row, fields), "\(row) \(fields) by \(ward)") }
      #expect(law.admitted(RowEdit(9, pair, .delete(shares: [])), from: ward) == nil)
    }
  }

  @Test func `goods come in where the row belongs, and are handed over within its ward alone`() {
    let kept = Self.collection(.keptByWard(open: [6]))
    let row = Self.rows[0].row
    func admits(_ operation: FieldOperation, from ward: UInt32) -> Bool {
      kept.admitted(RowEdit(9, row, .edit([FieldEdit(6, operation)])), from: ward) != nil
    }
    for ward in Self.wards {
      #expect(admits(.receive(1), from: ward) == (ward == 0))
      #expect(admits(.spend(1), from: ward))
    }
    #expect(admits(.handOver(1, to: AuthorNumber(ward: 0, serial: 2, epoch: 0)), from: 0))
    #expect(!admits(.handOver(1, to: Self.author(1)), from: 0))
  }

  @Test func `a quantity comes in where the row belongs, and any ward spends what it was handed or hands it on`() {
    let drawn = Self.collection(.drawn(stock: 6))
    for (row, first, _, _) in Self.rows {
      func admits(_ operation: FieldOperation, from ward: UInt32) -> Bool {
        drawn.admitted(RowEdit(9, row, .edit([FieldEdit(6, operation)])), from: ward) != nil
      }
      for ward in Self.wards {
        #expect(admits(.receive(1), from: ward) == (ward == first))
        #expect(admits(.spend(1), from: ward))
        for other in Self.wards { #expect(admits(.handOver(1, to: Self.author(other)), from: ward)) }
        #expect(Self.left(.drawn(stock: 6), row, from: ward) == (ward == first ? [1, 2, 3, 4, 5] : nil))
        #expect(Self.mayDelete(.drawn(stock: 6), row, from: ward) == (ward == first))
      }
    }
  }

  @Test func `a time is no later than its change set, and a ward's code is the id's, however often it is asked`() {
    let law = Self.collection(.open)
    let codes: (UInt32) -> String? = { $0 < 4 ? "1310\($0 + 1)" : nil }
    for (row, first, second, _) in Self.rows where second != nil {
      let edit = RowEdit(
        9, row,
        .edit([
          FieldEdit(3, .set(.text("13199"))), FieldEdit(4, .set(.text("13199"))), FieldEdit(5, .set(.integer(.max))),
          FieldEdit(5, .set(.integer(99))),
        ]))
      let right = RowEdit(
        9, row,
        .edit([
          FieldEdit(3, .set(.text(codes(first)!))), FieldEdit(4, .set(.text(codes(second!)!))),
          FieldEdit(5, .set(.integer(100))), FieldEdit(5, .set(.integer(99))),
        ]))
      #expect(law.plausible(edit, at: 100, code: codes) == right)
      #expect(law.plausible(right, at: 100, code: codes) == right)
    }
  }
}
