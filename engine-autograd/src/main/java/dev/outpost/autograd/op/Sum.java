package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import java.util.List;

/** The sum of all elements, in f64: {@code y = Σ aᵢ}. Backward: {@code daᵢ = dy}. */
public final class Sum {
  private Sum() {}

  /** Sums to a value of shape [1]. */
  public static Var sum(Tape t, Var a) {
    Tensor x = a.value();
    t.kernels().memory().fetch(x);
    double sum = 0;
    for (int i = 0; i < x.size(); i++) sum += x.get(i);
    Tensor y = t.take(1);
    t.kernels().fill(y, (float) sum);
    return t.record("sum", y, List.of(), new Back(t.kernels(), a), a);
  }

  private record Back(Kernels k, Var a) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.Slot slot = grads.of(a);
      Tensor da = slot.tensor();
      k.memory().fetch(dy);
      float d = dy.get(0);
      if (!slot.accumulate()) {
        k.fill(da, d);
        return;
      }
      k.memory().fetch(da);
      float[] data = da.data();
      for (int i = da.offset(), end = i + da.size(); i < end; i++) data[i] += d;
      k.memory().store(da);
    }
  }
}
