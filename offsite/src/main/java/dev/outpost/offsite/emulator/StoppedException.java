package dev.outpost.offsite.emulator;

/**
 * A step was asked to stop before its end; the same recipe in the same folder goes on from there.
 */
public final class StoppedException extends Exception {
  private static final long serialVersionUID = 1L;
  private final int steps;

  /** A step that stopped after this many training steps. */
  public StoppedException(String step, int steps) {
    super("step " + step + ": stopped after " + steps + " training steps");
    this.steps = steps;
  }

  /** Training steps taken. */
  public int steps() {
    return steps;
  }
}
