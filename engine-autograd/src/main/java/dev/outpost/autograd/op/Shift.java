package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import java.util.List;

/** A constant added: {@code y = a + s}. For vectors. Backward: {@code da = dy}. */
public final class Shift {
  private Shift() {}

  /** Adds {@code s} to every element. */
  public static Var shift(Tape t, Var a, float s) {
    Tensor y = t.take(a.shape());
    t.kernels().fill(y, s);
    t.kernels().axpby(1, a.value(), 1, y);
    return t.record("shift", y, List.of(), new Back(t.kernels(), a), a);
  }

  private record Back(Kernels k, Var a) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.Slot da = grads.of(a);
      k.axpby(1, dy, da.beta(), da.tensor());
    }
  }
}
