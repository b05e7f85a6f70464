package dev.outpost.offsite.bench;

import java.util.function.DoubleSupplier;

/** Repeats until the compiler has done its work and a round is long enough for the clock. */
final class Stopwatch {
  private static final long WARM_NANOS = 300_000_000;
  private static final long ROUND_NANOS = 15_000_000;

  private Stopwatch() {}

  /**
   * Rates of {@code body} and of the limit, measured in turns so that what disturbs one disturbs
   * the other.
   *
   * @param work of one call, in 10⁻⁹ of the rate's unit times seconds: operations or bytes
   * @return rounds of the body, then of the limit
   */
  static double[][] inTurns(int rounds, double work, Runnable body, DoubleSupplier limit) {
    double[][] rates = new double[2][rounds];
    long start = System.nanoTime();
    int warm = 0;
    do {
      body.run();
      warm++;
    } while (System.nanoTime() - start < WARM_NANOS || warm < 2);
    for (int i = 0; i < 4; i++) rates[1][0] = limit.getAsDouble();
    long before = System.nanoTime();
    body.run();
    long one = Math.max(1, System.nanoTime() - before);
    int calls = Math.clamp(ROUND_NANOS / one, 1, 100_000);
    for (int r = 0; r < rounds; r++) {
      rates[1][r] = limit.getAsDouble();
      before = System.nanoTime();
      for (int i = 0; i < calls; i++) body.run();
      rates[0][r] = work * calls / (System.nanoTime() - before);
    }
    return rates;
  }
}
