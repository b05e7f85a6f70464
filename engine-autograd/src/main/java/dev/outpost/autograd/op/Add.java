package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import java.util.List;

/** The residual connection: {@code y = a + b}. Backward: {@code da = dy, db = dy}. */
public final class Add {
  private Add() {}

  /**
   * Adds two values of equal shape.
   *
   * @throws ShapeException when the shapes differ
   */
  public static Var add(Tape t, Var a, Var b) {
    if (!a.shape().equals(b.shape()))
      throw new ShapeException("add", "shapes must be equal", a.shape(), b.shape());
    Tensor y = t.take(a.shape());
    t.kernels().add(a.value(), b.value(), y);
    return t.record("add", y, List.of(), new Back(t.kernels(), a, b), a, b);
  }

  private record Back(Kernels k, Var a, Var b) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      if (a.needsGrad() && b.needsGrad()) {
        Grads.Slot db = grads.of(b);
        k.axpby(1, dy, db.beta(), db.tensor());
      }
      grads.give(a.needsGrad() ? a : b, dy);
    }
  }
}
