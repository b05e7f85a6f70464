package dev.outpost.transformer.privacy;

import java.util.ArrayList;
import java.util.List;

/**
 * How much a run of the subsampled Gaussian mechanism gives away: at each step every example is
 * taken by itself with probability q (Poisson sampling), the sum of what the taken ones say, each
 * at most 1 long, is told with Gaussian noise of deviation σ. Neighbours are data sets of which one
 * has one example more.
 *
 * <p>Rényi differential privacy of one step: Mironov, Talwar, Zhang 2019 (arXiv:1908.10530),
 * section 3.3, for whole and broken orders; steps add up. Conversion to (ε, δ): Balle et al. 2020
 * (arXiv:1905.09982), theorem 21, the same as Canonne, Kamath, Steinke 2020 (arXiv:2004.00010),
 * proposition 12: {@code ε = rdp − (ln δ + ln α)/(α−1) + ln((α−1)/α)}, the best of all orders.
 *
 * @param orders the α to try, each above 1; more of them give a smaller ε that is as true
 */
public record RdpAccountant(List<Double> orders) {
  private static final double SMALLEST_NOISE = 0.01;
  private static final double LARGEST_NOISE = 1e6;

  /** Orders 1.1 to 10.9 by tenths, 11 to 64, and on to 1024. */
  public static final RdpAccountant USUAL = new RdpAccountant(usual());

  public RdpAccountant {
    orders = List.copyOf(orders);
    if (orders.isEmpty() || orders.stream().anyMatch(a -> !(a > 1) || a.isInfinite()))
      throw new IllegalArgumentException("accountant: orders must be above 1 and finite");
  }

  private static List<Double> usual() {
    List<Double> orders = new ArrayList<>();
    for (int i = 11; i < 110; i++) orders.add(i / 10.0);
    for (int i = 11; i <= 64; i++) orders.add((double) i);
    for (int i = 72; i <= 128; i += 8) orders.add((double) i);
    for (int i = 160; i <= 512; i += 32) orders.add((double) i);
    orders.add(768.0);
    orders.add(1024.0);
    return orders;
  }

  /**
   * What is given away.
   *
   * @param epsilon bound on the log of how much likelier any outcome becomes by one example
   * @param delta up to this probability
   * @param order the α that gave the bound
   */
  public record Spent(double epsilon, double delta, double order) {}

  /**
   * What {@code steps} steps give away.
   *
   * @param rate q, above 0 and at most 1
   * @param noise σ, as a multiple of the clipping length
   */
  public Spent spent(double rate, double noise, long steps, double delta) {
    require(rate, steps, delta);
    if (!(noise > 0))
      throw new IllegalArgumentException("accountant: noise must be above 0, got " + noise);
    Spent best = new Spent(Double.POSITIVE_INFINITY, delta, Double.NaN);
    for (double a : orders) {
      double epsilon =
          steps * rdp(rate, noise, a)
              - (Math.log(delta) + Math.log(a)) / (a - 1)
              + Math.log((a - 1) / a);
      if (epsilon < best.epsilon) best = new Spent(Math.max(0, epsilon), delta, a);
    }
    return best;
  }

  /**
   * The least noise, to within a thousandth of a part, with which the run gives away no more than
   * {@code epsilon}; found by bisection.
   *
   * @throws IllegalArgumentException when no noise can do it: δ is too small for these orders
   */
  public double noiseFor(double epsilon, double rate, long steps, double delta) {
    require(rate, steps, delta);
    if (!(epsilon > 0) || Double.isInfinite(epsilon))
      throw new IllegalArgumentException(
          "accountant: epsilon must be above 0 and finite, got " + epsilon);
    double high = 1;
    while (spent(rate, high, steps, delta).epsilon > epsilon) {
      high *= 2;
      if (high > LARGEST_NOISE)
        throw new IllegalArgumentException(
            "accountant: no noise gives epsilon "
                + epsilon
                + " at delta "
                + delta
                + "; the least that can be shown is "
                + spent(rate, high, steps, delta).epsilon
                + ". Ask for a larger epsilon or delta");
    }
    double low = high / 2;
    while (low > SMALLEST_NOISE && spent(rate, low, steps, delta).epsilon <= epsilon) {
      high = low;
      low /= 2;
    }
    while (high - low > 1e-3 * low) {
      double middle = (low + high) / 2;
      if (spent(rate, middle, steps, delta).epsilon <= epsilon) high = middle;
      else low = middle;
    }
    return high;
  }

  private static void require(double rate, long steps, double delta) {
    if (!(rate > 0 && rate <= 1))
      throw new IllegalArgumentException(
          "accountant: the sampling rate must be above 0 and at most 1, got " + rate);
    if (steps < 1)
      throw new IllegalArgumentException("accountant: steps must be at least 1, got " + steps);
    if (!(delta > 0 && delta < 1))
      throw new IllegalArgumentException(
          "accountant: delta must be above 0 and below 1, got " + delta);
  }

  /** Rényi divergence of order α of one step with and without an example. */
  public static double rdp(double rate, double noise, double order) {
    if (rate == 1) return order / (2 * noise * noise);
    double logA =
        order == Math.rint(order) ? whole(rate, noise, order) : broken(rate, noise, order);
    return Math.max(0, logA) / (order - 1);
  }

  /** ln Σᵢ C(α,i) (1−q)^(α−i) qⁱ exp((i²−i)/2σ²), i = 0…α. */
  private static double whole(double q, double sigma, double alpha) {
    double sum = Double.NEGATIVE_INFINITY;
    double logBinomial = 0;
    for (int i = 0; i <= alpha; i++) {
      sum = logAdd(sum, logBinomial + power(q, alpha, i, (double) i, sigma));
      logBinomial += Math.log((alpha - i) / (i + 1));
    }
    return sum;
  }

  /** ln of (1−q)^(α−i) qⁱ exp((k²−k)/2σ²). */
  private static double power(double q, double alpha, double i, double k, double sigma) {
    return i * Math.log(q) + (alpha - i) * Math.log1p(-q) + (k * k - k) / (2 * sigma * sigma);
  }

  /**
   * The same for an order that is no whole number: the integral is cut at z₀, where both densities
   * of the mixture weigh the same, and each half is a binomial series of Gaussian tails.
   */
  private static double broken(double q, double sigma, double alpha) {
    double z0 = sigma * sigma * Math.log(1 / q - 1) + 0.5;
    double root = Math.sqrt(2) * sigma;
    double plus = Double.NEGATIVE_INFINITY;
    double minus = Double.NEGATIVE_INFINITY;
    double logBinomial = 0;
    boolean positive = true;
    for (int i = 0; ; i++) {
      double j = alpha - i;
      double below =
          logBinomial + power(q, alpha, i, i, sigma) + logErfc((i - z0) / root) - Math.log(2);
      double above =
          logBinomial + power(q, alpha, j, j, sigma) + logErfc((z0 - j) / root) - Math.log(2);
      double term = logAdd(below, above);
      if (positive) plus = logAdd(plus, term);
      else minus = logAdd(minus, term);
      // Beyond α the terms alternate and fall: what is left out is less than the last one.
      if (i > alpha && term < plus - 30) break;
      if (j < 0) positive = !positive;
      logBinomial += Math.log(Math.abs(j) / (i + 1));
    }
    return plus + Math.log1p(-Math.exp(minus - plus));
  }

  private static double logAdd(double a, double b) {
    double high = Math.max(a, b);
    return high == Double.NEGATIVE_INFINITY
        ? high
        : high + Math.log1p(Math.exp(Math.min(a, b) - high));
  }

  /** ln erfc(x): Kummer's series near 0, Laplace's continued fraction beyond 2. */
  static double logErfc(double x) {
    if (x < -2) return Math.log(2 - Math.exp(logErfc(-x)));
    if (x <= 2) {
      double term = x;
      double sum = x;
      for (int n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
        term *= 2 * x * x / (2 * n + 1);
        sum += term;
      }
      return Math.log(1 - 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum);
    }
    double tail = x;
    for (int n = 12 + (int) (500 / (x * x)); n > 0; n--) tail = x + n / 2.0 / tail;
    return -x * x - Math.log(tail) - Math.log(Math.PI) / 2;
  }
}
