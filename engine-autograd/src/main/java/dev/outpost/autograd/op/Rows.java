package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.weight.HeapWeight;
import java.util.List;

/**
 * Some rows of an activation: {@code y[i, :] = x[rows[i], :]}, as the first position of each
 * sequence. Backward: {@code dx[rows[i], :] += dy[i, :]}.
 */
public final class Rows {
  private Rows() {}

  /**
   * Picks n rows of x [N, C]; the result is [n, C].
   *
   * @throws ShapeException when a row lies outside x
   */
  public static Var rows(Tape t, Var x, int[] rows) {
    for (int row : rows)
      if (row < 0 || row >= x.shape().rows())
        throw new ShapeException("rows", "row " + row + " lies outside", x.shape());
    Tensor y = t.take(rows.length, x.shape().cols());
    t.kernels().gather(HeapWeight.of(x.value()), rows, y, false);
    return t.record("rows", y, List.of(), new Back(t.kernels(), x, rows.clone()), x);
  }

  private record Back(Kernels k, Var x, int[] rows) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.Slot dx = grads.of(x);
      if (!dx.accumulate()) k.fill(dx.tensor(), 0);
      k.scatterAdd(dy, rows, dx.tensor());
    }
  }
}
