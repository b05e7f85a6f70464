package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** An optimiser's step, one item per parameter. */
public final class Moments {
  private Moments() {}

  /**
   * AdamW. args: n, p, g, m, v; then the factor on g, β₁, 1 − β₁, β₂, 1 − β₂, {@code lr/(1 − β₁ᵗ)},
   * {@code 1/√(1 − β₂ᵗ)}, ε, {@code lr·weightDecay}.
   */
  public static void adamW(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    if (i < args.get(0)) {
      int p = args.get(1) + i;
      int m = args.get(3) + i;
      int v = args.get(4) + i;
      float g = heap.get(args.get(2) + i) * Stored.real(heap, args.get(5));
      float m1 = Stored.real(heap, args.get(6)) * heap.get(m) + Stored.real(heap, args.get(7)) * g;
      float v1 =
          Stored.real(heap, args.get(8)) * heap.get(v) + Stored.real(heap, args.get(9)) * g * g;
      float root =
          TornadoMath.sqrt(v1) * Stored.real(heap, args.get(11)) + Stored.real(heap, args.get(12));
      float update = Stored.real(heap, args.get(10)) * m1 / root;
      float before = heap.get(p);
      heap.set(m, m1);
      heap.set(v, v1);
      heap.set(p, before - (before * Stored.real(heap, args.get(13)) + update));
    }
  }
}
