package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * RMSNorm of each row, or of each run of a row (Zhang & Sennrich 2019): {@code y = x·rstd·gamma},
 * {@code rstd = 1/√(avg(x²) + eps)}. Backward: with {@code g = dy ⊙ gamma} and {@code x̂ = x·rstd},
 * {@code dx = rstd·(g − x̂·avg(g ⊙ x̂))}, {@code dgamma = Σ dy ⊙ x̂}.
 */
public final class RmsNorm {
  private RmsNorm() {}

  /**
   * Normalises x [N, G·C], every C numbers by themselves: the heads of a projection where G > 1.
   *
   * @param gamma gain [C]
   * @param eps added to the mean square
   * @throws ShapeException when gamma's size does not divide x's columns
   */
  public static Var rmsNorm(Tape t, Var x, Var gamma, float eps) {
    int c = gamma.shape().size();
    if (c == 0 || x.shape().cols() % c != 0)
      throw new ShapeException(
          "rmsNorm",
          "x must have as many columns as gamma has elements, or a multiple",
          "x " + x.shape(),
          "gamma " + gamma.shape());
    boolean saves = t.needsGrad(x, gamma);
    int rows = x.shape().size() / c;
    Tensor y = t.take(x.shape());
    Tensor rstd = saves ? t.take(rows) : t.workspace().take(rows);
    t.kernels().rmsNorm(runs(x.value(), c), gamma.value(), eps, runs(y, c), rstd);
    if (!saves) t.workspace().release(rstd);
    List<Tensor> saved =
        gamma.isLeaf() ? List.of(x.value(), rstd) : List.of(x.value(), gamma.value(), rstd);
    return t.record("rmsNorm", y, saved, new Back(t.kernels(), x, gamma, rstd), x, gamma);
  }

  private static Tensor runs(Tensor x, int c) {
    return x.cols() == c ? x : x.reshape(x.size() / c, c);
  }

  private record Back(Kernels k, Var x, Var gamma, Tensor rstd) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      int c = gamma.shape().size();
      Grads.@Nullable Slot dx = x.needsGrad() ? grads.of(x) : null;
      Grads.@Nullable Slot dgamma = gamma.needsGrad() ? grads.of(gamma) : null;
      k.rmsNormBackward(
          runs(x.value(), c),
          gamma.value(),
          rstd,
          runs(dy, c),
          dx == null ? null : runs(dx.tensor(), c),
          dx != null && dx.accumulate(),
          dgamma == null ? null : dgamma.tensor(),
          dgamma != null && dgamma.accumulate());
    }
  }
}
