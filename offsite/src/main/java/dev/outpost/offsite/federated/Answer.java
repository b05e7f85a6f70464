package dev.outpost.offsite.federated;

import java.time.Duration;

/** What the model owner answers to a party that asks what to do. */
public sealed interface Answer {
  /** Tune, and hand in the update. */
  record Tune(Assignment assignment) implements Answer {}

  /**
   * Tune, and take part in a sum that nobody sees the parts of: the party's next message is asked
   * for.
   *
   * @param request which message, and what the party needs to make it
   */
  record Speak(Assignment assignment, SecureRequest request) implements Answer {}

  /** Nothing to do for now; ask again, after this long at the latest. */
  record Wait(Duration atMost) implements Answer {}

  /**
   * All rounds are done.
   *
   * @param rounds how many
   * @param global the adapter they ended with
   */
  record Finished(int rounds, Blob global) implements Answer {}
}
