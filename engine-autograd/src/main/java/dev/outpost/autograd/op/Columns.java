package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
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
    int rows = x.shape().rows();
    Tensor y = t.take(rows, to - from);
    Tensor in = x.value();
    for (int r = 0; r < rows; r++)
      System.arraycopy(
          in.data(), in.offset() + r * c + from, y.data(), y.offset() + r * (to - from), to - from);
    return t.record("columns", y, List.of(), new Back(x, from, to), x);
  }

  private record Back(Var x, int from, int to) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.Slot slot = grads.of(x);
      if (!slot.accumulate()) slot.tensor().fill(0);
      int c = x.shape().cols();
      int width = to - from;
      float[] dx = slot.tensor().data();
      for (int r = 0; r < dy.rows(); r++) {
        int at = slot.tensor().offset() + r * c + from;
        int of = dy.offset() + r * width;
        for (int i = 0; i < width; i++) dx[at + i] += dy.data()[of + i];
      }
    }
  }
}
