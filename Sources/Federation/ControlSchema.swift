import ChangeModel
import Sodium

/// The collections of the control lane: readable by anyone, since they say who may write.
public enum ControlSchema {
  /// One row for each enrolled node; the row's id comes from its key, so that each node can be enrolled only once.
  public static let certificates = CollectionSchema(
    1, "certificates", lane: .control,
    fields: [
      FieldSchema(1, "ward", ja: "区コード", en: "ward code"),
      FieldSchema(2, "serial", .register, .integer, ja: "機番", en: "node serial"),
      FieldSchema(3, "node_key", ja: "公開鍵", en: "node key"),
      FieldSchema(4, "certificate", .register, .bytes, ja: "証明書", en: "certificate"),
    ])

  public static let certificateField: UInt32 = 4

  /// The edit by which a node makes itself known: its first of all.
  public static func enrolment(_ certificate: NodeCertificate, ward: String) -> RowEdit {
    RowEdit(
      certificates.number, RowID(derivedFrom: blake2b(certificate.key.bytes).prefix),
      [
        FieldEdit(1, .set(.text(ward))),
        FieldEdit(2, .set(.integer(Int64(certificate.node.serial)))),
        FieldEdit(3, .set(.text(certificate.key.bytes.hexadecimal))),
        FieldEdit(4, .set(.bytes(certificate.bytes))),
      ])
  }

  /// The certificates that a list of edits would enrol, valid or not.
  public static func certificates(in edits: [RowEdit]) -> [[UInt8]] {
    edits.flatMap { edit -> [[UInt8]] in
      guard edit.collection == certificates.number, case .edit(let fields) = edit.action else { return [] }
      return fields.compactMap { field in
        guard field.field == certificateField, case .set(.bytes(let bytes)) = field.operation else { return nil }
        return bytes
      }
    }
  }
}
