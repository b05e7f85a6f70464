package dev.outpost.offsite.federated;

/**
 * What became of what a party handed in.
 *
 * @param reason why, for people; empty when accepted
 */
public record Receipt(Verdict verdict, String reason) {
  /** How it ended. */
  public enum Verdict {
    /** Kept: it survives a crash of the server from now on. */
    ACCEPTED,
    /** The same was accepted before; nothing changed. */
    DUPLICATE,
    /** Its round is over; ask for the next assignment. */
    LATE,
    /** It breaks a rule and was thrown away; sending it again will not help. */
    REFUSED
  }

  /** Kept. */
  public static final Receipt ACCEPTED = new Receipt(Verdict.ACCEPTED, "");
}
