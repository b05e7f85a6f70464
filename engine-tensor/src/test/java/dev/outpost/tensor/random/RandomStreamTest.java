package dev.outpost.tensor.random;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Set;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Fixed seeds; the bounds are five standard deviations or more of what chance would do. */
class RandomStreamTest {
  private static final long SEED = 42;

  /** Changing these numbers changes every initialisation, mask and order ever recorded. */
  @Test
  void theNumbersAreThoseOfAllReleases() {
    RandomStream s = RandomStream.of(SEED, "init");
    assertThat(new long[] {s.nextLong(), s.nextLong()})
        .containsExactly(0xB9CB151B2EA8B6CCL, 0xFC02AA74617F17B7L);
    assertThat(RandomStream.hash(1, 2)).isEqualTo(0xF18D6CE93D6CF1EEL);
  }

  @Test
  void everythingResumesAtItsPosition() {
    RandomStream s = RandomStream.of(SEED, "data");
    for (int i = 0; i < 17; i++) s.nextGaussian();
    s.nextInt(7);
    long at = s.position();
    double[] first = mixedDraws(s);
    RandomStream resumed = RandomStream.of(SEED, "data");
    resumed.seek(at);
    assertThat(mixedDraws(resumed)).isEqualTo(first);
    s.seek(at);
    assertThat(mixedDraws(s)).isEqualTo(first);
    assertThat(s.position()).isEqualTo(resumed.position());
  }

  @Test
  void purposesAndSeedsAreIndependent() {
    String[] purposes = {"init", "dropout", "data", "sample", "", "a", "b", "ab", "ba"};
    Set<Long> seen = new HashSet<>();
    int drawn = 0;
    for (long seed : new long[] {0, 1, 2, -1, Long.MIN_VALUE}) {
      for (String purpose : purposes) {
        RandomStream s = RandomStream.of(seed, purpose);
        for (int i = 0; i < 1000; i++, drawn++) seen.add(s.nextLong());
      }
    }
    assertThat(seen).as("64-bit numbers of different streams never meet").hasSize(drawn);
  }

  @Test
  void neighbouringStreamsAreUncorrelated() {
    int n = 100_000;
    double[][] draws = {
      floats(RandomStream.of(0, "init"), n),
      floats(RandomStream.of(1, "init"), n),
      floats(RandomStream.of(0, "dropout"), n),
    };
    for (int a = 0; a < draws.length; a++) {
      assertThat(correlation(draws[a], draws[a], 1)).as("lag 1").isBetween(-0.016, 0.016);
      for (int b = 0; b < a; b++)
        assertThat(correlation(draws[a], draws[b], 0)).as(a + ", " + b).isBetween(-0.016, 0.016);
    }
  }

  @Test
  void everyBitOfAHashIsFairAndDependsOnEveryBitOfItsInput() {
    int n = 4096;
    int[] ones = new int[64];
    int[][] flips = new int[128][64];
    for (int i = 0; i < n; i++) {
      long key = RandomStream.hash(1, i);
      long h = RandomStream.hash(key, i);
      count(h, ones);
      for (int bit = 0; bit < 64; bit++) {
        count(h ^ RandomStream.hash(key ^ 1L << bit, i), flips[bit]);
        count(h ^ RandomStream.hash(key, i ^ 1L << bit), flips[64 + bit]);
      }
    }
    // sd of each count is sqrt(4096)/2 = 32; 8192 of them: six sd.
    assertThat(IntStream.of(ones)).allMatch(c -> Math.abs(c - n / 2) < 6 * 32);
    for (int[] row : flips)
      assertThat(IntStream.of(row)).allMatch(c -> Math.abs(c - n / 2) < 6 * 32);
  }

  @Test
  void floatsAreUniformInTheUnitInterval() {
    double[] x = floats(RandomStream.of(SEED, "sample"), 200_000);
    assertThat(DoubleStream.of(x).allMatch(v -> v >= 0 && v < 1)).isTrue();
    // sd of the mean: 1/sqrt(12 n) = 6.5e-4; of the mean square: sqrt(4/45/n) = 6.7e-4.
    assertThat(mean(x, 1)).isBetween(0.5 - 0.0035, 0.5 + 0.0035);
    assertThat(mean(x, 2)).isBetween(1 / 3d - 0.0035, 1 / 3d + 0.0035);
    RandomStream s = RandomStream.of(SEED, "sample");
    for (int i = 0; i < 1000; i++) assertThat(s.nextDouble()).isBetween(0d, Math.nextDown(1d));
  }

  @Test
  void gaussiansHaveTheMomentsOfTheNormalDistribution() {
    RandomStream s = RandomStream.of(SEED, "init");
    double[] x = IntStream.range(0, 200_000).mapToDouble(i -> s.nextGaussian()).toArray();
    assertThat(DoubleStream.of(x).allMatch(Double::isFinite)).isTrue();
    // sd: mean 1/sqrt(n) = 2.2e-3, square sqrt(2/n), cube sqrt(15/n), fourth power sqrt(96/n).
    assertThat(mean(x, 1)).isBetween(-0.012, 0.012);
    assertThat(mean(x, 2)).isBetween(1 - 0.016, 1 + 0.016);
    assertThat(mean(x, 3)).isBetween(-0.045, 0.045);
    assertThat(mean(x, 4)).isBetween(3 - 0.11, 3 + 0.11);
    assertThat(s.position()).isEqualTo(400_000);
  }

  @Test
  void boundedIntegersAreFair() {
    RandomStream s = RandomStream.of(SEED, "data");
    int n = 70_000;
    int[] counts = new int[7];
    for (int i = 0; i < n; i++) counts[s.nextInt(7)]++;
    // sd of a count: sqrt(n · 6/49) = 93.
    assertThat(IntStream.of(counts)).allMatch(c -> Math.abs(c - n / 7) < 5 * 93);
    assertThat(s.nextInt(1)).isZero();
    for (int i = 0; i < 1000; i++)
      assertThat(s.nextInt(Integer.MAX_VALUE)).isBetween(0, Integer.MAX_VALUE - 1);
  }

  @Test
  void aShuffleIsAPermutationAndEveryPermutationIsAsLikely() {
    RandomStream s = RandomStream.of(SEED, "data");
    int n = 60_000;
    int[] counts = new int[27];
    for (int i = 0; i < n; i++) {
      int[] x = {0, 1, 2};
      s.shuffle(x);
      counts[x[0] * 9 + x[1] * 3 + x[2]]++;
    }
    // 012, 021, 102, 120, 201 and 210 in base 3; sd of a count: sqrt(n · 5/36) = 91.
    assertThat(IntStream.range(0, 27).filter(i -> counts[i] > 0))
        .containsExactly(5, 7, 11, 15, 19, 21);
    assertThat(IntStream.of(counts).filter(c -> c > 0)).allMatch(c -> Math.abs(c - n / 6) < 5 * 91);
  }

  @Test
  void refusesNonsense() {
    RandomStream s = RandomStream.of(SEED, "data");
    assertThatThrownBy(() -> s.nextInt(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("bound must be positive, got 0");
    assertThatThrownBy(() -> s.seek(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("position must not be negative, got -1");
  }

  private static double[] mixedDraws(RandomStream s) {
    int[] order = IntStream.range(0, 20).toArray();
    s.shuffle(order);
    double[] out = new double[20];
    for (int i = 0; i < out.length; i++)
      out[i] = order[i] + s.nextFloat() + s.nextGaussian() + s.nextInt(100) + s.nextDouble();
    return out;
  }

  private static double[] floats(RandomStream s, int n) {
    return IntStream.range(0, n).mapToDouble(i -> s.nextFloat()).toArray();
  }

  private static void count(long bits, int[] ones) {
    for (int b = 0; b < 64; b++) ones[b] += (int) (bits >>> b & 1);
  }

  private static double mean(double[] x, int power) {
    double sum = 0;
    for (double v : x) sum += Math.pow(v, power);
    return sum / x.length;
  }

  /** For uniform variables with known mean 1/2 and variance 1/12. */
  private static double correlation(double[] a, double[] b, int lag) {
    double sum = 0;
    for (int i = 0; i + lag < a.length; i++) sum += (a[i] - 0.5) * (b[i + lag] - 0.5);
    return sum / (a.length - lag) * 12;
  }
}
