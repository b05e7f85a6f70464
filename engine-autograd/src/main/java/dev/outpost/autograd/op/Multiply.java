package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import java.util.ArrayList;
import java.util.List;

/**
 * A gate: {@code y = a ⊙ b}. Backward: {@code da = dy ⊙ b, db = dy ⊙ a}. Each factor is saved only
 * when the other needs a gradient.
 */
public final class Multiply {
  private Multiply() {}

  /**
   * Multiplies two values of equal shape element by element.
   *
   * @throws ShapeException when the shapes differ
   */
  public static Var multiply(Tape t, Var a, Var b) {
    if (!a.shape().equals(b.shape()))
      throw new ShapeException("multiply", "shapes must be equal", a.shape(), b.shape());
    Tensor y = t.take(a.shape());
    t.kernels().multiply(a.value(), b.value(), y, false);
    List<Tensor> saved = new ArrayList<>(2);
    if (t.needsGrad(a)) saved.add(b.value());
    if (t.needsGrad(b)) saved.add(a.value());
    return t.record("multiply", y, saved, new Back(t.kernels(), a, b), a, b);
  }

  /** Reads each factor only when the other needs a gradient. */
  private record Back(Kernels k, Var a, Var b) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      if (a.needsGrad()) {
        Grads.Slot da = grads.of(a);
        k.multiply(dy, b.value(), da.tensor(), da.accumulate());
      }
      if (b.needsGrad()) {
        Grads.Slot db = grads.of(b);
        k.multiply(dy, a.value(), db.tensor(), db.accumulate());
      }
    }
  }
}
