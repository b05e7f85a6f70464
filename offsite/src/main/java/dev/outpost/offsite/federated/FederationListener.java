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

  /** A party asked what to do, and was told this. */
  default void answered(String client, Answer answer) {}

  /** An update was accepted; losses are NaN where they are not told. */
  default void received(
      int round, String client, long bytes, double lossBefore, double lossAfter) {}

  /** Something was refused. */
  default void refused(String client, String reason) {}

  /** A round is done. */
  default void closed(RoundReport report, GlobalState state) {}

  /** Both hear everything, this one first. */
  default FederationListener and(FederationListener other) {
    FederationListener first = this;
    return new FederationListener() {
      @Override
      public void opened(int round, SortedMap<String, String> emulators) {
        first.opened(round, emulators);
        other.opened(round, emulators);
      }

      @Override
      public void answered(String client, Answer answer) {
        first.answered(client, answer);
        other.answered(client, answer);
      }

      @Override
      public void received(
          int round, String client, long bytes, double lossBefore, double lossAfter) {
        first.received(round, client, bytes, lossBefore, lossAfter);
        other.received(round, client, bytes, lossBefore, lossAfter);
      }

      @Override
      public void refused(String client, String reason) {
        first.refused(client, reason);
        other.refused(client, reason);
      }

      @Override
      public void closed(RoundReport report, GlobalState state) {
        first.closed(report, state);
        other.closed(report, state);
      }
    };
  }
}
