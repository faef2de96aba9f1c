import ArgumentParser
import Foundation
import NodeService
import Terminal

struct Unit: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "ノードを systemd のサービスにするファイルを出す。権限は要る分だけです。",
      "Print a systemd unit that runs the node as a service, with no privilege that it does not need."),
    discussion: Language.pick(
      """
        renkei-node unit --data /var/lib/renkei/node > /etc/systemd/system/renkei-node.service
        systemd-analyze verify /etc/systemd/system/renkei-node.service
      """,
      """
        renkei-node unit --data /var/lib/renkei/node > /etc/systemd/system/renkei-node.service
        systemd-analyze verify /etc/systemd/system/renkei-node.service
      """))
  @Option(help: ArgumentHelp(Language.pick("ノードのフォルダ。", "The node's folder."))) var data: String
  @Option(
    help: ArgumentHelp(Language.pick("サービスの利用者。ノードのフォルダの所有者です。", "The service's user, who owns the node's folder.")))
  var user = "renkei"

  func validate() throws {
    guard user.wholeMatch(of: /[a-z_][a-z0-9_-]{0,31}/) != nil else {
      throw ValidationError("--user must be a user's name")
    }
    guard !absolute(data).unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
      throw ValidationError("--data holds a control character")
    }
  }

  func run() async throws {
    let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    print(
      UnitFile.text(folder: URL(fileURLWithPath: absolute(data)).standardizedFileURL.path, user: user, program: program)
    )
  }
}

/// What systemd reads: systemd.unit(5), systemd.exec(5), systemd.resource-control(5).
enum UnitFile {
  /// A path as a word of a unit file: systemd takes `%` for a specifier, and in a command `$` for a variable.
  private static func word(_ path: String, inCommand: Bool = false) -> String {
    var text = path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("%", with: "%%")
    if inCommand { text = text.replacing("$", with: "$$") }
    return path.contains(where: { " \"'\\;#".contains($0) }) ? "\"\(text)\"" : text
  }

  static func text(folder: String, user: String, program: String) -> String {
    let (data, program) = (word(folder, inCommand: true), word(program, inCommand: true))
    let parts = folder.split(separator: "/")
    let isState = folder.hasPrefix("/var/lib/") && parts.count > 2
    let isHome = ["home", "root"].contains(parts.first ?? "")
    // systemd makes what lies under /var/lib itself, for the user alone.
    let place =
      isState ? "StateDirectory=\(word(String(parts[2])))\nStateDirectoryMode=0700" : "ReadWritePaths=\(word(folder))"
    let scratch =
      isState ? "files that it is to write for somebody are put into /var/lib/\(parts[2])." : "nowhere else."
    let home = isHome ? "ProtectHome=tmpfs\nBindPaths=\(word(folder))" : "ProtectHome=yes"
    return """
      # One ward's node as a service, for Debian 12 (systemd 252) and newer; made by `renkei-node unit`.
      #
      #   useradd --system --user-group --home-dir /var/lib/renkei --shell /usr/sbin/nologin \(user)
      #   \(program) unit --data \(data) > /etc/systemd/system/renkei-node.service
      #   /etc/renkei/node.conf: the three settings below, with this ward's own addresses
      #   systemctl daemon-reload && systemctl enable --now renkei-node
      #
      # A user of its own and no DynamicUser: a restore, or any command on a node at rest, has to be done as the service's user
      # (`runuser -u \(user) -- renkei-node …`); what root would write there, the service could not open.
      #
      # What only a ward knows stands in drop-ins (`systemctl edit renkei-node`), above all who may call:
      #   [Service]
      #   IPAddressDeny=any
      #   IPAddressAllow=localhost 10.8.0.0/16 10.13.113.0/24

      [Unit]
      Description=Renkei 連携: the ward's node
      # Not network-online.target: a ward that is cut off starts its node all the same. Nor time-sync.target: it may never come.
      After=network.target
      # Tried again for ever: a full disk is made free by a person, in an hour or two.
      StartLimitIntervalSec=0

      [Service]
      Type=exec
      User=\(user)
      Group=\(user)

      # No secrets here: they are files of mode 600 in the node's folder.
      Environment=RENKEI_HTTP=127.0.0.1:8443
      Environment=RENKEI_GOSSIP=0.0.0.0:7113
      # Every name and address by which browsers call this node (--host-name), and every peer (--peer), parted by blanks.
      Environment="RENKEI_MORE=--log-level notice"
      EnvironmentFile=-/etc/renkei/node.conf
      ExecStart=\(program) run --data \(data) --http ${RENKEI_HTTP} --gossip ${RENKEI_GOSSIP} $RENKEI_MORE

      # Not on-failure: a node that ended in good order without being asked (exit 0) is wanted again. `systemctl stop` stops it.
      Restart=always
      RestartSec=3
      # The node closes its links and its database within 5 s; a slow disk may take longer.
      TimeoutStopSec=30

      # Where it may write; \(scratch)
      \(place)
      ConfigurationDirectory=renkei
      \(home)
      \(confinement)
      """
  }

  /// What it may do: no privilege of any kind.
  private static let confinement = """
    UMask=0077
    ProtectSystem=strict
    PrivateTmp=yes
    PrivateDevices=yes
    PrivateMounts=yes
    ProtectProc=invisible
    ProcSubset=pid
    RemoveIPC=yes

    # What it may do: no privilege of any kind. Ports below 1024 are not for it.
    NoNewPrivileges=yes
    CapabilityBoundingSet=
    AmbientCapabilities=
    PrivateUsers=yes
    ProtectClock=yes
    ProtectControlGroups=yes
    ProtectHostname=yes
    ProtectKernelLogs=yes
    ProtectKernelModules=yes
    ProtectKernelTunables=yes
    RestrictNamespaces=yes
    RestrictRealtime=yes
    RestrictSUIDSGID=yes
    LockPersonality=yes
    KeyringMode=private
    # Swift compiles ahead of time, and neither SQLite, libsodium nor BoringSSL makes code at run time. Tried under the same
    # filters (these and those below): start, sign-in, pages, links, bundles, verify, rebuild.
    MemoryDenyWriteExecute=yes
    # Without AF_NETLINK the node cannot list this machine's addresses: its certificate holds localhost, the host's name, the
    # address in RENKEI_HTTP and each --host-name, so name them there.
    RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
    SystemCallArchitectures=native
    SystemCallFilter=@system-service
    SystemCallFilter=~@privileged @resources
    # An error that the program can tell, and no dead process.
    SystemCallErrorNumber=EPERM

    # For a machine of 4 GiB: 2,000 browsers, 512 links and their files; one password check takes 64 MiB.
    LimitNOFILE=8192
    # A core file would hold keys and residents.
    LimitCORE=0
    TasksMax=256
    MemoryHigh=2G
    MemoryMax=3G
    OOMScoreAdjust=-500

    [Install]
    WantedBy=multi-user.target
    """
}
