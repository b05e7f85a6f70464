package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.F;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.all;
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
  static void sum(Tensor x, int from, int to, Tensor out, boolean accumulate, Scratch scratch) {
    int n = to - from;
    float[] part = scratch.take(n);
    double[] sum = scratch.takeDoubles(n);
    Arrays.fill(sum, 0, n, 0);
    for (int r = 0; r < x.rows(); r += ROWS) {
      rows(x.data(), x.offset() + r * x.cols() + from, x.cols(), chunk(x, r), part, 0, n);
      drain(part, sum, n);
    }
    store(sum, 0, n, out, from, accumulate);
    scratch.give(part);
    scratch.give(sum);
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
      boolean accumulate,
      Scratch scratch) {
    int n = to - from;
    // First dgamma's, then dbeta's.
    float[] part = scratch.take(2 * n);
    double[] sum = scratch.takeDoubles(2 * n);
    Arrays.fill(sum, 0, 2 * n, 0);
    for (int r = 0; r < x.rows(); r += ROWS) {
      int at = r * x.cols() + from;
      int rows = chunk(x, r);
      products(x, mean, rstd, dy, r, from, rows, part, n);
      rows(dy.data(), dy.offset() + at, x.cols(), rows, part, n, n);
      drain(part, sum, 2 * n);
    }
    store(sum, 0, n, dgamma, from, accumulate);
    store(sum, n, n, dbeta, from, accumulate);
    scratch.give(part);
    scratch.give(sum);
  }

  /** {@code y += x}. */
  static void plus(float[] y, int yo, float[] x, int xo, int n) {
    int i = 0;
    for (; i < Lanes.bound(n); i += VL) load(y, yo + i).add(load(x, xo + i)).intoArray(y, yo + i);
    for (; i < n; i++) y[yo + i] += x[xo + i];
  }

  private static int chunk(Tensor x, int row) {
    return Math.min(ROWS, x.rows() - row);
  }

  /** {@code part = Σ x} over rows {@code ld} apart, added in registers. */
  private static void rows(float[] x, int xo, int ld, int rows, float[] part, int po, int n) {
    int i = 0;
    for (; i + 4 * VL <= n; i += 4 * VL) {
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      FloatVector s2 = FloatVector.zero(F);
      FloatVector s3 = FloatVector.zero(F);
      for (int r = 0; r < rows; r++) {
        int at = xo + r * ld + i;
        s0 = s0.add(load(x, at));
        s1 = s1.add(load(x, at + VL));
        s2 = s2.add(load(x, at + 2 * VL));
        s3 = s3.add(load(x, at + 3 * VL));
      }
      s0.intoArray(part, po + i);
      s1.intoArray(part, po + i + VL);
      s2.intoArray(part, po + i + 2 * VL);
      s3.intoArray(part, po + i + 3 * VL);
    }
    for (; i < n; i++) {
      float s = 0;
      for (int r = 0; r < rows; r++) s += x[xo + r * ld + i];
      part[po + i] = s;
    }
  }

  /** {@code part = Σ dy·x̂} over rows from {@code row} on. */
  private static void products(
      Tensor x,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      int row,
      int from,
      int rows,
      float[] part,
      int n) {
    int ld = x.cols();
    float[] a = x.data();
    float[] b = dy.data();
    float[] means = mean.data();
    float[] rstds = rstd.data();
    int xo = x.offset() + row * ld + from;
    int dyo = dy.offset() + row * ld + from;
    int mo = mean.offset() + row;
    int so = rstd.offset() + row;
    int i = 0;
    for (; i + 2 * VL <= n; i += 2 * VL) {
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      for (int r = 0; r < rows; r++) {
        int at = r * ld + i;
        FloatVector m = all(means[mo + r]);
        FloatVector s = all(rstds[so + r]);
        s0 = load(a, xo + at).sub(m).mul(s).fma(load(b, dyo + at), s0);
        s1 = load(a, xo + at + VL).sub(m).mul(s).fma(load(b, dyo + at + VL), s1);
      }
      s0.intoArray(part, i);
      s1.intoArray(part, i + VL);
    }
    for (; i < n; i++) {
      float s = 0;
      for (int r = 0; r < rows; r++) {
        int at = r * ld + i;
        s = Math.fma((a[xo + at] - means[mo + r]) * rstds[so + r], b[dyo + at], s);
      }
      part[i] = s;
    }
  }

  private static void drain(float[] part, double[] sum, int n) {
    for (int i = 0; i < n; i++) sum[i] += part[i];
  }

  private static void store(double[] sum, int so, int n, Tensor out, int from, boolean accumulate) {
    for (int i = 0; i < n; i++) {
      int at = out.offset() + from + i;
      out.data()[at] = (float) (accumulate ? out.data()[at] + sum[so + i] : sum[so + i]);
    }
  }
}
