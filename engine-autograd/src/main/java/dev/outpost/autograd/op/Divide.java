package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.memory.DeviceMemory;
import java.util.List;

/**
 * Division by constants: {@code yᵢ = aᵢ / nᵢ}. For vectors. Backward: {@code daᵢ = dyᵢ / nᵢ}; no
 * gradient flows into n.
 */
public final class Divide {
  private Divide() {}

  /**
   * @param n of a's size; kept, not copied, until the way back
   * @throws ShapeException when the sizes differ
   */
  public static Var divide(Tape t, Var a, float[] n) {
    if (a.shape().size() != n.length)
      throw new ShapeException("divide", "sizes must be equal", a.shape(), n.length);
    DeviceMemory memory = t.kernels().memory();
    memory.fetch(a.value());
    Tensor y = t.take(a.shape());
    for (int i = 0; i < n.length; i++) y.data()[y.offset() + i] = a.value().get(i) / n[i];
    memory.store(y);
    return t.record("divide", y, List.of(), new Back(memory, a, n), a);
  }

  private record Back(DeviceMemory memory, Var a, float[] n) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.Slot slot = grads.of(a);
      Tensor da = slot.tensor();
      memory.fetch(dy);
      if (slot.accumulate()) memory.fetch(da);
      for (int i = 0; i < n.length; i++) {
        int at = da.offset() + i;
        da.data()[at] = (slot.accumulate() ? da.data()[at] : 0) + dy.get(i) / n[i];
      }
      memory.store(da);
    }
  }
}
