import ArgumentParser
import Foundation
import Simulation
import Synchronization

/// One run to do.
struct SweepTask: Codable, Sendable {
  var path: String
  var seed: UInt64
  var allFaults: Bool
}

/// Runs tasks in processes of this same program, which read a task a line and answer a line each. A process that ends
/// in the middle of a task was ended by it: that is a finding, and another process goes on.
final class WorkerPool: Sendable {
  private let tasks: [SweepTask]
  private let jobs: Int
  private let failFast: Bool
  private let state = Mutex(State())

  private struct State {
    var next = 0
    var runs: [SweepRun] = []
    var failed = 0
    var error: (any Error)?
  }

  init(tasks: [SweepTask], jobs: Int, failFast: Bool) {
    self.tasks = tasks
    self.jobs = max(1, jobs)
    self.failFast = failFast
  }

  /// - Returns: every run, in the order of the tasks' seeds.
  func run(_ progress: @escaping @Sendable (_ done: Int, _ failed: Int) -> Void) throws -> [SweepRun] {
    let group = DispatchGroup()
    for _ in 0..<min(jobs, tasks.count) {
      DispatchQueue.global().async(group: group) { self.work(progress) }
    }
    group.wait()
    return try state.withLock { state in
      if let error = state.error { throw error }
      return state.runs.sorted { $0.seed < $1.seed }
    }
  }

  private func nextTask() -> SweepTask? {
    state.withLock { state in
      guard state.next < tasks.count, state.error == nil, !(failFast && state.failed > 0) else { return nil }
      defer { state.next += 1 }
      return tasks[state.next]
    }
  }

  private func work(_ progress: @Sendable (Int, Int) -> Void) {
    do {
      var worker: Worker?
      defer { worker?.end() }
      while let task = nextTask() {
        if worker == nil { worker = try Worker() }
        var run = try worker!.answer(task)
        if run == nil {
          run = SweepRun.ended(task, by: worker!.end())
          worker = nil
        }
        let (done, failed) = state.withLock { state in
          state.runs.append(run!)
          if !run!.violations.isEmpty { state.failed += 1 }
          return (state.runs.count, state.failed)
        }
        progress(done, failed)
      }
    } catch { state.withLock { $0.error = error } }
  }
}

extension SweepRun {
  init(_ result: RunResult, _ path: String, wallSeconds: Double) {
    self.init(
      scenario: result.scenario, path: path, seed: result.seed, violations: result.violations,
      simulatedSeconds: result.simulatedSeconds, wallSeconds: wallSeconds, traceDigest: result.traceDigest,
      nodes: result.nodes.count, counts: result.counts, copies: result.copies,
      probes: result.probes)
  }

  static func ended(_ task: SweepTask, by signal: Int32) -> SweepRun {
    let id = URL(fileURLWithPath: task.path).deletingPathExtension().lastPathComponent
    return SweepRun(
      scenario: id, path: task.path, seed: task.seed,
      violations: [Violation(.failure, "the program ended with \(signal)")],
      simulatedSeconds: 0, wallSeconds: 0, traceDigest: "", nodes: 0, counts: RunCounts(), copies: 1, probes: [])
  }
}

private final class Worker {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private var buffer = Data()

  init() throws {
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = ["worker"]
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
  }

  /// Nil when the process ended instead.
  func answer(_ task: SweepTask) throws -> SweepRun? {
    try? input.fileHandleForWriting.write(contentsOf: Data((json(task) + "\n").utf8))
    while true {
      if let end = buffer.firstIndex(of: 10) {
        let line = buffer[..<end]
        buffer = Data(buffer[(end + 1)...])
        return try JSONDecoder().decode(SweepRun.self, from: line)
      }
      let more = output.fileHandleForReading.availableData
      if more.isEmpty { return nil }
      buffer.append(more)
    }
  }

  @discardableResult
  func end() -> Int32 {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
    return process.terminationStatus
  }
}

/// The other end: not for people.
struct WorkerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "worker", abstract: "For `sweep`.", shouldDisplay: false)

  func run() throws {
    // What started this process blocks signals in its threads; this one ends when it is told to.
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
    let lines = TaskLines()
    var stories: [String: Story] = [:]
    let everything = try? Library.story("everything").scenario
    while true {
      let line = lines.next()
      let task = try JSONDecoder().decode(SweepTask.self, from: Data(line.utf8))
      let story = try stories[task.path] ?? Library.story(task.path)
      stories[task.path] = story
      let plan = try story.plan(seed: task.seed, extraFaults: task.allFaults ? everything : nil)
      let verdict = try Verdict(plan)
      // Not by `print`: its buffer is flushed under the lock that the reader of standard input holds.
      let answer = json(SweepRun(verdict.result, task.path, wallSeconds: verdict.wallSeconds)) + "\n"
      FileHandle.standardOutput.write(Data(answer.utf8))
    }
  }
}

/// Lines of standard input, read while a task runs: when whoever asked is gone, nobody wants the answer.
private final class TaskLines: Sendable {
  private let lines = Mutex<[String]>([])
  private let ready = DispatchSemaphore(value: 0)

  init() {
    Thread.detachNewThread { [self] in
      while let line = readLine() {
        lines.withLock { $0.append(line) }
        ready.signal()
      }
      exit(0)
    }
  }

  func next() -> String {
    ready.wait()
    return lines.withLock { $0.removeFirst() }
  }
}
