import ChangeModel
import Desk

/// Goods in one place: what there is, where, until when; and whose it is to give away.
public enum Lot {
  public static let item = Field.row(1, "item", of: "items", "品目", "Item")
  public static let ward = Field.ward(2, of: .first)
  public static let shelter = Field.row(3, "shelter", of: "shelters", "避難所", "Shelter")
  public static let place = Field.text(4, "place", 100, "保管場所", "Place")
  public static let lot = Field.text(5, "lot", 60, "ロット", "Lot")
  public static let expires = Field.date(6, "expires", "期限", "Expires")
  public static let amount = StockField(7, "amount", 1...1_000_000_000, "数量", "Amount")
  public static let book = LogField(8, "book", 1_000, "受払簿", "Book")
  public static let latitude = Field.number(9, "latitude", Numbers.latitudes, "緯度", "Latitude")
  public static let longitude = Field.number(10, "longitude", Numbers.longitudes, "経度", "Longitude")
  /// What was last counted: two who counted at once show as a conflict, since their corrections have added up.
  public static let counted = Field.integer(11, "counted", 0...1_000_000_000, "最後の棚卸数", "Last count")

  public static let records = Records(
    71, "lots", "在庫", "Stock", lane: .supply, law: .keptByMaker, reader: .roles(.staff, at: .field(shelter)),
    fields: [item, ward, shelter, place, lot, expires, amount, book, latitude, longitude, counted],
    title: [item, place, lot],
    takesOwnItems: true, place: Place(latitude, longitude),
    indexes: [[item, ward], [shelter]])
}
