package dev.outpost.wire;

import dev.outpost.wire.proto.Refusal;

/** The server does not do what a message asks for. */
final class Refused extends Exception {
  private static final long serialVersionUID = 1;

  final Refusal.Kind kind;

  private Refused(Refusal.Kind kind, String reason) {
    super(reason);
    this.kind = kind;
  }

  /** Asking again will not help. */
  static Refused forGood(String reason) {
    return new Refused(Refusal.Kind.FINAL, reason);
  }

  /** It may help after a while. */
  static Refused forNow(String reason) {
    return new Refused(Refusal.Kind.LATER, reason);
  }

  /** Say hello again. */
  static Refused session(String reason) {
    return new Refused(Refusal.Kind.SESSION, reason);
  }

  String reason() {
    return String.valueOf(getMessage());
  }
}
