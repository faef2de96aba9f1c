import Foundation

/// libFuzzer's entry points. `RENKEI_FUZZ_TARGET` says which reader is fuzzed.
@MainActor private let target: Target = {
  let name = ProcessInfo.processInfo.environment["RENKEI_FUZZ_TARGET"] ?? ""
  guard let target = Target(rawValue: name) else {
    let names = Target.allCases.map(\.rawValue).joined(separator: ", ")
    FileHandle.standardError.write(Data("RENKEI_FUZZ_TARGET must be one of \(names); Tools/fuzz sets it\n".utf8))
    exit(2)
  }
  if let folder = ProcessInfo.processInfo.environment["RENKEI_FUZZ_SEEDS"] {
    try! Seeds.write(target, to: folder)
    _exit(0)
  }
  return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = [UInt8](UnsafeBufferPointer(start: data, count: count))
  // libFuzzer calls on its main thread alone.
  MainActor.assumeIsolated { target.run(bytes) }
  return 0
}
