package dev.outpost.offsite.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.random.RandomStream;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class DirichletSplitTest {
  private static int[] labels(int rows, int kinds) {
    Random random = new Random(1);
    return random.ints(rows, 0, kinds).toArray();
  }

  /** Mean over clients of the share of the client's commonest label. */
  private static double purity(int[] labels, int[][] dealt, int kinds) {
    double sum = 0;
    for (int[] rows : dealt) {
      int[] counts = new int[kinds];
      for (int r : rows) counts[labels[r]]++;
      sum += Arrays.stream(counts).max().orElseThrow() / (double) rows.length;
    }
    return sum / dealt.length;
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.01, 1, 100, Double.POSITIVE_INFINITY})
  void everyRowIsDealtOnceAndTheSeedDecides(double alpha) {
    int[] labels = labels(1003, 5);
    int[][] dealt = DirichletSplit.deal(labels, 50, alpha, 3);
    int[] all = Arrays.stream(dealt).flatMapToInt(Arrays::stream).sorted().toArray();
    assertThat(all).hasSize(1000).doesNotHaveDuplicates();
    assertThat(dealt).hasDimensions(50, 20);
    assertThat(DirichletSplit.deal(labels, 50, alpha, 3)).isDeepEqualTo(dealt);
    assertThat(DirichletSplit.deal(labels, 50, alpha, 4)[0]).isNotEqualTo(dealt[0]);
  }

  @Test
  void smallAlphaMakesClientsOfOneKindAndLargeAlphaMakesThemAlike() {
    int[] labels = labels(5000, 5);
    double one = purity(labels, DirichletSplit.deal(labels, 100, 0.05, 3), 5);
    double some = purity(labels, DirichletSplit.deal(labels, 100, 5, 3), 5);
    double none = purity(labels, DirichletSplit.deal(labels, 100, 1000, 3), 5);
    double iid = purity(labels, DirichletSplit.deal(labels, 100, Double.POSITIVE_INFINITY, 3), 5);
    assertThat(one).isGreaterThan(0.85);
    assertThat(some).isBetween(0.35, 0.6);
    assertThat(none).isCloseTo(iid, within(0.03));
  }

  /** Mean and variance of Gamma(k, 1) are both k. */
  @ParameterizedTest
  @ValueSource(doubles = {0.2, 1, 4.5})
  void gammaHasItsMeanAndItsVariance(double shape) {
    RandomStream random = RandomStream.of(5, "gamma");
    int n = 40_000;
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < n; i++) {
      double x = Math.exp(DirichletSplit.logGamma(shape, random));
      sum += x;
      squares += x * x;
    }
    double mean = sum / n;
    assertThat(mean).isCloseTo(shape, within(5 * Math.sqrt(shape / n)));
    assertThat(squares / n - mean * mean).isCloseTo(shape, within(0.1 * shape + 0.02));
  }

  @Test
  void tooFewRowsAreRefused() {
    assertThatThrownBy(() -> DirichletSplit.deal(new int[5], 6, 1, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("5 rows are too few for 6 clients");
  }
}
