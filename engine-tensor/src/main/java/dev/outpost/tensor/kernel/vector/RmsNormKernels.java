package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.F;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.all;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import jdk.incubator.vector.FloatVector;

/**
 * RMSNorm of one row, forward and backward. A row is read from memory once: its second pass finds
 * it in the cache. Sums run in four f32 vectors for one chunk, so that no addition waits for the
 * one before, and in f64 from chunk to chunk.
 */
final class RmsNormKernels {
  private static final int CHUNK = 4096;

  private RmsNormKernels() {}

  static void forward(
      float[] x,
      int xo,
      int n,
      float[] gamma,
      int go,
      float eps,
      float[] y,
      int yo,
      float[] rstd,
      int ro) {
    float s = (float) (1 / Math.sqrt(squares(x, xo, n) / n + eps));
    rstd[ro] = s;
    scale(x, xo, n, s, gamma, go, y, yo);
  }

  /** {@code y = x·s·gamma}. */
  private static void scale(
      float[] x, int xo, int n, float s, float[] gamma, int go, float[] y, int yo) {
    FloatVector factor = all(s);
    int i = 0;
    for (; i < Lanes.bound(n); i += VL)
      load(x, xo + i).mul(factor).mul(load(gamma, go + i)).intoArray(y, yo + i);
    for (; i < n; i++) y[yo + i] = x[xo + i] * s * gamma[go + i];
  }

  /** Σ x². */
  static double squares(float[] x, int xo, int n) {
    double sum = 0;
    int i = 0;
    while (i < n) {
      int end = Math.min(n, i + CHUNK);
      sum += squaresOfChunk(x, xo + i, end - i);
      i = end;
    }
    return sum;
  }

  private static double squaresOfChunk(float[] x, int xo, int n) {
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    FloatVector s2 = FloatVector.zero(F);
    FloatVector s3 = FloatVector.zero(F);
    int i = 0;
    for (; i + 4 * VL <= n; i += 4 * VL) {
      FloatVector a = load(x, xo + i);
      FloatVector b = load(x, xo + i + VL);
      FloatVector c = load(x, xo + i + 2 * VL);
      FloatVector d = load(x, xo + i + 3 * VL);
      s0 = a.fma(a, s0);
      s1 = b.fma(b, s1);
      s2 = c.fma(c, s2);
      s3 = d.fma(d, s3);
    }
    for (; i < Lanes.bound(n); i += VL) {
      FloatVector a = load(x, xo + i);
      s0 = a.fma(a, s0);
    }
    double sum = Lanes.sum(s0.add(s1).add(s2.add(s3)));
    for (; i < n; i++) sum += (double) x[xo + i] * x[xo + i];
    return sum;
  }

  /** {@code Σ x·dy·gamma}. */
  static double product(float[] x, int xo, float[] dy, int dyo, float[] gamma, int go, int n) {
    double sum = 0;
    int i = 0;
    while (i < n) {
      int end = Math.min(n, i + CHUNK);
      sum += productOfChunk(x, xo + i, dy, dyo + i, gamma, go + i, end - i);
      i = end;
    }
    return sum;
  }

  private static double productOfChunk(
      float[] x, int xo, float[] dy, int dyo, float[] gamma, int go, int n) {
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    int i = 0;
    for (; i + 2 * VL <= n; i += 2 * VL) {
      FloatVector a = load(dy, dyo + i).mul(load(gamma, go + i));
      FloatVector b = load(dy, dyo + i + VL).mul(load(gamma, go + i + VL));
      s0 = a.fma(load(x, xo + i), s0);
      s1 = b.fma(load(x, xo + i + VL), s1);
    }
    for (; i < Lanes.bound(n); i += VL)
      s0 = load(dy, dyo + i).mul(load(gamma, go + i)).fma(load(x, xo + i), s0);
    double sum = Lanes.sum(s0.add(s1));
    for (; i < n; i++) sum += (double) x[xo + i] * (dy[dyo + i] * gamma[go + i]);
    return sum;
  }

  /** {@code dx = rstd·(dy·gamma) − x·k}; k holds rstd³·avg(x·dy·gamma). */
  static void dx(
      float[] x,
      int xo,
      float[] dy,
      int dyo,
      float[] gamma,
      int go,
      int n,
      float rstd,
      float k,
      float[] dx,
      int dxo) {
    FloatVector s = all(rstd);
    FloatVector minusK = all(-k);
    int i = 0;
    for (; i < Lanes.bound(n); i += VL) {
      FloatVector g = load(dy, dyo + i).mul(load(gamma, go + i)).mul(s);
      load(x, xo + i).fma(minusK, g).intoArray(dx, dxo + i);
    }
    for (; i < n; i++) dx[dxo + i] = Math.fma(x[xo + i], -k, dy[dyo + i] * gamma[go + i] * rstd);
  }

  /** As {@link #dx}, added to what dx holds. */
  static void dxMore(
      float[] x,
      int xo,
      float[] dy,
      int dyo,
      float[] gamma,
      int go,
      int n,
      float rstd,
      float k,
      float[] dx,
      int dxo) {
    FloatVector s = all(rstd);
    FloatVector minusK = all(-k);
    int i = 0;
    for (; i < Lanes.bound(n); i += VL) {
      FloatVector g = load(dy, dyo + i).mul(load(gamma, go + i)).mul(s);
      load(x, xo + i).fma(minusK, g).add(load(dx, dxo + i)).intoArray(dx, dxo + i);
    }
    for (; i < n; i++) dx[dxo + i] += Math.fma(x[xo + i], -k, dy[dyo + i] * gamma[go + i] * rstd);
  }

  /** {@code sum += dy·x·rstd}: this row's share of dgamma. */
  static void dgamma(
      float[] x, int xo, float[] dy, int dyo, int n, float rstd, float[] sum, int so) {
    FloatVector s = all(rstd);
    int i = 0;
    for (; i < Lanes.bound(n); i += VL)
      load(x, xo + i).mul(s).fma(load(dy, dyo + i), load(sum, so + i)).intoArray(sum, so + i);
    for (; i < n; i++) sum[so + i] = Math.fma(x[xo + i] * rstd, dy[dyo + i], sum[so + i]);
  }

  /** {@link #dx} and {@link #dgamma} of two neighbouring rows in one sweep. */
  static void backward2(
      float[] x,
      int xo,
      float[] dy,
      int dyo,
      float[] gamma,
      int go,
      int n,
      float s0,
      float s1,
      float k0,
      float k1,
      float[] dx,
      int dxo,
      boolean add,
      float[] sum,
      int so) {
    int i = 0;
    for (; i < Lanes.bound(n); i += VL) {
      FloatVector g = load(gamma, go + i);
      FloatVector x0 = load(x, xo + i);
      FloatVector x1 = load(x, xo + n + i);
      FloatVector dy0 = load(dy, dyo + i).mul(s0);
      FloatVector dy1 = load(dy, dyo + n + i).mul(s1);
      x1.fma(dy1, x0.fma(dy0, load(sum, so + i))).intoArray(sum, so + i);
      FloatVector d0 = x0.fma(all(-k0), g.mul(dy0));
      FloatVector d1 = x1.fma(all(-k1), g.mul(dy1));
      (add ? d0.add(load(dx, dxo + i)) : d0).intoArray(dx, dxo + i);
      (add ? d1.add(load(dx, dxo + n + i)) : d1).intoArray(dx, dxo + n + i);
    }
    for (; i < n; i++) {
      float dy0 = dy[dyo + i] * s0;
      float dy1 = dy[dyo + n + i] * s1;
      sum[so + i] = Math.fma(x[xo + n + i], dy1, Math.fma(x[xo + i], dy0, sum[so + i]));
      float d0 = Math.fma(x[xo + i], -k0, gamma[go + i] * dy0);
      float d1 = Math.fma(x[xo + n + i], -k1, gamma[go + i] * dy1);
      dx[dxo + i] = add ? dx[dxo + i] + d0 : d0;
      dx[dxo + n + i] = add ? dx[dxo + n + i] + d1 : d1;
    }
  }
}
