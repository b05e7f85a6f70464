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

  /** {@code dx (+)= rstd·(g − avg(g) − x̂·avg(g ⊙ x̂))}, {@code g = dy ⊙ gamma}. */
  static void backward(
      float[] x,
      int xo,
      float[] dy,
      int dyo,
      float[] gamma,
      int go,
      int n,
      float mean,
      float rstd,
      float[] dx,
      int dxo,
      boolean add) {
    FloatVector sumG = FloatVector.zero(F);
    FloatVector sumGx = FloatVector.zero(F);
    int i = 0;
    for (; i < Lanes.bound(n); i += VL) {
      FloatVector g = load(dy, dyo + i).mul(load(gamma, go + i));
      FloatVector xhat = load(x, xo + i).sub(mean).mul(rstd);
      sumG = sumG.add(g);
      sumGx = g.fma(xhat, sumGx);
    }
    double avgG = Lanes.sum(sumG);
    double avgGx = Lanes.sum(sumGx);
    for (; i < n; i++) {
      float g = dy[dyo + i] * gamma[go + i];
      avgG += g;
      avgGx += (double) g * ((x[xo + i] - mean) * rstd);
    }
    float a = (float) (avgG / n);
    float b = (float) (avgGx / n);
    for (i = 0; i < Lanes.bound(n); i += VL) {
      FloatVector g = load(dy, dyo + i).mul(load(gamma, go + i));
      FloatVector xhat = load(x, xo + i).sub(mean).mul(rstd);
      FloatVector d = xhat.fma(all(-b), g.sub(a)).mul(rstd);
      (add ? d.add(load(dx, dxo + i)) : d).intoArray(dx, dxo + i);
    }
    for (; i < n; i++) {
      float g = dy[dyo + i] * gamma[go + i];
      float d = Math.fma((x[xo + i] - mean) * rstd, -b, g - a) * rstd;
      dx[dxo + i] = add ? dx[dxo + i] + d : d;
    }
  }
}
