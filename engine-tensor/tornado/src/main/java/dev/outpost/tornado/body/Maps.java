package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** The element-wise functions and their derivatives, one item per element. */
public final class Maps {
  /** Codes of the functions. */
  public static final int GELU_TANH = 0;

  public static final int GELU_ERF = 1;
  public static final int TANH = 2;
  public static final int RELU = 3;
  public static final int SILU = 4;
  public static final int QUICK_GELU = 5;

  /** 2·√(2/π), and 0.044715 times it. */
  private static final float LINEAR = 1.5957691216f;

  private static final float CUBIC = 0.0713548163f;
  private static final float QUICK = 1.702f;

  /** Of so few bits that a product with few is exact, and what is left. */
  private static final float QUICK_HIGH = 1.7021484375f;

  private static final float QUICK_LOW = -1.484375e-4f;
  private static final float INVERSE_ROOT_2_PI = 0.3989422804f;

  private Maps() {}

  /** {@code y = op(x)}. args: n, op, x, y. */
  public static void map(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    if (i < args.get(0))
      heap.set(args.get(3) + i, value(heap, args.get(1), heap.get(args.get(2) + i)));
  }

  /** {@code dx (+)= op'(x) ⊙ dy}. args: n, op, x, dy, dx, whether to add. */
  public static void mapBackward(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    if (i < args.get(0)) {
      int to = args.get(4) + i;
      float v = slope(heap, args.get(1), heap.get(args.get(2) + i)) * heap.get(args.get(3) + i);
      if (args.get(5) != 0) v += heap.get(to);
      heap.set(to, v);
    }
  }

  /** {@code y = op(gate) ⊙ up}. args: n, op, gate, up, y. */
  public static void gate(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    if (i < args.get(0)) {
      float up = heap.get(args.get(3) + i);
      heap.set(args.get(4) + i, value(heap, args.get(1), heap.get(args.get(2) + i)) * up);
    }
  }

  /**
   * {@code dgate = op'(gate) ⊙ up ⊙ dy, dup = op(gate) ⊙ dy}. args: n, op, gate, up, dy, dgate,
   * dup.
   */
  public static void gateBackward(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    if (i < args.get(0)) {
      int op = args.get(1);
      float gate = heap.get(args.get(2) + i);
      float up = heap.get(args.get(3) + i);
      float dy = heap.get(args.get(4) + i);
      heap.set(args.get(5) + i, slope(heap, op, gate) * up * dy);
      heap.set(args.get(6) + i, value(heap, op, gate) * dy);
    }
  }

  private static float value(FloatArray heap, int op, float x) {
    // A comparison may take NaN for either side, so that it has to pass on both.
    if (op == RELU) return x <= 0f ? 0f * Exponential.within(x) : x;
    if (op == TANH) return Exponential.tanh(heap, x);
    if (op == GELU_ERF) return x * Exponential.normal(x, Exponential.bell(heap, x));
    float z = Exponential.within(x);
    float high = z;
    float low = 0f;
    if (op == GELU_TANH) high = Exponential.within(LINEAR * z + CUBIC * z * z * z);
    if (op == QUICK_GELU) {
      float top = ((int) (z * 16f)) * 0.0625f;
      high = top * QUICK_HIGH;
      low = top * QUICK_LOW + (z - top) * QUICK;
    }
    return x / (1f + Exponential.exp(heap, -high, -low));
  }

  /** Beyond ±110 all slopes are what they are there. */
  private static float slope(FloatArray heap, int op, float x) {
    if (op == RELU) return x > 0f ? 1f : 0f;
    float z = Exponential.within(x);
    if (op == TANH) {
      float e = Exponential.down(heap, z + z);
      return 4f * e / ((1f + e) * (1f + e));
    }
    if (op == GELU_ERF) {
      float bell = Exponential.bell(heap, z);
      return Exponential.normal(z, bell) + z * INVERSE_ROOT_2_PI * bell;
    }
    // x·σ(u): its slope is σ + x·σ·(1 − σ)·u'.
    float u = z;
    float du = 1f;
    if (op == GELU_TANH) {
      u = LINEAR * z + CUBIC * z * z * z;
      du = LINEAR + 3f * CUBIC * z * z;
    }
    if (op == QUICK_GELU) {
      u = QUICK * z;
      du = QUICK;
    }
    float e = Exponential.down(heap, u);
    float q = 1f / (1f + e);
    float sigma = u < 0f ? e * q : q;
    return sigma + z * du * (e * q * q);
  }
}
