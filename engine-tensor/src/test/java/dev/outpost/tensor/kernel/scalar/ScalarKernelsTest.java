package dev.outpost.tensor.kernel.scalar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AdamWStep;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.kernel.UnaryMap;
import org.junit.jupiter.api.Test;

/** The specification against numbers worked out by hand or taken from tables. */
class ScalarKernelsTest {
  private final Kernels kernels = Kernels.scalar();

  @Test
  void multipliesMatricesAndTransposes() {
    Tensor a = Tensor.of(Shape.of(2, 2), 1, 2, 3, 4);
    Tensor b = Tensor.of(Shape.of(2, 2), 5, 6, 7, 8);
    Tensor c = Tensor.zeros(2, 2);
    kernels.gemm(MatView.of(a), MatView.of(b), MatView.of(c), false);
    assertThat(c.toArray()).containsExactly(19, 22, 43, 50);
    kernels.gemm(MatView.of(a).t(), MatView.of(b), MatView.of(c), true);
    assertThat(c.toArray()).containsExactly(19 + 26, 22 + 30, 43 + 38, 50 + 44);
  }

  @Test
  void knowsTheErrorFunction() {
    assertThat(Erf.erf(0.5)).isCloseTo(0.5204998778130465, within(1e-15));
    assertThat(Erf.erf(-2)).isCloseTo(-0.9953222650189527, within(1e-15));
    assertThat(Erf.erf(2.6)).isCloseTo(0.9997639655834707, within(1e-15));
    assertThat(Erf.erf(9)).isEqualTo(1);
  }

  @Test
  void mapsKnownPoints() {
    assertThat(mapped(UnaryMap.GELU_ERF, 1)).isCloseTo(0.8413447f, within(1e-7f));
    assertThat(mapped(UnaryMap.GELU_TANH, 1)).isCloseTo(0.8411920f, within(1e-7f));
    assertThat(mapped(UnaryMap.SILU, 1)).isCloseTo(0.7310586f, within(1e-7f));
    assertThat(mapped(UnaryMap.QUICK_GELU, 1)).isCloseTo(0.8457958f, within(1e-7f));
    assertThat(mapped(UnaryMap.TANH, 1)).isCloseTo(0.7615942f, within(1e-7f));
    assertThat(mapped(UnaryMap.RELU, -1)).isZero();
  }

  @Test
  void normalisesARow() {
    Tensor x = Tensor.of(Shape.of(1, 2), 1, 3);
    Tensor y = Tensor.zeros(1, 2);
    Tensor mean = Tensor.zeros(1);
    Tensor rstd = Tensor.zeros(1);
    Tensor gamma = Tensor.of(Shape.of(2), 2, 2);
    kernels.layerNorm(x, gamma, Tensor.of(Shape.of(2), 5, 5), 0, y, mean, rstd);
    assertThat(y.toArray()).containsExactly(3, 7);
    assertThat(mean.get(0)).isEqualTo(2);
    assertThat(rstd.get(0)).isEqualTo(1);
  }

  @Test
  void softmaxOfNothingVisibleIsZero() {
    Tensor x =
        Tensor.of(
            Shape.of(2, 2),
            Float.NEGATIVE_INFINITY,
            Float.NEGATIVE_INFINITY,
            0,
            (float) Math.log(3));
    kernels.softmax(x, x);
    assertThat(x.toArray()).containsExactly(0, 0, 0.25f, 0.75f);
  }

  @Test
  void crossEntropyOfEvenOddsIsLogTwo() {
    Tensor x = Tensor.of(Shape.of(2, 2), 4, 4, 1, 2);
    float[] losses = new float[2];
    kernels.crossEntropy(x, new int[] {1, -1}, 2, losses, true);
    assertThat(losses).containsExactly((float) Math.log(2), 0);
    assertThat(x.toArray()).containsExactly(1, -1, 0, 0);
  }

  @Test
  void theFirstQuerySeesTheFirstKeyOnly() {
    Tensor q = Tensor.of(Shape.of(2, 1), 0, 0);
    Tensor v = Tensor.of(Shape.of(2, 1), 10, 20);
    Tensor out = Tensor.zeros(2, 1);
    Tensor lse = Tensor.zeros(1, 1, 2);
    AttentionShape shape = AttentionShape.causal(1, 2, 1, 1);
    HeadView zero = HeadView.of(q, 2, 0);
    kernels.attention(shape, zero, zero, HeadView.of(v, 2, 0), HeadView.of(out, 2, 0), lse);
    assertThat(out.toArray()).containsExactly(10, 15);
    assertThat(lse.toArray()).containsExactly(0, (float) Math.log(2));
  }

  @Test
  void theFirstAdamWStepIsTheLearningRateAlongTheSign() {
    Tensor p = Tensor.of(Shape.of(2), 1, 1);
    Tensor g = Tensor.of(Shape.of(2), 5, -0.001f);
    kernels.adamW(
        p, g, Tensor.zeros(2), Tensor.zeros(2), new AdamWStep(0.1f, 0.9f, 0.999f, 0, 0.5f, 1, 1));
    assertThat(p.get(0)).isCloseTo(0.85f, within(1e-6f));
    assertThat(p.get(1)).isCloseTo(1.05f, within(1e-6f));
  }

  private float mapped(UnaryMap op, float x) {
    Tensor y = Tensor.zeros(1);
    kernels.map(op, Tensor.of(Shape.of(1), x), y);
    return y.get(0);
  }
}
