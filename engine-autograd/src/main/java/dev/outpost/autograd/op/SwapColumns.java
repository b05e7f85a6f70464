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
 * Every row's columns in another order: as a table [a, b] of runs, transposed. {@code y[r, j, i, :]
 * = x[r, i, j, :]}. Backward: {@code dx[r, i, j, :] = dy[r, j, i, :]}.
 */
public final class SwapColumns {
  private SwapColumns() {}

  /**
   * Reorders x [N, a·b·d], runs of d numbers, to [N, b·a·d].
   *
   * @throws ShapeException when a·b does not divide x's columns
   */
  public static Var swapColumns(Tape t, Var x, int a, int b) {
    if (a < 1 || b < 1 || x.shape().cols() % ((long) a * b) != 0)
      throw new ShapeException("swapColumns", a + "x" + b + " must divide the columns", x.shape());
    Tensor y = t.take(x.shape());
    swap(t.kernels(), x.value(), y, a, b);
    return t.record("swapColumns", y, List.of(), new Back(t, x, a, b), x);
  }

  private static void swap(Kernels k, Tensor x, Tensor y, int a, int b) {
    int d = x.cols() / (a * b);
    for (int i = 0; i < a; i++)
      for (int j = 0; j < b; j++) k.copy(run(x, i * b + j, d), run(y, j * a + i, d), false);
  }

  private static MatView run(Tensor x, int i, int d) {
    return MatView.of(x).cols(i * d, (i + 1) * d);
  }

  private record Back(Tape t, Var x, int a, int b) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Tensor dx = t.workspace().take(x.shape());
      swap(t.kernels(), dy, dx, b, a);
      grads.give(x, dx);
    }
  }
}
