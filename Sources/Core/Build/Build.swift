import CBuild

/// Which program this is. A report, a trace or a figure is worth something only with the code that made it.
public enum Build {
  /// Of all programs of this project, which are released together.
  public static let version = "0.2"
  /// The commit that it was built from, `+` behind it where there was more than that; `unknown` when nobody said.
  public static let commit = String(cString: renkei_commit())

  /// `0.2 (3deb737)`.
  public static let text = "\(version) (\(commit))"
}
