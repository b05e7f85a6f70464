package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** One item per element. */
public final class Elements {
  private Elements() {}

  /** args: n, y, value. */
  public static void fill(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    if (i < args.get(0)) heap.set(args.get(1) + i, Stored.real(heap, args.get(2)));
  }

  /**
   * {@code to (+)= from}. args: rows, cols, from, its row stride, its column stride, to, its row
   * stride, whether to add.
   */
  public static void copy(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    int cols = args.get(1);
    if (i < args.get(0) * cols) {
      int row = i / cols;
      int col = i - row * cols;
      float v = heap.get(args.get(2) + row * args.get(3) + col * args.get(4));
      int to = args.get(5) + row * args.get(6) + col;
      if (args.get(7) != 0) v += heap.get(to);
      heap.set(to, v);
    }
  }

  /** {@code y = alpha·x + beta·y}, y ignored where beta is 0. args: n, alpha, x, beta, y. */
  public static void axpby(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    if (i < args.get(0)) {
      float beta = Stored.real(heap, args.get(3));
      float v = Stored.real(heap, args.get(1)) * heap.get(args.get(2) + i);
      if (beta != 0) v += beta * heap.get(args.get(4) + i);
      heap.set(args.get(4) + i, v);
    }
  }

  /** {@code y = a + b}. args: n, a, b, y. */
  public static void add(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    if (i < args.get(0))
      heap.set(args.get(3) + i, heap.get(args.get(1) + i) + heap.get(args.get(2) + i));
  }

  /** {@code y (+)= a ⊙ b}. args: n, a, b, y, whether to add. */
  public static void multiply(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    if (i < args.get(0)) {
      float v = heap.get(args.get(1) + i) * heap.get(args.get(2) + i);
      if (args.get(4) != 0) v += heap.get(args.get(3) + i);
      heap.set(args.get(3) + i, v);
    }
  }

  /** {@code y[r, :] = x[r, :] + bias}. args: n, cols, x, bias, y. */
  public static void addBias(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    if (i < args.get(0))
      heap.set(
          args.get(4) + i, heap.get(args.get(2) + i) + heap.get(args.get(3) + i % args.get(1)));
  }
}
