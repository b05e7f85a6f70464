package dev.outpost.transformer.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.Golden;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class SamplingTest {
  private static final int DRAWS = 40_000;

  @Test
  void greedyTakesTheBestAndTheLowestIdAmongEquals() {
    assertThat(choose(Sampling.greedy(), 0.5f, 3, -1, 3)).isEqualTo(1);
    assertThat(choose(Sampling.greedy(), -7)).isZero();
    assertThat(choose(Sampling.greedy(), Float.NEGATIVE_INFINITY, -1e30f)).isEqualTo(1);
  }

  @Test
  void greedyDrawsNoRandomNumber() {
    RandomStream random = RandomStream.of(1, "sample");
    Sampling.greedy().choose(new float[] {1, 2}, random);
    assertThat(random.position()).isZero();
  }

  static Stream<Arguments> references() throws IOException {
    try (InputStream in = Golden.resource("sampling.json")) {
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      JsonObject golden = JsonObject.parse("sampling.json", text);
      float[] scores = floats(golden, "scores");
      return golden.objects("cases").stream().map(c -> Arguments.of(scores, c));
    }
  }

  /** Temperature, then top-k, then top-p, as the reference's warpers are chained. */
  @ParameterizedTest
  @MethodSource("references")
  void drawsFromTheDistributionOfTheReference(float[] scores, JsonObject golden)
      throws IOException {
    Sampling sampling =
        new Sampling(
            (float) golden.number("temperature", 1),
            golden.integer("top_k", 0, 99),
            (float) golden.number("top_p", 1));
    double[] want = Golden.numbers(golden, "probabilities");
    int[] counts = new int[want.length];
    RandomStream random = RandomStream.of(1, "sampling test");
    for (int i = 0; i < DRAWS; i++) counts[sampling.choose(scores, random)]++;
    for (int i = 0; i < want.length; i++) {
      if (want[i] == 0) assertThat(counts[i]).as("token %d", i).isZero();
      double deviation = Math.sqrt(want[i] * (1 - want[i]) / DRAWS);
      assertThat((double) counts[i] / DRAWS)
          .as("token %d", i)
          .isCloseTo(want[i], within(4.5 * deviation));
    }
  }

  @Test
  void topPKeepsTheFewestTokensThatReachIt() {
    // Probabilities 1/2, 1/4, 1/8, 1/8: two reach 3/4 exactly, a third is needed for more.
    float[] scores = {
      (float) Math.log(8), (float) Math.log(4), (float) Math.log(2), (float) Math.log(2)
    };
    assertThat(largestDrawn(new Sampling(1, 0, 0.7f), scores)).isEqualTo(1);
    assertThat(largestDrawn(new Sampling(1, 0, 0.8f), scores)).isEqualTo(2);
    assertThat(largestDrawn(new Sampling(1, 0, 0.4f), scores)).isEqualTo(0);
    assertThat(largestDrawn(new Sampling(1, 0, 1), scores)).isEqualTo(3);
  }

  @Test
  void topPCountsOnlyWhatTopKLeft() {
    // Of the best two, renormalised to 2/3 and 1/3, the first alone reaches 0.6 but not 0.7.
    float[] scores = {(float) Math.log(2), (float) Math.log(4), (float) Math.log(1)};
    assertThat(distinctDrawn(new Sampling(1, 2, 0.6f), scores)).containsExactly(1);
    assertThat(distinctDrawn(new Sampling(1, 2, 0.7f), scores)).containsExactly(0, 1);
  }

  @Test
  void moreThanTheVocabularyIsTheVocabulary() {
    assertThat(distinctDrawn(new Sampling(1, 100, 1), new float[] {0, 0, 0}))
        .containsExactly(0, 1, 2);
  }

  @Test
  void impossibleTokensAreNeverDrawn() {
    float[] scores = {Float.NEGATIVE_INFINITY, 0, Float.NEGATIVE_INFINITY, 0};
    assertThat(distinctDrawn(new Sampling(2, 0, 1), scores)).containsExactly(1, 3);
  }

  @Test
  void aTinyTemperatureIsGreedy() {
    assertThat(distinctDrawn(new Sampling(1e-30f, 0, 1), new float[] {1, 1.0001f, 0.5f}))
        .containsExactly(1);
  }

  @Test
  void scoresThatAreNoNumbersAreRefused() {
    for (Sampling s : new Sampling[] {Sampling.greedy(), new Sampling(1, 0, 1)})
      assertThatThrownBy(() -> choose(s, 0, Float.NaN, 1))
          .isInstanceOf(ArithmeticException.class)
          .hasMessageContainingAll("token 1", "NaN");
  }

  @Test
  void oneSeedGivesOneSequence() {
    float[] scores = {0.1f, 0.2f, 0.3f, 0};
    Sampling s = new Sampling(1, 0, 0.95f);
    RandomStream a = RandomStream.of(5, "sample");
    RandomStream b = RandomStream.of(5, "sample");
    for (int i = 0; i < 50; i++) assertThat(s.choose(scores, a)).isEqualTo(s.choose(scores, b));
  }

  @ParameterizedTest
  @CsvSource({
    "-1, 0, 1, temperature",
    "NaN, 0, 1, temperature",
    "Infinity, 0, 1, temperature",
    "1, -1, 1, top-k",
    "1, 0, 0, top-p",
    "1, 0, 1.1, top-p",
    "1, 0, NaN, top-p"
  })
  void settingsOutOfRangeAreNamed(float temperature, int topK, float topP, String named) {
    assertThatThrownBy(() -> new Sampling(temperature, topK, topP))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("sampling: " + named);
  }

  private static int choose(Sampling sampling, float... scores) {
    return sampling.choose(scores, RandomStream.of(1, "sample"));
  }

  private static int largestDrawn(Sampling sampling, float[] scores) {
    return distinctDrawn(sampling, scores).stream().max(Integer::compare).orElseThrow();
  }

  private static java.util.SortedSet<Integer> distinctDrawn(Sampling sampling, float[] scores) {
    RandomStream random = RandomStream.of(2, "sample");
    java.util.SortedSet<Integer> drawn = new java.util.TreeSet<>();
    for (int i = 0; i < 500; i++) drawn.add(sampling.choose(scores, random));
    return drawn;
  }

  private static float[] floats(JsonObject o, String field) throws IOException {
    double[] values = Golden.numbers(o, field);
    float[] out = new float[values.length];
    for (int i = 0; i < out.length; i++) out[i] = (float) values[i];
    return out;
  }
}
