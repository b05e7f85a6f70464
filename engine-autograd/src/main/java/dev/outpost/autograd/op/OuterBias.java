package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.memory.Workspace;
import java.util.List;

/**
 * Shifts of the first and the last columns of every row, {@code y = x + [a, 0, …, 0, b]}, as the
 * biases of queries and values where keys, which lie between, have none. Backward: {@code dx = dy},
 * and the sums of its rows in those columns.
 */
public final class OuterBias {
  private OuterBias() {}

  /**
   * x [N, C], a [m] and b [n] with m + n ≤ C → [N, C].
   *
   * @throws ShapeException when x is narrower than the two
   */
  public static Var outerBias(Tape t, Var x, Var a, Var b) {
    int c = x.shape().cols();
    int m = a.shape().size();
    int n = b.shape().size();
    if (m + n > c)
      throw new ShapeException(
          "outerBias", "x is narrower than both biases", x.shape(), a.shape() + " " + b.shape());
    Tensor whole = t.workspace().take(c);
    Kernels k = t.kernels();
    k.fill(whole, 0);
    k.copy(MatView.of(a.value()), MatView.of(whole).cols(0, m), false);
    k.copy(MatView.of(b.value()), MatView.of(whole).cols(c - n, c), false);
    Tensor y = t.take(x.shape());
    k.addBias(x.value(), whole, y);
    t.workspace().release(whole);
    return t.record("outerBias", y, List.of(), new Back(k, t.workspace(), x, a, b), x, a, b);
  }

  private record Back(Kernels k, Workspace ws, Var x, Var a, Var b) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      if (a.needsGrad() || b.needsGrad()) {
        int c = dy.cols();
        Tensor sums = ws.take(c);
        k.sumRows(dy, sums, false);
        add(sums, 0, a, grads);
        add(sums, c - b.shape().size(), b, grads);
        ws.release(sums);
      }
      if (x.needsGrad()) grads.give(x, dy);
    }

    private void add(Tensor sums, int from, Var bias, Grads grads) {
      if (!bias.needsGrad()) return;
      Grads.Slot slot = grads.of(bias);
      MatView of = MatView.of(sums).cols(from, from + slot.tensor().size());
      k.copy(of, MatView.of(slot.tensor()), slot.accumulate());
    }
  }
}
