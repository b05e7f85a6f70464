package dev.outpost.tornado;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Close;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.UnaryMap;
import java.util.Arrays;

/** What the element-wise functions must be where they underflow, overflow or have no value. */
final class FarMaps {
  private static final float[] FAR = {
    0f, -0f, 1e-30f, -1e-30f, 1e-3f, -1e-3f, 0.5f, -0.5f, 20f, -20f, 80f, -80f, 88f, -88f, 104f,
    -104f, 200f, -200f, 1e10f, -1e10f, 1e20f, -1e20f, 3e38f, -3e38f, Float.NaN
  };

  private FarMaps() {}

  static void check(Kernels tested, UnaryMap op) {
    values(tested, op);
    slopes(tested, op);
  }

  private static void values(Kernels tested, UnaryMap op) {
    float[] want = map(Kernels.scalar(), op);
    double[] magnitude = new double[want.length];
    for (int i = 0; i < want.length; i++) magnitude[i] = Math.abs(want[i]);
    Close.check(op + ", values", map(tested, op), want, magnitude);
  }

  private static void slopes(Kernels tested, UnaryMap op) {
    float[] want = backward(Kernels.scalar(), op);
    double[] magnitude = new double[want.length];
    Arrays.fill(magnitude, 2);
    // Far out the specification may say infinity times zero; the derivatives' limits are 0 and 1.
    for (int i = 0; i < want.length - 1; i++)
      if (Float.isNaN(want[i])) want[i] = op != UnaryMap.TANH && FAR[i] > 0 ? 1 : 0;
    Close.check(op + ", derivatives", backward(tested, op), want, magnitude);
  }

  private static float[] map(Kernels kernels, UnaryMap op) {
    Tensor y = Tensor.of(Shape.of(FAR.length), new float[FAR.length]);
    kernels.map(op, Tensor.of(y.shape(), FAR.clone()), y);
    return y.toArray();
  }

  private static float[] backward(Kernels kernels, UnaryMap op) {
    Tensor dx = Tensor.of(Shape.of(FAR.length), new float[FAR.length]);
    float[] ones = new float[FAR.length];
    Arrays.fill(ones, 1);
    kernels.mapBackward(
        op, Tensor.of(dx.shape(), FAR.clone()), Tensor.of(dx.shape(), ones), dx, false);
    return dx.toArray();
  }
}
