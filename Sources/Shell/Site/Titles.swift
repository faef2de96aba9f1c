/// What a person calls each endpoint of the services: the menus', the forms' and the lists' titles.
public enum Titles {
  private static let table: [String: (String, String)] = [
    // Accounts and devices
    "accounts": ("アカウント", "Accounts"), "addAccount": ("アカウントを作る", "Make an account"),
    "changeAccount": ("アカウントを変える", "Change an account"), "endAccount": ("アカウントを停止する", "Stop an account"),
    "tokens": ("機器の鍵", "Device tokens"), "addToken": ("機器の鍵を作る", "Make a device token"),
    "endToken": ("機器の鍵を無効にする", "End a device token"),
    "services": ("民間サービス", "Private services"), "registerService": ("民間サービスを登録する", "Register a private service"),
    "endService": ("民間サービスを終える", "End a private service"), "audit": ("閲覧と変更の記録を探す", "Search the audit trail"),
    "loadSample": ("見本データを入れる", "Load sample data"), "removeSample": ("見本データを消す", "Remove the sample data"),
    "auditOf": ("閲覧と変更の記録", "Who saw or changed it"),
    "ownFields": ("区独自の項目", "The ward's own items"), "addOwnField": ("独自の項目を加える", "Add an item of our own"),
    "endOwnField": ("独自の項目を終える", "End an own item"), "ownValues": ("独自項目の値", "Values of own items"),
    "enterOwnValues": ("独自項目に入力する", "Enter own items"),
    // Disasters
    "disasters": ("災害", "Disasters"), "tellDisaster": ("災害を登録する", "Enter a disaster"),
    "endDisaster": ("災害を終える", "End a disaster"), "declarations": ("災害の宣言", "Declarations"),
    "declare": ("災害を宣言する", "Declare a disaster"), "endDeclaration": ("宣言を終える", "End a declaration"),
    "checklist": ("やることリスト", "Checklist"), "markTask": ("対応状況を記録する", "Mark a task"),
    "roads": ("道路", "Roads"), "reportRoad": ("道路の状況を報告する", "Report a road"),
    // Shelters
    "openShelter": ("開設する", "Open the shelter"), "closeShelter": ("閉鎖する", "Close the shelter"),
    "changeShelter": ("避難所の記録を変える", "Change a shelter"), "tellState": ("混雑・必要な物を伝える", "Crowding and needs"),
    "countHeads": ("避難者数を報告する", "Report the head count"), "reportShelter": ("日報を出す", "Daily report"),
    "shelterReports": ("日報", "Daily reports"), "shelterPicture": ("避難所の状況", "The shelter's picture"),
    "askAcceptance": ("受入れを要請する", "Ask a ward to take people in"), "acceptance": ("受入れの要請", "Acceptance requests"),
    "answerAcceptance": ("受入れに回答する", "Answer a request"), "cancelAcceptance": ("要請を取り消す", "Cancel a request"),
    // People
    "registerResident": ("住民を登録する", "Register a resident"), "resident": ("住民", "Resident"),
    "changeResident": ("住民の記録を変える", "Change a resident"), "searchResidents": ("住民を探す", "Find residents"),
    "planAssistance": ("避難支援を計画する", "Plan assistance"), "assistance": ("避難支援", "Assistance"),
    "duplicateCandidates": ("同じ人かもしれない記録", "Possible duplicates"), "identity": ("同じ人のID", "IDs of one person"),
    "linkResidents": ("同じ人・別の人と決める", "Say whether two are one"), "giveConsent": ("同意を記録する", "Record a consent"),
    "withdrawConsent": ("同意を取り消す", "Withdraw a consent"), "consents": ("同意", "Consents"),
    "protectResident": ("所在を知らせない人にする", "Protect a person"), "searchPeople": ("人を探す", "Find people"),
    "askToBeInformed": ("安否照会を受け付ける", "Take an inquiry after somebody"),
    "inquiriesToAnswer": ("安否照会の一覧", "Inquiries to answer"),
    "answerInquiry": ("回答済みにする", "The asker was told"), "reportSafety": ("安否を報告する", "Report how somebody is"),
    "withdrawSafety": ("安否の報告を取り消す", "Withdraw a report"), "safetyOf": ("安否", "How somebody is"),
    "family": ("家族", "Family"), "checkInFamily": ("家族カードで受付する", "Check in by card"),
    "checkIn": ("受付する", "Check in"), "changeStay": ("受付の内容を変える", "Change an entry"),
    "checkOut": ("退所を記録する", "Check out"), "moveStay": ("別の避難所へ移す", "Move to another shelter"),
    "stays": ("避難者名簿", "Register"), "evacueesElsewhere": ("他区にいる住民", "Our residents elsewhere"),
    "doubleEntries": ("二重の受付かもしれない人", "Possible double entries"), "settleDouble": ("同じ人か決める", "Settle a double entry"),
    // The residents' counter
    "reportOneself": ("無事を知らせる・助けを求める", "Say how you are, or ask for help"),
    "counterReports": ("窓口からの届け出", "Reports from the counter"), "settleCounterReport": ("対応済みにする", "Dealt with"),
    "notices": ("お知らせ", "Notices"), "tellNotice": ("お知らせを掲示する", "Tell residents"),
    "endNotice": ("掲示を終了する", "End a notice"),
    // Goods
    "items": ("品目", "Items"), "addItem": ("品目を加える", "Add an item"), "changeItem": ("品目を変える", "Change an item"),
    "installCatalogue": ("標準の品目を入れる", "Install the standard items"), "lots": ("在庫", "Stock"),
    "lot": ("在庫", "Lot"), "lotBook": ("出納簿", "Book of a lot"), "addLot": ("在庫を登録する", "Take goods into stock"),
    "receiveStock": ("入庫する", "Receive"), "issueStock": ("出庫する", "Issue"), "transferStock": ("移動する", "Transfer"),
    "countStock": ("棚卸しする", "Count"), "handOverShare": ("持ち分を渡す", "Hand over a share"),
    "askForShare": ("持ち分を依頼する", "Ask for a share"), "grantShare": ("持ち分を渡すと答える", "Grant a share"),
    "takeOverShare": ("失われたノードの持ち分を引き継ぐ", "Take over a lost node's share"),
    "shareRequests": ("持ち分の依頼", "Requests for shares"), "stockOutlook": ("過不足の見通し", "Shortage and surplus"),
    "expiringStock": ("期限の近い在庫", "Stock that expires soon"),
    // Orders
    "requests": ("物資の要請", "Requests for goods"), "request": ("物資の要請", "Request"),
    "requestGoods": ("物資を要請する", "Request goods"), "decideRequest": ("要請を決定する", "Decide a request"),
    "cancelRequest": ("要請を取り消す", "Cancel a request"), "offerGoods": ("提供を申し出る", "Offer goods"),
    "answerOffer": ("申し出に回答する", "Answer an offer"), "allocate": ("引き当てる", "Allocate"),
    "allocation": ("引当", "Allocation"), "shipAllocation": ("発送する", "Ship"), "cancelAllocation": ("引当を取り消す", "Cancel"),
    "confirmArrival": ("到着を確認する", "Confirm arrival"), "inspectAllocation": ("検収する", "Inspect"),
    "redirectAllocation": ("別の要請へ回す", "Redirect"), "orderRules": ("要請・引当の手順", "Who may take which step"),
    "settleConflict": ("食い違いを解く", "Settle a conflict"), "supplyPlan": ("配送計画", "Supply plan"),
  ]

  public static func title(_ endpoint: String, _ language: Language) -> String {
    table[endpoint].map { language.pick($0.0, $0.1) } ?? endpoint
  }

  private static let collections: [String: (String, String)] = [
    "shelters": ("避難所", "Shelter"), "items": ("品目", "Item"), "lots": ("在庫", "Stock"), "requests": ("要請", "Request"),
    "allocations": ("引当", "Allocation"), "offers": ("申し出", "Offer"), "disasters": ("災害", "Disaster"),
    "declarations": ("宣言", "Declaration"), "identity_links": ("住民IDの判定", "Identity"), "road_states": ("道路", "Road"),
    "stay_verdicts": ("二重受付の判定", "Double entry"), "shelter_reports": ("日報", "Daily report"),
    "notices": ("お知らせ", "Notice"), "own_fields": ("区独自の項目", "Own item"), "task_marks": ("やること", "Task"),
    "residents": ("住民", "Resident"), "assistance": ("避難支援", "Assistance"), "stays": ("避難者", "Evacuee"),
    "safety_reports": ("安否の報告", "Safety report"),
    "accounts": ("アカウント", "Account"), "tokens": ("機器の鍵", "Token"),
  ]

  public static func collection(_ name: String, _ language: Language) -> String {
    collections[name].map { language.pick($0.0, $0.1) } ?? name
  }

  /// What one should know before one does what cannot be taken back here.
  private static let warnings: [String: (String, String)] = [
    "protectResident": (
      "この人は新しいIDになり、ほかの区にもこの区の検索にも出なくなります。元には戻せません。",
      "The person gets a new ID and is found by nobody any more, in this ward neither. It cannot be undone."
    ),
    "removeSample": (
      "見本の避難所と、そこで受け付けた人・物資・要請がすべて消えます。本物の人を見本の避難所に入れていないか確かめてください。",
      "The sample shelters go, with everybody and everything entered there. Make sure that nobody real is among them."
    ),
    "endDisaster": ("段階の時計とやることリストが平常時に戻ります。", "The phase clock and the checklist go back to ordinary times."),
    "endDeclaration": (
      "この宣言で見られるようになった他区の人の記録が、見られなくなります。", "Other wards' people that this declaration opened close again."
    ),
    "shipAllocation": (
      "認証局カードは、引き当てたノードが失われたときだけ使います。ふだんは空のままにします。",
      "The authority's card is for when the node that set the goods aside is lost. Leave it empty otherwise."
    ),
    "inspectAllocation": (
      "認証局カードは、要請したノードが失われたときだけ使います。ふだんは空のままにします。",
      "The authority's card is for when the node that asked is lost. Leave it empty otherwise."
    ),
    "declare": (
      "この区の認証局カードのファイルを開き、内容をすべて貼り付けます。期限は30日以内です。",
      "Open the file of this ward's authority's card and paste all of it. At most 30 days."
    ),
  ]

  public static func warning(_ endpoint: String, _ language: Language) -> String? {
    warnings[endpoint].map { language.pick($0.0, $0.1) }
  }

  public static let phases: [(word: String, english: String)] = [
    ("発災前", "before"), ("発災当日", "day of the quake"), ("1〜3日", "days 1 to 3"), ("3〜7日", "days 3 to 7"),
    ("復旧・復興期", "recovery"),
  ]

  public static func phase(_ word: String, _ language: Language) -> String {
    phases.first { $0.word == word }.map { language.pick($0.word, $0.english) } ?? word
  }

  public static var endpoints: Set<String> { Set(table.keys) }
}
