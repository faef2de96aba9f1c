/// Every bound of the format in one place. A decoder checks the bound before it allocates.
public enum Limits {
  /// Bytes of one change set, signature included. Larger edits are split: at 2,400 bit/s this takes four minutes.
  public static let changeSetBytes = 64 * 1024

  /// Sections of one change set: one for each audience; 23 wards and the federation leave room.
  public static let sections = 64

  /// Row edits of one change set; the byte bound is nearly always met first.
  public static let rowEdits = 8_192

  /// Field edits of one row edit: a form on paper has fewer.
  public static let fieldEdits = 512

  /// UTF-8 bytes of one text: about 10,000 Japanese characters, more than any form's free text.
  public static let textBytes = 32 * 1024

  /// Authors that one change set may name in each of its clocks. Who has more to tell, after weeks alone, writes change sets
  /// without sections first (`Replica.commit`).
  public static let clockEntries = 4_096

  /// Authors that a log may name in all: 1,000 nodes, each with as many epochs as its certificate gives it.
  public static let mentionedAuthors = 1 << 16

  /// Logs of which one log may say which branch it means: as many stolen keys, each used beside its owner, as there are nodes.
  public static let namedBranches = 1_024

  /// Hybrid times lie before this many milliseconds since 1970 (the year 6429): half of what the field holds, so that no
  /// time that is merged leaves its successors without room.
  public static let timeMilliseconds: Int64 = 1 << 47

  /// The highest collection and field numbers.
  public static let collectionNumber: UInt32 = 4_095
  public static let fieldNumber: UInt32 = 4_095
}
