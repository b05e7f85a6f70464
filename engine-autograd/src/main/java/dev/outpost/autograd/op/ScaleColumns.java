package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import java.util.ArrayList;
import java.util.List;

/**
 * A factor of each column: {@code y[r, c] = x[r, c]·l[c]}. Backward: {@code dx[r, c] = dy[r,
 * c]·l[c]}, {@code dl[c] = Σ_r dy[r, c]·x[r, c]}.
 */
public final class ScaleColumns {
  private ScaleColumns() {}

  /**
   * x [N, C] by l [C].
   *
   * @throws ShapeException when l has not as many elements as x columns
   */
  public static Var scaleColumns(Tape t, Var x, Var l) {
    if (l.shape().size() != x.shape().cols())
      throw new ShapeException(
          "scaleColumns", "needs a factor per column", "x " + x.shape(), "l " + l.shape());
    Tensor y = t.take(x.shape());
    scaled(t.kernels(), x.value(), l.value(), y, false);
    List<Tensor> saved = new ArrayList<>(2);
    if (t.needsGrad(l)) saved.add(x.value());
    if (t.needsGrad(x) && !l.isLeaf()) saved.add(l.value());
    return t.record("scaleColumns", y, saved, new Back(t.kernels(), t.workspace(), x, l), x, l);
  }

  private static void scaled(Kernels k, Tensor x, Tensor l, Tensor y, boolean accumulate) {
    k.memory().fetch(x);
    k.memory().fetch(l);
    if (accumulate) k.memory().fetch(y);
    int c = x.cols();
    int rows = c == 0 ? 0 : x.size() / c;
    int part = Math.max(1, (1 << 14) / Math.max(1, c));
    k.team()
        .forEach(
            (rows + part - 1) / part,
            p -> {
              for (int r = p * part; r < Math.min(rows, (p + 1) * part); r++) {
                int from = x.offset() + r * c;
                int to = y.offset() + r * c;
                for (int i = 0; i < c; i++) {
                  float v = x.data()[from + i] * l.data()[l.offset() + i];
                  y.data()[to + i] = accumulate ? y.data()[to + i] + v : v;
                }
              }
            });
    k.memory().store(y);
  }

  /** Reads each factor only when the other needs a gradient. */
  private record Back(Kernels k, Workspace ws, Var x, Var l) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      if (l.needsGrad()) {
        Tensor products = ws.take(dy.shape());
        k.multiply(dy, x.value(), products, false);
        Grads.Slot dl = grads.of(l);
        k.sumRows(products, dl.tensor().reshape(dy.cols()), dl.accumulate());
        ws.release(products);
      }
      if (x.needsGrad()) {
        Grads.Slot dx = grads.of(x);
        scaled(k, dy, l.value(), dx.tensor(), dx.accumulate());
      }
    }
  }
}
