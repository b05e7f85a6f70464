package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import java.util.List;

/** A constant factor: {@code y = s·a}. Backward: {@code da = s·dy}. */
public final class Scale {
  private Scale() {}

  /** Multiplies every element by {@code s}. */
  public static Var scale(Tape t, Var a, float s) {
    Tensor y = t.take(a.shape());
    t.kernels().axpby(s, a.value(), 0, y);
    return t.record("scale", y, List.of(), new Back(t.kernels(), a, s), a);
  }

  private record Back(Kernels k, Var a, float s) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.Slot da = grads.of(a);
      k.axpby(s, dy, da.beta(), da.tensor());
    }
  }
}
