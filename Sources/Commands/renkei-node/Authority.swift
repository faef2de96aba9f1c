import ArgumentParser
import Foundation
import NodeService
import Terminal

struct AuthorityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "authority", abstract: "A ward's authority: the key on a card in a safe.",
    subcommands: [Lock.self, RenewKeys.self, Replace.self])

  /// The founding papers; a locked card's passphrase is asked for, or read from standard input.
  static func papers(_ path: String) -> FederationFolder {
    let passphrase = Passphrase()
    return FederationFolder(path) { try passphrase.ask() }
  }

  struct Lock: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lock a ward's card by a passphrase, or by another one.",
      discussion: """
        The passphrase is asked for, or read from standard input: of a locked card, first the one that it has. What lay open
        on a medium before may still be found there: make the card on a new one, and destroy the old.
        """)
    @Option(help: "Where the authority lies.") var federation: String
    @Option(help: "The ward's code.") var ward: String

    func run() async throws {
      let papers = AuthorityCommand.papers(federation)
      try papers.lock(ward: ward) { try Secret.ask("新しい合い言葉", "New passphrase") }
      Language.say("カードに鍵をかけました: \(ward)", "locked the card of \(ward)")
    }
  }

  struct RenewKeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make the ward's audience keys anew, for the nodes of the ward that are not revoked.",
      discussion: """
        `revoke` does this by itself on a node of the ward. What is sealed from now on, the old keys do not open. Another ward
        that a declaration let in holds its declaration again to see what is new.
        """)
    @OptionGroup var options: NodeOptions
    @Option(help: "Where the ward's authority lies.") var federation: String

    func run() async throws {
      let result = try await Self.renew(AuthorityCommand.papers(federation), options)
      guard !options.json else { return }
      Self.say(result)
    }

    static func renew(_ papers: FederationFolder, _ options: NodeOptions) async throws -> RenewKeysResult {
      var quiet = options
      quiet.json = false
      let staying = try await Session.perform(.wardNodes, quiet, as: WardNodes.self)
      let renewal = try papers.renewKeys(
        of: staying.ward, for: staying.nodes(in: papers.identity()), above: staying.generation)
      return try await Session.perform(.renewKeys(renewal), options, as: RenewKeysResult.self)
    }

    static func say(_ result: RenewKeysResult) {
      Language.say(
        "\(result.ward)の鍵を第 \(result.generation) 世代に替えました(ノード \(result.nodes) 台)",
        "keys of \(result.ward): generation \(result.generation), for \(result.nodes) nodes")
    }
  }
}
