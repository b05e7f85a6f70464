package dev.outpost.autograd.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Gradients;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import org.junit.jupiter.api.Test;

class ClipNormTest {
  private final TorchGoldens goldens = new TorchGoldens();
  private final TorchGoldens.Case c = goldens.new Case("adamw");
  private final Kernels kernels = Kernels.scalar();

  @Test
  void leavesShortGradientsAlone() {
    c.gradientsOf(0);
    ClipNorm.Result r = ClipNorm.to(100).measure(kernels, c.gradients, c.groups, 1);
    assertThat(r.gradScale()).isEqualTo(1);
    assertThat(r.skip()).isFalse();
  }

  @Test
  void shortensLongOnesToTheNormWithoutTouchingThem() {
    c.gradientsOf(0);
    float[] before = c.gradients.get(c.w).toArray();
    ClipNorm.Result r = ClipNorm.to(0.5f).measure(kernels, c.gradients, c.groups, 1);
    assertThat(r.norm() * r.gradScale()).isCloseTo(0.5, within(1e-6));
    assertThat(c.gradients.get(c.w).toArray()).isEqualTo(before);
  }

  @Test
  void measuresTheMeanOfMicroBatches() {
    c.gradientsOf(0);
    double whole = ClipNorm.to(100).measure(kernels, c.gradients, c.groups, 1).norm();
    ClipNorm.Result quarter = ClipNorm.to(100).measure(kernels, c.gradients, c.groups, 0.25f);
    assertThat(quarter.norm()).isCloseTo(whole / 4, within(1e-9));
    assertThat(quarter.gradScale()).isEqualTo(0.25f);
    ClipNorm.Result clipped = ClipNorm.to(0.1f).measure(kernels, c.gradients, c.groups, 0.25f);
    assertThat(whole * clipped.gradScale()).isCloseTo(0.1, within(1e-6));
  }

  @Test
  void measuresNothingAsZero() {
    ClipNorm.Result r = ClipNorm.to(1).measure(kernels, new Gradients(), c.groups, 1);
    assertThat(r.norm()).isZero();
    assertThat(r.gradScale()).isEqualTo(1);
  }

  @Test
  void failsOnANonFiniteGradientByNameOrSkipsTheStep() {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      c.gradientsOf(0);
      Tensor b = c.gradients.get(c.b);
      b.data()[b.offset() + 1] = bad;
      assertThatThrownBy(() -> ClipNorm.to(1).measure(kernels, c.gradients, c.groups, 1))
          .isInstanceOfSatisfying(
              NonFiniteGradientException.class, e -> assertThat(e.weight()).isEqualTo("b"))
          .hasMessageContaining("gradient of b holds NaN or infinity");
      ClipNorm skipping = new ClipNorm(1, ClipNorm.OnNonFinite.SKIP);
      assertThat(skipping.measure(kernels, c.gradients, c.groups, 1).skip()).isTrue();
    }
  }

  @Test
  void refusesANormThatIsNotPositive() {
    for (float bad : new float[] {0, -1, Float.NaN})
      assertThatThrownBy(() -> ClipNorm.to(bad)).hasMessageContaining("must be positive, got");
  }
}
