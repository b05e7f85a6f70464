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
 * The mean of each sequence's rows from one on, {@code y_b = Σ_{i ≥ from} x_{b,i} / (T − from)}, as
 * of an image's patches behind its class token. Backward: {@code dx_{b,i} += dy_b / (T − from)}.
 */
public final class MeanRows {
  private MeanRows() {}

  /**
   * x [B·T, C] → [B, C].
   *
   * @throws ShapeException when the rows are not {@code batch} sequences longer than {@code from}
   */
  public static Var meanRows(Tape t, Var x, int batch, int from) {
    int rows = x.shape().rows();
    if (batch < 1 || from < 0 || rows % batch != 0 || rows / batch <= from)
      throw new ShapeException(
          "meanRows", "rows must be " + batch + " sequences longer than " + from, x.shape());
    int time = rows / batch;
    Tensor y = t.take(batch, x.shape().cols());
    Kernels k = t.kernels();
    for (int b = 0; b < batch; b++)
      k.sumRows(x.value().slice(b * time + from, (b + 1) * time), y.slice(b, b + 1), false);
    k.axpby(1f / (time - from), y, 0, y);
    return t.record("meanRows", y, List.of(), new Back(k, x, time, from), x);
  }

  private record Back(Kernels k, Var x, int time, int from) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.Slot slot = grads.of(x);
      if (!slot.accumulate()) k.fill(slot.tensor(), 0);
      for (int b = 0; b < dy.rows(); b++)
        for (int i = from; i < time; i++)
          k.axpby(
              1f / (time - from),
              dy.slice(b, b + 1),
              1,
              slot.tensor().slice(b * time + i, b * time + i + 1));
    }
  }
}
