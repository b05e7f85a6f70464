package dev.outpost.offsite.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.io.JsonObject;
import org.junit.jupiter.api.Test;

final class FiveNumbersTest {
  private static final FiveNumbers GOOD = new FiveNumbers(100, 200, 60, 40, 25);

  @Test
  void theTableNamesEachSettingWithItsWeightsAndItsMeasurer() {
    assertThat(GOOD.table())
        .containsExactly(
            "  setting              weights   perplexity   who can measure it",
            "  full zero-shot       [A , E ]      100.00   owner",
            "  emulator zero-shot   [A , E*]      200.00   data owner, before tuning",
            "  emulator tuned       [A', E*]       60.00   data owner, after tuning",
            "  plug-in              [A', E ]       40.00   owner, with the adapter back",
            "  full fine-tuned      all tuned      25.00   nobody: needs model and data in one place",
            "",
            "  utility: the plug-in is better than the untouched model: 100.00 → 40.00 (-60.0 %)",
            "  protection: the plug-in is better than what the data owner holds: 60.00 → 40.00 (-33.3 %)",
            "  cost: full fine-tuning would reach 25.00; the plug-in gets 66 % of its gain (in log-perplexity)");
  }

  @Test
  void aGapThatIsNotReachedIsSaid() {
    FiveNumbers bad = new FiveNumbers(100, 200, 90, 120, 25);
    assertThat(bad.table())
        .anyMatch(l ->
            l.contains("utility")
                && l.endsWith("100.00 → 120.00 (+20.0 %)  — NOT REACHED in this run"));
    assertThat(bad.table()).anyMatch(l -> l.contains("protection") && l.contains("NOT REACHED"));
    assertThat(GOOD.table()).noneMatch(l -> l.contains("NOT REACHED"));
  }

  @Test
  void theOrderIsThePapers() {
    assertThat(GOOD.inOrder()).isTrue();
    assertThat(new FiveNumbers(100, 60, 60, 40, 25).inOrder())
        .as("tuning helped nothing")
        .isFalse();
    assertThat(new FiveNumbers(100, 200, 40, 40, 25).inOrder())
        .as("the emulator is as good")
        .isFalse();
    assertThat(new FiveNumbers(40, 200, 60, 40, 25).inOrder())
        .as("the plug-in is no better")
        .isFalse();
    assertThat(new FiveNumbers(100, 200, 60, Double.NaN, 25).inOrder()).isFalse();
  }

  @Test
  void theShareIsOfTheGainInLogPerplexity() {
    assertThat(GOOD.shareOfFineTuning())
        .isCloseTo(Math.log(100 / 40.0) / Math.log(100 / 25.0), within(1e-12));
    assertThat(new FiveNumbers(100, 200, 60, 25, 25).shareOfFineTuning()).isEqualTo(1);
    assertThat(new FiveNumbers(100, 200, 60, 100, 25).shareOfFineTuning()).isZero();
    assertThat(new FiveNumbers(100, 200, 60, 120, 25).shareOfFineTuning()).isNegative();
  }

  @Test
  void withoutAGainThereIsNoShareToTellOf() {
    for (double tuned : new double[] {100, 110})
      assertThat(new FiveNumbers(100, 200, 60, 90, tuned).table().getLast())
          .contains("did not improve")
          .doesNotContain("NaN")
          .doesNotContain("Infinity")
          .doesNotContain(" % of its gain");
  }

  @Test
  void jsonHoldsTheFiveUnderTheirUsualNames() throws Exception {
    JsonObject o = JsonObject.parse("line", GOOD.toJson().toLine());
    assertThat(o.names())
        .containsExactly(
            "full_zero_shot", "emulator_zero_shot", "emulator_tuned", "plug_in", "full_fine_tuned");
    assertThat(o.number("full_zero_shot", 0)).isEqualTo(100);
    assertThat(o.number("emulator_zero_shot", 0)).isEqualTo(200);
    assertThat(o.number("emulator_tuned", 0)).isEqualTo(60);
    assertThat(o.number("plug_in", 0)).isEqualTo(40);
    assertThat(o.number("full_fine_tuned", 0)).isEqualTo(25);
  }
}
