package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import java.util.List;

/** The sum of all elements, in f64: {@code y = Σ aᵢ}. Backward: {@code daᵢ = dy}. */
public final class Sum {
  private Sum() {}

  /** Sums to a value of shape [1]. */
  public static Var sum(Tape t, Var a) {
    Tensor x = a.value();
    double sum = 0;
    for (int i = 0; i < x.size(); i++) sum += x.get(i);
    Tensor y = t.take(1);
    y.fill((float) sum);
    return t.record("sum", y, List.of(), new Back(a), a);
  }

  private record Back(Var a) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.Slot slot = grads.of(a);
      Tensor da = slot.tensor();
      float d = dy.get(0);
      if (!slot.accumulate()) {
        da.fill(d);
        return;
      }
      float[] data = da.data();
      for (int i = da.offset(), end = i + da.size(); i < end; i++) data[i] += d;
    }
  }
}
