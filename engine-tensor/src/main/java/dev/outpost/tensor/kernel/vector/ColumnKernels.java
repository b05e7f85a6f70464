package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import dev.outpost.tensor.Tensor;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Sums down the columns. A task owns a block of columns and walks all rows in order, so the sum
 * does not depend on how many tasks there are; f32 within a chunk of rows, f64 from chunk to chunk.
 */
final class ColumnKernels {
  /** Columns per task. */
  static final int BLOCK = 128;

  private static final int ROWS = 64;

  private ColumnKernels() {}

  /** {@code out[c] (+)= Σ_r x[r, c]} for columns {@code [from, to)}. */
  static void sum(Tensor x, int from, int to, Tensor out, boolean accumulate) {
    int n = to - from;
    float[] part = new float[n];
    double[] sum = new double[n];
    for (int r = 0; r < x.rows(); r++) {
      plus(part, x.data(), x.offset() + r * x.cols() + from, n);
      if (r % ROWS == ROWS - 1) drain(part, sum);
    }
    drain(part, sum);
    store(sum, out, from, accumulate);
  }

  /**
   * {@code dgamma[c] (+)= Σ_r dy·x̂} and {@code dbeta[c] (+)= Σ_r dy} for columns {@code [from,
   * to)}.
   */
  static void normParameters(
      Tensor x,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      int from,
      int to,
      Tensor dgamma,
      Tensor dbeta,
      boolean accumulate) {
    int n = to - from;
    float[] partG = new float[n];
    float[] partB = new float[n];
    double[] sumG = new double[n];
    double[] sumB = new double[n];
    for (int r = 0; r < x.rows(); r++) {
      int at = r * x.cols() + from;
      plus(partB, dy.data(), dy.offset() + at, n);
      plusProduct(
          partG,
          dy.data(),
          dy.offset() + at,
          x.data(),
          x.offset() + at,
          mean.get(r),
          rstd.get(r),
          n);
      if (r % ROWS == ROWS - 1) {
        drain(partG, sumG);
        drain(partB, sumB);
      }
    }
    drain(partG, sumG);
    drain(partB, sumB);
    store(sumG, dgamma, from, accumulate);
    store(sumB, dbeta, from, accumulate);
  }

  /** {@code y += x}. */
  static void plus(float[] y, int yo, float[] x, int xo, int n) {
    int i = 0;
    for (; i < Lanes.bound(n); i += VL) load(y, yo + i).add(load(x, xo + i)).intoArray(y, yo + i);
    for (; i < n; i++) y[yo + i] += x[xo + i];
  }

  private static void plus(float[] y, float[] x, int xo, int n) {
    plus(y, 0, x, xo, n);
  }

  private static void plusProduct(
      float[] y, float[] dy, int dyo, float[] x, int xo, float mean, float rstd, int n) {
    int i = 0;
    for (; i < Lanes.bound(n); i += VL) {
      FloatVector xhat = load(x, xo + i).sub(mean).mul(rstd);
      xhat.fma(load(dy, dyo + i), load(y, i)).intoArray(y, i);
    }
    for (; i < n; i++) y[i] = Math.fma((x[xo + i] - mean) * rstd, dy[dyo + i], y[i]);
  }

  private static void drain(float[] part, double[] sum) {
    for (int i = 0; i < part.length; i++) sum[i] += part[i];
    Arrays.fill(part, 0);
  }

  private static void store(double[] sum, Tensor out, int from, boolean accumulate) {
    for (int i = 0; i < sum.length; i++) {
      int at = out.offset() + from + i;
      out.data()[at] = (float) (accumulate ? out.data()[at] + sum[i] : sum[i]);
    }
  }
}
