import Exchange
import Formats
import Foundation
import Testing

@Suite struct TextEncodingTests {
  @Test func `what CP932 has is written as Windows reads it, and what it has not stands as a mark and is counted`() {
    let (bytes, lost) = CP932.encode("髙橋①\r\n渋谷区")
    #expect(lost == 0)
    #expect(bytes == [0xfb, 0xfc, 0x8b, 0xb4, 0x87, 0x40, 0x0d, 0x0a, 0x8f, 0x61, 0x92, 0x4a, 0x8b, 0xe6])
    let (other, gone) = CP932.encode("नेपाल\r\n区")
    #expect(gone > 0 && other.suffix(4) == [0x0d, 0x0a, 0x8b, 0xe6])
  }
}
