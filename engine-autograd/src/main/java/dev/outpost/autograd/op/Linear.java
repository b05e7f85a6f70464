package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A projection of every row, {@code y = x·W + b} or {@code y = x·Wᵀ + b}.
 *
 * <p>Backward, for {@code OUT_IN}: {@code dx = dy·W, dW = dyᵀ·x, db = Σ_rows dy}; for {@code
 * IN_OUT}: {@code dx = dy·Wᵀ, dW = xᵀ·dy}. A frozen W saves no x; a frozen x computes no dx.
 */
public final class Linear {
  private Linear() {}

  /** How the weight is stored. */
  public enum Layout {
    /** W [in, out]: GPT-2's Conv1D. */
    IN_OUT,
    /** W [out, in]: everybody else's. */
    OUT_IN
  }

  /**
   * Projects x [N, in] to [N, out].
   *
   * @param name parameter name for error messages
   * @param w weight on the heap or mapped, of any dtype
   * @param b bias [out], or null
   * @throws ShapeException when the extents do not fit
   */
  public static Var linear(
      Tape t, String name, Var x, Var w, @Nullable Var b, Linear.Layout layout) {
    Shape ws = w.shape();
    if (ws.rank() != 2)
      throw new ShapeException("linear " + name, "weight must be a matrix " + layout, ws);
    int in = layout == Layout.IN_OUT ? ws.dim(0) : ws.dim(1);
    int out = layout == Layout.IN_OUT ? ws.dim(1) : ws.dim(0);
    if (x.shape().cols() != in)
      throw new ShapeException(
          "linear " + name,
          "input has " + x.shape().cols() + " columns, weight " + layout + " expects " + in,
          "x " + x.shape(),
          "W " + ws);
    if (b != null && b.shape().size() != out)
      throw new ShapeException(
          "linear " + name, "bias must have " + out + " elements", "b " + b.shape(), "W " + ws);
    Tensor y = t.take(x.shape().rows(), out);
    Kernels k = t.kernels();
    k.gemm(x.view(), inOut(w, layout), MatView.of(y), false);
    if (b != null) k.addBias(y, b.value(), y);
    List<Tensor> saved = new ArrayList<>(2);
    if (t.needsGrad(w)) saved.add(x.value());
    if (t.needsGrad(x) && !w.isLeaf()) saved.add(w.value());
    Back back = new Back(k, x, w, b, layout);
    return b == null
        ? t.record("linear", y, saved, back, x, w)
        : t.record("linear", y, saved, back, x, w, b);
  }

  private static MatView inOut(Var w, Layout layout) {
    return layout == Layout.IN_OUT ? w.view() : w.view().t();
  }

  /** Reads {@code x} only when W needs a gradient. */
  private record Back(Kernels k, Var x, Var w, @Nullable Var b, Layout layout) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      MatView dyv = MatView.of(dy);
      if (b != null && b.needsGrad()) {
        Grads.Slot db = grads.of(b);
        k.sumRows(dy, db.tensor(), db.accumulate());
      }
      if (w.needsGrad()) {
        Grads.Slot dw = grads.of(w);
        MatView dwv = MatView.of(dw.tensor());
        switch (layout) {
          case IN_OUT -> k.gemm(x.view().t(), dyv, dwv, dw.accumulate());
          case OUT_IN -> k.gemm(dyv.t(), x.view(), dwv, dw.accumulate());
        }
      }
      if (x.needsGrad()) {
        Grads.Slot dx = grads.of(x);
        k.gemm(dyv, inOut(w, layout).t(), MatView.of(dx.tensor()), dx.accumulate());
      }
    }
  }
}
