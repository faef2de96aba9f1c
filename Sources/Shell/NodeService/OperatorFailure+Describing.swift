import Desk
import Exchange
import Federation
import Formats
import Gossip
import Replica
import Store
import Topology

extension OperatorFailure {
  /// Any error as a sentence that says what, where and what to do.
  public static func describing(_ error: any Error) -> OperatorFailure {
    switch error {
    case let error as OperatorFailure: error
    case let error as ReplicaError: describe(error)
    case let error as StoreError: describe(error)
    case let error as ExchangeError: describe(error)
    case let fault as Fault:
      OperatorFailure(
        fault.kind == .badValue || fault.kind == .notFound ? 2 : 1, ja: Self.located(fault.field, fault.japanese),
        en: Self.located(fault.field, fault.english))
    case let error as BundleFault: describe(error)
    case let error as DirectoryError: describe(error)
    case let error as TopologyError:
      OperatorFailure(2, ja: "地域構成ファイルの \(error.line) 行目 \(error.field): \(error.message)", en: "topology, \(error)")
    case let error as FederationError: describe(error)
    case let error as SealedFileFault: describe(error)
    default: OperatorFailure(70, ja: "内部エラー: \(error)", en: "internal error: \(error)")
    }
  }

  private static func describe(_ error: SealedFileFault) -> OperatorFailure {
    switch error {
    case .notSealed: OperatorFailure(2, ja: "封をした控えではありません", en: "not a sealed backup")
    case .notForThisKey:
      OperatorFailure(
        2, ja: "この鍵では開けません。作ったノードのフォルダか、--authority で区の管理カードを使ってください",
        en:
          "this key does not open it: use the folder of the node that made it, or its ward's authority card with --authority"
      )
    case .damaged(let first, let last):
      OperatorFailure(
        1, ja: "控えが壊れているか、書き換えられています: \(first)–\(last) バイト目のどこか。何も戻していません",
        en: "the backup is damaged or was altered, somewhere from byte \(first) to \(last); nothing was put back")
    case .cut(let offset):
      OperatorFailure(
        1, ja: "控えが \(offset) バイト目で途切れています。何も戻していません",
        en: "the backup is cut at byte \(offset); nothing was put back")
    case .followed(let offset):
      OperatorFailure(
        1, ja: "控えの終わり(\(offset) バイト目)の後に、別のものが付いています。何も戻していません",
        en: "something was put behind the end of the backup, at byte \(offset); nothing was put back")
    }
  }

  private static func describe(_ error: ReplicaError) -> OperatorFailure {
    switch error {
    case .store(let error): describe(error)
    case .insufficientStock(let available, let asked):
      OperatorFailure(
        1, ja: "この区の持ち分 \(available) に対し \(asked) は出せません",
        en: "this node's share is \(available); \(asked) were asked for")
    case .revoked:
      OperatorFailure(1, ja: "このノードは失効しています", en: "this node is revoked")
    case .foreignRow(let collection, let row):
      OperatorFailure(
        1, ja: "ほかの区の記録です: \(collection) \(row)", en: "a record of another ward: \(collection) \(row)")
    case .noSuchRow: OperatorFailure(1, ja: "その行はありません", en: "no such row")
    default: OperatorFailure(2, ja: "受け付けられません: \(error)", en: "not accepted: \(error)")
    }
  }

  private static func describe(_ error: StoreError) -> OperatorFailure {
    switch error {
    case .diskFull:
      OperatorFailure(
        70, ja: "ディスクに空きがありません。空きを作ると続けられます。保存済みの内容は失われていません",
        en: "the disk is full; free some space. Nothing saved is lost")
    case .inputOutput(let code):
      OperatorFailure(
        70, ja: "ディスクの読み書きに失敗しました(\(code))。ディスクを確かめてください",
        en: "reading or writing the disk failed (\(code)); check the disk")
    case .damaged(let what):
      OperatorFailure(
        1,
        ja:
          "データベースが壊れています: \(what)。renkei-inspect verify で場所を見て、表だけなら renkei-node rebuild で直ります。記録なら、ファイルを別名で残して起動すると、ほかの区から取り直します",
        en:
          "the database is damaged: \(what). See where with renkei-inspect verify: a table heals with renkei-node rebuild; when it is the log, move the file away and start the node, which fetches it anew from its peers"
      )
    case .olderFormat: .olderFormat
    case .newerFormat(let found, let known):
      OperatorFailure(
        2, ja: "新しい版のファイルです(\(found) > \(known))。プログラムを更新してください",
        en: "the file is of a newer program (\(found) > \(known)); update this one")
    case .busy: OperatorFailure(70, ja: "別のプログラムがファイルを使っています", en: "another program holds the file")
    case .refused(let code, let message):
      OperatorFailure(70, ja: "SQLite: \(message)(\(code))", en: "SQLite: \(message) (\(code))")
    }
  }

  private static func describe(_ error: ExchangeError) -> OperatorFailure {
    switch error {
    case .unknownEncoding(let offset):
      OperatorFailure(
        2, ja: "文字コードが UTF-8 でも CP932 でもありません(\(offset) バイト目)", en: "neither UTF-8 nor CP932 (byte \(offset))")
    case .unknownHeader(let rows):
      OperatorFailure(
        2, ja: "避難所一覧の見出しが見つかりません。最初の行: \(rows.joined(separator: " / "))",
        en: "no header of a known shelter list. The first rows: \(rows.joined(separator: " / "))")
    case .duplicateColumn(let name, let line):
      OperatorFailure(2, ja: "\(line) 行目の見出しに「\(name)」が二つあります", en: "line \(line): the column \"\(name)\" stands twice")
    case .notJSON(let reason): OperatorFailure(2, ja: "JSON として読めません: \(reason)", en: "not JSON: \(reason)")
    case .notFeatureCollection:
      OperatorFailure(2, ja: "GeoJSON の FeatureCollection ではありません", en: "not a GeoJSON FeatureCollection")
    case .tooLarge(let limit):
      OperatorFailure(2, ja: "大きすぎます: 上限は \(limit >> 20) MB です", en: "too large: a list has at most \(limit >> 20) MB")
    case .lineTooLong(let line, let limit):
      OperatorFailure(
        2, ja: "\(line) 行目が長すぎます: 一行は \(limit >> 10) KB までです。一覧のファイルか確かめてください",
        en: "line \(line) is too long: a line has at most \(limit >> 10) KB. See whether this file is a list")
    }
  }

  private static func located(_ field: String, _ text: String) -> String { field.isEmpty ? text : "\(field): \(text)" }

  private static func describe(_ error: BundleFault) -> OperatorFailure {
    switch error {
    case .notABundle:
      OperatorFailure(2, ja: "このファイルは連携のカードではありません。renkei-13113.bundle のような名前のファイルを選んでください", en: "not a Renkei bundle")
    case .wrongFederation:
      OperatorFailure(
        2, ja: "別の連合(訓練など)のバンドルです。取り込みません", en: "a bundle of another federation (a drill?); nothing was taken")
    case .damaged(let offset, _), .cut(let offset):
      OperatorFailure(1, ja: "\(offset) バイト目で壊れています", en: "damaged at byte \(offset)")
    }
  }

  private static func describe(_ error: DirectoryError) -> OperatorFailure {
    switch error {
    case .notANode(let path):
      OperatorFailure(
        2, ja: "ノードのフォルダではありません: \(path)。先に renkei-node init を行ってください",
        en: "not a node's folder: \(path). Run renkei-node init first")
    case .alreadyANode(let path): OperatorFailure(2, ja: "すでにノードがあります: \(path)", en: "there is a node already: \(path)")
    case .alreadyThere(let path):
      OperatorFailure(
        2, ja: "すでにあります。確かめて、別の場所へ移してください: \(path)", en: "is there already; look at it and move it away: \(path)")
    case .notReadable(let path): OperatorFailure(2, ja: "読めません: \(path)", en: "cannot read: \(path)")
    case .notWritable(let path, let code):
      OperatorFailure(2, ja: "書き込めません: \(path)(\(code))", en: "cannot write: \(path) (errno \(code))")
    case .malformed(let path): OperatorFailure(2, ja: "内容が正しくありません: \(path)", en: "malformed: \(path)")
    case .inUse(let path):
      OperatorFailure(2, ja: "別のプログラムがこのノードを動かしています: \(path)", en: "another process runs this node: \(path)")
    case .notOurs(let path, let owner):
      OperatorFailure(
        2, ja: "フォルダは \(owner) のものです: \(path)。\(owner) として行ってください: runuser -u \(owner) -- renkei-node …",
        en: "the folder is \(owner)'s: \(path). Do it as \(owner): runuser -u \(owner) -- renkei-node …")
    case .open(let path):
      OperatorFailure(
        2, ja: "ほかの人も入れるフォルダで、閉じられません: \(path)。所有者だけが入れる(chmod 700)別の場所にしてください",
        en: "others can enter the folder, and it cannot be closed to them: \(path). Use one that can (chmod 700)")
    }
  }

  private static func describe(_ error: FederationError) -> OperatorFailure {
    switch error {
    case .unknownWard(let ward):
      OperatorFailure(2, ja: "この連合にない区です: \(ward)", en: "no ward of this federation: \(ward)")
    case .notThisNode: OperatorFailure(2, ja: "このノードのためのカードではありません", en: "the card was made for another node's key")
    case .wrongFederation: OperatorFailure(2, ja: "別の連合のものです", en: "of another federation")
    case .badAuthoritySignature: OperatorFailure(2, ja: "区の認証局の署名ではありません", en: "not signed by the ward's authority")
    case .serialsExhausted: OperatorFailure(2, ja: "この区の機番を使い切りました", en: "the ward has no serials left")
    case .generationsExhausted:
      OperatorFailure(2, ja: "この区の鍵の世代を使い切りました", en: "the ward has no key generations left")
    case .wrongPassphrase:
      OperatorFailure(
        2, ja: "区の管理カードの合い言葉が違うか、カードが壊れています", en: "not the passphrase of the authority's card, or a damaged card")
    case .shortPassphrase:
      OperatorFailure(
        2, ja: "合い言葉は \(AuthorityCard.shortestPassphrase) 文字以上にしてください",
        en: "a passphrase has at least \(AuthorityCard.shortestPassphrase) characters")
    case .malformedGenesis(let part):
      OperatorFailure(2, ja: "genesis の \(part) が正しくありません", en: "genesis: \(part) is malformed")
    case .olderFormat: .olderFormat
    case .malformedCertificate: OperatorFailure(2, ja: "証明書の形ではありません", en: "not a certificate")
    case .malformedRevocation: OperatorFailure(2, ja: "失効書の形ではありません", en: "not a revocation")
    case .malformedAmendment:
      OperatorFailure(
        2, ja: "改正書の形でないか、認証局の署名が半数を超えていません", en: "not an amendment, or not signed by more than half of the authorities"
      )
    case .notJoined(let ward):
      OperatorFailure(
        2, ja: "認証局のカードに、まだ連合の鍵がありません。genesis.json と federation-key-\(ward).json をカードの横に置いてください",
        en:
          "the authority has no key of the federation yet: put genesis.json and federation-key-\(ward).json beside its card"
      )
    case .malformedPaper(let ward):
      OperatorFailure(
        2, ja: "\(ward) の公開鍵か連合の鍵のファイルが正しくないか、二つあるか、別の区のものです",
        en:
          "the public key or the federation's key of \(ward) is not as it was made, stands twice, or is another ward's")
    case .malformedForkProof: OperatorFailure(2, ja: "分岐の証拠になっていません", en: "not a proof of a fork")
    case .malformedCard(let part): OperatorFailure(2, ja: "カードの \(part) が正しくありません", en: "card: \(part) is malformed")
    }
  }
}

extension OperatorFailure {
  /// Of a database and of a certificate alike.
  fileprivate static let olderFormat =
    OperatorFailure(
      2, ja: "版 0.1 の形式のファイルです。形式 2 は新しく始めます: このフォルダーは残して、renkei-node init で新しいフォルダーを作ってください",
      en:
        "the file is of format 1, of release 0.1; format 2 begins anew: keep this folder, and make another with renkei-node init"
    )
}
