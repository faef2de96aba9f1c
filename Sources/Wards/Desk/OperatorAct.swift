/// What somebody does to a node as a whole, by the command line or the pages for it: in the audit trail under these names, as
/// an endpoint of the services is under its own.
public enum OperatorAct: String, CaseIterable, Codable, Sendable {
  case importShelters, exportBundle, importBundle, backUp, unseal, enrol, revoke, renewKeys, amend, adopt

  public var words: Words {
    switch self {
    case .importShelters: Words("避難所一覧の取り込み", "Import of a list of shelters")
    case .exportBundle: Words("バンドルの書き出し", "Export of a bundle")
    case .importBundle: Words("バンドルの取り込み", "Import of a bundle")
    case .backUp: Words("控えの作成", "Backup")
    case .unseal: Words("控えの開封", "Opening of a backup")
    case .enrol: Words("ノードの登録の署名", "Signing of a node's enrolment")
    case .revoke: Words("ノードの失効", "Revocation of a node")
    case .renewKeys: Words("区の鍵の更新", "Renewal of the ward's keys")
    case .amend: Words("認証局の交代", "Replacement of an authority")
    case .adopt: Words("取り置いた記録の採用", "Adoption of what was set aside")
    }
  }
}
