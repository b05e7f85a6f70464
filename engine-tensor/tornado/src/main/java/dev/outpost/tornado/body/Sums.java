package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Sums over rows and over everything, each in one order, whatever the device. */
public final class Sums {
  /** Columns of a group that sums over rows, side by side. */
  public static final int COLS = 32;

  /** Items that share a column. */
  public static final int LANES = 8;

  /** Items of a group. */
  public static final int ITEMS = 256;

  /** Elements of which an item of {@link #squares} takes the squares. */
  public static final int EACH = 16;

  private static final int PARTS = 16;

  private Sums() {}

  /**
   * {@code out[r, :] (+)= Σ x} over rows {@code [r·deep, (r + 1)·deep)} for each group r in y; 32×8
   * items. args: rows, cols, deep, x, out, whether to add.
   */
  public static void rows(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    float[] sums = c.allocateFloatLocalArray(ITEMS);
    int x = c.localIdx;
    int y = c.localIdy;
    int cols = args.get(1);
    int col = c.groupIdx * COLS + x;
    int first = c.groupIdy * args.get(2);
    int end = TornadoMath.min(first + args.get(2), args.get(0));
    float sum = 0f;
    if (col < cols)
      for (int row = first + y; row < end; row += LANES)
        sum += heap.get(args.get(3) + row * cols + col);
    sums[y * COLS + x] = sum;
    c.localBarrier();
    if (col < cols && y == 0) {
      sum = 0f;
      for (int i = 0; i < LANES; i++) sum += sums[i * COLS + x];
      int at = args.get(4) + c.groupIdy * cols + col;
      if (args.get(5) != 0) sum += heap.get(at);
      heap.set(at, sum);
    }
  }

  /**
   * {@code out[g] = Σ (a − b)²} over the elements of group g, {@link #ITEMS}·{@link #EACH} of them.
   * args: n, a, b or −1 for zeros, out.
   */
  public static void squares(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    float[] sums = c.allocateFloatLocalArray(ITEMS);
    float[] parts = c.allocateFloatLocalArray(PARTS);
    int item = c.localIdx;
    int n = args.get(0);
    int a = args.get(1);
    int b = args.get(2);
    int first = c.groupIdx * (ITEMS * EACH) + item;
    float sum = 0f;
    for (int s = 0; s < EACH; s++) {
      int i = first + s * ITEMS;
      if (i < n) {
        float d = heap.get(a + i);
        if (b >= 0) d -= heap.get(b + i);
        sum += d * d;
      }
    }
    sums[item] = sum;
    c.localBarrier();
    if (item < PARTS) {
      float part = 0f;
      for (int i = item; i < ITEMS; i += PARTS) part += sums[i];
      parts[item] = part;
    }
    c.localBarrier();
    if (item == 0) {
      float all = 0f;
      for (int i = 0; i < PARTS; i++) all += parts[i];
      heap.set(args.get(3) + c.groupIdx, all);
    }
  }
}
