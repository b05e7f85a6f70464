package dev.outpost.offsite.federated;

import java.util.SortedMap;

/**
 * Hears what a federation does; called under its lock, so calls come in order and must be short.
 */
public interface FederationListener {
  /** Hears nothing. */
  FederationListener SILENT = new FederationListener() {};

  /** A round was opened, or opened again after a crash; emulators by client. */
  default void opened(int round, SortedMap<String, String> emulators) {}

  /** An update was accepted; losses are NaN where they are not told. */
  default void received(
      int round, String client, long bytes, double lossBefore, double lossAfter) {}

  /** Something was refused. */
  default void refused(String client, String reason) {}

  /** A round is done. */
  default void closed(RoundReport report, GlobalState state) {}
}
