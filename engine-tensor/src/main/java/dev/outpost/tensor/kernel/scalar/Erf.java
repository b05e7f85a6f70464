package dev.outpost.tensor.kernel.scalar;

/** The error function {@code erf x = 2/√π ∫₀ˣ e^(−t²) dt} in f64, which the JDK does not have. */
final class Erf {
  private static final double TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);

  private Erf() {}

  /** Relative error below 1e-14 (Abramowitz & Stegun 7.1.6 near zero, 7.1.14 far from it). */
  static double erf(double x) {
    if (Double.isNaN(x)) return x;
    double a = Math.abs(x);
    if (a >= 6) return Math.signum(x);
    return a < 2.5 ? series(x) : Math.signum(x) * (1 - complement(a));
  }

  /** {@code 1 − erf x}, which keeps its digits where erf is near 1. */
  static double erfc(double x) {
    return x < 2.5 ? 1 - erf(x) : complement(x);
  }

  /** All terms are positive, so nothing cancels: {@code 2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!}. */
  private static double series(double x) {
    double term = x;
    double sum = x;
    for (int n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return TWO_OVER_ROOT_PI * Math.exp(-x * x) * sum;
  }

  private static double complement(double x) {
    double fraction = 0;
    for (int n = 60; n >= 1; n--) fraction = n / 2.0 / (x + fraction);
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
  }
}
