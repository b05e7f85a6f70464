package dev.outpost.offsite.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

final class AdvantagesTest {
  @Test
  void areThoseComputedByHand() {
    // γ = 0.5, λ = 0.5. δ₂ = 4 + 0.5·8 − 2 = 6; δ₁ = 2 + 0.5·2 − 4 = −1; δ₀ = 1 + 0.5·4 − 1 = 2.
    // A₂ = 6; A₁ = −1 + 0.25·6 = 0.5; A₀ = 2 + 0.25·0.5 = 2.125. R = A + V.
    Advantages a = Advantages.of(new double[] {1, 2, 4}, new double[] {1, 4, 2}, 8, 0.5, 0.5);
    assertThat(a.advantages()).containsExactly(2.125, 0.5, 6);
    assertThat(a.targets()).containsExactly(3.125, 4.5, 8);
  }

  @Test
  void withLambdaOneTheyAreReturnsMinusValues() {
    double[] rewards = {1, -2, 3, 0.5};
    double[] values = {0.25, 7, -1, 2};
    Advantages a = Advantages.of(rewards, values, 0, 0.9, 1);
    double returned = 0;
    for (int t = 3; t >= 0; t--) {
      returned = rewards[t] + 0.9 * returned;
      assertThat(a.targets()[t]).isCloseTo(returned, within(1e-12));
      assertThat(a.advantages()[t]).isCloseTo(returned - values[t], within(1e-12));
    }
  }

  @Test
  void normalisedHaveMeanZeroAndDeviationOne() {
    assertThat(Advantages.normalised(new double[] {1, 3}))
        .containsExactly(new double[] {-1, 1}, within(1e-7));
    assertThat(Advantages.normalised(new double[] {5, 5, 5})).containsExactly(0, 0, 0);
  }
}
