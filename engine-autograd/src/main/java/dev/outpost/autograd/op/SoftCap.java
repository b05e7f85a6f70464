package dev.outpost.autograd.op;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.UnaryMap;

/**
 * A bound on numbers: {@code y = cap·tanh(x / cap)}. Its derivative is {@code 1 − tanh²(x/cap)}.
 */
public final class SoftCap {
  private SoftCap() {}

  /** Caps x where it lies; leaves it alone when {@code cap} is 0. */
  public static void inPlace(Kernels k, Tensor x, float cap) {
    if (cap == 0) return;
    k.axpby(0, x, 1 / cap, x);
    k.map(UnaryMap.TANH, x, x);
    k.axpby(0, x, cap, x);
  }

  /** Caps x where it lies and leaves {@code x / cap} in {@code scaled}, of its shape. */
  static void inPlace(Kernels k, Tensor x, Tensor scaled, float cap) {
    k.axpby(1 / cap, x, 0, scaled);
    k.map(UnaryMap.TANH, scaled, x);
    k.axpby(0, x, cap, x);
  }

  /** Makes the gradient of the capped that of the numbers, where it lies. */
  static void backInPlace(Kernels k, Tensor scaled, Tensor gradient) {
    k.mapBackward(UnaryMap.TANH, scaled, gradient, gradient, false);
  }
}
