import ArgumentParser
import Causality
import Federation
import Foundation
import NodeService
import Terminal

struct Replace: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "区の認証局を取り替える。カードが盗まれたか失われたとき。", "Give a ward another authority: its card was stolen or lost."),
    discussion: Language.pick(
      """
      過半数の区の認証局が、それぞれの保管場所で署名します。ファイルは順に運びます。

        区のノードで:       renkei-node authority replace propose --data DIR --federation F FILE
        各認証局の場所で:   renkei-node authority replace sign --federation F --ward 13101 FILE
        区のノードで:       renkei-node authority replace publish --data DIR --federation F --reason TEXT FILE

      元の認証局が署名したものは、改正書に挙げたもの（ここで知られている区の証明書と失効）のほか、
      すべて無効になります。盗んだ者が署名したものは除いてください（--drop-node、--drop-revocation）。
      何があるかは `renkei-inspect members` で見られます。そのあと F/amendments をほかの認証局の
      保管場所に写し、すべての区で鍵を作り直します（`authority renew-keys`）。災害に備えて封じた
      ものは、盗まれたカード宛てに封じられていたからです。
      """,
      """
      More than half of the wards' authorities sign, each where it is kept; the file is carried from one to the next:

        on a node of the ward:   renkei-node authority replace propose --data DIR --federation F FILE
        where each authority is: renkei-node authority replace sign --federation F --ward 13101 FILE
        on a node of the ward:   renkei-node authority replace publish --data DIR --federation F --reason TEXT FILE

      What the former authority signed holds no longer, except what the proposal names: the certificates and revocations of
      the ward that are known here. Leave out what the thief signed (--drop-node, --drop-revocation); `renkei-inspect members`
      shows them. Then copy F/amendments to where the other authorities are kept, and make the keys anew in every ward
      (`authority renew-keys`): what they prepared for a disaster was sealed to the stolen card.
      """),
    subcommands: [Propose.self, Sign.self, Publish.self])

  private static func read(_ file: String) throws -> AmendmentChain {
    guard let data = FileManager.default.contents(atPath: file), let chain = AmendmentChain([UInt8](data)),
      !chain.amendments.isEmpty
    else { throw OperatorFailure(2, ja: "改正書ではありません: \(file)", en: "not a proposal: \(file)") }
    return chain
  }

  struct Propose: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick("新しい認証局と、署名を集める改正書を作る。", "Make the new authority, and the amendment to be signed."))
    @OptionGroup var options: NodeOptions
    @Option(help: ArgumentHelp(Language.pick("新しいカードを置くフォルダ。", "Where the new card is to lie."))) var federation: String
    @Option(
      help: ArgumentHelp(
        Language.pick(
          "盗んだ者が登録したノード。その証明書を無効にします。何度でも書けます。",
          "A node that the thief enrolled: its certificate is not to hold. May be given many times.")))
    var dropNode: [String] = []
    @Option(
      help: ArgumentHelp(
        Language.pick(
          "盗んだ者が失効させたノード。その失効を無効にします。何度でも書けます。",
          "A node that the thief revoked: its revocation is not to hold. May be given many times.")))
    var dropRevocation: [String] = []
    @Argument(help: ArgumentHelp(Language.pick("書き出すファイル。", "The file to write."))) var file: String

    func run() async throws {
      var quiet = options
      quiet.json = false
      let own = try await Session.perform(.wardNodes, quiet, as: WardNodes.self)
      guard
        let key = try options.directory.identity().keyring[Keyring.federationKeyID]?.withSecretBytes({ $0 })
      else { throw FederationError.malformedCard("federation key") }
      let identity = try options.directory.identity().federation
      func numbers(_ names: [String]) throws -> Set<AuthorNumber> {
        Set(
          try names.map { name in
            try Revoke.node(name, in: identity).number(in: identity)
          })
      }
      let (nodes, revocations) = (try numbers(dropNode), try numbers(dropRevocation))
      let kept = own.statements.compactMap { [UInt8](hexadecimal: $0) }.filter { bytes in
        if let certificate = NodeCertificate(unchecked: bytes) { return !nodes.contains(certificate.node) }
        return Revocation.node(claimedBy: bytes).map { !revocations.contains($0) } ?? false
      }
      for bytes in kept {
        if let certificate = NodeCertificate(unchecked: bytes) {
          Language.say(
            "残す証明書: \(own.ward)-\(certificate.node.serial)", "kept certificate: \(own.ward)-\(certificate.node.serial)")
        } else if let node = Revocation.node(claimedBy: bytes) {
          Language.say("残す失効: \(own.ward)-\(node.serial)", "kept revocation: \(own.ward)-\(node.serial)")
        }
      }
      let chain = try FederationFolder(federation).propose(
        ward: own.ward, keeping: kept, serialsTo: own.highestSerial, generation: own.generation, federationKey: key)
      try FileManager.default.write(Data(chain.bytes), to: file)
      Language.say(
        "改正案を書きました: \(file)。区の過半数の認証局の署名を集めてください",
        "wrote the proposal: \(file); let more than half of the wards' authorities sign it")
    }
  }

  struct Sign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick("改正書に区の認証局で署名する。", "Sign a proposal with a ward's authority."))
    @Option(help: ArgumentHelp(Language.pick("認証局のあるフォルダ。", "Where the authority lies."))) var federation: String
    @Option(help: ArgumentHelp(Language.pick("区コード。", "The ward's code."))) var ward: String
    @Argument(help: ArgumentHelp(Language.pick("改正書のファイル。上書きします。", "The proposal; written over."))) var file: String

    func run() async throws {
      var chain = try Replace.read(file)
      let papers = AuthorityCommand.papers(federation)
      try papers.sign(&chain, ward: ward)
      try FileManager.default.write(Data(chain.bytes), to: file)
      let (count, threshold) = (chain.amendments.last!.signatures.count, try papers.identity().threshold)
      Language.say("署名しました(\(count)/\(threshold))", "signed (\(count) of \(threshold))")
    }
  }

  struct Publish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick("署名のそろった改正書を、すべてのノードに知らせる。", "Tell all nodes of an amendment that enough have signed."))
    @OptionGroup var options: NodeOptions
    @Option(help: ArgumentHelp(Language.pick("新しいカードのあるフォルダ。", "Where the new card lies."))) var federation: String
    @Option(help: ArgumentHelp(Language.pick("理由。誰でも読めます。", "Why, for everybody to read."))) var reason: String
    @Argument(help: ArgumentHelp(Language.pick("改正書のファイル。", "The proposal."))) var file: String

    func run() async throws {
      let chain = try Replace.read(file)
      let result = try await Session.perform(
        .amend(chain: chain.bytes.hexadecimalText, reason: reason), options, as: AmendResult.self)
      try FederationFolder(federation).take(chain)
      guard !options.json else { return }
      Language.say(
        "認証局を替えました(改正 \(result.amendments) 件目)", "the authority is replaced (amendment \(result.amendments))")
    }
  }
}
