package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.F;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.all;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Reductions and normalisations along one row. A sum runs in f32 lanes for one chunk and in f64
 * from chunk to chunk: fast, and as good as f64 for rows of any length.
 */
final class RowKernels {
  private static final int CHUNK = 1024;

  private RowKernels() {}

  /** Largest element; −∞ of none, NaN only if nothing is larger than −∞ and there is one. */
  static float max(float[] x, int xo, int n) {
    FloatVector m0 = all(Float.NEGATIVE_INFINITY);
    FloatVector m1 = m0;
    FloatVector m2 = m0;
    FloatVector m3 = m0;
    int i = 0;
    for (; i + 4 * VL <= n; i += 4 * VL) {
      m0 = Lanes.larger(m0, load(x, xo + i));
      m1 = Lanes.larger(m1, load(x, xo + i + VL));
      m2 = Lanes.larger(m2, load(x, xo + i + 2 * VL));
      m3 = Lanes.larger(m3, load(x, xo + i + 3 * VL));
    }
    float max = Lanes.max(Lanes.larger(Lanes.larger(m0, m1), Lanes.larger(m2, m3)));
    for (; i < n; i++) max = x[xo + i] > max ? x[xo + i] : max;
    return max == Float.NEGATIVE_INFINITY ? orNaN(x, xo, n) : max;
  }

  private static float orNaN(float[] x, int xo, int n) {
    float max = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < n; i++) max = Math.max(max, x[xo + i]);
    return max;
  }

  /** {@code y = e^(x − max)}, no x above max; returns Σ y. y may be x. */
  static double exp(float[] x, int xo, int n, float max, float[] y, int yo) {
    double sum = 0;
    int i = 0;
    while (i < Lanes.bound(n)) {
      int end = Math.min(Lanes.bound(n), i + CHUNK);
      FloatVector s = FloatVector.zero(F);
      for (; i < end; i += VL) {
        FloatVector e = VectorMath.expDown(load(x, xo + i).sub(max));
        e.intoArray(y, yo + i);
        s = s.add(e);
      }
      sum += Lanes.sum(s);
    }
    for (; i < n; i++) {
      float e = VectorMath.exp(x[xo + i] - max);
      y[yo + i] = e;
      sum += e;
    }
    return sum;
  }

  static void scale(float[] x, int xo, int n, float factor) {
    int i = 0;
    for (; i < Lanes.bound(n); i += VL) load(x, xo + i).mul(factor).intoArray(x, xo + i);
    for (; i < n; i++) x[xo + i] *= factor;
  }

  static void softmax(float[] x, int xo, int n, float[] y, int yo) {
    float max = max(x, xo, n);
    if (max == Float.NEGATIVE_INFINITY) {
      Arrays.fill(y, yo, yo + n, 0);
      return;
    }
    double sum = exp(x, xo, n, max, y, yo);
    scale(y, yo, n, (float) (1 / sum));
  }

  /** Loss of one row; the row becomes its gradient, or scratch. */
  static float crossEntropy(float[] x, int xo, int n, int target, float scale, boolean gradient) {
    float max = max(x, xo, n);
    float hit = x[xo + target];
    double sum = exp(x, xo, n, max, x, xo);
    if (gradient) {
      scale(x, xo, n, (float) (scale / sum));
      // From the loss's own numbers: p − 1 of a rounded p would lose what is left of a sure answer.
      x[xo + target] = (float) (scale * (Math.exp((double) hit - max) / sum - 1));
    }
    return (float) (max + Math.log(sum) - hit);
  }

  static double sum(float[] x, int xo, int n) {
    double sum = 0;
    int i = 0;
    while (i < Lanes.bound(n)) {
      int end = Math.min(Lanes.bound(n), i + CHUNK);
      FloatVector s = FloatVector.zero(F);
      for (; i < end; i += VL) s = s.add(load(x, xo + i));
      sum += Lanes.sum(s);
    }
    for (; i < n; i++) sum += x[xo + i];
    return sum;
  }

  /** {@code Σ (x − center)²}. */
  static double squaresAround(float[] x, int xo, int n, float center) {
    double sum = 0;
    int i = 0;
    while (i < Lanes.bound(n)) {
      int end = Math.min(Lanes.bound(n), i + CHUNK);
      FloatVector s = FloatVector.zero(F);
      for (; i < end; i += VL) {
        FloatVector d = load(x, xo + i).sub(center);
        s = d.fma(d, s);
      }
      sum += Lanes.sum(s);
    }
    for (; i < n; i++) {
      float d = x[xo + i] - center;
      sum += d * d;
    }
    return sum;
  }
}
