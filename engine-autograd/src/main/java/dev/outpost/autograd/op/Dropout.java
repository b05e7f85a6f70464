package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.random.RandomStream;
import java.util.List;

/**
 * Inverted dropout (Srivastava et al. 2014): {@code yᵢ = mᵢ·xᵢ/(1−p)}, where mᵢ is 0 with
 * probability p. Backward: {@code dxᵢ = mᵢ·dyᵢ/(1−p)}.
 *
 * <p>The mask is a pure function of key and i, so backward computes it again and nothing is saved;
 * the same key gives the same mask on any number of threads.
 */
public final class Dropout {
  private static final int PART = 1 << 15;

  private Dropout() {}

  /**
   * Drops elements with probability p. Returns x itself when p is 0 or the tape does not train.
   *
   * @param key names the mask: different for every site and step
   * @throws IllegalArgumentException when p is not in [0, 1)
   */
  public static Var dropout(Tape t, Var x, float p, long key) {
    if (!(p >= 0 && p < 1))
      throw new IllegalArgumentException("dropout: probability must be in [0, 1), got " + p);
    if (p == 0 || !t.isTraining()) return x;
    Tensor y = t.take(x.shape());
    Back back = new Back(t.kernels(), x, p, key);
    back.mask(x.value(), y, false);
    return t.record("dropout", y, List.of(), back, x);
  }

  private record Back(Kernels k, Var x, float p, long key) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.Slot dx = grads.of(x);
      mask(dy, dx.tensor(), dx.accumulate());
    }

    void mask(Tensor from, Tensor to, boolean accumulate) {
      int size = from.size();
      // 24 bits: as many as a float in [0, 1) can carry.
      long dropBelow = (long) (p * (1 << 24));
      float scale = 1 / (1 - p);
      k.memory().fetch(from);
      if (accumulate) k.memory().fetch(to);
      float[] a = from.data();
      float[] b = to.data();
      k.team()
          .forEach(
              (size + PART - 1) / PART,
              part -> {
                int end = Math.min(size, (part + 1) * PART);
                for (int i = part * PART; i < end; i++) {
                  boolean drop = RandomStream.hash(key, i) >>> 40 < dropBelow;
                  float kept = drop ? 0 : scale * a[from.offset() + i];
                  int at = to.offset() + i;
                  b[at] = accumulate ? b[at] + kept : kept;
                }
              });
      k.memory().store(to);
    }
  }
}
