package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Layer normalisation of every row (Ba et al. 2016): {@code x̂ = (x − mean)·rstd, y = x̂·gamma +
 * beta}.
 *
 * <p>Backward, with {@code g = dy ⊙ gamma}: {@code dx = rstd·(g − mean(g) − x̂·mean(g ⊙ x̂)),
 * dgamma = Σ_rows dy ⊙ x̂, dbeta = Σ_rows dy}. Saves x and two numbers per row.
 */
public final class LayerNorm {
  private LayerNorm() {}

  /**
   * Normalises x [N, C].
   *
   * @param gamma gain [C]
   * @param beta shift [C]
   * @param eps added to the variance
   * @throws ShapeException when gamma or beta is not [C]
   */
  public static Var layerNorm(Tape t, Var x, Var gamma, Var beta, float eps) {
    int c = x.shape().cols();
    if (gamma.shape().size() != c || beta.shape().size() != c)
      throw new ShapeException(
          "layerNorm",
          "gamma and beta must have as many elements as x has columns",
          "x " + x.shape(),
          "gamma " + gamma.shape(),
          "beta " + beta.shape());
    Workspace ws = t.workspace();
    boolean saves = t.needsGrad(x, gamma, beta);
    int rows = x.shape().rows();
    Tensor y = t.take(x.shape());
    Tensor mean = saves ? t.take(rows) : ws.take(rows);
    Tensor rstd = saves ? t.take(rows) : ws.take(rows);
    t.kernels().layerNorm(x.value(), gamma.value(), beta.value(), eps, y, mean, rstd);
    if (!saves) {
      ws.release(mean);
      ws.release(rstd);
    }
    Back back = new Back(t.kernels(), ws, x, gamma, beta, mean, rstd);
    List<Tensor> saved =
        gamma.isLeaf()
            ? List.of(x.value(), mean, rstd)
            : List.of(x.value(), gamma.value(), mean, rstd);
    return t.record("layerNorm", y, saved, back, x, gamma, beta);
  }

  private record Back(Kernels k, Workspace ws, Var x, Var gamma, Var beta, Tensor mean, Tensor rstd)
      implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.@Nullable Slot dx = x.needsGrad() ? grads.of(x) : null;
      Grads.@Nullable Slot dgamma = gamma.needsGrad() ? grads.of(gamma) : null;
      Grads.@Nullable Slot dbeta = beta.needsGrad() ? grads.of(beta) : null;
      Tensor dg = null;
      Tensor db = null;
      boolean accumulate = false;
      if (dgamma != null || dbeta != null) {
        // The kernel computes both or none: a lone frozen one gets scratch.
        accumulate = dgamma != null && dgamma.accumulate() || dbeta != null && dbeta.accumulate();
        dg = ready(dgamma, accumulate);
        db = ready(dbeta, accumulate);
      }
      k.layerNormBackward(
          x.value(),
          gamma.value(),
          mean,
          rstd,
          dy,
          dx == null ? null : dx.tensor(),
          dx != null && dx.accumulate(),
          dg,
          db,
          accumulate);
      if (dg != null && dgamma == null) ws.release(dg);
      if (db != null && dbeta == null) ws.release(db);
    }

    private Tensor ready(Grads.@Nullable Slot slot, boolean accumulate) {
      Tensor d = slot == null ? ws.take(gamma.shape()) : slot.tensor();
      if (accumulate && (slot == null || !slot.accumulate())) k.fill(d, 0);
      return d;
    }
  }
}
