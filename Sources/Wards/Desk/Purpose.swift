import ChangeModel

/// Why somebody may look at another ward's people, or at who must not be found.
public enum Purpose: String, Word {
  /// Disaster Countermeasures Basic Act, article 86-15: asking after people.
  case safety = "安否確認"
  /// The same act, article 49-11 (3): helping those who cannot flee alone, in a disaster without their consent.
  case assistance = "避難支援"
  /// The resident's consent.
  case consent = "本人同意"
  /// Helping somebody of the own ward who must not be found.
  case protection = "本人の保護"

  public var code: String {
    switch self {
    case .safety: "safety"
    case .assistance: "assistance"
    case .consent: "consent"
    case .protection: "protection"
    }
  }

  /// What a declaration for this purpose opens.
  public var opens: [Confidence] {
    switch self {
    case .safety: [.identity]
    case .assistance: [.identity, .care]
    case .consent, .protection: []
    }
  }

  /// Those for which a disaster can be declared.
  public static let declarable = [safety, assistance].map { Choice($0.rawValue, $0.code) }

  public static let field = FormField("purpose", .choice(choices), ja: "利用目的", en: "Purpose")
}
