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
 * RMSNorm of each row (Zhang & Sennrich 2019): {@code y = x·rstd·gamma}, {@code rstd = 1/√(avg(x²)
 * + eps)}. Backward: with {@code g = dy ⊙ gamma} and {@code x̂ = x·rstd}, {@code dx = rstd·(g −
 * x̂·avg(g ⊙ x̂))}, {@code dgamma = Σ dy ⊙ x̂}.
 */
public final class RmsNorm {
  private RmsNorm() {}

  /**
   * Normalises x [N, C].
   *
   * @param gamma gain [C]
   * @param eps added to the mean square
   * @throws ShapeException when gamma is not [C]
   */
  public static Var rmsNorm(Tape t, Var x, Var gamma, float eps) {
    if (gamma.shape().size() != x.shape().cols())
      throw new ShapeException(
          "rmsNorm",
          "gamma must have as many elements as x has columns",
          "x " + x.shape(),
          "gamma " + gamma.shape());
    boolean saves = t.needsGrad(x, gamma);
    int rows = x.shape().rows();
    Tensor y = t.take(x.shape());
    Tensor rstd = saves ? t.take(rows) : t.workspace().take(rows);
    t.kernels().rmsNorm(x.value(), gamma.value(), eps, y, rstd);
    if (!saves) t.workspace().release(rstd);
    List<Tensor> saved =
        gamma.isLeaf() ? List.of(x.value(), rstd) : List.of(x.value(), gamma.value(), rstd);
    return t.record("rmsNorm", y, saved, new Back(t.kernels(), x, gamma, rstd), x, gamma);
  }

  private record Back(Kernels k, Var x, Var gamma, Tensor rstd) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.@Nullable Slot dx = x.needsGrad() ? grads.of(x) : null;
      Grads.@Nullable Slot dgamma = gamma.needsGrad() ? grads.of(gamma) : null;
      k.rmsNormBackward(
          x.value(),
          gamma.value(),
          rstd,
          dy,
          dx == null ? null : dx.tensor(),
          dx != null && dx.accumulate(),
          dgamma == null ? null : dgamma.tensor(),
          dgamma != null && dgamma.accumulate());
    }
  }
}
