package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
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
    int c = x.shape().cols();
    Tensor from = x.value();
    Tensor y = t.take(rows.length, c);
    for (int i = 0; i < rows.length; i++) {
      if (rows[i] < 0 || rows[i] >= x.shape().rows())
        throw new ShapeException("rows", "row " + rows[i] + " lies outside", x.shape());
      System.arraycopy(from.data(), from.offset() + rows[i] * c, y.data(), y.offset() + i * c, c);
    }
    return t.record("rows", y, List.of(), new Back(t.kernels(), x, rows.clone()), x);
  }

  private record Back(Kernels k, Var x, int[] rows) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.Slot dx = grads.of(x);
      if (!dx.accumulate()) dx.tensor().fill(0);
      k.scatterAdd(dy, rows, dx.tensor());
    }
  }
}
