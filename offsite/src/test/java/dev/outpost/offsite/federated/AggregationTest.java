package dev.outpost.offsite.federated;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.random.RandomStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AggregationTest {
  private static AdapterValues values(float... numbers) {
    return new AdapterValues(
        Map.of("blocks.0.norm1.weight", Tensor.of(Shape.of(numbers.length), numbers)));
  }

  private static Update update(String client, long samples, float... numbers) {
    return new Update(client, 1, samples, 1, values(numbers));
  }

  private static float[] numbers(AdapterValues v) {
    return v.get("blocks.0.norm1.weight").toArray();
  }

  @Test
  void theMeanCountsSamples() {
    AdapterValues mean =
        new AggregationRule.WeightedMean()
            .combine(List.of(update("a", 1, 0, 8), update("b", 3, 4, 0)));
    assertThat(numbers(mean)).containsExactly(3, 2);
  }

  @Test
  void oneLiarMovesTheMeanButNotTheRobustRules() {
    List<Update> updates = new ArrayList<>();
    RandomStream r = RandomStream.of(3, "parties");
    for (int c = 0; c < 6; c++)
      updates.add(
          update(
              "c" + c, 1, 1 + 0.1f * (r.nextFloat() - 0.5f), -2 + 0.1f * (r.nextFloat() - 0.5f)));
    updates.add(update("liar", 1, 1e6f, 1e6f));
    assertThat(numbers(new AggregationRule.WeightedMean().combine(updates))[0]).isGreaterThan(1e5f);
    for (AggregationRule rule :
        List.of(
            new AggregationRule.Median(),
            new AggregationRule.TrimmedMean(0.2),
            new AggregationRule.Krum(1, 1),
            new AggregationRule.Krum(1, 4))) {
      float[] got = numbers(rule.combine(updates));
      assertThat(got[0]).as(rule.toString()).isCloseTo(1, within(0.06f));
      assertThat(got[1]).as(rule.toString()).isCloseTo(-2, within(0.06f));
    }
  }

  @Test
  void mediansAndTrimsByHand() {
    List<Update> four =
        List.of(update("a", 1, 1), update("b", 1, 2), update("c", 1, 4), update("d", 1, 100));
    assertThat(numbers(new AggregationRule.Median().combine(four))).containsExactly(3);
    assertThat(numbers(new AggregationRule.Median().combine(four.subList(0, 3))))
        .containsExactly(2);
    assertThat(numbers(new AggregationRule.TrimmedMean(0.25).combine(four))).containsExactly(3);
    assertThat(numbers(new AggregationRule.TrimmedMean(0).combine(four))).containsExactly(26.75f);
  }

  @Test
  void krumTakesOneOfTheUpdatesAndSaysWhenThereAreTooFew() {
    List<Update> five =
        List.of(
            update("a", 1, 0),
            update("b", 1, 1),
            update("c", 1, 1.1f),
            update("d", 1, 1.2f),
            update("e", 1, 9));
    // n − f − 2 = 2 nearest: c has 0.1² + 0.1², fewer than all others.
    assertThat(numbers(new AggregationRule.Krum(1, 1).combine(five))).containsExactly(1.1f);
    assertThatThrownBy(() -> new AggregationRule.Krum(2, 1).combine(five))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("needs at least 7");
  }

  /** Two rounds of algorithm 2 by hand, in double. */
  @Test
  void fedAdamIsThePapersFormula() {
    ServerOptimizer.FedAdam adam = new ServerOptimizer.FedAdam(0.5, 0.9, 0.99, 0.1);
    AdapterValues global = values(1);
    ServerOptimizer.Memory memory = adam.start(global);
    ServerOptimizer.Step one = adam.step(global, values(3), memory);
    double m = 0.1 * 2;
    double v = 0.01 * 4;
    double x = 1 + 0.5 * m / (Math.sqrt(v) + 0.1);
    assertThat((double) numbers(one.global())[0]).isCloseTo(x, within(1e-6));
    ServerOptimizer.Step two = adam.step(one.global(), values(0), one.memory());
    double d = 0 - x;
    m = 0.9 * m + 0.1 * d;
    v = 0.99 * v + 0.01 * d * d;
    x += 0.5 * m / (Math.sqrt(v) + 0.1);
    assertThat((double) numbers(two.global())[0]).isCloseTo(x, within(1e-6));
    assertThat(two.memory().rounds()).isEqualTo(2);
  }

  @Test
  void anUpdateIsCheckedBeforeItCounts() {
    AdapterValues global = values(1, 2);
    UpdateCheck check = new UpdateCheck(5, 100);
    assertThat(check.reasons(update("a", 10, 2, 3), 1, global)).isEmpty();
    assertThat(check.reasons(update("a", 10, 2, 3), 2, global))
        .containsExactly("is of round 1, this is round 2");
    for (long samples : new long[] {0, -1, 101, Long.MIN_VALUE})
      assertThat(check.reasons(update("a", samples, 2, 3), 1, global))
          .containsExactly("claims " + samples + " samples; allowed are 1 to 100");
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY})
      assertThat(check.reasons(update("a", 1, 1, bad), 1, global))
          .containsExactly("blocks.0.norm1.weight holds " + bad + " at element 1");
    assertThat(check.reasons(update("a", 1, 1, 99), 1, global))
        .containsExactly("changes the adapter by a norm of 97.0; allowed is 5.0");
    assertThat(check.reasons(update("a", 1, 1), 1, global))
        .containsExactly("blocks.0.norm1.weight has shape [1], expected [2]");
    Update other = new Update("a", 1, 1, 1, new AdapterValues(Map.of("x", Tensor.zeros(2))));
    assertThat(check.reasons(other, 1, global)).hasSize(2);
  }

  @Test
  void arithmeticKeepsNamesInOrder() {
    Map<String, Tensor> two = new LinkedHashMap<>();
    two.put("z", Tensor.of(Shape.of(1), 3));
    two.put("a", Tensor.of(Shape.of(1), 4));
    AdapterValues v = new AdapterValues(two);
    assertThat(v.plus(v, -0.5).names()).containsExactly("a", "z");
    assertThat(v.norm()).isEqualTo(5);
    assertThat(v.minus(v).squares()).isZero();
  }
}
