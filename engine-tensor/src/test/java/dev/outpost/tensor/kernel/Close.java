package dev.outpost.tensor.kernel;

/**
 * Compares floats with a tolerance taken from the data: {@code |got − want| ≤ 20·eps·magnitude},
 * where the magnitude of a sum is the sum of its terms' absolute values. As a second net the whole
 * array's error may be at most 1e-7 of its energy.
 */
public final class Close {
  /** Distance from 1 to the next float. */
  public static final double EPS = 0x1p-23;

  private static final double FACTOR = 20;

  /** Below this a backend may flush to zero, for subnormals slow some machines down. */
  private static final double FLOOR = 1e-36;

  private static final double ENERGY = 1e-7;

  private Close() {}

  /** Fails with the worst index, both values and its bound. NaN equals NaN. */
  public static void check(String what, float[] got, float[] want, double[] magnitude) {
    if (got.length != want.length)
      throw new AssertionError(what + ": " + got.length + " values, want " + want.length);
    int worst = -1;
    double worstRatio = 1;
    double error = 0;
    double energy = 0;
    for (int i = 0; i < got.length; i++) {
      if (Float.compare(got[i], want[i]) == 0) continue;
      double miss = Math.abs((double) got[i] - want[i]);
      double bound = FACTOR * EPS * magnitude[i] + FLOOR;
      if (!(miss / bound <= worstRatio)) {
        worst = i;
        worstRatio = miss / bound;
      }
      error += miss * miss;
    }
    for (int i = 0; i < got.length; i++) energy += magnitude[i] * magnitude[i];
    if (worst >= 0)
      throw new AssertionError(
          String.format(
              "%s: worst at %d: got %s, want %s, bound %.3g (missed by %.3g bounds)",
              what,
              worst,
              got[worst],
              want[worst],
              FACTOR * EPS * magnitude[worst] + FLOOR,
              worstRatio));
    if (error > ENERGY * energy)
      throw new AssertionError(
          what + ": error energy " + error + " is more than " + ENERGY + " of " + energy);
  }
}
