import Desk

/// Which role may use which endpoint of the services. What is not named here is for nobody: `AccessTests` and the start of
/// a node both look.
public enum AccessPolicy {
  private static let relief: Set<Role> = [.headquarters, .shelter]
  private static let people: Set<Role> = [.headquarters, .shelter, .welfare]
  private static let welfare: Set<Role> = [.welfare]
  private static let goods: Set<Role> = [.headquarters, .supply]
  private static let goodsAtShelters: Set<Role> = [.headquarters, .supply, .shelter]
  private static let command: Set<Role> = [.headquarters]
  private static let administration: Set<Role> = [.administrator]

  private static let table: [(access: Access, endpoints: String)] = [
    // A private service shows its own token, which the endpoint itself checks.
    (.anyone, "serviceResident"),
    // The residents' counter.
    (.anyone, "reportOneself notices"),
    (
      .staff,
      """
      disasters checklist ownFields ownValues declarations services items lots lot lotBook shareRequests stockOutlook
      expiringStock requests request allocation orderRules supplyPlan roads acceptance shelterReports shelterPicture
      """
    ),
    (
      .roles(people),
      """
      registerResident resident changeResident searchResidents planAssistance assistance
      duplicateCandidates identity linkResidents searchPeople askToBeInformed inquiriesToAnswer answerInquiry reportSafety
      withdrawSafety safetyOf counterReports settleCounterReport stays evacueesElsewhere doubleEntries settleDouble family
      """
    ),
    (.roles(welfare), "giveConsent withdrawConsent consents protectResident"),
    (
      .roles(relief),
      """
      openShelter countHeads tellState reportShelter closeShelter askAcceptance answerAcceptance cancelAcceptance checkIn checkInFamily changeStay
      checkOut moveStay markTask enterOwnValues
      """
    ),
    (.roles(command), "tellDisaster endDisaster declare endDeclaration reportRoad tellNotice endNotice"),
    (.roles(goods), "addItem changeItem installCatalogue allocate decideRequest offerGoods answerOffer takeOverShare"),
    (
      .roles(goodsAtShelters),
      """
      addLot receiveStock issueStock transferStock countStock handOverShare askForShare grantShare requestGoods
      cancelRequest shipAllocation cancelAllocation confirmArrival inspectAllocation redirectAllocation
      """
    ),
    (
      .roles(administration),
      """
      registerService endService addOwnField endOwnField addAccount changeAccount endAccount accounts addToken endToken
      tokens
      """
    ),
    (.roles([.administrator, .headquarters]), "auditOf audit loadSample removeSample"),
    // Of each lane, the roles that write in it: the endpoint itself looks.
    (.roles([.administrator, .headquarters, .shelter, .supply, .welfare]), "settleConflict"),
  ]

  private static let byEndpoint: [String: Access] = Dictionary(
    uniqueKeysWithValues: table.flatMap { row in
      row.endpoints.split(whereSeparator: \.isWhitespace).map { (String($0), row.access) }
    })

  /// - Returns: nil when the policy does not know the endpoint.
  public static func access(to endpoint: String) -> Access? { byEndpoint[endpoint] }

  public static var endpoints: Set<String> { Set(byEndpoint.keys) }
}
