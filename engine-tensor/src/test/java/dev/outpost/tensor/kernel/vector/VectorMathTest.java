package dev.outpost.tensor.kernel.vector;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

/** The error stated in each function's description, measured against f64. */
class VectorMathTest {
  @Test
  void expIsWithinTwoUlp() {
    assertThat(worstUlp(VectorMath::exp, Math::exp, -87, 88.5f)).isLessThanOrEqualTo(2);
  }

  @Test
  void tanhIsWithinThreeUlp() {
    assertThat(worstUlp(VectorMath::tanh, Math::tanh, -10, 10)).isLessThanOrEqualTo(3);
  }

  @Test
  void sigmoidIsWithinFourUlp() {
    assertThat(worstUlp(VectorMath::sigmoid, x -> 1 / (1 + Math.exp(-x)), -80, 80))
        .isLessThanOrEqualTo(4);
  }

  @Test
  void expKeepsTheEdges() {
    assertThat(at(VectorMath::exp, Float.NEGATIVE_INFINITY)).isZero();
    assertThat(at(VectorMath::exp, -1e30f)).isZero();
    assertThat(at(VectorMath::exp, Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(at(VectorMath::exp, 1e30f)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(at(VectorMath::exp, Float.NaN)).isNaN();
    assertThat(at(VectorMath::exp, 0)).isEqualTo(1);
  }

  @Test
  void expOfOneNumberIsExpOfALaneBitForBit() {
    for (float x = -100; x < 100; x += 0.0137f)
      assertThat(Float.compare(VectorMath.exp(x), at(VectorMath::exp, x))).isZero();
    for (float x : new float[] {0, -0f, 88.722839f, -87.336544f, Float.NaN, 1e30f, -1e30f})
      assertThat(Float.compare(VectorMath.exp(x), at(VectorMath::exp, x))).isZero();
  }

  @Test
  void tanhKeepsTheEdges() {
    assertThat(at(VectorMath::tanh, Float.NEGATIVE_INFINITY)).isEqualTo(-1);
    assertThat(at(VectorMath::tanh, 100)).isEqualTo(1);
    assertThat(at(VectorMath::tanh, Float.NaN)).isNaN();
  }

  @Test
  void theLaneSumIsTheSumOfTheLanes() {
    float[] values = new float[Lanes.VL];
    for (int i = 0; i < values.length; i++) values[i] = i + 1;
    assertThat(Lanes.sum(Lanes.load(values, 0))).isEqualTo(Lanes.VL * (Lanes.VL + 1) / 2f);
  }

  private static float at(UnaryOperator<FloatVector> f, float x) {
    return f.apply(Lanes.all(x)).lane(0);
  }

  private static double worstUlp(
      UnaryOperator<FloatVector> f, DoubleUnaryOperator exact, float from, float to) {
    double worst = 0;
    float[] x = new float[Lanes.VL];
    float[] y = new float[Lanes.VL];
    int steps = 20_000;
    for (int i = 0; i < steps; i += Lanes.VL) {
      for (int j = 0; j < Lanes.VL; j++) x[j] = from + (to - from) * (i + j) / steps;
      f.apply(Lanes.load(x, 0)).intoArray(y, 0);
      for (int j = 0; j < Lanes.VL; j++) {
        double want = exact.applyAsDouble(x[j]);
        worst = Math.max(worst, Math.abs(y[j] - want) / Math.ulp((float) want));
      }
    }
    return worst;
  }
}
