package dev.outpost.transformer.peft;

/** What settings of the methods may be. */
final class Range {
  private Range() {}

  /** Refuses a dropout that is no probability below 1. */
  static void requireDropout(String method, float dropout) {
    if (!(dropout >= 0 && dropout < 1))
      throw new IllegalArgumentException(method + ": dropout must be in [0, 1), got " + dropout);
  }

  /** Refuses a size below 1. */
  static void requirePositive(String method, String what, int size) {
    if (size < 1)
      throw new IllegalArgumentException(method + ": " + what + " must be at least 1, got " + size);
  }
}
