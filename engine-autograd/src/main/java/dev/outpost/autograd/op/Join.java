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
 * Rows put before each sequence: {@code y_b = [a_b; x_b]}, as a class token before an image's
 * patches. Backward: the two parts of dy.
 */
public final class Join {
  private Join() {}

  /**
   * a [B·n, C] and x [B·m, C] → [B·(n+m), C].
   *
   * @throws ShapeException when the widths differ or the rows are not {@code batch} equal parts
   */
  public static Var join(Tape t, Var a, Var x, int batch) {
    int c = x.shape().cols();
    if (a.shape().cols() != c)
      throw new ShapeException("join", "widths must be equal", a.shape(), x.shape());
    if (batch < 1 || a.shape().rows() % batch != 0 || x.shape().rows() % batch != 0)
      throw new ShapeException(
          "join", "rows must be parts of " + batch + " sequences", a.shape(), x.shape());
    int n = a.shape().rows() / batch;
    int m = x.shape().rows() / batch;
    Tensor y = t.take(a.shape().rows() + x.shape().rows(), c);
    for (int b = 0; b < batch; b++) {
      int to = b * (n + m);
      copy(t.kernels(), a.value().slice(b * n, (b + 1) * n), y.slice(to, to + n));
      copy(t.kernels(), x.value().slice(b * m, (b + 1) * m), y.slice(to + n, to + n + m));
    }
    return t.record("join", y, List.of(), new Back(t.kernels(), batch, a, x), a, x);
  }

  private static void copy(Kernels k, Tensor from, Tensor to) {
    k.copy(MatView.of(from), MatView.of(to), false);
  }

  private record Back(Kernels k, int batch, Var a, Var x) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      int n = a.shape().rows() / batch;
      int m = x.shape().rows() / batch;
      part(dy, 0, n, n + m, a, grads);
      part(dy, n, m, n + m, x, grads);
    }

    private void part(Tensor dy, int first, int rows, int each, Var input, Grads grads) {
      if (!input.needsGrad()) return;
      Grads.Slot slot = grads.of(input);
      for (int b = 0; b < batch; b++)
        k.axpby(
            1,
            dy.slice(b * each + first, b * each + first + rows),
            slot.beta(),
            slot.tensor().slice(b * rows, (b + 1) * rows));
    }
  }
}
