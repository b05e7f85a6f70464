package dev.outpost.tensor.kernel.scalar;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AdamWStep;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.kernel.RotaryShape;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.weight.Weight;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Every operation as its definition: plain loops, sums in f64, rounded to f32 once at the end. It
 * is what the other backends are tested against and what runs where there is no Vector API; it is
 * meant to be read, not tuned. Single-threaded.
 */
public final class ScalarKernels implements Kernels {
  private final Team team;

  /**
   * @param team reported by {@link #team()}; the loops run on the calling thread
   */
  public ScalarKernels(Team team) {
    this.team = team;
  }

  @Override
  public String name() {
    return "scalar";
  }

  @Override
  public Team team() {
    return team;
  }

  @Override
  public void fill(Tensor t, float value) {
    t.fill(value);
  }

  @Override
  public void copy(MatView from, MatView to, boolean accumulate) {
    assert from.rows() == to.rows() && from.cols() == to.cols();
    assert to.cols() <= 1 || to.colStride() == 1;
    for (int i = 0; i < to.rows(); i++)
      for (int j = 0; j < to.cols(); j++)
        store(to.data(), (int) to.offset() + i * to.rowStride() + j, from.at(i, j), accumulate);
  }

  @Override
  public void gemm(MatView a, MatView b, MatView c, boolean accumulate) {
    assert a.rows() == c.rows() && b.cols() == c.cols() && a.cols() == b.rows();
    assert c.cols() <= 1 || c.colStride() == 1;
    for (int i = 0; i < c.rows(); i++)
      for (int j = 0; j < c.cols(); j++) {
        double sum = 0;
        for (int k = 0; k < a.cols(); k++) sum += (double) a.at(i, k) * b.at(k, j);
        int at = (int) c.offset() + i * c.rowStride() + j;
        store(c.data(), at, sum, accumulate);
      }
  }

  @Override
  public void addBias(Tensor x, Tensor bias, Tensor y) {
    for (int i = 0; i < x.size(); i++) y.data()[y.offset() + i] = x.get(i) + bias.get(i % x.cols());
  }

  @Override
  public void sumRows(Tensor x, Tensor out, boolean accumulate) {
    for (int c = 0; c < x.cols(); c++) {
      double sum = 0;
      for (int r = 0; r < x.rows(); r++) sum += x.get(r * x.cols() + c);
      store(out.data(), out.offset() + c, sum, accumulate);
    }
  }

  @Override
  public void axpby(float alpha, Tensor x, float beta, Tensor y) {
    for (int i = 0; i < x.size(); i++) {
      double kept = beta == 0 ? 0 : (double) beta * y.get(i);
      y.data()[y.offset() + i] = (float) ((double) alpha * x.get(i) + kept);
    }
  }

  @Override
  public void add(Tensor a, Tensor b, Tensor y) {
    for (int i = 0; i < y.size(); i++) y.data()[y.offset() + i] = a.get(i) + b.get(i);
  }

  @Override
  public void multiply(Tensor a, Tensor b, Tensor y, boolean accumulate) {
    for (int i = 0; i < y.size(); i++)
      store(y.data(), y.offset() + i, (double) a.get(i) * b.get(i), accumulate);
  }

  @Override
  public void map(UnaryMap op, Tensor x, Tensor y) {
    for (int i = 0; i < x.size(); i++)
      y.data()[y.offset() + i] = (float) ScalarMaps.value(op, x.get(i));
  }

  @Override
  public void mapBackward(UnaryMap op, Tensor x, Tensor dy, Tensor dx, boolean accumulate) {
    for (int i = 0; i < x.size(); i++)
      store(dx.data(), dx.offset() + i, ScalarMaps.slope(op, x.get(i)) * dy.get(i), accumulate);
  }

  @Override
  public void layerNorm(
      Tensor x, Tensor gamma, Tensor beta, float eps, Tensor y, Tensor mean, Tensor rstd) {
    int cols = x.cols();
    for (int r = 0; r < x.rows(); r++) {
      double m = 0;
      for (int c = 0; c < cols; c++) m += x.get(r * cols + c);
      m /= cols;
      double var = 0;
      for (int c = 0; c < cols; c++) {
        double d = x.get(r * cols + c) - m;
        var += d * d;
      }
      double s = 1 / Math.sqrt(var / cols + eps);
      for (int c = 0; c < cols; c++)
        y.data()[y.offset() + r * cols + c] =
            (float) ((x.get(r * cols + c) - m) * s * gamma.get(c) + beta.get(c));
      mean.data()[mean.offset() + r] = (float) m;
      rstd.data()[rstd.offset() + r] = (float) s;
    }
  }

  /**
   * With {@code x̂ = (x − mean)·rstd} and {@code g = dy ⊙ gamma}: {@code dx = rstd·(g − avg(g) −
   * x̂·avg(g ⊙ x̂))}, averages over the row; {@code dgamma = Σ dy ⊙ x̂}, {@code dbeta = Σ dy}.
   */
  @Override
  public void layerNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      @Nullable Tensor dx,
      boolean accumulateX,
      @Nullable Tensor dgamma,
      @Nullable Tensor dbeta,
      boolean accumulateParameters) {
    int cols = x.cols();
    double[] sumG = new double[cols];
    double[] sumB = new double[cols];
    for (int r = 0; r < x.rows(); r++) {
      double m = mean.get(r);
      double s = rstd.get(r);
      double avgG = 0;
      double avgGX = 0;
      for (int c = 0; c < cols; c++) {
        double xhat = (x.get(r * cols + c) - m) * s;
        double d = dy.get(r * cols + c);
        avgG += d * gamma.get(c) / cols;
        avgGX += d * gamma.get(c) * xhat / cols;
        sumG[c] += d * xhat;
        sumB[c] += d;
      }
      if (dx == null) continue;
      for (int c = 0; c < cols; c++) {
        double xhat = (x.get(r * cols + c) - m) * s;
        double g = (double) dy.get(r * cols + c) * gamma.get(c);
        store(dx.data(), dx.offset() + r * cols + c, s * (g - avgG - xhat * avgGX), accumulateX);
      }
    }
    if (dgamma == null || dbeta == null) return;
    for (int c = 0; c < cols; c++) {
      store(dgamma.data(), dgamma.offset() + c, sumG[c], accumulateParameters);
      store(dbeta.data(), dbeta.offset() + c, sumB[c], accumulateParameters);
    }
  }

  @Override
  public void rmsNorm(Tensor x, Tensor gamma, float eps, Tensor y, Tensor rstd) {
    int cols = x.cols();
    for (int r = 0; r < x.rows(); r++) {
      double squares = 0;
      for (int c = 0; c < cols; c++) squares += (double) x.get(r * cols + c) * x.get(r * cols + c);
      double s = 1 / Math.sqrt(squares / cols + eps);
      for (int c = 0; c < cols; c++)
        y.data()[y.offset() + r * cols + c] = (float) (x.get(r * cols + c) * s * gamma.get(c));
      rstd.data()[rstd.offset() + r] = (float) s;
    }
  }

  /**
   * With {@code x̂ = x·rstd} and {@code g = dy ⊙ gamma}: {@code dx = rstd·(g − x̂·avg(g ⊙ x̂))};
   * {@code dgamma = Σ dy ⊙ x̂}.
   */
  @Override
  public void rmsNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor rstd,
      Tensor dy,
      @Nullable Tensor dx,
      boolean accumulateX,
      @Nullable Tensor dgamma,
      boolean accumulateGamma) {
    int cols = x.cols();
    double[] sum = new double[cols];
    for (int r = 0; r < x.rows(); r++) {
      double s = rstd.get(r);
      double avg = 0;
      for (int c = 0; c < cols; c++) {
        double d = dy.get(r * cols + c) * (x.get(r * cols + c) * s);
        avg += d * gamma.get(c) / cols;
        sum[c] += d;
      }
      if (dx == null) continue;
      for (int c = 0; c < cols; c++) {
        double g = (double) dy.get(r * cols + c) * gamma.get(c);
        double d = s * (g - x.get(r * cols + c) * s * avg);
        store(dx.data(), dx.offset() + r * cols + c, d, accumulateX);
      }
    }
    if (dgamma == null) return;
    for (int c = 0; c < cols; c++)
      store(dgamma.data(), dgamma.offset() + c, sum[c], accumulateGamma);
  }

  @Override
  public void rotary(RotaryShape s, Tensor angles, HeadView x, HeadView y, boolean inverse) {
    int pairs = s.pairs();
    for (int b = 0; b < s.batch(); b++)
      for (int t = 0; t < s.time(); t++)
        for (int h = 0; h < s.heads(); h++) {
          int from = x.at(b, t, h, s.headDim());
          int to = y.at(b, t, h, s.headDim());
          for (int i = 0; i < pairs; i++) {
            double cos = angles.get((s.past() + t) * 2 * pairs + i);
            double sin = angles.get((s.past() + t) * 2 * pairs + pairs + i) * (inverse ? -1d : 1d);
            int a = s.pairing().first(i);
            int z = a + s.pairing().apart(pairs);
            double first = x.data()[from + a];
            double second = x.data()[from + z];
            y.data()[to + a] = (float) (first * cos - second * sin);
            y.data()[to + z] = (float) (second * cos + first * sin);
          }
          for (int i = 2 * pairs; i < s.headDim(); i++) y.data()[to + i] = x.data()[from + i];
        }
  }

  @Override
  public void gate(UnaryMap op, Tensor gate, Tensor up, Tensor y) {
    for (int i = 0; i < y.size(); i++)
      y.data()[y.offset() + i] = (float) (ScalarMaps.value(op, gate.get(i)) * up.get(i));
  }

  @Override
  public void gateBackward(
      UnaryMap op, Tensor gate, Tensor up, Tensor dy, Tensor dgate, Tensor dup) {
    for (int i = 0; i < dy.size(); i++) {
      double g = gate.get(i);
      double d = dy.get(i);
      dgate.data()[dgate.offset() + i] = (float) (ScalarMaps.slope(op, g) * up.get(i) * d);
      dup.data()[dup.offset() + i] = (float) (ScalarMaps.value(op, g) * d);
    }
  }

  @Override
  public void softmax(Tensor x, Tensor y) {
    int cols = x.cols();
    for (int r = 0; r < x.rows(); r++) {
      double max = max(x, r);
      double sum = expSum(x, r, max);
      for (int c = 0; c < cols; c++)
        y.data()[y.offset() + r * cols + c] =
            max == Double.NEGATIVE_INFINITY
                ? 0
                : (float) (Math.exp(x.get(r * cols + c) - max) / sum);
    }
  }

  @Override
  public void attention(
      AttentionShape shape, HeadView q, HeadView k, HeadView v, HeadView out, Tensor lse) {
    ScalarAttention.forward(shape, q, k, v, out, lse);
  }

  @Override
  public void attentionBackward(
      AttentionShape shape,
      HeadView q,
      HeadView k,
      HeadView v,
      HeadView out,
      Tensor lse,
      HeadView dout,
      HeadView dq,
      HeadView dk,
      HeadView dv) {
    ScalarAttention.backward(shape, q, k, v, out, lse, dout, dq, dk, dv);
  }

  @Override
  public void gather(Weight table, int[] ids, Tensor out, boolean accumulate) {
    MatView rows = table.view();
    int cols = out.cols();
    for (int i = 0; i < ids.length; i++)
      for (int c = 0; c < cols; c++)
        store(out.data(), out.offset() + i * cols + c, rows.at(ids[i], c), accumulate);
  }

  @Override
  public void scatterAdd(Tensor dOut, int[] ids, Tensor dTable) {
    int cols = dOut.cols();
    for (int i = 0; i < ids.length; i++)
      for (int c = 0; c < cols; c++)
        dTable.data()[dTable.offset() + ids[i] * cols + c] += dOut.get(i * cols + c);
  }

  @Override
  public void crossEntropy(
      Tensor logits, int[] targets, float scale, float[] losses, boolean gradient) {
    int cols = logits.cols();
    for (int r = 0; r < logits.rows(); r++) {
      int from = logits.offset() + r * cols;
      if (targets[r] < 0) {
        losses[r] = 0;
        if (gradient) Arrays.fill(logits.data(), from, from + cols, 0);
        continue;
      }
      double max = max(logits, r);
      double sum = expSum(logits, r, max);
      losses[r] = (float) (max + Math.log(sum) - logits.data()[from + targets[r]]);
      if (!gradient) continue;
      for (int c = 0; c < cols; c++) {
        double p = Math.exp(logits.data()[from + c] - max) / sum;
        logits.data()[from + c] = (float) (scale * (p - (c == targets[r] ? 1 : 0)));
      }
    }
  }

  @Override
  public void adamW(Tensor p, Tensor g, Tensor m, Tensor v, AdamWStep step) {
    double correct1 = 1 - Math.pow(step.beta1(), step.step());
    double correct2 = 1 - Math.pow(step.beta2(), step.step());
    for (int i = 0; i < p.size(); i++) {
      double grad = (double) step.gradScale() * g.get(i);
      double m1 = step.beta1() * (double) m.get(i) + (1 - (double) step.beta1()) * grad;
      double v1 = step.beta2() * (double) v.get(i) + (1 - (double) step.beta2()) * grad * grad;
      double decayed = p.get(i) * (1 - (double) step.lr() * step.weightDecay());
      double update = step.lr() * (m1 / correct1) / (Math.sqrt(v1 / correct2) + step.eps());
      m.data()[m.offset() + i] = (float) m1;
      v.data()[v.offset() + i] = (float) v1;
      p.data()[p.offset() + i] = (float) (decayed - update);
    }
  }

  @Override
  public double sumSquares(Tensor x) {
    double sum = 0;
    for (int i = 0; i < x.size(); i++) sum += (double) x.get(i) * x.get(i);
    return sum;
  }

  @Override
  public double sumSquaredDifference(Tensor a, Tensor b) {
    double sum = 0;
    for (int i = 0; i < a.size(); i++) {
      double d = (double) a.get(i) - b.get(i);
      sum += d * d;
    }
    return sum;
  }

  private static void store(float[] out, int at, double value, boolean accumulate) {
    out[at] = (float) (accumulate ? out[at] + value : value);
  }

  private static double max(Tensor x, int row) {
    double max = Double.NEGATIVE_INFINITY;
    for (int c = 0; c < x.cols(); c++) max = Math.max(max, x.get(row * x.cols() + c));
    return max;
  }

  private static double expSum(Tensor x, int row, double max) {
    double sum = 0;
    for (int c = 0; c < x.cols(); c++) sum += Math.exp(x.get(row * x.cols() + c) - max);
    return sum;
  }
}
