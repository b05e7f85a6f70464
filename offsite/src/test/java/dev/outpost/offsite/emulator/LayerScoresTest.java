package dev.outpost.offsite.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.random.RandomStream;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LayerScoresTest {
  @ParameterizedTest
  @CsvSource({
    "48, 4, 4 4 4 4 4 4 4 4 4 4 4 4",
    "4, 4, 4",
    "3, 4, 3",
    "2, 4, 2",
    "5, 4, 5",
    "6, 4, 4 2",
    "7, 4, 4 3",
    "9, 4, 4 5",
    "5, 2, 2 3"
  })
  void groupsAreConsecutiveAndNoneHasOneBlock(int blocks, int size, String sizes) {
    List<LayerScores.Group> groups = LayerScores.groups(blocks, size);
    assertThat(groups.stream().map(g -> "" + g.size()).collect(Collectors.joining(" ")))
        .isEqualTo(sizes);
    int at = 0;
    for (LayerScores.Group g : groups) {
      assertThat(g.from()).isEqualTo(at);
      at = g.to();
    }
    assertThat(at).isEqualTo(blocks);
  }

  @Test
  void whatCannotBeComparedIsRefused() {
    assertThatThrownBy(() -> LayerScores.groups(1, 4)).hasMessageContaining("at least 2 blocks");
    assertThatThrownBy(() -> LayerScores.groups(8, 1)).hasMessageContaining("at least 2 blocks");
    assertThatThrownBy(() -> LayerScores.rewards(new double[] {1, Double.NaN}))
        .hasMessageContaining("NaN");
  }

  /** Kept in each group: half, rounded down; whatever the scores are. */
  @ParameterizedTest
  @CsvSource({"12, 2 2 2", "8, 2 2", "9, 2 2", "10, 2 2 1", "11, 2 2 1", "3, 1"})
  void everyTrialReplacesHalfOfEachGroup(int blocks, String kept) {
    LayerScores scores = new LayerScores(blocks, 4);
    RandomStream stream = RandomStream.of(5, "test");
    for (int round = 0; round < 300; round++) {
      boolean[] trial = scores.sample(stream);
      String got =
          LayerScores.groups(blocks, 4).stream()
              .map(g -> {
                int n = 0;
                for (int i = g.from(); i < g.to(); i++) if (trial[i]) n++;
                return "" + n;
              })
              .collect(Collectors.joining(" "));
      assertThat(got).isEqualTo(kept);
      // Wildly unequal scores, so that ties and tails are met.
      scores.learn(new boolean[][] {trial}, new double[] {stream.nextGaussian()}, 30);
    }
  }

  @Test
  void equalScoresKeepEveryBlockEquallyOftenAndHigherOnesMore() {
    LayerScores scores = new LayerScores(4, 4);
    int[] equal = count(scores, 4000);
    for (int n : equal) assertThat(n).isBetween(1850, 2150);
    scores.restore(List.of(0.0, 2.0, 0.0, -2.0));
    int[] skewed = count(scores, 4000);
    assertThat(skewed[1]).isGreaterThan(skewed[0] + 400);
    assertThat(skewed[3]).isLessThan(skewed[0] - 400);
  }

  private static int[] count(LayerScores scores, int rounds) {
    RandomStream stream = RandomStream.of(9, "count");
    int[] n = new int[4];
    for (int i = 0; i < rounds; i++) {
      boolean[] kept = scores.sample(stream);
      for (int b = 0; b < 4; b++) if (kept[b]) n[b]++;
    }
    return n;
  }

  @Test
  void rewardsOfAStepSumToZero() {
    double[] r = LayerScores.rewards(new double[] {3.2, 3.4, 2.9});
    assertThat(Arrays.stream(r).sum()).isCloseTo(0, within(1e-16));
    double mean = (Math.exp(-3.2) + Math.exp(-3.4) + Math.exp(-2.9)) / 3;
    assertThat(r[1]).isCloseTo(Math.exp(-3.4) - mean, within(1e-15));
    assertThat(r[2]).isPositive();
  }

  /** Equation 5 by hand: s += r p (1 − p), p = 1/2 at first. */
  @Test
  void onlyKeptBlocksLearn() {
    LayerScores scores = new LayerScores(4, 4);
    boolean[][] kept = {{true, true, false, false}, {true, false, true, false}};
    scores.learn(kept, new double[] {0.4, -0.1}, 1);
    List<Double> s = scores.values();
    assertThat(s.get(0)).isCloseTo(0.3 / 4, within(1e-15));
    assertThat(s.get(1)).isCloseTo(0.1, within(1e-15));
    assertThat(s.get(2)).isCloseTo(-0.025, within(1e-15));
    assertThat(s.get(3)).as("never kept").isZero();
    scores.learn(new boolean[][] {{false, true, false, true}}, new double[] {1}, 2);
    double p = 1 / (1 + Math.exp(-0.1));
    assertThat(scores.values().get(1)).isCloseTo(0.1 + 2 * p * (1 - p), within(1e-12));
    assertThat(scores.values().get(0)).isEqualTo(s.get(0));
  }

  /** While all p are equal, a step only moves worth between the blocks of a group. */
  @Test
  void aStepFromEqualScoresSumsToZeroInEveryGroup() {
    LayerScores scores = new LayerScores(8, 4);
    RandomStream stream = RandomStream.of(2, "test");
    boolean[][] kept = {scores.sample(stream), scores.sample(stream), scores.sample(stream)};
    scores.learn(kept, LayerScores.rewards(new double[] {2, 2.5, 3.1}), 1);
    List<Double> s = scores.values();
    assertThat(s).anyMatch(v -> Math.abs(v) > 1e-3);
    for (int from : new int[] {0, 4})
      assertThat(s.subList(from, from + 4).stream().mapToDouble(v -> v).sum())
          .isCloseTo(0, within(1e-15));
  }
}
