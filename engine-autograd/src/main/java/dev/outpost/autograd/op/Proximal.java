package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.DeviceMemory;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What ties a parameter to where it came from: {@code y = μ/2·Σ(wᵢ − aᵢ)² + Σ sᵢ·wᵢ}, in f64.
 * Backward: {@code dwᵢ = dy·(μ·(wᵢ − aᵢ) + sᵢ)}. The first term is FedProx's (Li et al. 2020, eq.
 * 2), the second SCAFFOLD's correction of the gradient (Karimireddy et al. 2020, eq. 3).
 */
public final class Proximal {
  private Proximal() {}

  /**
   * One element.
   *
   * @param w the parameter
   * @param anchor a, of the same shape; kept, not copied
   * @param mu μ ≥ 0
   * @param slope s, of the same shape, or null for none; kept, not copied
   */
  public static Var proximal(Tape t, Var w, Tensor anchor, float mu, @Nullable Tensor slope) {
    if (!w.shape().equals(anchor.shape()) || (slope != null && !w.shape().equals(slope.shape())))
      throw new IllegalArgumentException(
          "proximal: parameter "
              + w.shape()
              + ", anchor "
              + anchor.shape()
              + (slope == null ? "" : ", slope " + slope.shape())
              + " must have one shape");
    Tensor x = w.value();
    Kernels k = t.kernels();
    k.memory().fetch(x);
    double sum = 0;
    for (int i = 0; i < x.size(); i++) {
      double d = (double) x.get(i) - anchor.get(i);
      sum += 0.5 * mu * d * d + (slope == null ? 0 : (double) slope.get(i) * x.get(i));
    }
    Tensor y = t.take(1);
    k.fill(y, (float) sum);
    return t.record("proximal", y, List.of(), new Back(k.memory(), w, anchor, mu, slope), w);
  }

  private record Back(DeviceMemory memory, Var w, Tensor anchor, float mu, @Nullable Tensor slope)
      implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.Slot slot = grads.of(w);
      Tensor dw = slot.tensor();
      Tensor x = w.value();
      memory.fetch(dy);
      memory.fetch(x);
      if (slot.accumulate()) memory.fetch(dw);
      float d = dy.get(0);
      for (int i = 0; i < x.size(); i++) {
        float g = d * (mu * (x.get(i) - anchor.get(i)) + (slope == null ? 0 : slope.get(i)));
        int at = dw.offset() + i;
        dw.data()[at] = slot.accumulate() ? dw.data()[at] + g : g;
      }
      memory.store(dw);
    }
  }
}
