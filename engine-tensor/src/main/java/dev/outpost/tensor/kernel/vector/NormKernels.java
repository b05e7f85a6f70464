package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.F;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.all;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import dev.outpost.tensor.Tensor;
import jdk.incubator.vector.FloatVector;

/** LayerNorm of one row, forward and backward; the sums over rows are {@link ColumnKernels}'. */
final class NormKernels {
  private NormKernels() {}

  static void forward(
      float[] x,
      int xo,
      int n,
      Tensor gamma,
      Tensor beta,
      float eps,
      Tensor y,
      int row,
      Tensor mean,
      Tensor rstd) {
    double m = RowKernels.sum(x, xo, n) / n;
    float center = (float) m;
    // The variance around a rounded mean is too large by the square of the rounding.
    double rounding = m - center;
    double var = RowKernels.squaresAround(x, xo, n, center) / n - rounding * rounding;
    float s = (float) (1 / Math.sqrt(Math.max(0, var) + eps));
    mean.data()[mean.offset() + row] = center;
    rstd.data()[rstd.offset() + row] = s;
    float[] g = gamma.data();
    float[] b = beta.data();
    float[] out = y.data();
    int go = gamma.offset();
    int bo = beta.offset();
    int yo = y.offset() + row * n;
    int i = 0;
    for (; i < Lanes.bound(n); i += VL)
      load(x, xo + i)
          .sub(center)
          .mul(s)
          .fma(load(g, go + i), load(b, bo + i))
          .intoArray(out, yo + i);
    for (; i < n; i++) out[yo + i] = Math.fma((x[xo + i] - center) * s, g[go + i], b[bo + i]);
  }

  /** avg(g) and avg(g ⊙ x̂) of a row, {@code g = dy ⊙ gamma}, into averages[at] and [at + 1]. */
  static void averages(
      float[] x,
      int xo,
      float[] dy,
      int dyo,
      float[] gamma,
      int go,
      int n,
      float mean,
      float rstd,
      float[] averages,
      int at) {
    FloatVector sumG = FloatVector.zero(F);
    FloatVector sumGx = FloatVector.zero(F);
    FloatVector moreG = FloatVector.zero(F);
    FloatVector moreGx = FloatVector.zero(F);
    int i = 0;
    for (; i + 2 * VL <= n; i += 2 * VL) {
      FloatVector g = load(dy, dyo + i).mul(load(gamma, go + i));
      FloatVector h = load(dy, dyo + i + VL).mul(load(gamma, go + i + VL));
      sumG = sumG.add(g);
      moreG = moreG.add(h);
      sumGx = g.fma(load(x, xo + i).sub(mean), sumGx);
      moreGx = h.fma(load(x, xo + i + VL).sub(mean), moreGx);
    }
    double avgG = Lanes.sum(sumG.add(moreG));
    double avgGx = Lanes.sum(sumGx.add(moreGx));
    for (; i < n; i++) {
      float g = dy[dyo + i] * gamma[go + i];
      avgG += g;
      avgGx += (double) g * (x[xo + i] - mean);
    }
    averages[at] = (float) (avgG / n);
    averages[at + 1] = (float) (avgGx * rstd / n);
  }

  /** {@code dx (+)= rstd·(g − avgG − x̂·avgGx)}, {@code g = dy ⊙ gamma}. */
  static void dx(
      float[] x,
      int xo,
      float[] dy,
      int dyo,
      float[] gamma,
      int go,
      int n,
      float mean,
      float rstd,
      float avgG,
      float avgGx,
      float[] dx,
      int dxo,
      boolean add) {
    // Two loops of library calls alone: a choice between vectors, or a helper that C2 stops
    // inlining, leaves them on the heap (72 MB per LoRA step of a 124M model).
    FloatVector minusGx = FloatVector.broadcast(F, -avgGx);
    int i = 0;
    if (add)
      for (; i < Lanes.bound(n); i += VL) {
        FloatVector g =
            FloatVector.fromArray(F, dy, dyo + i).mul(FloatVector.fromArray(F, gamma, go + i));
        FloatVector xhat = FloatVector.fromArray(F, x, xo + i).sub(mean).mul(rstd);
        FloatVector d = xhat.fma(minusGx, g.sub(avgG)).mul(rstd);
        d.add(FloatVector.fromArray(F, dx, dxo + i)).intoArray(dx, dxo + i);
      }
    else
      for (; i < Lanes.bound(n); i += VL) {
        FloatVector g =
            FloatVector.fromArray(F, dy, dyo + i).mul(FloatVector.fromArray(F, gamma, go + i));
        FloatVector xhat = FloatVector.fromArray(F, x, xo + i).sub(mean).mul(rstd);
        xhat.fma(minusGx, g.sub(avgG)).mul(rstd).intoArray(dx, dxo + i);
      }
    for (; i < n; i++) {
      float g = dy[dyo + i] * gamma[go + i];
      float d = Math.fma((x[xo + i] - mean) * rstd, -avgGx, g - avgG) * rstd;
      dx[dxo + i] = add ? dx[dxo + i] + d : d;
    }
  }

  /** A row's share of dgamma, added to sums[so …], and of dbeta, to the n sums after those. */
  static void parameters(
      float[] x, int xo, float[] dy, int dyo, int n, float mean, float rstd, float[] sums, int so) {
    int i = 0;
    for (; i < Lanes.bound(n); i += VL) {
      FloatVector d = load(dy, dyo + i);
      FloatVector xhat = load(x, xo + i).sub(mean).mul(rstd);
      xhat.fma(d, load(sums, so + i)).intoArray(sums, so + i);
      d.add(load(sums, so + n + i)).intoArray(sums, so + n + i);
    }
    for (; i < n; i++) {
      sums[so + i] = Math.fma((x[xo + i] - mean) * rstd, dy[dyo + i], sums[so + i]);
      sums[so + n + i] += dy[dyo + i];
    }
  }

  /**
   * {@link #dx} and {@link #parameters} of two rows in one sweep, so that x and dy are loaded once
   * and the sums every other row.
   */
  static void backward2(
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      int row,
      float[] averages,
      Tensor dx,
      boolean add,
      float[] sums,
      int so) {
    int n = x.cols();
    float[] xs = x.data();
    float[] dys = dy.data();
    float[] gs = gamma.data();
    float[] out = dx.data();
    int xo = x.offset() + row * n;
    int dyo = dy.offset() + row * n;
    int go = gamma.offset();
    int dxo = dx.offset() + row * n;
    float m0 = mean.get(row);
    float m1 = mean.get(row + 1);
    float s0 = rstd.get(row);
    float s1 = rstd.get(row + 1);
    float a0 = averages[2 * row];
    float b0 = -averages[2 * row + 1];
    float a1 = averages[2 * row + 2];
    float b1 = -averages[2 * row + 3];
    int i = 0;
    for (; i < Lanes.bound(n); i += VL) {
      FloatVector g = load(gs, go + i);
      FloatVector dy0 = load(dys, dyo + i);
      FloatVector dy1 = load(dys, dyo + n + i);
      FloatVector x0 = load(xs, xo + i).sub(m0).mul(s0);
      FloatVector x1 = load(xs, xo + n + i).sub(m1).mul(s1);
      x1.fma(dy1, x0.fma(dy0, load(sums, so + i))).intoArray(sums, so + i);
      dy0.add(dy1).add(load(sums, so + n + i)).intoArray(sums, so + n + i);
      FloatVector d0 = x0.fma(all(b0), g.mul(dy0).sub(a0)).mul(s0);
      FloatVector d1 = x1.fma(all(b1), g.mul(dy1).sub(a1)).mul(s1);
      (add ? d0.add(load(out, dxo + i)) : d0).intoArray(out, dxo + i);
      (add ? d1.add(load(out, dxo + n + i)) : d1).intoArray(out, dxo + n + i);
    }
    for (; i < n; i++) {
      float x0 = (xs[xo + i] - m0) * s0;
      float x1 = (xs[xo + n + i] - m1) * s1;
      float dy0 = dys[dyo + i];
      float dy1 = dys[dyo + n + i];
      sums[so + i] = Math.fma(x1, dy1, Math.fma(x0, dy0, sums[so + i]));
      sums[so + n + i] += dy0 + dy1;
      float d0 = Math.fma(x0, b0, gs[go + i] * dy0 - a0) * s0;
      float d1 = Math.fma(x1, b1, gs[go + i] * dy1 - a1) * s1;
      out[dxo + i] = add ? out[dxo + i] + d0 : d0;
      out[dxo + n + i] = add ? out[dxo + n + i] + d1 : d1;
    }
  }
}
