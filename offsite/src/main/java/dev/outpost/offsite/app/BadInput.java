package dev.outpost.offsite.app;

import org.jspecify.annotations.Nullable;

/** Something the user gave cannot be used; the message says what, why and what to do. */
final class BadInput extends RuntimeException {
  private static final long serialVersionUID = 1L;

  BadInput(@Nullable String message) {
    super(message);
  }

  /** Throws when a rule is broken. */
  static void unless(boolean kept, String message) {
    if (!kept) throw new BadInput(message);
  }
}
