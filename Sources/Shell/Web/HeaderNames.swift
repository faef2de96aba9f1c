import HTTPTypes

extension HTTPField.Name {
  /// What a browser's session gave its page, sent back with every write.
  static let csrf = Self("X-CSRF-Token")!
  /// The caller's own mark of a write that it may send again (draft-ietf-httpapi-idempotency-key-header).
  static let idempotencyKey = Self("Idempotency-Key")!
  /// When a person entered what is sent now (RFC 3339): a tablet may have kept it for days.
  static let enteredAt = Self("Entered-At")!
  /// Whose a kept entry is, and the seal that shows it.
  static let queueTicket = Self("Queue-Ticket")!
  static let queueSeal = Self("Queue-Seal")!
  /// For whom a page was made: a browser shows it to nobody else from what it keeps.
  static let account = Self("X-Renkei-Account")!
  static let clearSiteData = Self("Clear-Site-Data")!
  /// The answer is that to the same request before.
  static let idempotencyReplayed = Self("Idempotency-Replayed")!
  /// From where a stream of events is to go on (WHATWG HTML, 9.2.4).
  static let lastEventID = Self("Last-Event-ID")!
  /// Of what a page asks by itself, to stay up to date.
  static let refresh = Self("X-Renkei-Refresh")!
  /// On every answer of a drill's node, whatever it is.
  static let drill = Self("Renkei-Drill")!
  static let referrerPolicy = Self("Referrer-Policy")!
  static let crossOriginOpenerPolicy = Self("Cross-Origin-Opener-Policy")!
  static let permissionsPolicy = Self("Permissions-Policy")!
  /// After how long a browser goes on to another page by itself (WHATWG HTML, 7.11.2.1).
  static let goesOn = Self("Refresh")!
  /// Where a request comes from, as the browser says (W3C Fetch Metadata).
  static let fetchSite = Self("Sec-Fetch-Site")!
}
