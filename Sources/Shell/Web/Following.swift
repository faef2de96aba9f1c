import Causality
import Desk
import Hummingbird
import NodeService
import Synchronization

/// Answers that grow: waited for, or told as a stream of events. Which rows they name is the endpoint's own business; here is
/// only when to look again. Nothing is lost between two looks: the place to go on from is in every answer.
extension WebServer {
  func follow(
    _ endpoint: Endpoint, _ inquiry: Inquiry, _ request: Request, _ context: DeskContext
  ) async throws -> Response {
    guard request.headers[.accept]?.contains("text/event-stream") == true else {
      return answer(try await waiting(endpoint, inquiry))
    }
    var inquiry = inquiry
    if let last = request.headers[.lastEventID], !last.isEmpty { inquiry.given.values["since"] = .text(last) }
    let asked = inquiry
    // What is wrong with the request is said before the stream begins.
    let first = try await core.look(endpoint, asked, in: catalogue).answer
    let isFresh = asked.given.text("since") == nil
    let place = Place(first["next"].text ?? "")
    let list = endpoint.answer.name
    return try await stream(request, context) { event in
      if case .happened(let happened) = event, !happened.isOfRows { return [] }
      if case .begun = event, isFresh { return ["id: \(place.text)\nevent: begun\ndata: {}\n\n"] }
      var texts: [String] = []
      var answer = first
      if case .begun = event {} else { answer = try await look(endpoint, asked, since: place.text) }
      while true {
        let next = answer["next"].text ?? place.text
        if answer["isReset"] == true {
          texts.append("id: \(next)\nevent: reset\ndata: {}\n\n")
        } else {
          let rows = answer[list].list
          for (number, row) in rows.enumerated() {
            // The place is that after all of them: a stream that breaks before goes on from the one before.
            let id = number == rows.count - 1 ? "id: \(next)\n" : ""
            texts.append("\(id)event: change\ndata: \(String(decoding: row.bytes, as: UTF8.self))\n\n")
          }
        }
        place.text = next
        guard answer["isComplete"] != true else { return texts }
        answer = try await look(endpoint, asked, since: next)
      }
    }
  }

  private final class Place: Sendable {
    private let kept: Mutex<String>
    init(_ text: String) { kept = Mutex(text) }
    var text: String {
      get { kept.withLock { $0 } }
      set { kept.withLock { $0 = newValue } }
    }
  }

  private func look(_ endpoint: Endpoint, _ inquiry: Inquiry, since place: String) async throws -> JSON {
    var inquiry = inquiry
    inquiry.given.values["since"] = .text(place)
    inquiry.now = .now()
    return try await core.look(endpoint, inquiry, in: catalogue).answer
  }

  /// The answer, once it says something or the caller has waited long enough.
  private func waiting(_ endpoint: Endpoint, _ inquiry: Inquiry) async throws -> JSON {
    let seconds = inquiry.given.int("wait") ?? 0
    // Listening begins before the first look: what happens between is not missed.
    let events = seconds > 0 ? await core.events() : nil
    let first = try await core.look(endpoint, inquiry, in: catalogue).answer
    let isEmpty: @Sendable (JSON) -> Bool = {
      $0[endpoint.answer.name].list.isEmpty && $0["isReset"] != true && $0["isComplete"] == true
    }
    guard let events, isEmpty(first) else { return first }
    let since = first["next"].text ?? ""
    return try await withThrowingTaskGroup(of: JSON?.self) { group in
      group.addTask {
        for await event in events {
          guard event.isOfRows else { continue }
          let answer = try await look(endpoint, inquiry, since: since)
          if !isEmpty(answer) { return answer }
        }
        return nil
      }
      group.addTask {
        try await Task.sleep(for: .seconds(seconds))
        return nil
      }
      defer { group.cancelAll() }
      // What changed and is not this caller's to know moves the place on all the same.
      if let answer = try await group.next() ?? nil { return answer }
      return try await look(endpoint, inquiry, since: since)
    }
  }
}

extension Answer {
  /// Under which name its list stands; empty where it has none.
  fileprivate var name: String {
    switch self {
    case .rows(let name, _, _, _, _), .list(let name, _, _, _): name
    case .nothing, .anyRow, .row, .members: ""
    }
  }
}
