/// Procedures that come with the program: a ward publishes them, and its own versions of them.
public enum StandardProcedures {
  public static let sources: [String] = [PackageResources.risai_yaml, PackageResources.juminhyo_yaml].map {
    String(decoding: $0, as: UTF8.self)
  }
}
