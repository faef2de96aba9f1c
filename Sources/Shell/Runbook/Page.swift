/// What an engineer on call is told of one problem: what it means, what was lost, what to do.
public struct Page: Sendable {
  public typealias Both = (ja: String, en: String)

  /// In the first line of `status`.
  public let title: Both
  public let meaning: Both
  public let lost: Both
  /// In this order; each as it is typed, `DIR` being the node's folder.
  public let steps: [(command: String?, ja: String, en: String)]
}

extension Problem {
  /// In one line, but for since when.
  public var sentence: Page.Both {
    func line(_ title: String, _ detail: String?, _ comma: String) -> String {
      var text = title
      if let subject { text += ": \(subject)" }
      if let count, count > 1 || subject == nil { text += " (\(count))" }
      if let detail { text += comma + detail }
      return text
    }
    return (line(code.page.title.ja, detail?.ja, "、"), line(code.page.title.en, detail?.en, ", "))
  }
}

extension Problem.Code {
  public var page: Page {
    switch self {
    case .damage:
      Page(
        title: ("データベースが壊れています", "the database is damaged"),
        meaning: ("ファイルの一部が、書いたときと違います。", "A part of the file is not what was written."),
        lost: (
          "表だけなら何も失われていません。記録そのものなら、ほかのノードが持つ分は戻ります。",
          "Nothing when it is a table. When it is the log itself, what other nodes have comes back."
        ),
        steps: [
          ("renkei-inspect verify DIR", "どこが壊れたかを見る。", "See where it is."),
          (
            "renkei-node rebuild --data DIR", "表なら、ノードを止めて、記録から作り直す。",
            "A table: stop the node and make it anew from the log."
          ),
          (
            "mv DIR/replica.sqlite* /root/",
            "記録なら、ノードを止めてファイルをどかし、起動する。ほかのノードから取り直す。鍵とカードはどかさない。",
            "The log: stop the node, move the file away, start. It is fetched from the others. Leave key and card where they are."
          ),
        ])
    case .noSpace:
      Page(
        title: ("ディスクに空きがありません", "no space on the disk"),
        meaning: ("入力はすべて断られます。ほかのノードからも受け取れません。", "Every entry is refused, and nothing is taken from others."),
        lost: ("何も失われていません。断られた入力は画面に残っています。", "Nothing. What was refused is still on the screens."),
        steps: [
          ("df -h DIR", "どこが一杯かを見る。", "See which disk it is."),
          (
            "journalctl --vacuum-size=100M", "ノードのフォルダー以外のものを消して、50 MB 以上空ける。",
            "Free 50 MB of anything but the node's folder."
          ),
          (nil, "空けば、そのまま続きます。起動し直す必要はありません。", "It goes on by itself: no restart."),
        ])
    case .ownRevoked:
      Page(
        title: ("このノードは失効しています", "this node is revoked"),
        meaning: (
          "区の認証局がこのノードの鍵を失効させました。ほかのノードはもう話しません。",
          "The ward's authority has revoked this node's key: nobody speaks with it any more."
        ),
        lost: (
          "失効より後にここだけに入れたものは、ほかのノードで有効になりません。", "What was entered here alone after the revocation counts nowhere else."
        ),
        steps: [
          (
            "renkei-node set-aside list --data DIR", "別のノードで、取り置かれた記録を見て、引き取る。",
            "On another node: see what was set aside, and adopt it."
          ),
          ("renkei-node enrol request --data DIR2", "この機械を新しいノードとして登録し直す。", "Enrol the machine anew as another node."),
          (
            nil, "心当たりがなければ、盗まれたと考えて区の責任者に知らせる。",
            "If nobody knows why: take it for stolen, and tell who is responsible."
          ),
        ])
    case .certificateEnded, .certificateEnds:
      Page(
        title: self == .certificateEnded
          ? ("証明書の期限が切れました", "the certificate has ended") : ("証明書の期限が近づいています", "the certificate ends soon"),
        meaning: ("期限が切れると、ほかのノードは接続を断ります。", "Once it has ended, the others refuse links."),
        lost: ("何も失われません。入力は続き、カードで運べます。", "Nothing: entering goes on, and cards carry it."),
        steps: [
          ("renkei-node enrol request --data DIR", "更新の願いを書き出す。", "Write a request for renewal."),
          ("renkei-node enrol sign REQUEST", "区の認証局のある機械で署名する。", "Sign it where the ward's authority is."),
          ("renkei-node enrol accept --data DIR CARD", "戻して取り込む。", "Take it in here."),
        ])
    case .newerFile:
      Page(
        title: ("新しい版のプログラムのファイルです", "the file is a newer program's"),
        meaning: ("このプログラムより新しい版が書いたファイルです。", "A newer program than this one wrote it."),
        lost: ("何も失われていません。", "Nothing."),
        steps: [
          ("renkei-node --version", "版を確かめる。", "See which version this is."),
          (
            nil, "新しい版を入れる。古い版に戻すときは、更新前のバックアップを使う。",
            "Install the newer one; to go back, use the backup from before the upgrade."
          ),
        ])
    case .tablesDiffer:
      Page(
        title: ("同じ記録を持つのに、表の中身が違う相手がいます", "a peer with the same logs holds other tables"),
        meaning: (
          "同じ記録からは同じ表ができるはずです。どちらかのファイルの表が壊れたか、書き換えられました。",
          "The same logs make the same tables: a table in one of the two files was damaged or changed."
        ),
        lost: (
          "何も失われていません。表は記録から作り直せます。それまで、どちらかの画面は正しくありません。",
          "Nothing: tables are made anew from the log. Until then the pages of one of the two are wrong."
        ),
        steps: [
          (
            "renkei-inspect verify DIR", "両方のノードで、表が記録と合うかを見る。",
            "On both nodes: see whether the tables agree with the log."
          ),
          (
            "renkei-node rebuild --data DIR", "合わないほうのノードを止めて、記録から作り直す。",
            "Stop the one whose do not, and make them anew from the log."
          ),
          (nil, "起動した後、長くて 10 分でこの表示は消えます。", "After the start this goes within ten minutes."),
        ])
    case .tooMuch:
      Page(
        title: ("一日の量を超えて書いているノードがあります", "a node writes more than is kept in a day"),
        meaning: (
          "このノードは、一つのノードの記録を、一日にディスクの空きの十分の一まで受け取ります。それを超えました。",
          "Of one node's logs, a tenth of the free disk is kept in a day. This is more."
        ),
        lost: (
          "何も失われていません。続きは書いたノードにあり、一日たてば受け取ります。ほかのノードとは普通に続きます。",
          "Nothing: the rest is with the node that wrote it, and is taken a day later. With all others it goes on."
        ),
        steps: [
          (nil, "その区に、大きな取り込みをしたかを聞く。", "Ask that ward whether it took in something large."),
          ("renkei-node links heal --data DIR WARD", "そうなら、続きを受け取る。", "If so: take the rest."),
          (
            "renkei-node revoke", "心当たりがなければ、盗まれたとして失効させる。",
            "If nobody knows of it: revoke the node as stolen."
          ),
        ])
    case .fork:
      Page(
        title: ("同じノードの記録が二つに分かれています", "one node's log has two branches"),
        meaning: (
          "一つの鍵が、つながらない二つの記録を書きました。ディスクを前の状態に戻したか、複製した機械を二台とも動かしたか、鍵が盗まれました。",
          "One key has written two histories: a disk was put back, a machine was copied and both ran, or a key was stolen."
        ),
        lost: (
          "分かれた後の記録は取り置かれ、書いたノードが自分で言い直します。ほかの区にだけ残った分は、その区から返されて、やはり言い直されます。数は足され、違う値は食い違いとして残ります。",
          "What follows the parting is set aside, and said again by the node that wrote it; what only other wards still have, they hand back to it. Counts add up; values that differ stand as a conflict."
        ),
        steps: [
          ("renkei-inspect forks DIR", "どのノードが、どこで分かれたかを見る。", "See whose it is, and where they part."),
          (nil, "複製した機械を止める。心当たりがなければ、盗まれたとして失効させる。", "Stop the copy. If nobody made one: revoke the node as stolen."),
          ("renkei-node set-aside list --data DIR", "取り置かれた記録を見て、引き取る。", "Look at what was set aside, and adopt it."),
        ])
    case .twin:
      Page(
        title: ("このノードの複製が動いています", "a copy of this node is running"),
        meaning: (
          "このノードの番号と鍵で、ほかの機械も書いています。ディスクの複製が動いているか、鍵が盗まれました。",
          "Another machine writes with this node's number and key: a copy of its disk runs, or the key was stolen."
        ),
        lost: (
          "どちらに入れたものも残ります。同じ人に同じIDが二つ付いていないか、在庫の残りが合っているかを確かめてください。",
          "What is entered at either is kept. See that no ID was given to two people, and that stock still agrees."
        ),
        steps: [
          (nil, "複製したほうの機械を止める。", "Stop the machine that is the copy."),
          (
            nil, "心当たりがなければ、盗まれたとして失効させる(renkei-node revoke)。",
            "If nobody made one: revoke the node as stolen (renkei-node revoke)."
          ),
          (nil, "画面の「食い違い」と、在庫を確かめる。", "Look at the conflicts on the pages, and count the stock."),
        ])
    case .keysOpened:
      Page(
        title: ("終わった情報共有で開いた鍵を、まだ使っています", "keys that an ended declaration opened are still in use"),
        meaning: (
          "緊急時の情報共有で、この区の鍵をほかの区のノードに渡しました。情報共有は終わりましたが、同じ鍵で書き続けています。",
          "A declared disaster gave this ward's keys to other wards' nodes. It has ended, and this ward still seals with the same keys."
        ),
        lost: (
          "何も失われません。新しい鍵にするまで、鍵を取り出した人には、これから書くものも読めます。",
          "Nothing. Until there are new keys, whoever took those out can read what is entered from now on, too."
        ),
        steps: [
          (
            "renkei-node authority renew-keys --data DIR", "区の管理カードで、区の鍵を作り直す。",
            "Make the ward's keys anew with its authority's card."
          )
        ])
    case .ownClock:
      Page(
        title: ("このノードの時計が合っていません", "this node's clock is wrong"),
        meaning: (
          "つながっているノードの多くと時刻が違うか、このノードが証明書を作ったときより前です。違うのは、たぶんこのノードです。",
          "Most of the nodes that are linked have another time, or a certificate that this node made has not begun: it is probably this one that is wrong."
        ),
        lost: (
          "何も失われません。ここで入れた日時と、食い違いの順序がずれます。",
          "Nothing; dates that are entered here, and the order of what was written at once, are off."
        ),
        steps: [
          (
            "timedatectl", "この機械の時刻と、合わせる相手(NTP)を確かめる。",
            "See what this machine's clock says, and whom it follows (NTP)."
          ),
          (
            "timedatectl set-ntp true", "時刻合わせを入れる。網がなければ、手で合わせる。",
            "Turn it on; without a network, set the clock by hand."
          ),
          (nil, "30 秒ほどで、この表示は消えます。起動し直す必要はありません。", "This goes within some 30 s: no restart."),
        ])
    case .clockAhead:
      Page(
        title: ("時計が合っていないノードがあります", "a node's clock is wrong"),
        meaning: ("そのノードの入力は、後から入れたものより新しく見えます。", "What it enters looks newer than what is entered later elsewhere."),
        lost: (
          "何も失われません。食い違いの一部は、進んだ時計の値が表に出ています。",
          "Nothing; in some conflicts the value that is shown is the fast clock's."
        ),
        steps: [
          ("chronyc tracking", "そのノードとこの機械の時計を確かめる。", "Check that node's clock and this machine's."),
          ("timedatectl set-ntp true", "合わせ直す。", "Set it right."),
          (nil, "直した後も、進んだ時刻に追いつくまで、この表示は残ります。", "This stays until the right time has caught up."),
        ])
    case .neverJoined:
      Page(
        title: ("一度もつながらない相手があります", "an address has never led to a link"),
        meaning: ("--peer に書いた相手に、起動してから一度もつながっていません。", "A --peer has not led to a link since the start."),
        lost: ("何も失われていません。", "Nothing."),
        steps: [
          ("renkei-node links --data DIR", "理由を見る。", "See why."),
          ("nc -vz HOST PORT", "線と番号を確かめる。", "Check the line and the port."),
          (nil, "「別の連合」なら、宛先かカードが違います。", "“Another federation”: the address or the card is wrong."),
        ])
    case .refusedThere:
      Page(
        title: ("相手が接続を断っています", "a peer refuses the link"),
        meaning: ("相手のノードが、理由を言って接続を断りました。", "The other node says why it takes up no link."),
        lost: ("何も失われていません。", "Nothing."),
        steps: [
          ("renkei-node links --data DIR", "理由を見る。", "See why."),
          (nil, "「失効」ならこのノードを登録し直す。「期限切れ」なら証明書を更新する。", "“Revoked”: enrol anew. “Ended”: renew the certificate."),
        ])
    case .banned:
      Page(
        title: ("規則を破った相手を遠ざけています", "a peer that broke the protocol is kept away"),
        meaning: (
          "相手の送ったものが形式に合いませんでした。しばらく話しません。", "What the peer sent was malformed: it is not spoken with for a while."
        ),
        lost: ("何も失われていません。", "Nothing."),
        steps: [
          ("renkei-node links --data DIR", "理由と、いつまでかを見る。", "See why, and until when."),
          (
            nil, "相手の版と線を確かめる。繰り返すなら、鍵が盗まれたことを疑う。",
            "Check its version and the line; if it goes on, suspect a stolen key."
          ),
        ])
    case .tornLog:
      Page(
        title: ("書き込みログの末尾が途中で切れています", "the write-ahead log ends in the middle"),
        meaning: ("停電の後なら普通です。書き終えたものは残っています。", "Usual after a power cut: what was finished is there."),
        lost: ("何も失われていません。", "Nothing."),
        steps: [("renkei-inspect verify DIR", "停電がなかったなら確かめる。", "If there was no power cut: check.")])
    case .waiting:
      Page(
        title: ("前の記録を待つ記録があります", "change sets wait for others"),
        meaning: ("届いた記録が、まだ届かない記録の続きです。", "What came follows what has not come."),
        lost: ("何も失われていません。", "Nothing."),
        steps: [("renkei-inspect status DIR", "どのノードの記録を待つかを見る。", "See whose it is.")])
    case .cut:
      Page(
        title: ("この機械が遮断している相手があります", "links are cut by this node's operator"),
        meaning: ("訓練などで遮断したままです。", "They were cut here, as for a drill, and not healed."),
        lost: ("何も失われていません。", "Nothing."),
        steps: [("renkei-node links heal --data DIR", "遮断をやめる。", "Heal them.")])
    case .cutThere:
      Page(
        title: ("相手がこのノードを遮断しています", "a peer has cut its link to this node"),
        meaning: ("相手の運用者が、訓練などで遮断したままです。", "Its operator cut it, as for a drill, and did not heal it."),
        lost: ("何も失われていません。", "Nothing."),
        steps: [(nil, "相手の区に、遮断をやめてよいか聞く。", "Ask that ward whether it may be healed.")])
    case .linksDown:
      Page(
        title: ("つながらない相手があります", "links are down"),
        meaning: ("つながれば、自動で追いつきます。", "They catch up by themselves when the line is back."),
        lost: ("何も失われていません。", "Nothing."),
        steps: [
          ("renkei-node links --data DIR", "どの相手か、次にいつ呼ぶかを見る。", "See whose they are, and when they are called next."),
          ("renkei-node bundle export --data DIR CARD", "急ぐなら、カードで運ぶ。", "If it is urgent: carry a card."),
        ])
    case .peersBehind:
      Page(
        title: ("記録が届いていない相手があります", "peers lack something"),
        meaning: ("相手が持つと言った分より、ここに多くあります。", "There is more here than the peers have said to keep."),
        lost: ("何も失われていません。", "Nothing."),
        steps: [
          ("renkei-inspect status DIR", "何件が、どの線で、あと何秒かを見る。", "See how many, by which line, for how long."),
          (
            "renkei-node bundle export --data DIR CARD --for WARD", "待てないなら、カードで運ぶ。",
            "If nobody can wait: carry a card."
          ),
        ])
    case .longLog:
      Page(
        title: ("書き込みログが大きくなっています", "the write-ahead log is long"),
        meaning: (
          "読みっぱなしのプログラムがあるか、書き込みが続いています。そのプログラムが終わるまで、ディスクを使い続けます。",
          "Some program reads without end, or writing goes on. It takes more of the disk until that program ends."
        ),
        lost: ("何も失われていません。", "Nothing."),
        steps: [
          ("fuser -v DIR/replica.sqlite", "誰が開いているかを見る。", "See who has it open."),
          (
            "renkei-inspect query DIR \"select …\"", "読むだけなら、これか export --datasette で。時間に限りがあります。",
            "For reading use this, which has a time limit, or export --datasette."
          ),
        ])
    case .revokedPeer:
      Page(
        title: ("失効したノードがあります", "a node is revoked"),
        meaning: ("区の認証局が失効させました。もう話しません。", "Its authority has revoked it: it is not spoken with."),
        lost: ("失効より後の記録は、取り置かれています。", "What it wrote after that is set aside."),
        steps: [("renkei-node set-aside list --data DIR", "取り置かれた記録を見る。", "See what was set aside.")])
    case .byCard:
      Page(
        title: ("カードで運ぶ相手があります", "wards are reached by card alone"),
        meaning: ("宛先がなく、向こうからも呼んできません。", "They have no address here, and do not call."),
        lost: ("何も失われていません。", "Nothing."),
        steps: [("renkei-node bundle export --data DIR CARD --for WARD", "カードを書き出す。", "Write a card.")])
    case .newEpoch:
      Page(
        title: ("このノードは新しい期で書いています", "this node writes in a new epoch"),
        meaning: (
          "データベースが失われたか戻されたので、続きを別の記録に書いています。", "Its database was lost or put back, so it goes on in another log."
        ),
        lost: ("前の期の記録は、ほかのノードから戻ります。", "What the former one held comes back from the others."),
        steps: [("renkei-inspect status DIR --clock", "前の期の記録がどこまで戻ったかを見る。", "See how far the former log is back.")])
    case .conflicts:
      Page(
        title: ("食い違いがあります", "there are conflicts"),
        meaning: (
          "切れている間に、二か所で同じ欄を書きました。画面で一つに決めます。", "Two places wrote one field while cut off. The pages settle it."
        ),
        lost: ("どちらの値も残っています。", "Both values are kept."),
        steps: [("renkei-inspect conflicts DIR", "見る。", "See them.")])
    case .quarantined:
      Page(
        title: ("受け取らなかった記録があります", "some of what came was refused"),
        meaning: ("署名か順番が正しくないものを断りました。", "Its signature or order did not hold."),
        lost: ("何も失われていません。", "Nothing."),
        steps: [("renkei-inspect status DIR", "理由を見る。", "See why.")])
    }
  }
}
