package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.UnaryMap;
import java.util.List;

/** An element-wise function: {@code y = f(x)}. Backward: {@code dx = f'(x) ⊙ dy}. */
public final class Activation {
  private Activation() {}

  /** Applies {@code op} to every element. */
  public static Var activation(Tape t, UnaryMap op, Var x) {
    Tensor y = t.take(x.shape());
    t.kernels().map(op, x.value(), y);
    return t.record("activation", y, List.of(x.value()), new Back(t.kernels(), op, x), x);
  }

  private record Back(Kernels k, UnaryMap op, Var x) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.Slot dx = grads.of(x);
      k.mapBackward(op, x.value(), dy, dx.tensor(), dx.accumulate());
    }
  }
}
