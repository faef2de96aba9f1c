extension Topology {
  /// The 23 special wards with the links between them, as a file's text: in the program, so that a node needs no file beside
  /// it.
  public static let tokyo23 = String(decoding: PackageResources.tokyo23_yaml, as: UTF8.self)
}
