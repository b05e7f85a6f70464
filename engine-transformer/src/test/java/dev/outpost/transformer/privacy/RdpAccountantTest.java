package dev.outpost.transformer.privacy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class RdpAccountantTest {
  /** Opacus' orders: 1.1 to 10.9 by tenths, then 12 to 63. */
  private static final RdpAccountant OPACUS = new RdpAccountant(opacus());

  /** TensorFlow Privacy's: 1.25, 1.5, …, 5 to 63, 128, 256, 512. */
  private static final RdpAccountant TENSORFLOW = new RdpAccountant(tensorflow());

  private static List<Double> opacus() {
    List<Double> orders = new ArrayList<>();
    for (int x = 1; x < 100; x++) orders.add(1 + x / 10.0);
    for (int x = 12; x < 64; x++) orders.add((double) x);
    return orders;
  }

  private static List<Double> tensorflow() {
    List<Double> orders =
        new ArrayList<>(List.of(1.25, 1.5, 1.75, 2., 2.25, 2.5, 3., 3.5, 4., 4.5));
    for (int x = 5; x < 64; x++) orders.add((double) x);
    orders.addAll(List.of(128., 256., 512.));
    return orders;
  }

  @Test
  void givesTheEpsilonOpacusExpectsOfItself() {
    // pytorch/opacus, opacus/tests/accountants_test.py, test_rdp_accountant.
    assertThat(OPACUS.spent(0.04, 1.5, (int) (90 / 0.04), 1e-5).epsilon())
        .isCloseTo(7.32911117143, within(1e-9));
  }

  @Test
  void givesTheEpsilonsTensorFlowPrivacyExpectsOfItself() {
    // tensorflow/privacy, compute_dp_sgd_privacy_test.py: n, batch, noise, epochs, delta.
    RdpAccountant.Spent a = TENSORFLOW.spent(150 / 60000., 1.3, 15 * 60000 / 150, 1e-5);
    assertThat(a.epsilon()).isCloseTo(0.7242234026109595, within(1e-7));
    assertThat(a.order()).isEqualTo(19);
    RdpAccountant.Spent b = TENSORFLOW.spent(100 / 100000., 1.0, 30 * 100000 / 100, 1e-7);
    assertThat(b.epsilon()).isCloseTo(1.4154988495444845, within(1e-7));
    assertThat(b.order()).isEqualTo(13);
    long steps = 10L * 100_000_000 / 1024;
    RdpAccountant.Spent c = TENSORFLOW.spent(1024 / 1e8, 0.1, steps, 1e-7);
    // Theirs counts the broken step 976562.5 up, whole steps are all we can take.
    assertThat(c.epsilon()).isCloseTo(5907982.31138195, Percentage.withPercentage(1e-3));
    assertThat(c.order()).isEqualTo(1.25);
  }

  @Test
  void givesTheDivergencesGooglesAccountantExpectsOfItself() {
    // google/differential-privacy, rdp_privacy_accountant_test.py,
    // test_compute_rdp_poisson_sampled_gaussian: q 0.01, noise 2.5, 50 steps. Its values at the
    // orders 1.5 and 2.5 are 3 % and 0.01 % above the integral, which ours are not.
    double[] orders = {5, 50, 100};
    double[] want = {2.18075656e-03, 2.38460375e-02, 1.67416308e02};
    for (int i = 0; i < orders.length; i++)
      assertThat(50 * RdpAccountant.rdp(0.01, 2.5, orders[i]))
          .isCloseTo(want[i], Percentage.withPercentage(1e-5));
  }

  @Test
  void agreesWithTheIntegralItStandsFor() {
    double[][] cases = {
      {1e-3, 1, 1.5}, {0.01, 2.5, 1.5}, {0.01, 2.5, 2.5}, {0.01, 10, 20}, {0.01, 1.1, 6.3},
      {0.1, 2, 20.5}, {0.04, 1.5, 3.7}, {0.3, 0.8, 4}, {0.5, 3, 2.2}, {0.9, 4, 9.1},
      {0.99, 5, 20.1}, {1, 2, 3}, {1, 2, 3.3}
    };
    for (double[] c : cases)
      assertThat(RdpAccountant.rdp(c[0], c[1], c[2]))
          .as("q %s, noise %s, order %s", c[0], c[1], c[2])
          .isCloseTo(integral(c[0], c[1], c[2]), Percentage.withPercentage(1e-5));
  }

  /**
   * ln(1 + ∫ N(x; 0, σ²) ((1+r)^α − 1 − αr) dx)/(α−1) with r = q (exp((2x−1)/2σ²) − 1), whose mean
   * is 0, by the trapezoidal rule.
   */
  private static double integral(double q, double sigma, double alpha) {
    double step = sigma / 400;
    double sum = 0;
    for (double x = -14 * sigma; x < alpha + 14 * sigma; x += step) {
      double r = q * Math.expm1((2 * x - 1) / (2 * sigma * sigma));
      double weight = Math.exp(-x * x / (2 * sigma * sigma));
      sum += weight * (Math.expm1(alpha * Math.log1p(r)) - alpha * r);
    }
    return Math.log1p(sum * step / (sigma * Math.sqrt(2 * Math.PI))) / (alpha - 1);
  }

  @Test
  void moreOrdersOnlyTellMoreTightly() {
    double[][] runs = {{0.04, 1.5, 2250}, {0.0025, 1.3, 6000}, {0.2, 1, 50}, {1, 5, 10}};
    for (double[] r : runs) {
      double usual = RdpAccountant.USUAL.spent(r[0], r[1], (long) r[2], 1e-5).epsilon();
      assertThat(usual).isLessThanOrEqualTo(OPACUS.spent(r[0], r[1], (long) r[2], 1e-5).epsilon());
      assertThat(usual).isGreaterThanOrEqualTo(exactGaussian(r[0], r[1], r[2], 1e-5));
    }
  }

  /**
   * Below any true bound: the composition as one Gaussian of deviation σ/(q√steps), whose exact ε
   * is that of Balle and Wang 2018, theorem 8; exact where q = 1.
   */
  private static double exactGaussian(double q, double sigma, double steps, double delta) {
    double s = sigma / (q * Math.sqrt(steps));
    double low = 0;
    double high = 1000;
    for (int i = 0; i < 100; i++) {
      double e = (low + high) / 2;
      double d =
          Math.exp(RdpAccountant.logErfc((e * s - 0.5 / s) / Math.sqrt(2))) / 2
              - Math.exp(e + RdpAccountant.logErfc((e * s + 0.5 / s) / Math.sqrt(2))) / 2;
      if (d > delta) low = e;
      else high = e;
    }
    return low;
  }

  @Test
  void findsTheLeastNoiseForAnEpsilon() {
    for (double epsilon : new double[] {0.5, 3, 40}) {
      double sigma = RdpAccountant.USUAL.noiseFor(epsilon, 0.05, 200, 1e-5);
      assertThat(RdpAccountant.USUAL.spent(0.05, sigma, 200, 1e-5).epsilon())
          .isLessThanOrEqualTo(epsilon);
      assertThat(RdpAccountant.USUAL.spent(0.05, sigma * 0.998, 200, 1e-5).epsilon())
          .isGreaterThan(epsilon);
    }
  }

  @Test
  void tailsOfTheGaussianAreExact() {
    assertThat(RdpAccountant.logErfc(0)).isZero();
    assertThat(Math.exp(RdpAccountant.logErfc(1))).isCloseTo(0.15729920705028513, within(1e-15));
    assertThat(Math.exp(RdpAccountant.logErfc(2))).isCloseTo(0.004677734981047266, within(1e-15));
    assertThat(Math.exp(RdpAccountant.logErfc(2.0001)))
        .isCloseTo(0.004677734981047266 - 2e-4 / Math.sqrt(Math.PI) * Math.exp(-4), within(1e-9));
    assertThat(Math.exp(RdpAccountant.logErfc(-1))).isCloseTo(1.8427007929497148, within(1e-14));
    assertThat(Math.exp(RdpAccountant.logErfc(5)) / 1.5374597944280349e-12)
        .isCloseTo(1, within(1e-12));
    assertThat(RdpAccountant.logErfc(50)).isCloseTo(-2504.4845878484514, within(1e-9));
  }

  @Test
  void refusesWhatHasNoMeaning() {
    RdpAccountant a = RdpAccountant.USUAL;
    assertThatThrownBy(() -> a.spent(0, 1, 1, 1e-5)).hasMessageContaining("sampling rate");
    assertThatThrownBy(() -> a.spent(1.1, 1, 1, 1e-5)).hasMessageContaining("sampling rate");
    assertThatThrownBy(() -> a.spent(0.1, 0, 1, 1e-5)).hasMessageContaining("noise");
    assertThatThrownBy(() -> a.spent(0.1, 1, 0, 1e-5)).hasMessageContaining("steps");
    assertThatThrownBy(() -> a.spent(0.1, 1, 1, 1)).hasMessageContaining("delta");
    assertThatThrownBy(() -> a.noiseFor(0, 0.1, 1, 1e-5)).hasMessageContaining("epsilon");
    assertThatThrownBy(() -> a.noiseFor(1e-9, 0.1, 100, 1e-300))
        .hasMessageContaining("no noise gives epsilon");
    assertThatThrownBy(() -> new RdpAccountant(List.of(1.0))).hasMessageContaining("above 1");
  }
}
