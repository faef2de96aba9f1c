import CZlib

/// A ZIP archive of a few small files, as they are: flat, without folders (APPNOTE 6.3.10; general purpose flag 11 for UTF-8 names).
enum ZipFile {
  static func archive(_ files: [(name: String, bytes: [UInt8])]) -> [UInt8] {
    var (body, directory): ([UInt8], [UInt8]) = ([], [])
    func little(_ number: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(number >> ($0 * 8) & 0xff) } }
    for file in files {
      let name = [UInt8](file.name.utf8)
      let sum = Int(crc32(0, file.bytes, UInt32(file.bytes.count)))
      // Version 2.0, UTF-8 names, stored; 1980-01-01: the package says itself when it was made.
      let head =
        little(20, 2) + little(1 << 11, 2) + little(0, 2) + little(0, 2) + little(0x21, 2) + little(sum, 4)
        + little(file.bytes.count, 4) + little(file.bytes.count, 4) + little(name.count, 2) + little(0, 2)
      directory +=
        little(0x0201_4b50, 4) + little(20, 2) + head + little(0, 2) + little(0, 2) + little(0, 2)
        + little(0, 4) + little(body.count, 4) + name
      body += little(0x0403_4b50, 4) + head + name + file.bytes
    }
    let end =
      little(0x0605_4b50, 4) + little(0, 4) + little(files.count, 2) + little(files.count, 2)
      + little(directory.count, 4) + little(body.count, 4) + little(0, 2)
    return body + directory + end
  }
}
