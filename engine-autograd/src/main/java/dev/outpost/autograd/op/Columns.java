package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import java.util.List;

/**
 * Some columns of every row, for projections that hold several things side by side: {@code y[r, :]
 * = x[r, from … to)}. Backward: {@code dx[r, from … to) += dy[r, :]}.
 */
public final class Columns {
  private Columns() {}

  /**
   * Columns {@code [from, to)} of x [N, C]; the result is [N, to − from].
   *
   * @throws ShapeException when x has no such columns
   */
  public static Var columns(Tape t, Var x, int from, int to) {
    int c = x.shape().cols();
    if (from < 0 || to > c || from > to)
      throw new ShapeException("columns", "must lie inside x", from + "…" + to, x.shape());
    Tensor y = t.take(x.shape().rows(), to - from);
    t.kernels().copy(MatView.of(x.value()).cols(from, to), MatView.of(y), false);
    return t.record("columns", y, List.of(), new Back(t.kernels(), x, from, to), x);
  }

  private record Back(Kernels k, Var x, int from, int to) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.Slot slot = grads.of(x);
      if (!slot.accumulate()) k.fill(slot.tensor(), 0);
      k.copy(MatView.of(dy), MatView.of(slot.tensor()).cols(from, to), true);
    }
  }
}
