package dev.outpost.transformer.hub;

/** Watches a download. Calls come one at a time, from several threads. */
public interface PullProgress {
  /** Hears nothing. */
  PullProgress SILENT = new PullProgress() {};

  /**
   * Once, before the first byte.
   *
   * @param files wanted
   * @param bytes of all of them
   * @param present bytes that are here already, those of parts included
   */
  default void planned(int files, long bytes, long present) {}

  /** Bytes came; fewer than none when a part turned out useless and is fetched again. */
  default void received(long bytes) {}

  /** A file is whole, checked and in its place. */
  default void completed(String file) {}

  /** Something went wrong that is tried again, or another process holds a file. */
  default void waiting(String reason) {}
}
