import Glibc

/// What the machine's clock says, for commands that run no node; a node has its own in NodeService's `SystemClock`.
public enum WallClock {
  /// Since 1970.
  public static var milliseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }
}
