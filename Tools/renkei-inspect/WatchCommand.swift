import ArgumentParser
import Foundation
import Terminal
struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "watch")
  @OptionGroup var options: SourceOptions
  func run() throws {}
}
