package dev.outpost.offsite.simulation;

import dev.outpost.tensor.random.RandomStream;

/**
 * What goes wrong at the clients of a simulation, drawn anew each round.
 *
 * @param drop probability that a client that was asked never answers
 * @param spread σ of the logarithm of a client's time, whose median is 1; 0 makes all alike
 * @param deadline in medians of a client's time, after which a round ends; infinity waits for all
 */
public record Faults(double drop, double spread, double deadline) {
  /** Everything works. */
  public static final Faults NONE = new Faults(0, 0, Double.POSITIVE_INFINITY);

  public Faults {
    if (!(drop >= 0 && drop < 1) || !(spread >= 0) || !(deadline > 0))
      throw new IllegalArgumentException(
          "faults: drop must be in [0, 1), spread at least 0 and deadline above 0, got "
              + drop
              + ", "
              + spread
              + ", "
              + deadline);
  }

  /**
   * When a client answers, in medians of a client's time.
   *
   * @return infinity when it never does
   */
  double time(long seed, int round, int client) {
    RandomStream random = RandomStream.of(seed, "faults." + round + "." + client);
    if (random.nextDouble() < drop) return Double.POSITIVE_INFINITY;
    return StrictMath.exp(spread * random.nextGaussian());
  }

  /** Whether an answer after this time still counts. */
  boolean counts(double time) {
    return Double.isFinite(time) && time <= deadline;
  }
}
